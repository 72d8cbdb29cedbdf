"""Who may call the functions of offerings in the settlement contract."""

from datetime import timedelta
from hashlib import sha256

from pydantic import JsonValue
from tests.unit.contracts.permissions.roles import (
    BROKER,
    ISSUERS,
    READERS,
    REGULATOR,
    TRANSFER_AGENT,
    Arguments,
    P,
    Permissions,
    among_licensed,
    anybody,
    licensed,
    only,
    through_settlement,
)

from tallystick.contracts.events import SecurityIdentifier
from tallystick.contracts.offerings.models import (
    AllocationRule,
    Discretion,
    Discretions,
    Offering,
    OfferingTerms,
    Status,
)
from tallystick.contracts.reasons import OfferingReason
from tallystick.contracts.statements import SubscriptionOrder
from tallystick.contracts.testing import Market

OPEN = "O-2"
"""Id of the offering in which orders are placed; O-1 has only been announced."""

PERMITTED: Permissions = {
    "announce_offering": only(ISSUERS),
    "approve_offering": only(REGULATOR),
    "accept_offering": only(TRANSFER_AGENT),
    "close_offering": among_licensed(ISSUERS, OfferingReason.NOT_THE_OFFEROR),
    "allot": only(ISSUERS, OfferingReason.OFFERING_STATUS),
    "allocate_offering": only(
        ISSUERS,
        OfferingReason.OFFERING_STATUS,
        but={OfferingReason.NOT_THE_OFFEROR: TRANSFER_AGENT},
    ),
    "fund_offering": licensed(OfferingReason.OFFERING_STATUS),
    "issue_units": only(TRANSFER_AGENT, OfferingReason.OFFERING_STATUS),
    "conclude_offering": licensed(OfferingReason.OFFERING_STATUS),
    "withdraw_offering": only(ISSUERS),
    "lapse_offering": licensed(OfferingReason.OFFERING_TOO_EARLY),
    "reject_subscriptions": only(TRANSFER_AGENT | ISSUERS),
    "subscribe": licensed(),
    "confirm_subscription": licensed(),
    "pay_subscription": among_licensed(BROKER, OfferingReason.NOT_THE_INTERMEDIARY),
    "pay_by_receipt": among_licensed(
        BROKER, OfferingReason.NOT_THE_INTERMEDIARY, OfferingReason.NOTHING_ALLOTTED
    ),
    "cancel_subscription": licensed(),
    "refund_subscriptions": licensed(OfferingReason.OFFERING_STATUS),
    "offering": anybody(),
    "may_subscribe": anybody(),
    "subscription": anybody(),
    "subscriptions": anybody(),
    "order_book": only(READERS | ISSUERS),
    "demand": only(READERS | ISSUERS),
}

TOKEN_PERMITTED: Permissions = {
    "offer_findings": through_settlement(),
    "issue_offered": through_settlement(),
}
"""Both are for the settlement contract to call."""


def arguments(market: Market) -> Arguments:
    identifier = SecurityIdentifier(scheme="ISIN", value="US0000000001")
    subscriptions: JsonValue = ["a"]
    return {
        "announce_offering": [terms(market, "O-9")],
        "approve_offering": ["O-1"],
        "accept_offering": ["O-1", [identifier]],
        "close_offering": [OPEN],
        "allot": ["O-1"],
        "allocate_offering": ["O-1"],
        "fund_offering": ["O-1"],
        "issue_units": ["O-1", subscriptions],
        "conclude_offering": ["O-1"],
        "withdraw_offering": ["O-1", "second thoughts"],
        "lapse_offering": ["O-1"],
        "reject_subscriptions": [OPEN, subscriptions, "not wanted"],
        "subscribe": [],
        "confirm_subscription": [OPEN, "a"],
        "pay_subscription": [OPEN, "a"],
        "pay_by_receipt": [OPEN, "a"],
        "cancel_subscription": [OPEN, "a"],
        "refund_subscriptions": ["O-1", subscriptions],
        "offering": ["O-1"],
        "may_subscribe": [OPEN, "alice", 1],
        "subscription": [OPEN, "a"],
        "subscriptions": ["O-1"],
        "order_book": ["O-1"],
        "demand": ["O-1"],
    }


def terms(market: Market, offering: str = "O-1") -> OfferingTerms:
    return OfferingTerms(
        offering=offering,
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


def order(market: Market, subscription: str = "s") -> SubscriptionOrder:
    """Return bob's order in the offering that is open."""
    return SubscriptionOrder(
        offering=OPEN,
        subscription=subscription,
        terms_hash=terms(market, OPEN).digest,
        intermediary=P.BROKER_DEALER,
        signer="bob",
        holder="bob",
        payer="bob",
        quantity=1,
        salt=sha256(subscription.encode()).hexdigest(),
    )
