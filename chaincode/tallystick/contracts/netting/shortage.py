"""Which trades of a cycle its members can cover: the shortage rule, taken to its fixed point. Pure.

Source: M. L. Bech and K. Soramäki, "Gridlock resolution in interbank payment systems", Bank of
Finland Discussion Papers 9/2001, for netting with the removal of payments in a given order.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from types import MappingProxyType

from tallystick.contracts.netting.obligations import Kind, Line, Obligation, nets_of


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why a trade was removed.

    Attributes:
        trade: It owes something in the line.
        line: Of a member who could not cover what it owed net.
        missing: How much the member lacked in it when the trade was removed.
    """

    trade: Obligation
    line: Line
    missing: int


@dataclass(frozen=True, slots=True)
class Covered:
    """The fixed point.

    Attributes:
        kept: Trades that settle together, the first to go first.
        removed: Those that do not, in the order of their removal.
        nets: What the kept ones net to.
    """

    kept: tuple[Obligation, ...]
    removed: tuple[Shortage, ...]
    nets: dict[Line, int]


Backing = Mapping[str, tuple[Line, int]]
"""By trade, money that is committed to it alone: the line that pays, and how much."""

NO_BACKING: Backing = MappingProxyType({})


def covered(
    ordered: Sequence[Obligation],
    cover: Mapping[Line, int],
    kinds: Collection[Kind],
    backing: Backing = NO_BACKING,
) -> Covered:
    """Remove trades until every member covers what it owes net.

    While there is a member who owes more of an asset, net, than it has cover for, the first trade
    in the order of removal in which such a member owes that asset is removed, and all nets are
    worked out anew: others lose what they were to get from it, and may now be short themselves.
    The set of trades only shrinks, so this ends; and each step is determined by the trades that
    are left, so the end is too.

    Args:
        ordered: The trades, the first to go first.
        cover: What members have for what they owe, by line; nothing when left out.
        kinds: The kinds of assets that are netted; others are covered trade by trade.
        backing: What covers a single trade only. What is owed in a trade beyond that is what
            counts as owed.
    """
    return _Reduction(ordered, cover, tuple(kinds), backing).run()


class _Reduction:
    """The trades that are left, what they net to, and what is next to go."""

    def __init__(
        self,
        ordered: Sequence[Obligation],
        cover: Mapping[Line, int],
        kinds: tuple[Kind, ...],
        backing: Backing,
    ) -> None:
        self._trades = ordered
        self._cover = cover
        self._backing = [backing.get(trade.trade) for trade in ordered]
        self._dues = [trade.of(*kinds) for trade in ordered]
        self._nets = nets_of(due for dues in self._dues for due in dues)
        for line, amount in filter(None, self._backing):
            self._nets[line] = self._nets.get(line, 0) + amount
        self._is_kept = [True] * len(ordered)
        # By line, the places of the trades in which it owes, the last to go first: a stack.
        self._owing: dict[Line, list[int]] = {}
        for place in reversed(range(len(ordered))):
            for line in self._owed_in(place):
                self._owing.setdefault(line, []).append(place)
        # What is next to go in each line that is short. Lines that are short no more stay in it
        # until they come up.
        self._next = [entry for line in self._nets if (entry := self._next_in(line)) is not None]
        heapify(self._next)

    def run(self) -> Covered:
        removed = tuple(self._removals())
        kept = [place for place, is_kept in enumerate(self._is_kept) if is_kept]
        return Covered(
            kept=tuple(self._trades[place] for place in kept),
            removed=removed,
            nets=nets_of(due for place in kept for due in self._dues[place]),
        )

    def _removals(self) -> Iterator[Shortage]:
        while self._next:
            place, line = heappop(self._next)
            current = self._next_in(line)
            if current is None:
                continue
            if current != (place, line):
                heappush(self._next, current)
                continue
            yield Shortage(self._trades[place], line, self._missing(line))
            self._remove(place)
            if (following := self._next_in(line)) is not None:
                heappush(self._next, following)

    def _owed_in(self, place: int) -> Iterator[Line]:
        """Yield the lines that owe more in a trade than backs it."""
        owed: dict[Line, int] = {}
        for due in self._dues[place]:
            owed[due.outgoing] = owed.get(due.outgoing, 0) + due.quantity
        if (backed := self._backing[place]) is not None:
            line, amount = backed
            owed[line] = owed.get(line, 0) - amount
        return (line for line, quantity in owed.items() if quantity > 0)

    def _remove(self, place: int) -> None:
        self._is_kept[place] = False
        if (backed := self._backing[place]) is not None:
            line, amount = backed
            self._nets[line] -= amount
        for due in self._dues[place]:
            self._nets[due.outgoing] = self._nets.get(due.outgoing, 0) + due.quantity
            self._nets[due.incoming] = self._nets.get(due.incoming, 0) - due.quantity
        for due in self._dues[place]:
            if (entry := self._next_in(due.incoming)) is not None:
                heappush(self._next, entry)

    def _missing(self, line: Line) -> int:
        """Return by how much a line is short; nothing when it gets more than it owes."""
        owed = max(0, -self._nets.get(line, 0))
        return max(0, owed - max(0, self._cover.get(line, 0)))

    def _next_in(self, line: Line) -> tuple[int, Line] | None:
        """Return the trade that goes next because a line is short, or None when it is not."""
        if not self._missing(line):
            return None
        places = self._owing[line]
        while not self._is_kept[places[-1]]:
            places.pop()
        return places[-1], line
