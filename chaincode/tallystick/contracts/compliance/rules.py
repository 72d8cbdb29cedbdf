"""What a rule is, and how rules judge a case.

The same rules answer ``can_transfer`` and decide about movements, so the two never disagree. A rule
keeps nothing between calls and reads nothing but the case and its parameters, so that a decision
can be worked out again later from what was recorded.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from tallystick.contracts.compliance.case import Case, Leg
from tallystick.contracts.instants import Instant
from tallystick.contracts.models import Model
from tallystick.contracts.reasons import Finding

ParametersT = TypeVar("ParametersT", bound=Model)


class NoParameters(Model):
    """The parameters of a rule that has none."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a rule must be told beyond positions: only what some bound rule needs is read.

    Attributes:
        topics: Topics of claims that the profiles must tell, sorted.
        holder_count: Whether it asks how many hold the security.
        supply: Whether it asks how many units are in being.
    """

    topics: tuple[str, ...] = ()
    holder_count: bool = False
    supply: bool = False

    def __or__(self, other: "Needs") -> "Needs":
        return Needs(
            topics=tuple(sorted({*self.topics, *other.topics})),
            holder_count=self.holder_count or other.holder_count,
            supply=self.supply or other.supply,
        )


@dataclass(frozen=True, slots=True)
class Unlock:
    """So many units more may go from a moment on."""

    moment: Instant
    quantity: int


@dataclass(frozen=True, slots=True)
class Limit:
    """How much a rule lets go in a leg.

    Attributes:
        quantity: At most so much now; None when the rule sets no bound.
        unlocks: What more may go later, in order of time.
        cure: What would lift the bound, as a sentence; empty when nothing does.
    """

    quantity: int | None = None
    unlocks: tuple[Unlock, ...] = ()
    cure: str = ""


UNLIMITED = Limit()
NEEDS_NOTHING = Needs()


class Rule(ABC, Generic[ParametersT]):
    """One rule. It keeps no state: instances are shared.

    Attributes:
        name: Under which securities bind it.
        version: Raised when it judges the same case differently; earlier versions stay, so that
            past decisions can be worked out again.
        parameters: The model of its parameters.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    parameters: type[ParametersT]

    def needs(self, parameters: ParametersT) -> Needs:  # noqa: ARG002 -- most need nothing
        """Return what the rule must be told with these parameters."""
        return NEEDS_NOTHING

    @abstractmethod
    def findings(self, case: Case, leg: Leg, parameters: ParametersT) -> Iterator[Finding]:
        """Yield everything that this rule holds against a leg."""

    def limit(self, case: Case, leg: Leg, parameters: ParametersT) -> Limit:  # noqa: ARG002
        """Return how much this rule lets go in a leg, apart from what its findings forbid."""
        return UNLIMITED


@dataclass(frozen=True, slots=True)
class Bound:
    """A rule together with the parameters that a security gives it; see ``bind``."""

    name: str
    version: int
    needs: Needs
    findings: Callable[[Case, Leg], Iterator[Finding]]
    limit: Callable[[Case, Leg], Limit]


def bind(rule: Rule[ParametersT], parameters: ParametersT) -> Bound:
    """Return a rule bound to its parameters."""
    return Bound(
        name=rule.name,
        version=rule.version,
        needs=rule.needs(parameters),
        findings=lambda case, leg: rule.findings(case, leg, parameters),
        limit=lambda case, leg: rule.limit(case, leg, parameters),
    )


@dataclass(frozen=True, slots=True)
class Result:
    """What one rule said of one leg; no findings means no objection."""

    rule: str
    version: int
    leg: Leg
    findings: tuple[Finding, ...]


def judge(case: Case, rules: Sequence[Bound]) -> tuple[Result, ...]:
    """Return what each rule says of each leg: leg by leg, rules in the order given.

    All rules are asked, also after one has objected: who is refused learns everything that stands
    against it.
    """
    return tuple(
        Result(each.name, each.version, leg, tuple(each.findings(case, leg)))
        for leg in case.legs
        for each in rules
    )


def findings_of(results: Sequence[Result]) -> list[Finding]:
    """Return all findings, in the order of the results."""
    return [finding for result in results for finding in result.findings]
