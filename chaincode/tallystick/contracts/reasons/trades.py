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
        "Trade {trade} must expire in the future and after the opening of its settlement day.",
    )
    TRADE_STATUS = (Kind.CONFLICT, "Trade {trade} is {state}, and then nobody can {step} it.")
    TRADE_EXPIRED = (Kind.RULE, "Trade {trade} expired at {expires_at}.")
    TRADE_NOT_EXPIRED = (Kind.RULE, "Trade {trade} expires at {expires_at}, not before.")
    SAME_ORDER = (
        Kind.MALFORMED,
        "Both sides of trade {trade} fill order {order}; each side has an order of its own.",
    )
    AMOUNT_DIFFERS = (
        Kind.MALFORMED,
        "Trade {trade} says an amount of {amount}; its price and quantity make {due}.",
    )
    PRICE_UNEXPLAINED = (
        Kind.RULE,
        "Trade {trade} is matched at a worse price than the best quote; it must say why.",
    )
    RECEIPT_TERMS_WRONG = (
        Kind.MALFORMED,
        "Trade {trade} is paid by receipt: it must name the bank, and be settled by DvP 1.",
    )
    DVP_MODEL_DIFFERS = (
        Kind.CONFLICT,
        "Trade {trade} is settled by model {model}; nobody can {step} it by itself.",
    )
    SIDE_UNKNOWN = (Kind.NOT_FOUND, "Trade {trade} has no {side}.")
    SIDE_NOT_SIGNED = (
        Kind.CALLER,
        "The signature does not count for the {side} of trade {trade}: {why}.",
    )
    NOT_LISTED = (
        Kind.RULE,
        "{security} is not listed at {venue}; it lists what it has looked into by list_security.",
    )
    ACCOUNT_NOT_NAMED = (
        Kind.RULE,
        "{venue} asks for accounts; trade {trade} names none of {party}.",
    )
    AGENCY_MISSING = (
        Kind.RULE,
        "{agent} does not settle for {participant} now; it agrees to by accept_agency.",
    )
    NOT_A_MEDIATOR = (Kind.CALLER, "{participant} is no mediator of trade {trade}.")
    MEDIATION_MISSING = (Kind.RULE, "{mediator} has not approved trade {trade}.")
    MEDIATION_EXPIRED = (
        Kind.RULE,
        "{mediator} approved trade {trade} until {valid_until}; it can approve it anew.",
    )
    CACHED_CLAIM_STALE = (
        Kind.RULE,
        "Trade {trade} rests on version {version} of {issuer}'s claim '{topic}' about {party},"
        " which does not count any more.",
    )
    NOTHING_FAILS = (Kind.CONFLICT, "Nothing stands against trade {trade}: it can be settled.")
    CONSENT_EXPIRED = (
        Kind.RULE,
        "The {side}, {party}, consented to trade {trade} until {valid_until}; it can do so anew.",
    )
    CONSENT_MISSING = (Kind.RULE, "The {side}, {party}, has not consented to trade {trade}.")
    CONSENT_ALREADY_GIVEN = (Kind.CONFLICT, "The {side} has consented to trade {trade} already.")
    SETTLEMENT_DAY_NOT_REACHED = (
        Kind.RULE,
        "Trade {trade} settles on {settlement_day}, from {settles_from} on, "
        "unless both sides agree on an earlier moment.",
    )
    TRADE_ON_HOLD = (
        Kind.RULE,
        "Nobody can {step} trade {trade} while it is on hold; the {sides} must release it first.",
    )
