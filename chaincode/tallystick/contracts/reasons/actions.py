"""Reasons: corporate actions."""

from enum import unique

from tallystick.contracts.reasons.table import Kind, ReasonTable


@unique
class ActionReason(ReasonTable):
    """Corporate actions."""

    ACTION_EXISTS = (Kind.CONFLICT, "Action {action} exists already; an id is used once, for ever.")
    ACTION_UNKNOWN = (Kind.NOT_FOUND, "There is no action {action}.")
    ACTION_STATUS = (Kind.CONFLICT, "Action {action} is {state}, and then nobody can {step} it.")
    ACTION_DIFFERS = (
        Kind.CONFLICT,
        "Action {action} is of type {action_type}, which has nothing to {step}.",
    )
    ENTITLEMENT_EXISTS = (
        Kind.CONFLICT,
        "What {holder} gets by action {action} is entered already.",
    )
    ELECTION_OPEN = (
        Kind.CONFLICT,
        "Action {action} is no election whose votes are counted; count them first.",
    )
    ENTITLEMENT_UNKNOWN = (Kind.NOT_FOUND, "Nothing is entered for {holder} in action {action}.")
    ENTITLEMENT_PAID = (Kind.CONFLICT, "{holder} has got what action {action} gives.")
    ENTITLEMENT_CLAIMED = (
        Kind.CONFLICT,
        "{units} units of {holder} in action {action} are under market claims; resolve them first.",
    )
    MARKET_CLAIM_NOT_DUE = (
        Kind.RULE,
        "Trade {trade} gives rise to no market claim on action {action}.",
    )
    MARKET_CLAIM_UNCOVERED = (
        Kind.RULE,
        "{holder} shall give up {units} units' worth of action {action} for trade {trade}, and has"
        " {left} left; try again once it has more, or let the parties settle it otherwise.",
    )
    MARKET_CLAIM_EXISTS = (
        Kind.CONFLICT,
        "The market claim of trade {trade} on action {action} is raised already.",
    )
    MARKET_CLAIM_UNKNOWN = (
        Kind.NOT_FOUND,
        "No market claim of trade {trade} on action {action} was raised.",
    )
    MARKET_CLAIM_OPEN = (
        Kind.RULE,
        "Trade {trade} is {state}; its market claim on action {action} waits for it.",
    )
    MARKET_CLAIM_OVER = (
        Kind.CONFLICT,
        "The market claim of trade {trade} on action {action} is {state} already.",
    )
    NOT_PAYABLE_YET = (Kind.RULE, "Action {action} is paid from {payable_at} on; it is {now}.")
    CLAIMS_OVER = (Kind.RULE, "What action {action} gives could be claimed until {claims_until}.")
    CLAIMS_OPEN = (
        Kind.RULE,
        "What action {action} gives can be claimed until {claims_until}; take it back then.",
    )
    VOTING_CLOSED = (
        Kind.RULE,
        "Action {action} is voted on from {opens_at} to before {closes_at}; it is {now}.",
    )
    VOTING_OPEN = (Kind.RULE, "Action {action} is voted on until {closes_at}; count then.")
    VOTE_FINAL = (
        Kind.CONFLICT,
        "{holder} has voted on action {action}, once for all.",
    )
    VOTE_MISSING = (Kind.RULE, "{holder} has no vote on action {action}.")
    VOTES_TOO_MANY = (
        Kind.RULE,
        "{holder} has {units} votes on {resolution} of action {action}, not {votes}.",
    )
    CHOICE_UNKNOWN = (
        Kind.MALFORMED,
        "Action {action} has no resolution {resolution} with a choice {choice}.",
    )
