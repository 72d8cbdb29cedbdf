"""Rules about where units come from: locks of lots, holding periods, resale of restricted lots."""

from typing import Annotated, Literal

from pydantic import Field

from tallystick.contracts.compliance.case import Case, Leg
from tallystick.contracts.compliance.classes import Formula
from tallystick.contracts.compliance.periods import Period, end_of
from tallystick.contracts.compliance.rules import Bar, LotRule, Needs, NoParameters
from tallystick.contracts.events import Basis
from tallystick.contracts.lots import Lot
from tallystick.contracts.models import Identifier, Model
from tallystick.contracts.reasons import ComplianceReason


class LotLocks(LotRule[NoParameters]):
    """A lot that was locked at its issue for the holder's class stays until its moment.

    A custodian's distribution to a client is no sale: the client gets the lot with its lock.
    """

    name = "lot-locks"
    parameters = NoParameters
    reason = ComplianceReason.LOT_LOCKED

    def bar(self, case: Case, leg: Leg, lot: Lot, parameters: NoParameters) -> Bar | None:  # noqa: ARG002
        """Return until when the lot's own lock holds it."""
        sender = case.sender(leg)
        if not lot.locks or sender is None or case.basis is Basis.DISTRIBUTION:
            return None
        until = lot.locked_until(sender.classes)
        return None if until is None or case.moment >= until else Bar(until)


class HoldingPeriod(Model):
    """One line of ``lock-up``: which lots, and how long.

    Attributes:
        exemption: Lots offered under it; all when None.
        round: Lots of this round; all when None.
        tranche: Lots of this tranche; all when None.
        period: From ``since`` on, they stay so long.
        since: Whether the time of former holders counts (``held_since``) or not (``acquired_on``).
        unless: Receivers who fulfil this may get them all the same; None for nobody.
        excepted: Bases on which they may go all the same.
    """

    exemption: Identifier | None = None
    round: Identifier | None = None
    tranche: Identifier | None = None
    period: Period
    since: Literal["held_since", "acquired_on"] = "held_since"
    unless: Formula | None = None
    excepted: tuple[Basis, ...] = ()

    def covers(self, lot: Lot) -> bool:
        """Return whether the line is about a lot."""
        return (
            self.exemption in {None, lot.exemption}
            and self.round in {None, lot.round}
            and self.tranche in {None, lot.tranche}
        )

    def end(self, lot: Lot) -> str:
        """Return the second from which a lot is free."""
        return end_of(
            lot.held_since if self.since == "held_since" else lot.acquired_on, self.period
        )


class HoldingPeriods(Model):
    """Parameters of ``lock-up`` and ``resale``: the longest line that covers a lot counts."""

    lines: Annotated[tuple[HoldingPeriod, ...], Field(min_length=1, max_length=32)]


class LockUp(LotRule[HoldingPeriods]):
    """Lots stay with their holder for a period; who receives may lift it, where a line says so.

    Rule 144's holding period, distribution compliance and flowback under Regulation S, and resale
    of crowdfunded units are all such lines: see the packs.
    """

    name = "lock-up"
    parameters = HoldingPeriods
    reason = ComplianceReason.LOT_LOCKED

    def needs(self, parameters: HoldingPeriods) -> Needs:
        """Return the topics that may lift a line."""
        lifting = (each.unless for each in parameters.lines if each.unless is not None)
        return Needs(topics=tuple(sorted({topic for each in lifting for topic in each.topics})))

    def bar(self, case: Case, leg: Leg, lot: Lot, parameters: HoldingPeriods) -> Bar | None:
        """Return until when the longest line holds a lot."""
        ends = [
            end
            for line in parameters.lines
            if line.covers(lot)
            and case.basis not in line.excepted
            and case.moment < (end := line.end(lot))
            and not _lifted(case, leg, line)
        ]
        return Bar(max(ends)) if ends else None


class Resale(LockUp):
    """Lots may go, within a period, to some receivers only: the same lines, another reason."""

    name = "resale"
    reason = ComplianceReason.RESALE_RESTRICTED


def _lifted(case: Case, leg: Leg, line: HoldingPeriod) -> bool:
    receiver = case.receiver(leg)
    if line.unless is None or receiver is None:
        return False
    return not line.unless.lack(receiver.profile)
