"""What the book is about: accounts, positions, holds and movements."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tallystick.contracts.instants import Instant
from tallystick.contracts.lots import ANY_LOTS, Dates, Lot, LotChoice, Origin, split_lots
from tallystick.contracts.models import Identifier, Model, Quantity, Sha256Hex
from tallystick.contracts.timelines import Timeline


class Account(NamedTuple):
    """A holder's place in the book of one asset."""

    asset: str
    holder: str


class Position(Model):
    """Row ``position (asset, holder)``: what somebody holds.

    Nothing held is no row, unless the holder is stopped. Invariant of every committed row: held and
    frozen are not negative, and together they are at most the quantity. The lots of a security add
    up to the quantity.

    Attributes:
        held: Of the quantity, the sum of the holder's holds.
        frozen: Of the quantity, what the transfer agent has frozen.
        stop: Why the holder may neither send nor receive; None when it may.
        lots: Where the units come from, the longest held first; money has none.
        as_of: The turn of the security's timeline since which the row was not written.
    """

    quantity: int = 0
    held: int = 0
    frozen: int = 0
    stop: str | None = None
    lots: tuple[Lot, ...] = ()
    as_of: int = 0

    @property
    def available(self) -> int:
        """What the holder may dispose of."""
        return self.quantity - self.held - self.frozen

    def brought_up(self, timeline: Timeline) -> "Position":
        """Return what the position is now. A fraction of a frozen unit is frozen no more."""
        position = self
        for split in timeline.splits_since(self.as_of):
            parts = {
                "quantity": split.of(position.quantity),
                "held": split.of(position.held),
                "frozen": split.of(position.frozen),
                "lots": split_lots(position.lots, split.new, split.old),
            }
            position = position.model_copy(update=parts)
        return position.model_copy(update={"as_of": timeline.turns})


class Recorded(Model):
    """Row ``recorded (security, holder, turn)``: what somebody held at record dates.

    It is written when a position changes for the first time after one or more of them, and says
    what the position was at all turns after ``as_of``, up to the one that the key names.

    Attributes:
        quantity: In the units of ``as_of``.
    """

    quantity: int
    as_of: int


class Hold(Model):
    """Row ``hold (asset, holder, hold)``: units that wait; whoever holds them goes on holding them.

    Attributes:
        receiver: To whom alone they may go; None when that is said at the execution.
        notary: MSP of the participant that executes or releases it; None for the settlement
            contract, whose hold bears the name of its trade.
        expires_at: From then on it can only be released; None when it does not end by itself.
        hash_lock: SHA-256 of a secret, in hex: whoever shows the secret may execute it too.
        as_of: The turn of the security's timeline since which the row was not written.
    """

    quantity: int
    receiver: str | None = None
    notary: str | None = None
    expires_at: Instant | None = None
    hash_lock: Sha256Hex | None = None
    as_of: int = 0

    def is_over(self, moment: Instant) -> bool:
        """Return whether the hold has expired."""
        return self.expires_at is not None and moment >= self.expires_at

    def brought_up(self, timeline: Timeline) -> "Hold":
        """Return what the hold is now; splits leave holds without fractions."""
        if self.as_of == timeline.turns:
            return self
        quantity = timeline.scaled(self.quantity, self.as_of)
        return self.model_copy(update={"quantity": quantity, "as_of": timeline.turns})


Place = tuple[Account, str]
"""A hold: the account that it is on, and its name."""


class Placement(NamedTuple):
    """A hold that is to be placed."""

    account: Account
    name: str
    hold: Hold


class Move(Model):
    """So many units from one holder to another.

    Attributes:
        sender: None when the units come into being.
        receiver: None when they cease to be.
        hold: The hold that the units come out of; None when they are available units.
        keeps_open: Whether what is left of the hold stays held, rather than becoming available.
        origin: Of units that come into being; without one, no lots are kept.
        choice: Which of the sender's lots go.
        dates: What becomes of their dates.
    """

    asset: Identifier
    sender: Identifier | None
    receiver: Identifier | None
    quantity: Quantity
    hold: Identifier | None = None
    keeps_open: bool = False
    origin: Origin | None = None
    choice: LotChoice = ANY_LOTS
    dates: Dates = Dates.ACQUIRED


class Delivery(Move):
    """A move from somebody to somebody: it makes nothing and ends nothing.

    Attributes:
        splits_seen: How many splits of all securities there had been when the quantity was agreed:
            what is due is what the splits since have made of it. None for units of now.
    """

    sender: Identifier
    receiver: Identifier
    splits_seen: int | None = None


class HeldMove(Delivery):
    """A delivery for a trade: the hold is known too, and bears the trade's name."""

    hold: Identifier

    @property
    def place(self) -> Place:
        """Where the hold is."""
        return Account(self.asset, self.sender), self.hold

    @property
    def placement(self) -> Placement:
        """The hold that waits for this delivery, or, if it stays open, for several."""
        receiver = None if self.keeps_open else self.receiver
        hold = Hold(quantity=self.quantity, receiver=receiver)
        return Placement(*self.place, hold)


def accounts_of(moves: Iterable[Move]) -> Iterator[Account]:
    """Yield the accounts that movements touch; the same one may come twice."""
    for move in moves:
        if move.sender is not None:
            yield Account(move.asset, move.sender)
        if move.receiver is not None:
            yield Account(move.asset, move.receiver)
