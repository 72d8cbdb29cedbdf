"""Who may call the functions of the settlement contract, and arguments that are well formed."""

from contextlib import suppress
from datetime import timedelta

from tests.unit.contracts.permissions import actions, calendars, discipline, netting, offerings
from tests.unit.contracts.permissions.roles import (
    EVERYBODY,
    LICENSED,
    READERS,
    Arguments,
    P,
    Permissions,
)

from tallystick.chaincode import Refusal
from tallystick.contracts.listings.models import ListingTerms
from tallystick.contracts.testing import EVIDENCE, Market

PERMITTED: Permissions = {
    **actions.PERMITTED,
    **netting.PERMITTED,
    "list_security": frozenset({P.ATS}),
    "end_listing": frozenset({P.ATS, P.REGULATOR}),
    "listing": EVERYBODY,
    "listings": EVERYBODY,
    "accept_agency": frozenset({P.BROKER_DEALER}),
    "end_agency": LICENSED,
    "agency": EVERYBODY,
    "place_order": LICENSED,
    "withdraw_order": LICENSED,
    "order": frozenset({P.ATS, *READERS}),
    "pending": frozenset({P.ATS, *READERS}),
    "real_amount": frozenset({P.ATS, *READERS}),
    "lineage": frozenset({P.ATS, *READERS}),
    "surveillance": frozenset({P.ATS, *READERS}),
    "barred_trades": frozenset({P.ATS, *READERS}),
    **offerings.PERMITTED,
    "propose_trade": frozenset({P.ATS}),
    "consent": LICENSED,
    "approve_trade": LICENSED,
    "lock_legs": frozenset({P.CLEARING}),
    "settle": frozenset({P.CLEARING}),
    "settle_at_once": frozenset({P.CLEARING}),
    "record_failure": frozenset({P.CLEARING}),
    "withdraw": LICENSED,
    "reject_trade": LICENSED,
    "cancel": frozenset({P.ATS, P.CLEARING}),
    "expire": LICENSED,
    "trade": EVERYBODY,
    "trades": EVERYBODY,
    "set_fees": frozenset({P.ATS}),
    "fees": EVERYBODY,
    "quote_fees": EVERYBODY,
    **calendars.PERMITTED,
    **discipline.PERMITTED,
}


def arguments(market: Market) -> Arguments:
    with suppress(Refusal):  # from the second role on there is the trade
        market.propose(market.terms())
    listing = ListingTerms(security="ACME", due_diligence_hash=EVIDENCE)
    later = market.after(timedelta(hours=1))
    return {
        **actions.arguments(market),
        **netting.arguments(market),
        "list_security": [listing],
        "end_listing": ["ACME", P.ATS, "an error"],
        "listing": ["ACME", P.ATS],
        "listings": ["ACME"],
        "accept_agency": ["IntroducingMSP", later],
        "end_agency": ["IntroducingMSP", P.BROKER_DEALER],
        "agency": ["IntroducingMSP", P.BROKER_DEALER],
        "place_order": [],
        "withdraw_order": [],
        "order": [P.ATS, "O-1"],
        "pending": [P.ATS, "alice", "ACME"],
        "real_amount": [P.ATS, "alice", "ACME"],
        "lineage": ["T-1"],
        "surveillance": [P.ATS],
        "barred_trades": [P.ATS],
        **offerings.arguments(market),
        "propose_trade": [],
        "consent": ["T-1", "buyer"],
        "lock_legs": ["T-1"],
        "approve_trade": ["T-1", later],
        "settle": ["T-1"],
        "settle_at_once": ["T-1"],
        "record_failure": ["T-1"],
        "withdraw": ["T-1", "buyer", "second thoughts"],
        "reject_trade": ["T-1", "an error"],
        "cancel": ["T-1", "an error"],
        "expire": ["T-1"],
        "trade": ["T-1"],
        "trades": [],
        "set_fees": [[]],
        "fees": [P.ATS],
        "quote_fees": [P.ATS, "trade", "ACME", 1],
        **calendars.arguments(market),
        **discipline.arguments(market),
    }
