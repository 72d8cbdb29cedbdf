"""A decision about an instruction, and what else may be said of it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tallystick.contracts.compliance.bindings import Bound
from tallystick.contracts.compliance.case import Case, Leg
from tallystick.contracts.compliance.cures import cure_of
from tallystick.contracts.compliance.judging import Result, concerns, findings_of, rules_for
from tallystick.contracts.instants import Instant
from tallystick.contracts.lots import ANY_LOTS, Lot, LotChoice
from tallystick.contracts.models import MAX_QUANTITY, Model
from tallystick.contracts.reasons import Finding, Kind

MAX_UNLOCKS = 64
"""Lines of one answer."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, on what.

    Attributes:
        results: What each rule said of each leg.
        before: Findings that no rule made and that come first: licences, authority.
        beside: Findings that no rule made and that come last: quantities.
    """

    case: Case
    results: tuple[Result, ...]
    before: tuple[Finding, ...] = ()
    beside: tuple[Finding, ...] = ()

    @property
    def is_refused_by_rules(self) -> bool:
        """Whether some rule has something against the instruction."""
        return any(result.findings for result in self.results)

    @property
    def findings(self) -> list[Finding]:
        """Everything that stands against the instruction; nothing when it may be executed."""
        return [*self.before, *findings_of(self.results), *self.beside]


class UnlockLine(Model):
    """So many units more may go from a moment on."""

    moment: Instant
    quantity: int


class Cure(Model):
    """What would lift a reason."""

    code: str
    cure: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The rules that a security is asked about, in one place.

    Attributes:
        always: Those that every security has.
        bound: Those of each security.
        granularity: Units move in multiples of it.
        at_most: No more may go in any case: what an allowance leaves.
        ends_at: From then on nothing may go in any case; None for no such moment.
    """

    always: Sequence[Bound]
    bound: Mapping[str, Sequence[Bound]]
    granularity: int = 1
    at_most: int = MAX_QUANTITY
    ends_at: Instant | None = None


def takes_barred(case: Case, leg: Leg, bound: Sequence[Bound]) -> bool:
    """Return whether a leg takes a lot that may not go."""
    return any(_is_barred(case, leg, lot, bound) for lot in leg.lots)


def free_lots(case: Case, leg: Leg, bound: Sequence[Bound], wanted: int) -> LotChoice | None:
    """Return the choice of lots by which a leg takes what may go; None when that is too little.

    Units that may go, go first: a holder need not know which of its lots are locked.

    Args:
        case: The facts.
        leg: A leg.
        bound: The rules of its security.
        wanted: How many units the sender gives in all.
    """
    sender = case.sender(leg)
    lots = () if sender is None else sender.before.lots
    free = [lot for lot in lots if not _is_barred(case, leg, lot, bound)]
    if sum(lot.quantity for lot in free) < wanted:
        return None
    return LotChoice(lots=tuple(lot.name for lot in free))


def _is_barred(case: Case, leg: Leg, lot: Lot, bound: Sequence[Bound]) -> bool:
    return any(each.bar(case, leg, lot) for each in bound if concerns(each, case.basis, leg))


def most(decision: Decision, leg: Leg, asked: Asked, choice: LotChoice = ANY_LOTS) -> int:
    """Return the largest quantity of the chosen lots that may go in a leg now, all else as it is.

    Each rule names the largest quantity of at most so much that it lets go. That is repeated until
    all agree; what none of them would let go can never be left, so what is left is the most.
    """
    case, sender = decision.case, decision.case.sender(leg)
    if decision.before or _is_hopeless(decision.beside):
        return 0
    receiver = case.receiver(leg)
    room = MAX_QUANTITY - (0 if receiver is None else receiver.before.quantity)
    quantity = min(asked.at_most, room)
    if sender is not None:
        unbarred = _unbarred(case, leg, asked, choice)
        quantity = max(0, min(quantity, sender.before.available, unbarred))
    rules = [*asked.always, *rules_for(case, leg, asked.bound)]
    while quantity:
        agreed = quantity - quantity % asked.granularity
        for each in rules:
            agreed = each.most(case, leg, agreed) if agreed else 0
        if agreed == quantity:
            break
        quantity = agreed
    return quantity


def unlocks(
    decision: Decision, leg: Leg, asked: Asked, choice: LotChoice = ANY_LOTS
) -> tuple[UnlockLine, ...]:
    """Return what more of the chosen lots may go later as time alone passes, by moment.

    Rules name moments at which they let something go; what really may go then, all of them say
    together: the lines add up to the most.
    """
    case, reached = decision.case, most(decision, leg, asked, choice)
    lines: list[UnlockLine] = []
    for moment in _moments(case, leg, asked):
        is_over = asked.ends_at is not None and moment >= asked.ends_at
        if is_over or len(lines) == MAX_UNLOCKS:
            break
        later = most(replace(decision, case=case.at(moment)), leg, asked, choice)
        if later > reached:
            lines.append(UnlockLine(moment=moment, quantity=later - reached))
            reached = later
    return tuple(lines)


def _moments(case: Case, leg: Leg, asked: Asked) -> list[Instant]:
    rules, sender = list(rules_for(case, leg, asked.bound)), case.sender(leg)
    moments = {each.moment for rule in rules for each in rule.unlocks(case, leg)}
    for lot in () if sender is None else sender.before.lots:
        bars = [bar for rule in rules if (bar := rule.bar(case, leg, lot)) is not None]
        moments.update(bar.until for bar in bars if bar.until is not None)
    return sorted(moments)


def cures(decision: Decision) -> tuple[Cure, ...]:
    """Return what would lift each reason, one line for each code."""
    codes = dict.fromkeys(finding.code for finding in decision.findings)
    return tuple(
        Cure(code=code, cure=cure) for code in codes if (cure := cure_of(code)) is not None
    )


def _unbarred(case: Case, leg: Leg, asked: Asked, choice: LotChoice) -> int:
    """Return how many of the chosen units no rule about lots holds back."""
    sender = case.sender(leg)
    if sender is None:
        return 0
    rules = list(rules_for(case, leg, asked.bound))
    return sum(
        lot.quantity
        for lot in choice.candidates(sender.before.lots)
        if all(rule.bar(case, leg, lot) is None for rule in rules)
    )


_OF_QUANTITY = {Kind.BALANCE.value.erc1400}


def _is_hopeless(findings: Sequence[Finding]) -> bool:
    """Return whether something stands in the way that another quantity would not lift."""
    return any(
        finding.erc1400 not in _OF_QUANTITY and finding.code not in _ABOUT_QUANTITY
        for finding in findings
    )


_ABOUT_QUANTITY = {
    "ALLOWANCE_EXCEEDED",
    "GRANULARITY_MISSED",
    "HOLDING_TOO_LARGE",
    "LOTS_TOO_MANY",
    "LOTS_TOO_FEW",
}
