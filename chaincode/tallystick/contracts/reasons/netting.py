"""Reasons: netting cycles."""

from enum import unique

from tallystick.contracts.reasons.table import Kind, ReasonTable


@unique
class NettingReason(ReasonTable):
    """Netting cycles."""

    CYCLE_UNKNOWN = (Kind.NOT_FOUND, "There is no cycle {cycle}.")
    CYCLE_EXISTS = (Kind.CONFLICT, "Cycle {cycle} exists already; an id is used once, for ever.")
    CYCLE_TERMS_WRONG = (Kind.MALFORMED, "Cycle {cycle} cannot be opened so: {cause}.")
    CYCLE_STATUS = (Kind.CONFLICT, "Cycle {cycle} is {state}, and then nobody can {step} it.")
    NOT_THE_CLEARER = (
        Kind.CALLER,
        "{participant} may not act for cycle {cycle}; only {clearer}, who opened it, may.",
    )
    CUT_OFF_PASSED = (
        Kind.RULE,
        "Cycle {cycle} took trades until {cut_off_at}; open another cycle for later ones.",
    )
    CYCLE_NOT_DUE = (Kind.RULE, "Cycle {cycle} settles from {settles_from} on, not before.")
    NOT_FOR_THE_CYCLE = (
        Kind.RULE,
        "Trade {trade} does not fit into cycle {cycle}: {cause}.",
    )
    CYCLE_FULL = (
        Kind.RULE,
        "Cycle {cycle} would have {trades} trades; at most {limit} can settle together.",
    )
    NOTHING_TO_END = (
        Kind.CONFLICT,
        "All trades of batch {batch} of cycle {cycle} say what became of them.",
    )
    COVER_MISSING = (
        Kind.BALANCE,
        "{member} lacked {missing} of {asset} for what it owed net in cycle {cycle}.",
    )
    MEMBER_IN_DEFAULT = (
        Kind.BALANCE,
        "{member} is in default, and what it has pledged covers {missing} too little of {asset}"
        " for what it owed net in cycle {cycle}.",
    )
    TRADE_OVERDUE = (Kind.RULE, "Trade {trade} expired at {expires_at}, before the cycle settled.")
    IN_DEFAULT = (Kind.CONFLICT, "{member} is in default already.")
    NOT_IN_DEFAULT = (Kind.CONFLICT, "{member} is not in default.")
