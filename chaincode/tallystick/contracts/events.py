"""The domain events of all contracts: what happened, sufficient to rebuild the registers.

Each kind has a version, raised when fields change in a way that old readers misread. ``replay``
rebuilds holdings from them.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar

from pydantic_core import to_json

from tallystick.chaincode import DomainEvent
from tallystick.chaincode.events import EventRecord
from tallystick.contracts.instants import Instant
from tallystick.contracts.statements import Side


class Basis(StrEnum):
    """By what right units or money moved."""

    ISSUE = "issue"
    REDEMPTION = "redemption"
    TRANSFER = "transfer"
    ALLOWANCE = "allowance"
    SETTLEMENT = "settlement"


class LedgerEvent(DomainEvent):
    """An event of one of the contracts of this package."""


# --- identity ---


class IdentityRegistered(LedgerEvent):
    """An identity exists from now on."""

    kind: ClassVar[str] = "identity.IdentityRegistered"
    version: ClassVar[int] = 2
    identity: str
    party: str
    data_hash: str | None


class ReferenceKept(LedgerEvent):
    """Those who may know have the reference with this hash, which an identity or a claim names."""

    kind: ClassVar[str] = "identity.ReferenceKept"
    identity: str
    data_hash: str


class KeyAdded(LedgerEvent):
    """An identity has one more key."""

    kind: ClassVar[str] = "identity.KeyAdded"
    identity: str
    key: str
    purposes: tuple[str, ...]


class KeyRevoked(LedgerEvent):
    """A key counts no longer, nor do the claims signed with it."""

    kind: ClassVar[str] = "identity.KeyRevoked"
    identity: str
    key: str


class IssuerTrusted(LedgerEvent):
    """Claims of this topic by this issuer count from now on."""

    kind: ClassVar[str] = "identity.IssuerTrusted"
    topic: str
    issuer: str


class IssuerDistrusted(LedgerEvent):
    """Claims of this topic by this issuer count no longer."""

    kind: ClassVar[str] = "identity.IssuerDistrusted"
    topic: str
    issuer: str


class ClaimAdded(LedgerEvent):
    """An issuer attests something; this replaces what it attested on the topic before."""

    kind: ClassVar[str] = "identity.ClaimAdded"
    subject: str
    topic: str
    issuer: str
    level: int
    valid_from: Instant
    valid_until: Instant


class ClaimRevoked(LedgerEvent):
    """An issuer takes a claim back."""

    kind: ClassVar[str] = "identity.ClaimRevoked"
    subject: str
    topic: str
    issuer: str


class MandateSet(LedgerEvent):
    """A participant may act for an identity until a moment."""

    kind: ClassVar[str] = "identity.MandateSet"
    identity: str
    participant: str
    expires_at: Instant


class MandateRevoked(LedgerEvent):
    """A participant may no longer act for an identity."""

    kind: ClassVar[str] = "identity.MandateRevoked"
    identity: str
    participant: str


# --- token ---


class SecurityCreated(LedgerEvent):
    """A security exists from now on, with nothing issued."""

    kind: ClassVar[str] = "token.SecurityCreated"
    security: str
    name: str
    issuer: str


class SecurityPaused(LedgerEvent):
    """No units of a security move between holders until it is resumed."""

    kind: ClassVar[str] = "token.SecurityPaused"
    security: str
    reason: str


class SecurityResumed(LedgerEvent):
    """Units of a security move again."""

    kind: ClassVar[str] = "token.SecurityResumed"
    security: str


class UnitsTransferred(LedgerEvent):
    """Units moved: the one event of every movement.

    Attributes:
        sender: None when the units are issued.
        receiver: None when they are redeemed.
        lock: The lock that they came out of, if they were locked.
        actor: MSP of the participant that submitted it.
    """

    kind: ClassVar[str] = "token.Transferred"
    security: str
    sender: str | None
    receiver: str | None
    quantity: int
    basis: Basis
    lock: str | None
    actor: str


class UnitsLocked(LedgerEvent):
    """Units wait for delivery; the holder stays the holder."""

    kind: ClassVar[str] = "token.Locked"
    security: str
    holder: str
    receiver: str
    quantity: int
    lock: str


class UnitsReleased(LedgerEvent):
    """Units are no longer locked and stay where they are."""

    kind: ClassVar[str] = "token.Released"
    security: str
    holder: str
    quantity: int
    lock: str


class HolderFrozen(LedgerEvent):
    """A holder may neither send nor receive units of a security."""

    kind: ClassVar[str] = "token.HolderFrozen"
    security: str
    holder: str
    reason: str


class HolderUnfrozen(LedgerEvent):
    """A holder may send and receive again."""

    kind: ClassVar[str] = "token.HolderUnfrozen"
    security: str
    holder: str


class UnitsFrozen(LedgerEvent):
    """So many units more of a holder may not move; a negative quantity is so many fewer."""

    kind: ClassVar[str] = "token.UnitsFrozen"
    security: str
    holder: str
    quantity: int
    reason: str


class AllowanceSet(LedgerEvent):
    """What a participant may draw of a holder's units from now on; zero ends it."""

    kind: ClassVar[str] = "token.AllowanceSet"
    security: str
    holder: str
    spender: str
    quantity: int
    expires_at: Instant | None


# --- cash ---


class CashOpened(LedgerEvent):
    """A bank's deposits exist as cash from now on."""

    kind: ClassVar[str] = "cash.CashOpened"
    cash: str
    currency: str
    bank: str


class MoneyTransferred(LedgerEvent):
    """Money moved: the one event of every payment.

    Attributes:
        sender: None for a deposit.
        receiver: None for a withdrawal.
        lock: The lock that it came out of, if it was locked.
        actor: MSP of the participant that submitted it.
    """

    kind: ClassVar[str] = "cash.Transferred"
    cash: str
    sender: str | None
    receiver: str | None
    amount: int
    basis: Basis
    lock: str | None
    actor: str


class MoneyLocked(LedgerEvent):
    """Money waits for its payment; it still belongs to its holder."""

    kind: ClassVar[str] = "cash.Locked"
    cash: str
    holder: str
    receiver: str
    amount: int
    lock: str


class MoneyReleased(LedgerEvent):
    """Money is no longer locked and stays where it is."""

    kind: ClassVar[str] = "cash.Released"
    cash: str
    holder: str
    amount: int
    lock: str


class EntryMade(LedgerEvent):
    """Money was locked, released or paid for a trade; what and whose is for readers of `entries`.

    Attributes:
        number: Of the entry, among those of the transaction.
    """

    kind: ClassVar[str] = "cash.EntryMade"
    cash: str
    number: int


# --- settlement ---


class TradeProposed(LedgerEvent):
    """A venue has matched two orders and asks both sides for their consent."""

    kind: ClassVar[str] = "settlement.TradeProposed"
    version: ClassVar[int] = 2
    trade: str
    terms_hash: str
    venue: str


class ConsentGiven(LedgerEvent):
    """One side has consented to the terms with this hash."""

    kind: ClassVar[str] = "settlement.ConsentGiven"
    version: ClassVar[int] = 2
    trade: str
    side: Side
    terms_hash: str


class LegsLocked(LedgerEvent):
    """The seller's units and the buyer's money wait for delivery."""

    kind: ClassVar[str] = "settlement.LegsLocked"
    trade: str


class TradeSettled(LedgerEvent):
    """Both legs were delivered, in this transaction."""

    kind: ClassVar[str] = "settlement.TradeSettled"
    trade: str


class TradeCancelled(LedgerEvent):
    """A trade ended without delivery; what was locked is free again.

    Attributes:
        by: MSP of the participant that cancelled it, or the side that withdrew.
    """

    kind: ClassVar[str] = "settlement.TradeCancelled"
    version: ClassVar[int] = 2
    trade: str
    by: str
    reason: str


class TradeExpired(LedgerEvent):
    """A trade was not settled in time; what was locked is free again."""

    kind: ClassVar[str] = "settlement.TradeExpired"
    trade: str


EVENT_TYPES: Mapping[str, type[LedgerEvent]] = MappingProxyType(
    {event.kind: event for event in LedgerEvent.__subclasses__()}
)


def read_event(record: EventRecord) -> LedgerEvent | None:
    """Return a record as the event it is, or None when it is of no kind or version known here."""
    event = EVENT_TYPES.get(record.type)
    if event is None or event.version != record.version:
        return None
    return event.model_validate_json(to_json(record.data))
