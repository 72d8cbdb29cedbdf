"""Reasons: fails and what follows from them."""

from enum import unique

from tallystick.contracts.reasons.table import Kind, ReasonTable


@unique
class DisciplineReason(ReasonTable):
    """Fails and what follows from them."""

    NOT_ITS_VENUE = (
        Kind.CALLER,
        "Trade {trade} is of {venue}; {participant} can say nothing about it.",
    )
    HOLD_UNCHANGED = (Kind.CONFLICT, "The {side} has trade {trade} {state} already.")
    NOTES_TOO_MANY = (
        Kind.CONFLICT,
        "Of trade {trade} no more can be recorded than {limit} of the same kind.",
    )
    DAY_NOT_FAILED = (
        Kind.RULE,
        "Trade {trade} did not fail on {day}; name a business day on which it was due and whose "
        "cut-off has passed.",
    )
    DAY_COLLECTED = (
        Kind.CONFLICT,
        "Penalties of trade {trade} are paid through {collected}; name a later day.",
    )
    CAUSE_SIDE_WRONG = (
        Kind.RULE,
        "For {cause}, {side} cannot be recorded as responsible.",
    )
    NOTHING_DUE = (
        Kind.CONFLICT,
        "Trade {trade} has no failed day through {through} whose penalty is certain and not paid.",
    )
    CASH_NOT_NAMED = (
        Kind.RULE,
        "Trade {trade} is paid in {currency} off the ledger, and the figures for {venue} name no "
        "cash in {currency} in which sides could pay each other; name one with judge_fails.",
    )
    NOT_EARLIER = (
        Kind.CONFLICT,
        "Trade {trade} may settle from {settles_from} on; agree on an earlier moment.",
    )
    PART_TOO_SMALL = (
        Kind.RULE,
        "Trade {trade} would be split into {part} and {rest}; each must be at least {least}, and "
        "cost something.",
    )
    LEGS_NOT_DIVISIBLE = (
        Kind.RULE,
        "Trade {trade} has further legs, which cannot be split; settle or cancel it as a whole.",
    )
    DISCIPLINE_PACK_UNKNOWN = (
        Kind.NOT_FOUND,
        "There is no version {version} of the settlement discipline pack {pack}.",
    )
    DISCIPLINE_PACK_EXISTS = (
        Kind.CONFLICT,
        "Version {version} of the settlement discipline pack {pack} exists already; publish the "
        "next one.",
    )
    PERIOD_BEGUN = (
        Kind.RULE,
        "Other figures for {venue} cannot be in force from {since} on: it is {today} already where "
        "days begin first; name a later day.",
    )
    REGIME_UNKNOWN = (
        Kind.NOT_FOUND,
        "No figures are in force for fails of {venue} on {day}.",
    )
    BUY_IN_STATUS = (
        Kind.CONFLICT,
        "The buy-in of trade {trade} is {state}, and then nobody can {step} it.",
    )
    BUY_IN_NOT_DUE = (
        Kind.RULE,
        "Trade {trade} has failed {age} business days for which its seller is responsible; a "
        "buy-in needs {needed}.",
    )
    BUY_IN_NOT_PROVIDED = (
        Kind.RULE,
        "Version {version} of {pack} provides no buy-in for {instrument}.",
    )
    EXECUTION_NOT_DUE = (
        Kind.RULE,
        "{agent} has until {execution_due} to buy for trade {trade}, unless it gives up before.",
    )
    NOT_THE_AGENT = (
        Kind.CALLER,
        "{participant} is not the agent of the buy-in of trade {trade}; {agent} is.",
    )
    REPLACEMENT_WRONG = (
        Kind.RULE,
        "Trade {replacement} does not replace trade {trade}: it must have settled since the "
        "buy-in was called, once for one buy-in, for the same buyer, security, quantity, cash, "
        "further legs and venue, and from a seller who is another person than both its sides and "
        "than the agent.",
    )
