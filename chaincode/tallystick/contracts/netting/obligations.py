"""What the trades of a cycle oblige their parties to, and what is left of it net. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from tallystick.contracts.book import HeldMove
from tallystick.contracts.instants import Instant
from tallystick.contracts.models import Identifier, Model, Quantity
from tallystick.contracts.payments import Draw
from tallystick.contracts.reasons import Finding


class Kind(StrEnum):
    """What an asset is; a security and a cash may have the same id."""

    SECURITY = "security"
    CASH = "cash"


class Line(NamedTuple):
    """A member's place in one asset: what it nets to is one number."""

    kind: Kind
    asset: str
    member: str


class Due(Model):
    """So much of an asset that one member owes another.

    Attributes:
        hold: Under which name it is held for the trade; None when it is not.
    """

    kind: Kind
    asset: Identifier
    sender: Identifier
    receiver: Identifier
    quantity: Quantity
    hold: Identifier | None = None

    @property
    def outgoing(self) -> Line:
        """The line that it is taken from."""
        return Line(self.kind, self.asset, self.sender)

    @property
    def incoming(self) -> Line:
        """The line that it goes to."""
        return Line(self.kind, self.asset, self.receiver)


class Obligation(Model):
    """A trade as a cycle sees it: all that is due in it, to be settled as a whole or not at all.

    Attributes:
        splits_seen: How many splits there had been when it was agreed: its units are those of then.
        accepted_at: When it was first accepted into a cycle; it is not younger for having waited.
        expires_at: From then on it cannot settle any more.
        order: What its buyer may have committed to its order; None when money pays it elsewhere.
        findings: What stood against its settling when it was accepted.
    """

    trade: Identifier
    splits_seen: int
    accepted_at: Instant
    expires_at: Instant
    dues: tuple[Due, ...]
    order: Draw | None = None
    findings: tuple[Finding, ...] = ()

    def of(self, *kinds: Kind) -> tuple[Due, ...]:
        """Return what is due of these kinds of assets."""
        return tuple(due for due in self.dues if due.kind in kinds)

    def restated(self, quantities: Sequence[int]) -> "Obligation":
        """Return the same with other quantities of units, those of its dues in their order."""
        left = iter(quantities)
        dues = tuple(
            due.model_copy(update={"quantity": next(left)}) if due.kind is Kind.SECURITY else due
            for due in self.dues
        )
        return self.model_copy(update={"dues": dues})

    @property
    def held(self) -> tuple[HeldMove, ...]:
        """What is held for it, as it is delivered."""
        return tuple(
            HeldMove.model_construct(
                asset=due.asset,
                sender=due.sender,
                receiver=due.receiver,
                quantity=due.quantity,
                hold=due.hold,
            )
            for due in self.dues
            if due.hold is not None
        )

    @property
    def payment(self) -> int:
        """How much money is due in it, in minor units."""
        return sum(due.quantity for due in self.dues if due.kind is Kind.CASH)


class Transfer(NamedTuple):
    """So much of an asset that goes from one member to another to settle their net positions."""

    kind: Kind
    asset: str
    sender: str
    receiver: str
    quantity: int


Nets = Mapping[Line, int]
"""By line, how much a member receives less what it owes; zero is left out."""


def nets_of(dues: Iterable[Due]) -> dict[Line, int]:
    """Return what each line nets to; over all members of an asset, that adds up to zero.

    The order is that of the lines themselves, whatever the order of the dues.
    """
    nets: dict[Line, int] = {}
    for due in dues:
        nets[due.outgoing] = nets.get(due.outgoing, 0) - due.quantity
        nets[due.incoming] = nets.get(due.incoming, 0) + due.quantity
    return {line: nets[line] for line in sorted(nets) if nets[line]}


def transfers_of(nets: Nets) -> Iterator[Transfer]:
    """Yield transfers that bring every member to its net position: fewer than members, per asset.

    Members who owe, by id, give to members who are owed, by id, until each has all that it is owed.
    Nobody both gives and gets. The rule says nothing about who traded with whom: a net position is
    nobody's in particular.
    """
    owed = [(line, net) for line, net in sorted(nets.items(), reverse=True) if net > 0]
    for (kind, asset, sender), net in sorted(nets.items()):
        left = max(0, -net)
        while left:
            line, missing = owed.pop()
            quantity = min(left, missing)
            yield Transfer(kind, asset, sender, line.member, quantity)
            left -= quantity
            if missing > quantity:
                owed.append((line, missing - quantity))
