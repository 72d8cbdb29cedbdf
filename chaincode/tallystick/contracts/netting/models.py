"""The rows, arguments and results that concern netting cycles."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from tallystick.contracts.instants import Instant
from tallystick.contracts.models import Identifier, Model, Salt, Sha256Hex
from tallystick.contracts.netting.obligations import Kind, Obligation
from tallystick.contracts.netting.removal import Removal
from tallystick.contracts.reasons import Finding
from tallystick.contracts.trades.terms import DvpModel

MAX_ACCEPTED = 1_000
"""Trades that one transaction takes into a cycle."""

MAX_ENDED = 1_000
"""Trades whose rows the settling transaction writes too; of a larger cycle, others do."""

Trades = Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=MAX_ACCEPTED)]


class CycleStatus(StrEnum):
    """Where a cycle stands; until its cut-off an open one takes trades, from then on it settles."""

    OPEN = "open"
    SETTLED = "settled"
    CANCELLED = "cancelled"


class CycleTerms(Model):
    """The published rules of a cycle; they never change.

    Attributes:
        venue: MSP of the venue whose trades it takes.
        model: 2, units gross and money net; or 3, both net.
        removal: The order in which trades leave when a member cannot cover what it owes.
        draws_collateral: Whether a member's collateral covers what it owes before trades leave.
        keeps_dropped: Whether trades that leave wait for another cycle, with what is held for
            them; else they are cancelled.
        settles_whole: Whether it settles all its trades or none: then settling is refused as long
            as one of them would leave.
        cut_off_at: Until then it takes trades.
        settles_from: From then on it may settle, and so may each of its trades.
    """

    cycle: Identifier
    venue: Identifier
    model: DvpModel
    removal: Removal = Removal.LATEST
    draws_collateral: bool = False
    keeps_dropped: bool = True
    settles_whole: bool = False
    cut_off_at: Instant
    settles_from: Instant


class Cycle(Model):
    """Row ``cycle (id)``, which everybody may read; never deleted, so the id is used once.

    Attributes:
        clearer: MSP of who opened it, and alone takes trades, settles and cancels.
        settled: How many trades it settled.
        dropped: How many it did not.
        ended_at: When it was settled or cancelled, and its trades with it; None before.
    """

    terms: CycleTerms
    clearer: str
    status: CycleStatus = CycleStatus.OPEN
    settled: int = 0
    dropped: int = 0
    ended_at: Instant | None = None


class Batch(Model):
    """Row ``batch (cycle, transaction id)``: trades that one transaction took into a cycle.

    Attributes:
        is_ended: Whether their rows say what became of them.
    """

    trades: int
    is_ended: bool = False


class BatchContent(Model):
    """Private row ``batch (cycle, transaction id)``: what is due in them.

    Attributes:
        secret: Made of the trades' salts, so that nobody can guess what is written about them.
    """

    obligations: tuple[Obligation, ...]
    secret: str


class DefaultNotice(Model):
    """Transient ``default``: a member cannot meet its obligations, or, lifted, can again.

    Attributes:
        venue: MSP of the venue in whose cycles it takes part.
        evidence_hash: SHA-256 of what it was found on, in hex.
    """

    member: Identifier
    venue: Identifier
    evidence_hash: Sha256Hex
    salt: Salt


class Default(Model):
    """Private row ``default (member)``: who is in default; none when nobody says so.

    Attributes:
        declared_by: MSP of who clears.
    """

    declared_by: str
    declared_at: Instant
    evidence_hash: str


# --- what became of a cycle ---


class Dropped(Model):
    """A trade that did not settle in a cycle, and why."""

    trade: str
    findings: tuple[Finding, ...]


class AssetReport(Model):
    """How far netting reduced what had to go over in an asset.

    Attributes:
        gross: What was due in the settled trades, one by one.
        net: What went over: the sum of what members owed net.
        trades: How many of the settled trades it was due in.
        transfers: How many transfers brought it over.
        reduction: By how many ten-thousandths ``net`` is less than ``gross``, rounded down.
    """

    kind: Kind
    asset: str
    gross: int
    net: int
    trades: int
    transfers: int
    reduction: int


class NetPosition(Model):
    """What a cycle came to for one member in one asset.

    Attributes:
        receives: Due to it in the settled trades.
        owes: Due from it.
        net: The difference, which is what its account changed by.
        credit: Of what it owed net, what its bank lent it.
        collateral: Of what it owed net, what was drawn of its collateral.
    """

    kind: Kind
    asset: str
    member: str
    receives: int
    owes: int
    net: int
    credit: int = 0
    collateral: int = 0


class Report(Model):
    """Private row ``report (cycle)``: what a cycle came to.

    Attributes:
        settled: How many trades settled.
        dropped: Those that did not, by id.
        assets: Every asset in which something was due.
        positions: Every member's net position in each asset in which something was due to it or
            from it.
    """

    settled: int
    dropped: tuple[Dropped, ...] = ()
    assets: tuple[AssetReport, ...] = ()
    positions: tuple[NetPosition, ...] = ()

    def of(self, member: str) -> "Report":
        """Return what a cycle came to for one member: its positions, and nothing of others."""
        own = tuple(each for each in self.positions if each.member == member)
        return Report(settled=self.settled, positions=own)


class CycleView(Model):
    """A cycle as a reader may see it.

    Attributes:
        trades: How many it has taken.
        report: What it came to; None before it settles and for readers who may see none of it. Who
            reads as a member's participant gets that member's positions, and none of others.
    """

    cycle: Cycle
    trades: int
    report: Report | None


class CyclePage(Model):
    """Cycles, by id; pass the bookmark for the next page, empty after the last."""

    cycles: tuple[Cycle, ...]
    bookmark: str
