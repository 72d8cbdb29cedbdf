"""Rules about how much somebody gives away within a window of time."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, model_validator

from tallystick.contracts.compliance.case import Case, Leg
from tallystick.contracts.compliance.histories import Sale, Sales
from tallystick.contracts.compliance.holdings import BASIS_POINTS, BasisPoints
from tallystick.contracts.compliance.periods import Period, end_of
from tallystick.contracts.compliance.reported import MAX_WEEKS, weeks_before
from tallystick.contracts.compliance.rules import Needs, Rule, Side, Unlock
from tallystick.contracts.events import Basis
from tallystick.contracts.models import Identifier, Model, Quantity
from tallystick.contracts.reasons import ComplianceReason, Finding


class Volume(Model):
    """Parameters of ``volume-window``: the greater of what is given, within each window.

    Attributes:
        window: A sale counts until this period after it is over.
        units: So many.
        share: So many ten-thousandths of the supply, rounded down.
        weeks: The average of what was traded in so many calendar weeks before that of the
            movement, rounded down, as venues report it; None where that does not count.
        reported_by: Reports count of venues with a licence of one of these classes; of all when
            empty.
        per_venue: Whether each venue has a window of its own, and only movements at one count.
        excepted: Movements on these bases are not judged.
    """

    window: Period
    units: Quantity | None = None
    share: BasisPoints | None = None
    weeks: Annotated[int, Field(ge=1, le=MAX_WEEKS)] | None = None
    reported_by: Annotated[tuple[Identifier, ...], Field(max_length=16)] = ()
    per_venue: bool = False
    excepted: tuple[Basis, ...] = (Basis.DISTRIBUTION,)

    @model_validator(mode="after")
    def _says_something(self) -> "Volume":
        if self.units is None and self.share is None and self.weeks is None:
            raise ValueError("give units, share, weeks or several of them")
        return self


class VolumeWindow(Rule[Volume]):
    """A person gives away at most so much within a window, in all or at one venue."""

    name = "volume-window"
    side = Side.SENDER
    parameters = Volume

    def needs(self, parameters: Volume) -> Needs:
        """Return past sales, the supply for a share of it, and the weeks of an average."""
        return Needs(
            sales=True,
            supply=parameters.share is not None,
            windows=(parameters.window,),
            weeks=parameters.weeks or 0,
        )

    def findings(self, case: Case, leg: Leg, parameters: Volume) -> Iterator[Finding]:
        """Yield a finding when this movement is too much on top of those before."""
        sold, now = _sold(case, leg, parameters), _now(case, leg, parameters)
        limit = _limit(case, leg, parameters)
        if now and sold + now > limit:
            yield ComplianceReason.VOLUME_EXCEEDED.finding(
                holder=str(leg.sender),
                asset=leg.security,
                quantity=sold + now,
                window=parameters.window,
                limit=limit,
            )

    def most(self, case: Case, leg: Leg, parameters: Volume, at_most: int) -> int:
        """Return what is left of the window."""
        now = _now(case, leg, parameters)
        if not now:
            return at_most
        left = _limit(case, leg, parameters) - _sold(case, leg, parameters)
        return max(0, min(at_most, left - (now - leg.quantity)))

    def unlocks(self, case: Case, leg: Leg, parameters: Volume) -> Iterator[Unlock]:
        """Yield what past sales give back when they leave the window."""
        for each in _counted(case, leg, parameters):
            yield Unlock(end_of(each.moment, parameters.window), each.quantity)


def _counted(case: Case, leg: Leg, parameters: Volume) -> Iterator[Sale]:
    sender = case.sender(leg)
    if sender is None:
        return
    venue = None if case.venue is None else case.venue.organization
    for each in Sales(sales=sender.sold).within(parameters.window, case.moment):
        if not parameters.per_venue or each.venue == venue:
            yield each


def _sold(case: Case, leg: Leg, parameters: Volume) -> int:
    return sum(each.quantity for each in _counted(case, leg, parameters))


def _now(case: Case, leg: Leg, parameters: Volume) -> int:
    """Return what the person sells in this instruction; nothing when it is not judged."""
    if case.basis in parameters.excepted or (parameters.per_venue and case.venue is None):
        return 0
    sender = case.sender(leg)
    if sender is None or not is_sale(case, leg):
        return 0
    return sum(
        each.quantity
        for each in case.legs
        if each.security == leg.security
        and (other := case.sender(each)) is not None
        and other.person == sender.person
        and is_sale(case, each)
    )


def is_sale(case: Case, leg: Leg) -> bool:
    """Return whether units go from one person to another."""
    sender, receiver = case.sender(leg), case.receiver(leg)
    return sender is not None and receiver is not None and sender.person != receiver.person


def _limit(case: Case, leg: Leg, parameters: Volume) -> int:
    supply = case.securities[leg.security].supply or 0
    share = 0 if parameters.share is None else supply * parameters.share // BASIS_POINTS
    return max(parameters.units or 0, share, _weekly_average(case, leg, parameters))


def _weekly_average(case: Case, leg: Leg, parameters: Volume) -> int:
    if parameters.weeks is None:
        return 0
    weeks = weeks_before(case.moment, parameters.weeks)
    counted = (
        each.quantity
        for each in case.securities[leg.security].traded
        if each.week in weeks
        and (not parameters.reported_by or not set(each.classes).isdisjoint(parameters.reported_by))
    )
    return sum(counted) // parameters.weeks
