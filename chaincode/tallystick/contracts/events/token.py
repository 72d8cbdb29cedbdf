"""Events: securities and their holders."""

from typing import ClassVar

from tallystick.contracts.events.base import Basis, LedgerEvent
from tallystick.contracts.instants import Day, Instant
from tallystick.contracts.lots import Dates, Lot
from tallystick.contracts.models import Model


class RequiredClaim(Model):
    """A claim that holders of a security need, as its terms say."""

    topic: str
    level: int
    values: tuple[str, ...]
    issuers: tuple[str, ...]
    quorum: int


class SecurityCreated(LedgerEvent):
    """A security exists from now on, with nothing issued."""

    kind: ClassVar[str] = "token.SecurityCreated"
    version: ClassVar[int] = 2
    security: str
    name: str
    issuer: str
    requirements: tuple[RequiredClaim, ...]


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
        lots: What the sender gave; of an issue, what came into being. Where units go round in
            circles within one instruction, lots stand for less than the quantity.
        day: Of the movement, UTC.
        dates: What became of the lots' dates in the receiver's hands.
    """

    kind: ClassVar[str] = "token.Transferred"
    version: ClassVar[int] = 2
    security: str
    sender: str | None
    receiver: str | None
    quantity: int
    basis: Basis
    lock: str | None
    actor: str
    lots: tuple[Lot, ...]
    day: Day
    dates: Dates


class LotsMerged(LedgerEvent):
    """A holder had too many lots; some that differed in dates only are one, with the later dates.

    Attributes:
        lots: All that the holder has from now on.
    """

    kind: ClassVar[str] = "token.LotsMerged"
    security: str
    holder: str
    lots: tuple[Lot, ...]


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
