"""What a rule is, and what it must be told.

A rule keeps nothing between calls and reads nothing but the case and its parameters, so that a
decision can be worked out again later from what was recorded.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Generic, TypeVar

from tallystick.contracts.compliance.case import Case, Leg
from tallystick.contracts.compliance.histories import RaiseQuestion
from tallystick.contracts.compliance.periods import Period
from tallystick.contracts.instants import Instant
from tallystick.contracts.lots import Lot
from tallystick.contracts.models import Model
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
        acceptances: Whether it asks if receivers want the security.
        approvals: Whether it asks what was approved beforehand.
        raised: What it asks about the offerings of the issuer.
        placed: Exemptions in whose offerings holders may sell as well.
        invested: Exemptions under which receivers' payments in all offerings are asked for.
        documents: Names of documents of the security that are asked for.
        risk: Whether it asks for the security's class of risk in the catalogue.
        weeks: Of how many past calendar weeks it asks what venues reported; zero for none.
    """

    topics: tuple[str, ...] = ()
    counts: bool = False
    supply: bool = False
    persons: bool = False
    sales: bool = False
    windows: tuple[Period, ...] = ()
    acceptances: bool = False
    approvals: bool = False
    raised: tuple[RaiseQuestion, ...] = ()
    placed: tuple[str, ...] = ()
    invested: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    risk: bool = False
    weeks: int = 0

    def __or__(self, other: "Needs") -> "Needs":
        return Needs(
            topics=tuple(sorted({*self.topics, *other.topics})),
            counts=self.counts or other.counts,
            supply=self.supply or other.supply,
            persons=self.persons or other.persons,
            sales=self.sales or other.sales,
            windows=tuple(sorted({*self.windows, *other.windows})),
            acceptances=self.acceptances or other.acceptances,
            approvals=self.approvals or other.approvals,
            raised=tuple(dict.fromkeys((*self.raised, *other.raised))),
            placed=tuple(sorted({*self.placed, *other.placed})),
            invested=tuple(sorted({*self.invested, *other.invested})),
            documents=tuple(sorted({*self.documents, *other.documents})),
            risk=self.risk or other.risk,
            weeks=max(self.weeks, other.weeks),
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
