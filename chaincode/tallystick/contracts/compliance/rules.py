"""What a rule is, and how rules judge a case.

The same rules answer ``can_transfer`` and decide about movements, so the two never disagree. A rule
keeps nothing between calls and reads nothing but the case and its parameters, so that a decision
can be worked out again later from what was recorded.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Generic, TypeVar, assert_never

from tallystick.contracts.compliance.case import RESIDENCE, Case, Holder, Leg
from tallystick.contracts.compliance.classes import chosen, topic_of
from tallystick.contracts.compliance.histories import RaiseQuestion
from tallystick.contracts.compliance.periods import Period
from tallystick.contracts.events import Basis
from tallystick.contracts.instants import Instant
from tallystick.contracts.lots import ANY_CLASS, Lot
from tallystick.contracts.models import Model
from tallystick.contracts.parties import Standing
from tallystick.contracts.reasons import ComplianceReason, Finding

ParametersT = TypeVar("ParametersT", bound=Model)


class NoParameters(Model):
    """The parameters of a rule that has none."""


class Side(StrEnum):
    """Whose movement a rule judges; that holder's class chooses its parameters."""

    SENDER = "sender"
    RECEIVER = "receiver"


@dataclass(frozen=True, slots=True)
class Needs:
    """What a rule must be told beyond positions: only what some bound rule needs is read.

    Attributes:
        topics: Topics of claims that the profiles must tell, sorted.
        counts: Whether it asks how many hold the security.
        supply: Whether it asks how many units are in being.
        persons: Whether it asks what receivers hold in their other accounts.
        sales: Whether it asks what senders gave away lately.
        windows: How far back it asks.
        approvals: Whether it asks what was approved beforehand.
        raised: What it asks about the offerings of the issuer.
        invested: Exemptions under which receivers' payments in all offerings are asked for.
        documents: Names of documents of the security that are asked for.
    """

    topics: tuple[str, ...] = ()
    counts: bool = False
    supply: bool = False
    persons: bool = False
    sales: bool = False
    windows: tuple[Period, ...] = ()
    approvals: bool = False
    raised: tuple[RaiseQuestion, ...] = ()
    invested: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()

    def __or__(self, other: "Needs") -> "Needs":
        return Needs(
            topics=tuple(sorted({*self.topics, *other.topics})),
            counts=self.counts or other.counts,
            supply=self.supply or other.supply,
            persons=self.persons or other.persons,
            sales=self.sales or other.sales,
            windows=tuple(sorted({*self.windows, *other.windows})),
            approvals=self.approvals or other.approvals,
            raised=tuple(dict.fromkeys((*self.raised, *other.raised))),
            invested=tuple(sorted({*self.invested, *other.invested})),
            documents=tuple(sorted({*self.documents, *other.documents})),
        )


@dataclass(frozen=True, slots=True, order=True)
class Unlock:
    """So many units more may go from a moment on."""

    moment: Instant
    quantity: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A lot may not go to the receiver before a moment; never, when there is none."""

    until: Instant | None = None


NEEDS_NOTHING = Needs()


class Rule(ABC, Generic[ParametersT]):
    """One rule. It keeps no state: instances are shared.

    Attributes:
        name: Under which securities bind it.
        version: Raised when it judges the same case differently; earlier versions stay, so that
            past decisions can be worked out again.
        side: Whom it judges; it is not asked about a leg that has no such side.
        parameters: The model of its parameters.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    side: ClassVar[Side] = Side.RECEIVER
    parameters: type[ParametersT]

    def needs(self, parameters: ParametersT) -> Needs:  # noqa: ARG002 -- most need nothing
        """Return what the rule must be told with these parameters."""
        return NEEDS_NOTHING

    @abstractmethod
    def findings(self, case: Case, leg: Leg, parameters: ParametersT) -> Iterator[Finding]:
        """Yield everything that this rule holds against a leg."""

    def most(self, case: Case, leg: Leg, parameters: ParametersT, at_most: int) -> int:
        """Return the largest quantity of at most ``at_most`` that this rule lets go in a leg.

        A rule that does not look at quantities allows all or nothing.
        """
        trial, changed = case.sending(leg, at_most)
        return 0 if any(True for _ in self.findings(trial, changed, parameters)) else at_most

    def bar(self, case: Case, leg: Leg, lot: Lot, parameters: ParametersT) -> Bar | None:  # noqa: ARG002
        """Return why one of the sender's lots may not go in a leg, or None when it may."""
        return None

    def unlocks(self, case: Case, leg: Leg, parameters: ParametersT) -> Iterator[Unlock]:  # noqa: ARG002
        """Yield what more it lets go later, lots aside."""
        return iter(())


class LotRule(Rule[ParametersT]):
    """A rule that looks at where units come from; units that may go, go first."""

    side = Side.SENDER
    reason: ClassVar[ComplianceReason]

    @abstractmethod
    def bar(self, case: Case, leg: Leg, lot: Lot, parameters: ParametersT) -> Bar | None:
        """Return why one of the sender's lots may not go in a leg, or None when it may."""

    def findings(self, case: Case, leg: Leg, parameters: ParametersT) -> Iterator[Finding]:
        """Yield a finding for each lot that would go and may not."""
        for lot in leg.lots:
            bar = self.bar(case, leg, lot, parameters)
            if bar is not None:
                yield self.reason.finding(
                    holder=str(leg.sender),
                    receiver=str(leg.receiver),
                    asset=leg.security,
                    quantity=lot.quantity,
                    since=lot.held_since,
                    until=bar.until or "the end of time",
                )

    def most(self, case: Case, leg: Leg, parameters: ParametersT, at_most: int) -> int:
        """Return how much of the sender's lots may go."""
        sender = case.sender(leg)
        lots = () if sender is None else sender.before.lots
        barred = sum(
            lot.quantity for lot in lots if self.bar(case, leg, lot, parameters) is not None
        )
        return max(0, min(at_most, sum(lot.quantity for lot in lots) - barred))


ANYWHERE = "XX"
"""Jurisdiction of a licence that counts everywhere."""


def may_serve(venue: Standing, jurisdiction: str) -> bool:
    """Return whether one of a venue's live licences counts in a jurisdiction."""
    return any(each.jurisdiction in {jurisdiction, ANYWHERE} for each in venue.licences)


class Role(StrEnum):
    """A part that somebody has in a movement, by which a law may claim it."""

    ISSUER = "issuer"
    SENDER = "sender"
    RECEIVER = "receiver"
    VENUE = "venue"


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a rule counts: for movements in which somebody is in a jurisdiction in some role.

    Who does not say where it resides is judged by the law of every jurisdiction.
    """

    jurisdiction: str
    roles: tuple[Role, ...]

    def covers(self, case: Case, leg: Leg) -> bool:
        """Return whether the rule counts for a leg."""
        return any(self._is_here(case, leg, role) for role in self.roles)

    def _is_here(self, case: Case, leg: Leg, role: Role) -> bool:
        match role:
            case Role.ISSUER:
                return case.securities[leg.security].home == self.jurisdiction
            case Role.SENDER:
                return self._is_home_of(case.sender(leg))
            case Role.RECEIVER:
                return self._is_home_of(case.receiver(leg))
            case Role.VENUE:
                return case.venue is not None and may_serve(case.venue, self.jurisdiction)
        assert_never(role)

    def _is_home_of(self, holder: Holder | None) -> bool:
        if holder is None:
            return False
        return not holder.residences or self.jurisdiction in holder.residences


@dataclass(frozen=True, slots=True)
class Source:
    """Where a bound rule comes from.

    Attributes:
        pack: The pack and its version; nothing for a rule of the security's own.
        cites: What every finding names: the pack and its provisions.
        scope: Where it counts; None for everywhere.
    """

    pack: str = ""
    cites: str = ""
    scope: Scope | None = None


class Bound(ABC):
    """A rule together with the parameters that a security gives it; see ``bind``.

    Attributes:
        name: Of the rule.
        version: Of the rule.
        pack: The pack and its version that it comes from, or nothing.
        side: Whom it judges.
        needs: What it must be told, whoever is judged.
    """

    name: str
    version: int
    pack: str
    side: Side
    needs: Needs

    @abstractmethod
    def findings(self, case: Case, leg: Leg) -> Iterator[Finding]:
        """Yield everything that it holds against a leg."""

    @abstractmethod
    def most(self, case: Case, leg: Leg, at_most: int) -> int:
        """Return the largest quantity of at most ``at_most`` that it lets go in a leg."""

    @abstractmethod
    def bar(self, case: Case, leg: Leg, lot: Lot) -> Bar | None:
        """Return why one of the sender's lots may not go in a leg, or None when it may."""

    @abstractmethod
    def unlocks(self, case: Case, leg: Leg) -> Iterator[Unlock]:
        """Yield what more it lets go later, lots aside."""


class _Bound(Bound, Generic[ParametersT]):
    def __init__(
        self, rule: Rule[ParametersT], by_class: Mapping[str, ParametersT | None], source: Source
    ) -> None:
        self._rule = rule
        self._by_class = by_class
        self._source = source
        self.name, self.version, self.side = rule.name, rule.version, rule.side
        self.pack = source.pack
        topics = {topic for topic in map(topic_of, by_class) if topic is not None}
        if source.scope is not None:
            topics.add(RESIDENCE)
        self.needs = Needs(topics=tuple(sorted(topics)))
        for each in by_class.values():
            if each is not None:
                self.needs |= rule.needs(each)

    def findings(self, case: Case, leg: Leg) -> Iterator[Finding]:
        parameters = self._parameters(case, leg)
        if parameters is None or self._is_waived(case, leg):
            return
        for finding in self._rule.findings(case, leg, parameters):
            yield self._cited(finding)

    def most(self, case: Case, leg: Leg, at_most: int) -> int:
        parameters = self._parameters(case, leg)
        if parameters is None:
            return at_most
        waived = min(at_most, self._waived_up_to(case, leg))
        return max(waived, self._rule.most(case, leg, parameters, at_most))

    def bar(self, case: Case, leg: Leg, lot: Lot) -> Bar | None:
        parameters = self._parameters(case, leg)
        if parameters is None or self._is_waived(case, leg):
            return None
        return self._rule.bar(case, leg, lot, parameters)

    def unlocks(self, case: Case, leg: Leg) -> Iterator[Unlock]:
        parameters = self._parameters(case, leg)
        return iter(()) if parameters is None else self._rule.unlocks(case, leg, parameters)

    def _parameters(self, case: Case, leg: Leg) -> ParametersT | None:
        """Return the parameters for a leg, or None when the rule does not concern it."""
        scope = self._source.scope
        if scope is not None and not scope.covers(case, leg):
            return None
        judged = _judged(self.side, case, leg)
        return None if judged is None else chosen(self._by_class, judged.classes)

    def _is_waived(self, case: Case, leg: Leg) -> bool:
        return bool(case.approvals) and case.between(leg) <= self._waived_up_to(case, leg)

    def _waived_up_to(self, case: Case, leg: Leg) -> int:
        """Return for how many units an approval takes the rule back; -1 for none."""
        approval = case.approval(leg) if case.approvals else None
        return -1 if approval is None or self.name not in approval.waives else approval.quantity

    def _cited(self, finding: Finding) -> Finding:
        if not self._source.cites:
            return finding
        message = f"{finding.message} [{self._source.cites}]"
        return finding.model_copy(update={"message": message})


def bind(
    rule: Rule[ParametersT],
    parameters: ParametersT | Mapping[str, ParametersT | None],
    source: Source | None = None,
) -> Bound:
    """Return a rule bound to its parameters, for everybody or by class of the holder judged.

    A class without parameters is not judged.
    """
    by_class = parameters if isinstance(parameters, Mapping) else {ANY_CLASS: parameters}
    return _Bound(rule, by_class, source or Source())


OVERRIDING = frozenset({"forced", "recovery"})
"""Bases on which the transfer agent puts the register right: the override is the record."""

ONE_SIDED = frozenset({"corporate-action"})
"""Bases that follow from what somebody holds already: only the receiver is judged."""


def concerns(bound: Bound, basis: Basis, leg: Leg) -> bool:
    """Return whether a bound rule has a say about a leg: see the table of bases in the design."""
    if leg.receiver is None or basis in OVERRIDING:
        return False
    if bound.side is Side.SENDER:
        return leg.sender is not None and basis not in ONE_SIDED
    return True


def _judged(side: Side, case: Case, leg: Leg) -> Holder | None:
    return case.sender(leg) if side is Side.SENDER else case.receiver(leg)


@dataclass(frozen=True, slots=True)
class Result:
    """What one rule said of one leg; no findings means no objection.

    Attributes:
        place: Of the leg, among those of the case.
    """

    rule: str
    version: int
    pack: str
    place: int
    findings: tuple[Finding, ...]


def judge(
    case: Case, always: Sequence[Bound], bound: Mapping[str, Sequence[Bound]]
) -> tuple[Result, ...]:
    """Return what each rule says of each leg: leg by leg, rules in the order given.

    All rules are asked, also after one has objected: who is refused learns everything that stands
    against it.

    Args:
        case: The facts.
        always: Rules that every security has.
        bound: Rules of each security.
    """
    return tuple(
        Result(each.name, each.version, each.pack, place, tuple(each.findings(case, leg)))
        for place, leg in enumerate(case.legs)
        for each in (*always, *rules_for(case, leg, bound))
    )


def rules_for(case: Case, leg: Leg, bound: Mapping[str, Sequence[Bound]]) -> Iterator[Bound]:
    """Yield the bound rules that have a say about a leg."""
    return (each for each in bound.get(leg.security, ()) if concerns(each, case.basis, leg))


def findings_of(results: Sequence[Result]) -> list[Finding]:
    """Return all findings, in the order of the results."""
    return [finding for result in results for finding in result.findings]
