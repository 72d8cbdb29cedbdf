"""What the book is about: accounts, positions, locks and movements."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tallystick.contracts.lots import ANY_LOTS, Dates, Lot, LotChoice, Origin
from tallystick.contracts.models import Identifier, Model, Quantity


class Account(NamedTuple):
    """A holder's place in the book of one asset."""

    asset: str
    holder: str


class Position(Model):
    """Row ``position (asset, holder)``: what somebody holds; there is no row of zero units.

    Invariant of every committed row: quantity is positive, locked and frozen are not negative, and
    together they are at most the quantity. The lots of a security add up to the quantity.

    Attributes:
        locked: Of the quantity, the sum of the holder's locks.
        frozen: Of the quantity, what the transfer agent has frozen.
        lots: Where the units come from, the longest held first; money has none.
    """

    quantity: int = 0
    locked: int = 0
    frozen: int = 0
    lots: tuple[Lot, ...] = ()

    @property
    def available(self) -> int:
        """What the holder may dispose of."""
        return self.quantity - self.locked - self.frozen


class Lock(Model):
    """Row ``lock (asset, holder, lock id)``: units that wait for their delivery to one receiver."""

    receiver: str
    quantity: int


class Move(Model):
    """So many units from one holder to another.

    Attributes:
        sender: None when the units come into being.
        receiver: None when they cease to be.
        lock: The lock that the units come out of; None when they are available units.
        origin: Of units that come into being; without one, no lots are kept.
        choice: Which of the sender's lots go.
        dates: What becomes of their dates.
    """

    asset: Identifier
    sender: Identifier | None
    receiver: Identifier | None
    quantity: Quantity
    lock: Identifier | None = None
    origin: Origin | None = None
    choice: LotChoice = ANY_LOTS
    dates: Dates = Dates.ACQUIRED


class LockedMove(Move):
    """A delivery that is, or will be, locked: both sides and the lock are known."""

    sender: Identifier
    receiver: Identifier
    lock: Identifier


def accounts_of(moves: Iterable[Move]) -> Iterator[Account]:
    """Yield the accounts that movements touch; the same one may come twice."""
    for move in moves:
        if move.sender is not None:
            yield Account(move.asset, move.sender)
        if move.receiver is not None:
            yield Account(move.asset, move.receiver)
