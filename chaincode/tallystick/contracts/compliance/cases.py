"""How the facts of a decision are put together: only what some bound rule needs is read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tallystick.chaincode import Context
from tallystick.contracts.book import Account, Book, Plan
from tallystick.contracts.compliance.bindings import Bound
from tallystick.contracts.compliance.case import (
    RESIDENCE,
    Case,
    Disclosed,
    Holder,
    Leg,
    PairApproval,
    SecurityFacts,
)
from tallystick.contracts.compliance.counters import Counters
from tallystick.contracts.compliance.counts import BENEFICIAL_OWNERS, Counted
from tallystick.contracts.compliance.histories import Invested, Sale
from tallystick.contracts.compliance.models import RuleSet, VenueRules
from tallystick.contracts.compliance.reported import TradedInWeek, weeks_before
from tallystick.contracts.compliance.rules import Needs
from tallystick.contracts.events import Basis
from tallystick.contracts.instants import now
from tallystick.contracts.parties import PartiesReport, PartyReport, Requirement

ACCREDITATION = "accreditation"
COUNTED_TOPICS = (ACCREDITATION, BENEFICIAL_OWNERS, RESIDENCE)
"""Topics by which holders are counted from the day they come, whatever rules ask then."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A security that an instruction moves; see ``subject_of``.

    Attributes:
        is_open: Whether requirements or rules say to whom it may go.
        rules: Those in force.
        venue_rules: Version of what the venue asks on top; zero without any.
        disclosed: The documents that rules ask about.
        risk_class: Its class of risk in the catalogue, if a rule asks; None when it has none.
        bound: All rules to ask, those of the venue last.
        needs: What they must be told.
        topics: Topics to ask about every holder.
        topics_of_newcomers: The same of those who hold nothing yet: by more, to count them by.
    """

    issuer: str
    pause: str | None
    is_open: bool
    rules: RuleSet
    venue_rules: int
    bound: tuple[Bound, ...]
    needs: Needs
    topics: tuple[str, ...]
    topics_of_newcomers: tuple[str, ...]
    disclosed: tuple[Disclosed, ...] = ()
    risk_class: int | None = None


def subject_of(
    *,
    issuer: str,
    pause: str | None,
    requirements: Sequence[Requirement],
    rules: RuleSet,
    venue_rules: VenueRules,
) -> Subject:
    """Return a security as decisions about it see it."""
    needs = rules.needs
    for each in venue_rules.bound:
        needs |= each.needs
    topics = tuple(dict.fromkeys((*(each.topic for each in requirements), *needs.topics)))
    return Subject(
        issuer=issuer,
        pause=pause,
        is_open=bool(requirements or rules.rules),
        rules=rules,
        venue_rules=venue_rules.version,
        bound=(*rules.bound, *venue_rules.bound),
        needs=needs,
        topics=topics,
        topics_of_newcomers=tuple(dict.fromkeys((*topics, *COUNTED_TOPICS))),
    )


Subjects = Mapping[str, Subject]


class Part(NamedTuple):
    """What somebody has to do with an instruction.

    Who gives and gets in it is judged as both, whatever remains in the end.

    Attributes:
        change: By how much its quantity changes.
    """

    change: int
    gives: bool
    gets: bool


NO_PART = Part(0, gives=False, gets=False)


@dataclass(frozen=True, slots=True)
class Given:
    """What a case is put together from.

    Attributes:
        legs: The movements.
        plan: Positions before and after.
        basis: By what right.
        report: What ``identity`` answered, a party for each account in the order of the legs.
        subjects: The securities that move.
    """

    legs: tuple[Leg, ...]
    plan: Plan
    basis: Basis
    report: PartiesReport
    subjects: Subjects


class Cases:
    """Puts cases together, in one transaction."""

    def __init__(self, ctx: Context, book: Book) -> None:
        self._ctx = ctx
        self._book = book
        self._counters = Counters(ctx.state, ctx.transaction_id)

    def case(self, given: Given) -> Case:
        """Return the facts of an instruction."""
        holders = {}
        parts = parts_of(given.legs)
        for (account, part), known in zip(parts.items(), given.report.parties, strict=True):
            holders[account] = self.holder(account, part, known, given)
        receivers = {
            holders[Account(leg.security, leg.receiver)].person
            for leg in given.legs
            if leg.receiver is not None
        }
        asking = [leg for leg in given.legs if given.subjects[leg.security].needs.approvals]
        approvals = tuple(self.approvals(asking, given.basis))
        placed = {each.security for each in approvals if each.exemption is not None}
        return Case(
            moment=now(self._ctx),
            basis=given.basis,
            legs=given.legs,
            holders=holders,
            securities={
                name: self.facts(
                    name, subject, given.basis, receivers, has_placements=name in placed
                )
                for name, subject in given.subjects.items()
            },
            venue=next(iter(given.report.organizations), None),
            approvals=approvals,
        )

    def approvals(self, legs: Sequence[Leg], basis: Basis) -> Iterator[PairApproval]:
        """Yield what was approved for the senders and receivers of legs.

        Of net deliveries they are nobody's who agreed on anything, and what is moved by order needs
        nobody's approval: nothing is approved for them.
        """
        if basis in {Basis.NET_DELIVERY, Basis.FORCED}:
            return
        for security, sender, receiver in dict.fromkeys(
            (leg.security, leg.sender, leg.receiver) for leg in legs
        ):
            if sender is not None and receiver is not None:
                approval = self._counters.approval(security, sender, receiver)
                if approval is not None:
                    yield approval

    def holder(self, account: Account, part: Part, known: PartyReport, given: Given) -> Holder:
        """Return what rules see of a holder who has this part in an instruction."""
        plan, needs = given.plan, given.subjects[account.asset].needs
        change, gives, gets = part
        before = plan.before.get(account) or self._book.position(account)
        after = plan.after.get(account, before)
        if after.quantity != before.quantity + change:  # a hold: judged as if it were executed
            after = after.model_copy(update={"quantity": before.quantity + change})
        person = account.holder if known.profile is None else known.profile.person
        counted = None
        turns = bool(before.quantity) != bool(after.quantity)
        if turns or needs.counts or (needs.persons and gets):
            counted = self._counters.counted(account.asset, person)
        return Holder.model_construct(
            security=account.asset,
            holder=account.holder,
            profile=known.profile,
            lacks=tuple(known.findings),
            stop=before.stop,
            before=before,
            after=after,
            elsewhere=self._elsewhere(account, counted, plan) if needs.persons else 0,
            accepts=(
                needs.acceptances and gets and self._counters.accepts(account.asset, account.holder)
            ),
            counted=counted,
            sold=self._sold(account, person, needs) if gives else (),
            invested=self._invested(person, needs) if gets else (),
        )

    def _elsewhere(self, account: Account, counted: Counted | None, plan: Plan) -> int:
        accounts = () if counted is None else counted.accounts
        others = (Account(account.asset, each) for each in accounts if each != account.holder)
        return sum(self._book.position(each).quantity for each in others if each not in plan.before)

    def _sold(self, account: Account, person: str, needs: Needs) -> tuple[Sale, ...]:
        return self._counters.sales(account.asset, person).sales if needs.sales else ()

    def _invested(self, person: str, needs: Needs) -> tuple[Invested, ...]:
        return tuple(
            each for name in needs.invested for each in self._counters.invested(person, name)
        )

    def facts(
        self,
        name: str,
        subject: Subject,
        basis: Basis,
        receivers: set[str],
        *,
        has_placements: bool = False,
    ) -> SecurityFacts:
        """Return what rules see of a security; ``receivers`` are the persons who get units.

        What was raised is read for issues, and where holders may be selling in an offering.
        """
        needs = subject.needs
        raised = needs.raised if basis is Basis.ISSUE or has_placements else ()
        return SecurityFacts.model_construct(
            security=name,
            rule_set=subject.rules.version,
            is_open=subject.is_open,
            pause=subject.pause,
            home=subject.rules.home,
            unit_price=subject.rules.unit_price,
            supply=self._book.supply(name) if needs.supply else None,
            counts=self._counters.counts(name) if needs.counts else None,
            disclosed=subject.disclosed,
            risk_class=subject.risk_class,
            traded=self._traded(name, needs.weeks),
            placed=needs.placed,
            raised=tuple(
                self._counters.raised(subject.issuer, each, now(self._ctx), receivers)
                for each in raised
            ),
        )

    def _traded(self, security: str, weeks: int) -> tuple[TradedInWeek, ...]:
        if not weeks:
            return ()
        return tuple(self._counters.traded(security, weeks_before(now(self._ctx), weeks)))


def parts_of(legs: Sequence[Leg]) -> dict[Account, Part]:
    """Return what each account has to do with the legs, in their order."""
    parts: dict[Account, Part] = {}
    for leg in legs:
        for name, change in ((leg.sender, -leg.quantity), (leg.receiver, leg.quantity)):
            if name is not None:
                account = Account(leg.security, name)
                old = parts.get(account, NO_PART)
                gives, gets = old.gives or change < 0, old.gets or change > 0
                parts[account] = Part(old.change + change, gives, gets)
    return parts
