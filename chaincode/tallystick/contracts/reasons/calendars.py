"""Reasons: settlement calendars."""

from enum import unique

from tallystick.contracts.reasons.table import Kind, ReasonTable


@unique
class CalendarReason(ReasonTable):
    """Settlement calendars."""

    CALENDAR_UNKNOWN = (Kind.NOT_FOUND, "There is no calendar {calendar}.")
    CALENDAR_PAST_CHANGED = (
        Kind.RULE,
        "Calendar {calendar} may change for days after {today} only; "
        "repeat what it says of that day and of earlier ones.",
    )
    CONVENTIONS_UNKNOWN = (
        Kind.NOT_FOUND,
        "{venue} has no conventions: its trades settle on the day that each of them names.",
    )
    CYCLE_TOO_LONG = (
        Kind.RULE,
        "Calendar {calendar} allows T+{longest} at most; T+{cycle} is longer.",
    )
    SETTLEMENT_DAY_PAST = (
        Kind.RULE,
        "A trade of {trade_day} cannot settle on {given}, before it; give that day or a later one.",
    )
    SETTLEMENT_DAY_WRONG = (
        Kind.RULE,
        "A trade of {trade_day} settles on {settlement_day} by calendar {calendar} at T+{cycle}, "
        "not on {given}; give that day, or leave it out.",
    )
