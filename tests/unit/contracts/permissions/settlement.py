"""Who may call the functions of the settlement contract, and arguments that are well formed."""

from datetime import timedelta

from tests.unit.contracts.permissions import actions, calendars, discipline, netting, offerings
from tests.unit.contracts.permissions.past import EXPIRED, STUCK
from tests.unit.contracts.permissions.roles import (
    AGENTS,
    BROKER,
    CLEARING,
    INTRODUCING,
    MEMBERS,
    READERS,
    REGULATOR,
    TRANSFER_AGENT,
    VENUES,
    Arguments,
    P,
    Permissions,
    among_licensed,
    anybody,
    licensed,
    only,
)
from tests.unit.contracts.permissions.stage import AGREED, LOCKED, MEDIATED, OFFERED

from tallystick.contracts.listings.models import ListingTerms
from tallystick.contracts.reasons import TradeReason
from tallystick.contracts.testing import EVIDENCE, Market

PERMITTED: Permissions = {
    **actions.PERMITTED,
    **netting.PERMITTED,
    "list_security": only(VENUES),
    "end_listing": only(VENUES | REGULATOR),
    "listing": anybody(),
    "listings": anybody(),
    "accept_agency": only(MEMBERS),
    "end_agency": among_licensed({P.BROKER_DEALER, INTRODUCING}, TradeReason.AGENCY_MISSING),
    "agency": anybody(),
    "renew_permit_key": only(CLEARING | TRANSFER_AGENT),
    "order_permit": licensed(),
    "place_order": licensed(),
    "withdrawal_permit": licensed(),
    "withdraw_order": licensed(),
    "order": only(READERS | VENUES),
    "pending": only(READERS | VENUES),
    "real_amount": only(READERS | VENUES),
    "lineage": only(READERS | VENUES),
    "surveillance": only(READERS | VENUES),
    "barred_trades": only(READERS | VENUES),
    **offerings.PERMITTED,
    "propose_trade": only(VENUES),
    "consent": licensed(),
    "approve_trade": among_licensed(BROKER, TradeReason.NOT_A_MEDIATOR),
    "lock_legs": only(CLEARING),
    "settle": only(CLEARING),
    "settle_at_once": only(CLEARING),
    "record_failure": only(CLEARING),
    "withdraw": licensed(),
    "reject_trade": among_licensed(BROKER, TradeReason.NOT_A_MEDIATOR),
    "cancel": only(VENUES | CLEARING),
    "expire": licensed(),
    "trade": anybody(),
    "trades": anybody(),
    "set_fees": only(VENUES | AGENTS),
    "fees": anybody(),
    "quote_fees": anybody(),
    **calendars.PERMITTED,
    **discipline.PERMITTED,
}


def arguments(market: Market) -> Arguments:
    listing = ListingTerms(security="ACME", due_diligence_hash=EVIDENCE)
    later = market.after(timedelta(hours=1))
    return {
        **actions.arguments(market),
        **netting.arguments(market),
        "list_security": [listing],
        "end_listing": ["ACME", P.ATS, "an error"],
        "listing": ["ACME", P.ATS],
        "listings": ["ACME"],
        "accept_agency": ["OtherMSP", later],
        "end_agency": [INTRODUCING, P.BROKER_DEALER],
        "agency": [INTRODUCING, P.BROKER_DEALER],
        "renew_permit_key": [],
        "order_permit": [],
        "place_order": [],
        "withdrawal_permit": [],
        "withdraw_order": [],
        "order": [P.ATS, "O-3"],
        "pending": [P.ATS, "alice", "ACME"],
        "real_amount": [P.ATS, "alice", "ACME"],
        "lineage": ["T-1"],
        "surveillance": [P.ATS],
        "barred_trades": [P.ATS],
        **offerings.arguments(market),
        "propose_trade": [],
        "consent": [OFFERED, "buyer"],
        "lock_legs": [AGREED],
        "approve_trade": [MEDIATED, later],
        "settle": [LOCKED],
        "settle_at_once": [AGREED],
        "record_failure": [STUCK],
        "withdraw": [AGREED, "buyer", "second thoughts"],
        "reject_trade": [MEDIATED, "an error"],
        "cancel": [LOCKED, "an error"],
        "expire": [EXPIRED],
        "trade": ["T-1"],
        "trades": [],
        "set_fees": [[]],
        "fees": [P.ATS],
        "quote_fees": [P.ATS, "trade", "ACME", 1],
        **calendars.arguments(market),
        **discipline.arguments(market),
    }
