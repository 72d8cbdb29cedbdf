"""The published orders in which trades leave a cycle that cannot settle them all. Pure.

Each is a total order: of any two trades it says which goes first. So what is left of a cycle
depends on its trades and on nothing else, least of all on the order in which they came.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from tallystick.contracts.netting.obligations import Obligation

Rank = tuple[int, str, str]


class Removal(StrEnum):
    """Which trades go first; of those alike, the ones accepted last, then the greatest ids."""

    LATEST = "latest"
    """Those that were accepted last: who has waited longest is served first."""

    SMALLEST = "smallest"
    """Those with the least money due: as much value as possible stays."""

    LARGEST = "largest"
    """Those with the most money due: as many trades as possible stay."""


def _latest(trade: Obligation) -> Rank:
    return 0, trade.accepted_at, trade.trade


def _smallest(trade: Obligation) -> Rank:
    return -trade.payment, trade.accepted_at, trade.trade


def _largest(trade: Obligation) -> Rank:
    return trade.payment, trade.accepted_at, trade.trade


_RANKS: Mapping[Removal, Callable[[Obligation], Rank]] = MappingProxyType(
    {Removal.LATEST: _latest, Removal.SMALLEST: _smallest, Removal.LARGEST: _largest}
)


def in_order_of_removal(trades: Iterable[Obligation], removal: Removal) -> list[Obligation]:
    """Return the trades, the first to go first."""
    return sorted(trades, key=_RANKS[removal], reverse=True)
