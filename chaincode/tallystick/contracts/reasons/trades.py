"""Reasons: trades."""

from enum import unique

from tallystick.contracts.reasons.table import Kind, ReasonTable


@unique
class TradeReason(ReasonTable):
    """Trades."""

    NOT_THE_VENUE = (
        Kind.CALLER,
        "Trade {trade} must name {participant}, who proposes it, as its venue; it names {venue}.",
    )
    TRADE_UNKNOWN = (Kind.NOT_FOUND, "There is no trade {trade}.")
    TRADE_EXISTS = (Kind.CONFLICT, "Trade {trade} exists already; an id is used once, for ever.")
    TRADE_DATES_WRONG = (
        Kind.MALFORMED,
        "Trade {trade} must expire in the future and not before its settlement day.",
    )
    TRADE_STATUS = (Kind.CONFLICT, "Trade {trade} is {state}, and then nobody can {step} it.")
    TRADE_EXPIRED = (Kind.RULE, "Trade {trade} expired at {expires_at}.")
    TRADE_NOT_EXPIRED = (Kind.RULE, "Trade {trade} expires at {expires_at}, not before.")
    CONSENT_MISSING = (Kind.RULE, "The {side}, {party}, has not consented to trade {trade}.")
    CONSENT_ALREADY_GIVEN = (Kind.CONFLICT, "The {side} has consented to trade {trade} already.")
    SETTLEMENT_DAY_NOT_REACHED = (
        Kind.RULE,
        "Trade {trade} settles on {settlement_day}, not before; today is {today}.",
    )
