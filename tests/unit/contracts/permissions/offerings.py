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
from tallystick.contracts.offerings.escrow import hold_of
from tallystick.contracts.offerings.models import (
    AllocationRule,
    Discretion,
    Discretions,
    Offering,
    OfferingTerms,
    PaymentTime,
    Status,
)
from tallystick.contracts.reasons import OfferingReason
from tallystick.contracts.statements import ReceiptTerms, ReceiptUse, SubscriptionOrder
from tallystick.contracts.testing import Market

ANNOUNCED, OPEN, CLOSED, ALLOCATED, FUNDED, ISSUING = "O-1", "O-2", "O-3", "O-4", "O-5", "O-6"
"""Offerings by how far they have come; bob has ordered a unit in all but the first.

It is paid for in all that are closed, and he has it in the last.
"""
WITHDRAWN, PAID_LATER, LAPSING = "O-7", "O-8", "O-9"
"""Offerings: one that ended with bob's money in escrow, one that is paid once it is allotted, and
one whose long stop has come, which nobody has noted yet.
"""

ON_ALLOTMENT = {
    "payment": PaymentTime.AFTER_ALLOCATION,
    "payment_period_s": 3600,
    "receipts_of": (P.BANK,),
}
"""How PAID_LATER is paid: within an hour, and a receipt of the bank will do."""

PERMITTED: Permissions = {
    "announce_offering": only(ISSUERS),
    "approve_offering": only(REGULATOR),
    "accept_offering": only(TRANSFER_AGENT),
    "close_offering": among_licensed(ISSUERS, OfferingReason.NOT_THE_OFFEROR),
    "allot": only(ISSUERS),
    "allocate_offering": only(ISSUERS, but={OfferingReason.NOT_THE_OFFEROR: TRANSFER_AGENT}),
    "fund_offering": licensed(),
    "issue_units": only(TRANSFER_AGENT),
    "conclude_offering": licensed(),
    "withdraw_offering": only(ISSUERS),
    "lapse_offering": licensed(),
    "reject_subscriptions": only(TRANSFER_AGENT | ISSUERS),
    "subscribe": licensed(),
    "confirm_subscription": licensed(),
    "pay_subscription": among_licensed(BROKER, OfferingReason.NOT_THE_INTERMEDIARY),
    "pay_by_receipt": among_licensed(BROKER, OfferingReason.NOT_THE_INTERMEDIARY),
    "cancel_subscription": licensed(),
    "refund_subscriptions": licensed(),
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
        "announce_offering": [terms(market, "O-10")],
        "approve_offering": [ANNOUNCED],
        "accept_offering": [ANNOUNCED, [identifier]],
        "close_offering": [OPEN],
        "allot": [CLOSED],
        "allocate_offering": [CLOSED],
        "fund_offering": [ALLOCATED],
        "issue_units": [FUNDED, subscriptions],
        "conclude_offering": [ISSUING],
        "withdraw_offering": [ANNOUNCED, "second thoughts"],
        "lapse_offering": [LAPSING],
        "reject_subscriptions": [OPEN, subscriptions, "not wanted"],
        "subscribe": [],
        "confirm_subscription": [OPEN, "a"],
        "pay_subscription": [OPEN, "a"],
        "pay_by_receipt": [PAID_LATER, "a"],
        "cancel_subscription": [OPEN, "a"],
        "refund_subscriptions": [WITHDRAWN, subscriptions],
        "offering": [OPEN],
        "may_subscribe": [OPEN, "alice", 1],
        "subscription": [OPEN, "a"],
        "subscriptions": [OPEN],
        "order_book": [OPEN],
        "demand": [OPEN],
    }


def terms(market: Market, offering: str = ANNOUNCED) -> OfferingTerms:
    given = OfferingTerms(
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
    return given.model_copy(update=ON_ALLOTMENT) if offering == PAID_LATER else given


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


def order(market: Market, subscription: str = "s", offering: str = OPEN) -> SubscriptionOrder:
    """Return bob's order of a unit."""
    return SubscriptionOrder(
        offering=offering,
        subscription=subscription,
        terms_hash=terms(market, offering).digest,
        intermediary=P.BROKER_DEALER,
        signer="bob",
        holder="bob",
        payer="bob",
        quantity=1,
        salt=sha256(subscription.encode()).hexdigest(),
    )


def receipt(market: Market) -> ReceiptTerms:
    """Return the terms of bob's payment at the bank for what is allotted to him."""
    return ReceiptTerms(
        bank=P.BANK,
        number="R-3",
        payer="bob",
        payee="alice",
        currency="USD",
        amount=1,
        use=ReceiptUse.SUBSCRIPTION,
        subject=hold_of(order(market, "a", PAID_LATER)),
    )
