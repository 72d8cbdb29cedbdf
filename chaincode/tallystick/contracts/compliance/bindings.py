"""Rules bound to their parameters: for whom they count, where, and what their findings name."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, assert_never

from tallystick.contracts.compliance.case import RESIDENCE, Case, Holder, Leg
from tallystick.contracts.compliance.classes import chosen, topic_of
from tallystick.contracts.compliance.rules import Bar, Needs, ParametersT, Rule, Side, Unlock
from tallystick.contracts.lots import ANY_CLASS, Lot
from tallystick.contracts.parties import Standing
from tallystick.contracts.reasons import Finding

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

    Who does not say where it resides is judged by the law of every jurisdiction; so is an issuer
    of whom no home is known.
    """

    jurisdiction: str
    roles: tuple[Role, ...]

    def covers(self, case: Case, leg: Leg) -> bool:
        """Return whether the rule counts for a leg."""
        return any(self._is_here(case, leg, role) for role in self.roles)

    def _is_here(self, case: Case, leg: Leg, role: Role) -> bool:
        match role:
            case Role.ISSUER:
                return case.securities[leg.security].home in {None, self.jurisdiction}
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
        self._tells_classes_apart = by_class.keys() != {ANY_CLASS}
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
            return iter(())
        findings = self._rule.findings(case, leg, parameters)
        return map(self._cited, findings) if self._source.cites else findings

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
        if judged is None:
            return None
        return chosen(self._by_class, judged.classes if self._tells_classes_apart else ())

    def _is_waived(self, case: Case, leg: Leg) -> bool:
        return bool(case.approvals) and case.between(leg) <= self._waived_up_to(case, leg)

    def _waived_up_to(self, case: Case, leg: Leg) -> int:
        """Return for how many units an approval takes the rule back; -1 for none."""
        approval = case.approval(leg) if case.approvals else None
        return -1 if approval is None or self.name not in approval.waives else approval.quantity

    def _cited(self, finding: Finding) -> Finding:
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


def _judged(side: Side, case: Case, leg: Leg) -> Holder | None:
    return case.sender(leg) if side is Side.SENDER else case.receiver(leg)
