"""Events: securities and their holders."""

from typing import ClassVar

from tallystick.contracts.events.base import Basis, LedgerEvent
from tallystick.contracts.instants import Day, Instant
from tallystick.contracts.lots import Dates, Lot


class UnitsTransferred(LedgerEvent):
    """Units moved: the one event of every movement.

    Attributes:
        sender: None when the units are issued.
        receiver: None when they are redeemed.
        hold: The hold that they came out of, if they were held.
        freed: What else of that hold became available.
        actor: MSP of the participant that submitted it.
        lots: What the sender gave; of an issue, what came into being. Where units go round in
            circles within one instruction, lots stand for less than the quantity.
        day: Of the movement, UTC.
        dates: What became of the lots' dates in the receiver's hands.
        document_hash: Of what the movement is for, or what orders it; None where nothing is.
    """

    kind: ClassVar[str] = "token.Transferred"
    version: ClassVar[int] = 2
    security: str
    sender: str | None
    receiver: str | None
    quantity: int
    basis: Basis
    hold: str | None
    freed: int
    actor: str
    lots: tuple[Lot, ...]
    day: Day
    dates: Dates
    document_hash: str | None


class LotsMerged(LedgerEvent):
    """A holder had too many lots; some that differed in dates only are one, with the later dates.

    Attributes:
        lots: All that the holder has from now on.
    """

    kind: ClassVar[str] = "token.LotsMerged"
    security: str
    holder: str
    lots: tuple[Lot, ...]


class LotsRelabelled(LedgerEvent):
    """The transfer agent put right where units come from, or moved them to another tranche.

    Attributes:
        before: The lots as they were.
        after: The same units as they are.
        evidence_hash: Of what it rests on.
    """

    kind: ClassVar[str] = "token.LotsRelabelled"
    security: str
    holder: str
    before: tuple[Lot, ...]
    after: tuple[Lot, ...]
    evidence_hash: str


class HoldPlaced(LedgerEvent):
    """Units wait; their holder stays the holder.

    Attributes:
        receiver: To whom alone they may go, or None.
        notary: MSP of who executes or releases it; None for the settlement contract.
        expires_at: From when on it can only be released, or None.
        hash_lock: SHA-256 of the secret that executes it too, or None.
    """

    kind: ClassVar[str] = "token.HoldPlaced"
    security: str
    holder: str
    hold: str
    quantity: int
    receiver: str | None
    notary: str | None
    expires_at: Instant | None
    hash_lock: str | None


class HoldRenewed(LedgerEvent):
    """A hold expires at another time."""

    kind: ClassVar[str] = "token.HoldRenewed"
    security: str
    holder: str
    hold: str
    expires_at: Instant


class HoldReleased(LedgerEvent):
    """Units are no longer held and stay where they are.

    Attributes:
        evidence_hash: Of the order, where the transfer agent released it against its terms.
    """

    kind: ClassVar[str] = "token.HoldReleased"
    security: str
    holder: str
    hold: str
    quantity: int
    evidence_hash: str | None = None


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
    """What a participant may draw of a holder's units from now on; zero ends it.

    Attributes:
        quantity: None for all that the holder has.
        expires_at: None when it ends.
        venue, trade, tranche: What it is limited to; None for no limit.
    """

    kind: ClassVar[str] = "token.AllowanceSet"
    version: ClassVar[int] = 2
    security: str
    holder: str
    spender: str
    venue: str | None
    trade: str | None
    tranche: str | None
    quantity: int | None
    expires_at: Instant | None
