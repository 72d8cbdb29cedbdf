"""Records of decisions: what was decided, on what, by which versions; and working it out again."""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from functools import lru_cache

from tallystick.chaincode import Context, composite_key, split_composite_key
from tallystick.contracts.book import Account
from tallystick.contracts.compliance.bindings import Bound
from tallystick.contracts.compliance.case import (
    Case,
    Holder,
    Leg,
    PairApproval,
    SecurityFacts,
)
from tallystick.contracts.compliance.catalogue import UNBOUND
from tallystick.contracts.compliance.decisions import Decision
from tallystick.contracts.compliance.judging import Result, judge
from tallystick.contracts.compliance.models import NO_RULES, NO_VENUE_RULES, RuleSet, VenueRules
from tallystick.contracts.events import Basis
from tallystick.contracts.instants import Instant, now
from tallystick.contracts.models import Model
from tallystick.contracts.parties import Standing
from tallystick.contracts.reasons import ComplianceReason
from tallystick.contracts.rows import load_row


class Outcome(StrEnum):
    """How a decision ended."""

    MOVED = "moved"
    HELD = "held"
    REFUSED = "refused"


class Review(StrEnum):
    """What the regulator said of a decision."""

    ACKNOWLEDGED = "acknowledged"
    QUERIED = "queried"


class RuleResult(Model):
    """What a rule said of a leg.

    Attributes:
        leg: Its place among the legs.
        codes: Of its findings; none means no objection.
    """

    rule: str
    version: int
    pack: str = ""
    leg: int = 0
    codes: tuple[str, ...] = ()


class DecisionRecord(Model):
    """Row ``decision (security, transaction id)``: written once, never changed.

    Attributes:
        actor: MSP of the participant that submitted it.
        legs: The movements of this security.
        holders: Who took part, with their claims and positions then.
        facts: What was known of the security, and which version of its rules was in force.
        venue_rules: Version of the venue's own rules; zero without any.
        results: What each rule said of each leg.
        beside: Codes of reasons that no rule gave: licences, authority, quantities.
    """

    outcome: Outcome
    moment: Instant
    basis: Basis
    actor: str
    legs: tuple[Leg, ...]
    holders: tuple[Holder, ...]
    facts: SecurityFacts
    venue: Standing | None = None
    venue_rules: int = 0
    approvals: tuple[PairApproval, ...] = ()
    results: tuple[RuleResult, ...] = ()
    beside: tuple[str, ...] = ()

    @property
    def case(self) -> Case:
        """The facts of the decision, as they were."""
        return Case(
            moment=self.moment,
            basis=self.basis,
            legs=self.legs,
            holders={Account(each.security, each.holder): each for each in self.holders},
            securities={self.facts.security: self.facts},
            venue=self.venue,
            approvals=self.approvals,
        )


class ReviewNote(Model):
    """Row ``review (security, decision)``: what the regulator said of it last.

    Attributes:
        note_hash: SHA-256 of the note that goes with it, or nothing.
    """

    review: Review
    by: str
    at: Instant
    note_hash: str = ""


class DecisionLine(Model):
    """A decision among others, with what was said of it."""

    decision: str
    outcome: Outcome
    moment: Instant
    basis: Basis
    codes: tuple[str, ...]
    review: ReviewNote | None


class DecisionPage(Model):
    """Decisions about a security, by transaction id; the bookmark is empty after the last page."""

    decisions: tuple[DecisionLine, ...]
    bookmark: str


class Recomputation(Model):
    """A decision worked out again, from what was recorded and the rules in force then.

    Attributes:
        agrees: Whether every rule says the same again.
    """

    agrees: bool
    recorded: tuple[RuleResult, ...]
    recomputed: tuple[RuleResult, ...]


class Records:
    """Records of decisions, as one transaction sees and makes them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._state = ctx.state

    def save(self, decision: Decision, outcome: Outcome, venue_rules: dict[str, int]) -> None:
        """Write a record for each security of an instruction.

        Args:
            decision: What was decided.
            outcome: How it ended.
            venue_rules: Versions of the venue's own rules, by security.
        """
        for security, facts in decision.case.securities.items():
            row = self._record(decision, outcome, security, facts, venue_rules[security])
            key = composite_key("decision", security, self._ctx.transaction_id)
            self._state.put(key, row.compact())

    def require(self, security: str, decision: str) -> DecisionRecord:
        """Return a record; refuse with DECISION_UNKNOWN when there is none."""
        key = composite_key("decision", security, decision)
        row = self._state.load(key, DecisionRecord)
        if row is None:
            raise ComplianceReason.DECISION_UNKNOWN.refusal(security=security, decision=decision)
        return row

    def review(self, security: str, decision: str) -> ReviewNote | None:
        """Return what the regulator said of a decision, or None."""
        return self._state.load(composite_key("review", security, decision), ReviewNote)

    def save_review(self, security: str, decision: str, review: Review, note_hash: str) -> None:
        """Say something of a decision; what is acknowledged stays so.

        Raises:
            Refusal: DECISION_UNKNOWN or DECISION_REVIEWED.
        """
        self.require(security, decision)
        before = self.review(security, decision)
        if before is not None and before.review is Review.ACKNOWLEDGED:
            raise ComplianceReason.DECISION_REVIEWED.refusal(
                security=security, decision=decision, review=before.review
            )
        note = ReviewNote(
            review=review, by=self._ctx.client.msp_id, at=now(self._ctx), note_hash=note_hash
        )
        self._state.save(composite_key("review", security, decision), note)

    def page(
        self, security: str, page_size: int, bookmark: str, *, only_open: bool
    ) -> DecisionPage:
        """Return a page of decisions; ``only_open`` leaves out those that are acknowledged."""
        page = self._state.partial_page(
            "decision", security, page_size=page_size, bookmark=bookmark
        )
        lines = []
        for key, value in page.rows:
            name = split_composite_key(key)[1][1]
            row = DecisionRecord.model_validate_json(value)
            review = self.review(security, name)
            if only_open and review is not None and review.review is Review.ACKNOWLEDGED:
                continue
            codes = [code for result in row.results for code in result.codes]
            lines.append(
                DecisionLine(
                    decision=name,
                    outcome=row.outcome,
                    moment=row.moment,
                    basis=row.basis,
                    codes=tuple(dict.fromkeys((*codes, *row.beside))),
                    review=review,
                )
            )
        return DecisionPage(decisions=tuple(lines), bookmark=page.bookmark)

    def recompute(self, security: str, decision: str) -> Recomputation:
        """Work a decision out again.

        Raises:
            Refusal: DECISION_UNKNOWN.
        """
        row = self.require(security, decision)

        def find(key: str) -> Model | None:
            return load_row(self._state, key, _model_of(key))

        results = recomputed(row, find)
        return Recomputation(
            agrees=results == row.results, recorded=row.results, recomputed=results
        )

    # --- how ---

    def _record(
        self,
        decision: Decision,
        outcome: Outcome,
        security: str,
        facts: SecurityFacts,
        venue_rules: int,
    ) -> DecisionRecord:
        case = decision.case
        places = [place for place, leg in enumerate(case.legs) if leg.security == security]
        return DecisionRecord.model_construct(
            outcome=outcome,
            moment=case.moment,
            basis=case.basis,
            actor=self._ctx.client.msp_id,
            legs=tuple(case.legs[place] for place in places),
            holders=tuple(each for each in case.holders.values() if each.security == security),
            facts=facts,
            venue=case.venue,
            venue_rules=venue_rules,
            approvals=tuple(each for each in case.approvals if each.security == security),
            results=tuple(_results(decision.results, places)),
            beside=tuple(each.code for each in (*decision.before, *decision.beside)),
        )


OWN = {("lot-locks", 1)}
"""Rules that need no binding and come with those that are bound."""


def recomputed(
    row: DecisionRecord, find: Callable[[str], Model | str | None]
) -> tuple[RuleResult, ...]:
    """Return what the rules in force then say of the facts that a record has. Pure.

    Args:
        row: The record.
        find: Returns the row at a key: a version of a security's rules, or of a venue's.
    """
    always, bound = _in_force(row, find)
    again = judge(row.case, always, {row.facts.security: bound})
    return tuple(_results(again, range(len(row.legs))))


def _in_force(
    row: DecisionRecord, find: Callable[[str], Model | str | None]
) -> tuple[list[Bound], list[Bound]]:
    """Return the rules in force then: those that need no binding, and those that were bound."""
    first = [each for each in row.results if each.leg == 0]
    unbound = [(each.rule, each.version) for each in first if not each.pack]
    always = [UNBOUND[key] for key in unbound if key in UNBOUND and key not in OWN]
    security = row.facts.security
    rules: Model | str | None = NO_RULES
    if row.facts.rule_set:
        rules = find(rules_key(security, row.facts.rule_set))
    assert isinstance(rules, RuleSet), "every version of rules is kept when it is bound"
    bound = list(rules.bound)
    if row.venue is not None and row.venue_rules:
        theirs = find(venue_rules_key(security, row.venue.organization, row.venue_rules))
        bound += theirs.bound if isinstance(theirs, VenueRules) else NO_VENUE_RULES.bound
    return always, bound


def _model_of(key: str) -> type[RuleSet] | type[VenueRules]:
    return RuleSet if split_composite_key(key)[0] == "rules" else VenueRules


def rules_key(security: str, version: int) -> str:
    """Return the key of a version of a security's rules."""
    return composite_key("rules", security, str(version))


def venue_rules_key(security: str, venue: str, version: int | None = None) -> str:
    """Return the key of a venue's rules for a security: those in force, or a version of them."""
    if version is None:
        return composite_key("venue-rules", security, venue)
    return composite_key("venue-rules-then", security, venue, str(version))


def _results(results: Sequence[Result], places: Sequence[int]) -> Iterator[RuleResult]:
    """Yield the results about some of the legs, those given by their places, renumbered."""
    renumbered = {place: number for number, place in enumerate(places)}
    for each in results:
        if each.place in renumbered:
            codes = tuple(finding.code for finding in each.findings)
            yield _result(each.rule, each.version, each.pack, renumbered[each.place], codes)


@lru_cache(maxsize=4096)
def _result(rule: str, version: int, pack: str, leg: int, codes: tuple[str, ...]) -> RuleResult:
    # Most rules pass most legs: the same few results come again and again.
    return RuleResult(rule=rule, version=version, pack=pack, leg=leg, codes=codes)
