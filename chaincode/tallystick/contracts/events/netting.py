"""Events: netting cycles."""

from typing import ClassVar

from tallystick.contracts.events.base import LedgerEvent


class CycleOpened(LedgerEvent):
    """Trades of a venue can be taken into a cycle.

    Attributes:
        model: ``dvp-2`` or ``dvp-3``.
        removal: The order in which trades leave when a member cannot cover what it owes.
    """

    kind: ClassVar[str] = "settlement.CycleOpened"
    cycle: str
    venue: str
    clearer: str
    model: str
    removal: str
    draws_collateral: bool
    keeps_dropped: bool
    settles_whole: bool
    cut_off_at: str
    settles_from: str


class TradeNetted(LedgerEvent):
    """A trade is part of a cycle: it settles, or leaves, with the cycle only."""

    kind: ClassVar[str] = "settlement.TradeNetted"
    trade: str
    cycle: str


class CycleSettled(LedgerEvent):
    """All that the settled trades of a cycle come to went over in this transaction.

    Attributes:
        settled: How many trades that were.
        dropped: How many trades left the cycle before.
    """

    kind: ClassVar[str] = "settlement.CycleSettled"
    cycle: str
    settled: int
    dropped: int


class CycleCancelled(LedgerEvent):
    """A cycle ended without settling anything; its trades left it."""

    kind: ClassVar[str] = "settlement.CycleCancelled"
    cycle: str
    reason: str


class DefaultDeclared(LedgerEvent):
    """A member of a venue's cycles is in default; who it is, only the readers of the venue know."""

    kind: ClassVar[str] = "settlement.DefaultDeclared"
    venue: str
    declared_by: str


class DefaultLifted(LedgerEvent):
    """A member of a venue's cycles is no longer in default."""

    kind: ClassVar[str] = "settlement.DefaultLifted"
    venue: str
    lifted_by: str
