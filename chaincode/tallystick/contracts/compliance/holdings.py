"""Rules about how much somebody holds, and how many hold anything."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, model_validator

from tallystick.contracts.compliance.case import Case, Leg
from tallystick.contracts.compliance.classes import topic_of
from tallystick.contracts.compliance.counts import (
    BENEFICIAL_OWNERS,
    Counted,
    HolderCounts,
    Recounted,
    owners_of,
)
from tallystick.contracts.compliance.rules import Needs, Rule, Side
from tallystick.contracts.lots import HolderClass
from tallystick.contracts.models import MAX_QUANTITY, Model, Quantity
from tallystick.contracts.reasons import ComplianceReason, Finding

BASIS_POINTS = 10_000
BasisPoints = Annotated[int, Field(gt=0, le=BASIS_POINTS)]


class Maximum(Model):
    """Parameters of ``maximum-holding``: the lesser of what is given.

    Attributes:
        units: At most so many.
        share: At most so many ten-thousandths of the supply, rounded down.
    """

    units: Quantity | None = None
    share: BasisPoints | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "Maximum":
        if self.units is None and self.share is None:
            raise ValueError("give units, share or both")
        return self


class MaximumHolding(Rule[Maximum]):
    """A person holds at most so much, in all its accounts together."""

    name = "maximum-holding"
    parameters = Maximum

    def needs(self, parameters: Maximum) -> Needs:
        """Return what the receiver has elsewhere, and the supply for a share of it."""
        return Needs(persons=True, supply=parameters.share is not None)

    def findings(self, case: Case, leg: Leg, parameters: Maximum) -> Iterator[Finding]:
        """Yield a finding when the receiver ends up with more, and with more than before."""
        receiver = case.receiver(leg)
        if receiver is None:
            return
        before, after = case.units_of(leg.security, receiver.person)
        limit = _maximum(case, leg, parameters)
        if after > max(limit, before):
            yield ComplianceReason.HOLDING_ABOVE_LIMIT.finding(
                holder=receiver.holder, asset=leg.security, quantity=after, limit=limit
            )

    def most(self, case: Case, leg: Leg, parameters: Maximum, at_most: int) -> int:
        """Return what still fits."""
        receiver = case.receiver(leg)
        if receiver is None:
            return at_most
        trial, changed = case.sending(leg, 0)
        _, without = trial.units_of(changed.security, receiver.person)
        before, _ = case.units_of(leg.security, receiver.person)
        return max(0, min(at_most, max(_maximum(case, leg, parameters), before) - without))


def _maximum(case: Case, leg: Leg, parameters: Maximum) -> int:
    units = MAX_QUANTITY if parameters.units is None else parameters.units
    if parameters.share is None:
        return units
    issued = sum(
        each.quantity * (int(each.sender is None) - int(each.receiver is None))
        for each in case.legs
        if each.security == leg.security
    )
    supply = (case.securities[leg.security].supply or 0) + issued
    return min(units, supply * parameters.share // BASIS_POINTS)


class Minimum(Model):
    """Parameters of ``minimum-holding``: who holds any holds at least so many units."""

    units: Quantity


class MinimumHolding(Rule[Minimum]):
    """Neither side is left with some, but less than the least."""

    name = "minimum-holding"
    side = Side.SENDER
    parameters = Minimum

    def findings(self, case: Case, leg: Leg, parameters: Minimum) -> Iterator[Finding]:
        """Yield a finding for each side that would hold too little."""
        for holder in (case.sender(leg), case.receiver(leg)):
            if holder is not None and 0 < holder.after.quantity < parameters.units:
                yield ComplianceReason.HOLDING_BELOW_MINIMUM.finding(
                    holder=holder.holder,
                    asset=leg.security,
                    quantity=holder.after.quantity,
                    least=parameters.units,
                )

    def most(self, case: Case, leg: Leg, parameters: Minimum, at_most: int) -> int:
        """Return the whole, or what leaves both sides enough, or nothing."""
        sender, receiver = case.sender(leg), case.receiver(leg)
        trial, changed = case.sending(leg, 0)
        before_leg = trial.sender(changed)
        if sender is None or before_leg is None:
            return super().most(case, leg, parameters, at_most)
        held = before_leg.after.quantity
        for quantity in (at_most, held - parameters.units):
            if receiver is not None and 0 < quantity <= at_most:
                attempt, sent = case.sending(leg, quantity)
                if not any(True for _ in self.findings(attempt, sent, parameters)):
                    return quantity
        return 0


class FullExit(Model):
    """Parameters of ``full-exit-only``: it has none; its classes say whom it binds."""


class FullExitOnly(Rule[FullExit]):
    """Who sends, sends all that it has."""

    name = "full-exit-only"
    side = Side.SENDER
    parameters = FullExit

    def findings(self, case: Case, leg: Leg, parameters: FullExit) -> Iterator[Finding]:  # noqa: ARG002
        """Yield a finding when the sender keeps some."""
        sender = case.sender(leg)
        if sender is not None and sender.after.quantity:
            yield ComplianceReason.FULL_EXIT_ONLY.finding(
                holder=sender.holder, asset=leg.security, left=sender.after.quantity
            )


class HolderLimit(Model):
    """Parameters of ``holder-limit``.

    Attributes:
        most: How many may hold the security.
        of: Only holders of this class are counted; all when empty.
        without: Holders of this class are not counted; at most one of ``of`` and ``without``.
        look_through: Whether clients of those who hold for them count instead of them.
    """

    most: Quantity
    of: HolderClass | None = None
    without: HolderClass | None = None
    look_through: bool = False

    @model_validator(mode="after")
    def _is_one_count(self) -> "HolderLimit":
        if sum((self.of is not None, self.without is not None, self.look_through)) > 1:
            raise ValueError("give at most one of of, without and look_through")
        return self


class HoldersLimited(Rule[HolderLimit]):
    """Not more than so many hold the security at the end of the instruction."""

    name = "holder-limit"
    parameters = HolderLimit

    def needs(self, parameters: HolderLimit) -> Needs:
        """Return the counts, and the topics that decide who is counted."""
        named = (parameters.of, parameters.without)
        topics = {topic for topic in map(topic_of, filter(None, named)) if topic is not None}
        if parameters.look_through:
            topics.add(BENEFICIAL_OWNERS)
        return Needs(counts=True, topics=tuple(sorted(topics)))

    def findings(self, case: Case, leg: Leg, parameters: HolderLimit) -> Iterator[Finding]:
        """Yield a finding when the receiver makes them too many."""
        receiver = case.receiver(leg)
        counts = case.securities[leg.security].counts
        if receiver is None or counts is None:
            return
        changes = [*recounted(case, leg.security)]
        comes = any(each.person == receiver.person and _adds(each, parameters) for each in changes)
        after = _counted(_after(counts, changes), parameters)
        if comes and after > max(parameters.most, _counted(counts, parameters)):
            yield ComplianceReason.HOLDERS_TOO_MANY.finding(
                security=leg.security,
                holder=receiver.holder,
                kind=_kind(parameters),
                count=after,
                limit=parameters.most,
            )


def _adds(change: Recounted, parameters: HolderLimit) -> bool:
    delta = change.delta
    return delta is not None and _counted(HolderCounts().plus(delta), parameters) > 0


def _after(counts: HolderCounts, changes: list[Recounted]) -> HolderCounts:
    for change in changes:
        if (delta := change.delta) is not None:
            counts = counts.plus(delta)
    return counts


def _counted(counts: HolderCounts, parameters: HolderLimit) -> int:
    if parameters.look_through:
        return counts.owners
    if parameters.of is not None:
        return counts.by_class.get(parameters.of, 0)
    if parameters.without is not None:
        return counts.persons - counts.by_class.get(parameters.without, 0)
    return counts.persons


def _kind(parameters: HolderLimit) -> str:
    if parameters.look_through:
        return "beneficial owners"
    if parameters.of is not None:
        return f"holders of class {parameters.of}"
    if parameters.without is not None:
        return f"holders not of class {parameters.without}"
    return "holders"


def recounted(case: Case, security: str) -> Iterator[Recounted]:
    """Yield how each person whom an instruction lets come or go is counted, by person.

    A person that stays is counted as before; ``recount`` brings it up to date.
    """
    accounts = [each for each in case.holders.values() if each.security == security]
    turned = [each for each in accounts if bool(each.before.quantity) != bool(each.after.quantity)]
    for person in sorted({each.person for each in turned}):
        theirs = [each for each in accounts if each.person == person]
        row = next((each.counted for each in theirs if each.counted is not None), None)
        holding = set(row.accounts if row else ())
        holding |= {each.holder for each in theirs if each.after.quantity}
        holding -= {each.holder for each in theirs if not each.after.quantity}
        if holding == set(row.accounts if row else ()):
            continue
        if not holding:
            yield Recounted(person, row, None)
            continue
        shown = row or Counted(
            accounts=(),
            classes=tuple(sorted(theirs[0].classes)),
            owners=owners_of(theirs[0].profile),
        )
        yield Recounted(person, row, shown.model_copy(update={"accounts": tuple(sorted(holding))}))
