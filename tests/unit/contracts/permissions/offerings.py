"""Who may call the functions of offerings in the settlement contract."""

from contextlib import suppress
from datetime import timedelta
from hashlib import sha256

from pydantic import JsonValue
from tests.unit.contracts.permissions.roles import (
    EVERYBODY,
    LICENSED,
    NOBODY,
    READERS,
    REGULATOR,
    TRANSFER_AGENT,
    Arguments,
    P,
    Permissions,
)

from tallystick.chaincode import Refusal
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.events import SecurityIdentifier
from tallystick.contracts.offerings.models import (
    AllocationRule,
    Discretion,
    Discretions,
    Offering,
    OfferingTerms,
    Status,
)
from tallystick.contracts.statements import SubscriptionOrder
from tallystick.contracts.testing import Market

ISSUER = frozenset({P.ISSUER})
ISSUER_AND_AGENT = frozenset({P.ISSUER, P.TRANSFER_AGENT})

PERMITTED: Permissions = {
    "announce_offering": ISSUER,
    "approve_offering": REGULATOR,
    "accept_offering": TRANSFER_AGENT,
    "close_offering": LICENSED,
    "allot": ISSUER,
    "allocate_offering": ISSUER_AND_AGENT,
    "fund_offering": LICENSED,
    "issue_units": TRANSFER_AGENT,
    "conclude_offering": LICENSED,
    "withdraw_offering": ISSUER,
    "lapse_offering": LICENSED,
    "reject_subscriptions": ISSUER_AND_AGENT,
    "subscribe": LICENSED,
    "confirm_subscription": LICENSED,
    "pay_subscription": LICENSED,
    "pay_by_receipt": LICENSED,
    "cancel_subscription": LICENSED,
    "refund_subscriptions": LICENSED,
    "offering": EVERYBODY,
    "may_subscribe": EVERYBODY,
    "subscription": EVERYBODY,
    "subscriptions": EVERYBODY,
    "order_book": READERS | ISSUER,
    "demand": READERS | ISSUER,
}

TOKEN_PERMITTED: Permissions = {"offer_findings": NOBODY, "issue_offered": NOBODY}
"""Both are for the settlement contract to call."""


def arguments(market: Market) -> Arguments:
    with suppress(Refusal):  # from the second role on there is the offering
        market.submit(P.ISSUER, Chaincode.SETTLEMENT, "announce_offering", terms(market))
    identifier = SecurityIdentifier(scheme="ISIN", value="US0000000001")
    subscriptions: JsonValue = ["a"]
    return {
        "announce_offering": [terms(market)],
        "approve_offering": ["O-1"],
        "accept_offering": ["O-1", [identifier]],
        "close_offering": ["O-1"],
        "allot": ["O-1"],
        "allocate_offering": ["O-1"],
        "fund_offering": ["O-1"],
        "issue_units": ["O-1", subscriptions],
        "conclude_offering": ["O-1"],
        "withdraw_offering": ["O-1", "second thoughts"],
        "lapse_offering": ["O-1"],
        "reject_subscriptions": ["O-1", subscriptions, "not wanted"],
        "subscribe": [],
        "confirm_subscription": ["O-1", "a"],
        "pay_subscription": ["O-1", "a"],
        "pay_by_receipt": ["O-1", "a"],
        "cancel_subscription": ["O-1", "a"],
        "refund_subscriptions": ["O-1", subscriptions],
        "offering": ["O-1"],
        "may_subscribe": ["O-1", "alice", 1],
        "subscription": ["O-1", "a"],
        "subscriptions": ["O-1"],
        "order_book": ["O-1"],
        "demand": ["O-1"],
    }


def terms(market: Market) -> OfferingTerms:
    return OfferingTerms(
        offering="O-1",
        security="ACME",
        issuer=P.ISSUER,
        proceeds_to="alice",
        round="a",
        exemption="small",
        pack="small",
        pack_version=1,
        cash="USD",
        price=1,
        starts_at=market.after(timedelta(0)),
        ends_at=market.after(timedelta(days=1)),
        long_stop_at=market.after(timedelta(days=2)),
        maximum=10,
        soft_cap=1,
        hard_cap=10,
        allocation=AllocationRule.DISCRETIONARY,
    )


def token_arguments(market: Market) -> Arguments:
    offering = Offering(
        terms=terms(market),
        terms_hash=terms(market).digest,
        status=Status.OPEN,
        announced_at=market.after(timedelta(0)),
        splits_seen=0,
    )
    return {"offer_findings": [offering.offer], "issue_offered": [offering.offer, []]}


def allotments() -> Discretions:
    """Return what goes along with ``allot``."""
    return Discretions(lines=(Discretion(subscription="a", quantity=1),))


def order(market: Market) -> SubscriptionOrder:
    """Return what goes along with ``subscribe``."""
    return SubscriptionOrder(
        offering="O-1",
        subscription="a",
        terms_hash=terms(market).digest,
        intermediary=P.BROKER_DEALER,
        signer="bob",
        holder="bob",
        payer="bob",
        quantity=10,
        salt=sha256(b"a").hexdigest(),
    )
