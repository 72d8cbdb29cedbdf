"""The rows, arguments and results of offerings."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from tallystick.contracts.events import SecurityIdentifier
from tallystick.contracts.fees.models import FeeLines
from tallystick.contracts.instants import Instant, later
from tallystick.contracts.intents import canonical_hash
from tallystick.contracts.lots import Locks, Origin
from tallystick.contracts.models import Identifier, Model, Quantity, Sha256Hex
from tallystick.contracts.offers import MAX_SUBSCRIBERS, Offer
from tallystick.contracts.parties import MAX_REQUIREMENTS, Authority, Requirement
from tallystick.contracts.statements import ReceiptTerms, SubscriptionOrder

MAX_DOCUMENTS = 16
MAX_BANKS = 8
MAX_BOOK = 10_000
"""Subscriptions of an offering that one allocation can look at."""

MAX_PERIOD_S = 366 * 24 * 3600


class AllocationRule(StrEnum):
    """How units are allotted when more are ordered than the hard cap lets."""

    PRO_RATA = "pro-rata"
    FIRST_COME = "first-come-first-served"
    DISCRETIONARY = "by-discretion"


class PaymentTime(StrEnum):
    """When subscribers pay into escrow."""

    WITH_SUBSCRIPTION = "with-subscription"
    AFTER_ALLOCATION = "after-allocation"


class OfferedDocument(Model):
    """A document of an offering, by the hash of its text."""

    name: Identifier
    document_hash: Sha256Hex


Period = Annotated[int, Field(ge=0, le=MAX_PERIOD_S)]


class OfferingTerms(Model):
    """What an issuer offers; all subscribers sign over its hash.

    Attributes:
        offering: Id, unique for ever.
        issuer: MSP of the issuer.
        proceeds_to: Identity that gets the money.
        round: Of funding; every unit's lot names it, the exemption, and the tranche.
        exemption: By which the units are offered without registration; one for each offering.
        pack: Its rules, bound to the security, with their version.
        cash: What is paid with.
        price: Of a unit, in minor units of the cash.
        starts_at: From this second on orders are taken.
        ends_at: From this second on none is.
        minimum: Fewest units of an order.
        maximum: Most units of an order.
        multiple: Orders and allotments are multiples of it.
        soft_cap: With fewer units allotted and paid, nothing is issued and all money goes back.
        hard_cap: More units are not issued.
        cooling_off_s: Seconds from its placing in which an order can be cancelled, even after
            the offering has closed; nothing is allocated before all of these are over.
        payment: Whether orders count when they are paid, or are paid once they are allotted.
        payment_period_s: Seconds from the allocation in which an allotment can be paid.
        long_stop_at: From this second on nothing is issued any more, and whoever has paid and got
            nothing takes the money back.
        requirements: Claims that who subscribes must have, beside those that the security asks
            of its holders.
        locks: Until when holders of a class may not part with the units.
        is_solicited: Whether the offering is advertised: general solicitation.
        receipts_of: MSPs of banks whose receipts pay allotments, for money paid off the ledger.
    """

    offering: Identifier
    security: Identifier
    issuer: Identifier
    proceeds_to: Identifier
    round: Identifier
    tranche: Identifier | None = None
    exemption: Identifier
    pack: Identifier
    pack_version: Quantity
    cash: Identifier
    price: Quantity
    starts_at: Instant
    ends_at: Instant
    minimum: Quantity = 1
    maximum: Quantity
    multiple: Quantity = 1
    soft_cap: Quantity
    hard_cap: Quantity
    allocation: AllocationRule
    cooling_off_s: Period = 0
    payment: PaymentTime = PaymentTime.WITH_SUBSCRIPTION
    payment_period_s: Period = 0
    long_stop_at: Instant
    requirements: Annotated[tuple[Requirement, ...], Field(max_length=MAX_REQUIREMENTS)] = ()
    locks: Locks = ()
    is_solicited: bool = False
    receipts_of: Annotated[tuple[Identifier, ...], Field(max_length=MAX_BANKS)] = ()
    documents: Annotated[tuple[OfferedDocument, ...], Field(max_length=MAX_DOCUMENTS)] = ()

    @property
    def digest(self) -> str:
        """The hash that subscribers sign: SHA-256 of the canonical JSON of all the terms."""
        return canonical_hash(self)

    @property
    def is_prepaid(self) -> bool:
        """Whether an order counts only once it is paid."""
        return self.payment is PaymentTime.WITH_SUBSCRIPTION


class Status(StrEnum):
    """Where an offering stands."""

    ANNOUNCED = "announced"
    OPEN = "open"
    CLOSED = "closed"
    ALLOCATED = "allocated"
    FUNDED = "funded"
    ISSUING = "issuing"
    ISSUED = "issued"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


class Allocated(Model):
    """What an allocation came to.

    Attributes:
        subscriptions: Orders that counted.
        demand: Units that they are for, together.
        allotted: Units allotted, together.
        pay_by: From this second on no allotment is paid any more.
    """

    subscriptions: int
    demand: int
    allotted: int
    pay_by: Instant


Identifiers = Annotated[tuple[SecurityIdentifier, ...], Field(min_length=1, max_length=8)]


class Offering(Model):
    """Row ``offering (offering)``, which everybody may read; never deleted.

    Attributes:
        splits_seen: How many splits, of all securities together, there had been when it was
            announced: its units are those of then.
        approved_by: MSP of the authority that approved it, or None.
        identifiers: What the depository calls the security, as who keeps the register says.
        closed_at: When it was closed, or at its end if that came first; None before.
        allocated: None before the allocation.
        reason: Why it was withdrawn, or failed.
    """

    terms: OfferingTerms
    terms_hash: str
    status: Status
    announced_at: Instant
    splits_seen: int
    approved_by: str | None = None
    identifiers: tuple[SecurityIdentifier, ...] = ()
    closed_at: Instant | None = None
    allocated: Allocated | None = None
    reason: str | None = None

    @property
    def offer(self) -> Offer:
        """What the security must agree with."""
        terms = self.terms
        return Offer(
            security=terms.security,
            issuer=terms.issuer,
            splits_seen=self.splits_seen,
            unit_price=terms.price,
            multiple=terms.multiple,
            pack=terms.pack,
            pack_version=terms.pack_version,
            origin=Origin(
                round=terms.round,
                exemption=terms.exemption,
                tranche=terms.tranche,
                locks=terms.locks,
            ),
            identifiers=self.identifiers,
            is_solicited=terms.is_solicited,
            is_approved=self.approved_by is not None,
            document_hash=self.terms_hash,
        )


class SubscriptionStatus(StrEnum):
    """Where a subscription stands."""

    PLACED = "placed"
    PAID = "paid"
    ISSUED = "issued"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    REFUNDED = "refunded"


class Subscription(Model):
    """Row ``subscription (offering, subscription)``, which everybody may read; never deleted.

    Attributes:
        intermediary: MSP of the participant in whose collection the order lies.
        order_hash: SHA-256 of the order's canonical JSON, in hex.
        placed_in: Id of the transaction by which it came.
        paid_in: Likewise of its payment; None before.
        reason: Why it was rejected.
    """

    offering: Identifier
    subscription: Identifier
    intermediary: str
    order_hash: str
    status: SubscriptionStatus
    placed_at: Instant
    placed_in: str
    paid_at: Instant | None = None
    paid_in: str | None = None
    reason: str | None = None

    def cooling_off_ends_at(self, terms: OfferingTerms) -> Instant:
        """Return from when on the order stands, whatever the offering's status."""
        return later(self.placed_at, terms.cooling_off_s)


class PlacedOrder(Model):
    """Private row ``order (offering, subscription)``: the order, and by whose right it was placed.

    Attributes:
        authority: The signatures, or the mandate, judged again when the order is executed.
        placed_by: MSP of who submitted it; it need not be the intermediary.
        receipt: What pays for it off the ledger; None where money is held.
        fees: What its intermediary takes for it, by the schedule that its signer accepted: nothing
            that is published later counts.
    """

    order: SubscriptionOrder
    authority: Authority
    placed_by: str
    receipt: ReceiptTerms | None = None
    fees: FeeLines = ()


class Allotted(Model):
    """Private row ``allotment (offering, subscription)``: units that an order gets."""

    quantity: Annotated[int, Field(ge=0)]


class Discretion(Model):
    """Units that an issuer gives to a subscription by discretion; none when zero."""

    subscription: Identifier
    quantity: Annotated[int, Field(ge=0, le=2**53 - 1)]


class Discretions(Model):
    """Transient ``allotments``: what an issuer gives to whom."""

    lines: Annotated[tuple[Discretion, ...], Field(min_length=1, max_length=MAX_SUBSCRIBERS)]


SubscriptionIds = Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=MAX_SUBSCRIBERS)]

# --- results ---


class SubscriptionView(Model):
    """A subscription; ``order`` and ``allotted`` are None for readers who are not entitled."""

    subscription: Subscription
    order: SubscriptionOrder | None = None
    allotted: int | None = None


class SubscriptionPage(Model):
    """Subscriptions to an offering, by id; the bookmark is empty after the last page."""

    subscriptions: tuple[SubscriptionView, ...]
    bookmark: str


class BookLine(Model):
    """One order as the issuer sees it: how many units, and not whose."""

    subscription: str
    status: SubscriptionStatus
    quantity: int
    allotted: int | None


class BookPage(Model):
    """Orders of an offering, by subscription; the bookmark is empty after the last page."""

    lines: tuple[BookLine, ...]
    bookmark: str


class Demand(Model):
    """What is ordered in an offering: orders that count and are not ended.

    Attributes:
        placed: Units of orders that are not paid.
        paid: Units of orders that are.
        is_full: Whether what counts reaches the hard cap.
    """

    subscriptions: int
    placed: int
    paid: int
    is_full: bool
