"""What holders get, and what a vote decides: arithmetic without fractions. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from tallystick.contracts.actions.models import (
    ClaimLine,
    Entitlement,
    MarketClaim,
    ResolutionResult,
    Totals,
)
from tallystick.contracts.actions.terms import (
    BASIS_POINTS,
    CLAIMED,
    ActionTerms,
    Ballot,
    Distribution,
    Elected,
    Resolution,
)
from tallystick.contracts.instants import day_of
from tallystick.contracts.reasons import ActionReason, Finding
from tallystick.contracts.statements import Vote, VotesCast
from tallystick.contracts.trades.models import Status, Trade
from tallystick.contracts.trades.states import OPEN
from tallystick.contracts.trades.terms import LegKind, TradeTerms


def brings(units: int, given: Distribution) -> int:
    """Return what units bring, rounded down."""
    return units * given.numerator // given.denominator


def entitlement(units: int, given: Distribution, withholding: int) -> Entitlement:
    """Return what a holder gets for units; what is withheld is rounded down, too."""
    gross = brings(units, given)
    return Entitlement(
        units=units,
        gross=gross,
        withholding=withholding,
        withheld=gross * withholding // BASIS_POINTS,
    )


def elected_units(held: int, votes: Sequence[Vote], option: Elected) -> int:
    """Return for how many of its units a holder gets an option, by what it has elected."""
    chosen = others = 0
    for vote in votes:
        if vote.resolution == option.resolution:
            is_it = vote.choice == option.choice
            chosen += vote.units if is_it else 0
            others += 0 if is_it else vote.units
    return max(0, held - others) if option.is_default else min(held, chosen)


def with_entered(totals: Totals, held: int, entered: Entitlement) -> Totals:
    """Return the sums with one more holder, who held so much."""
    return totals.model_copy(
        update={
            "entered": totals.entered + held,
            "entitled": totals.entitled + entered.units,
            "gross": totals.gross + entered.gross,
        }
    )


def with_paid(totals: Totals, entitled: Entitlement) -> Totals:
    """Return the sums after a holder was paid what is due to it."""
    return totals.model_copy(
        update={
            "paid": totals.paid + entitled.due,
            "withheld": totals.withheld + entitled.tax_due,
        }
    )


# --- market claims ---


def claim_due(
    action: ActionTerms, trade: Trade, terms: TradeTerms, replacement: Trade | None
) -> MarketClaim | None:
    """Return the claim that a trade gives rise to, in the units agreed; None when none is due.

    The trade day is the UTC day on which the trade was recorded.

    Args:
        action: What was announced.
        trade: Any trade.
        terms: Its terms.
        replacement: The trade by which it was bought in; None when it was not.
    """
    if action.action_type not in CLAIMED or action.ex_day is None or action.record_at is None:
        return None
    is_cum = _is_cum(action, trade)
    if trade.status is Status.BOUGHT_IN:
        is_due = replacement is not None and outlives(action, trade, replacement)
    else:
        is_early = trade.ended_at is not None and trade.ended_at < action.record_at
        is_due = trade.status in (*OPEN, Status.SETTLED) and is_cum is not is_early
    lines = claim_lines(action, terms, is_reverse=not is_cum) if is_due else ()
    return MarketClaim(lines=lines, is_reverse=not is_cum) if lines else None


def outlives(action: ActionTerms, trade: Trade, replacement: Trade) -> bool:
    """Return whether what a trade's seller owes by an action outlives the buy-in of the trade.

    The buyer should have had what the action gives, and has bought the units elsewhere without it.
    What was bought with it, the replacement itself has brought: by the register, or by a claim.
    """
    return _is_cum(action, trade) and not _is_cum(action, replacement)


def claim_lines(
    action: ActionTerms, terms: TradeTerms, *, is_reverse: bool
) -> tuple[ClaimLine, ...]:
    """Return a line for each leg of the action's security, in the units agreed.

    A leg whose taker would get nothing by the action has none: its giver keeps what it gets.
    """
    given, lines = action.distribution, []
    assert given is not None, "only distributions give rise to claims"
    for name, leg in terms.named_legs:
        if leg.kind is LegKind.UNITS and leg.asset == action.security:
            sides = (leg.receiver, leg.sender) if is_reverse else (leg.sender, leg.receiver)
            if given.is_for(sides[1]):
                line = ClaimLine(leg=name, giver=sides[0], taker=sides[1], units=leg.quantity)
                lines.append(line)
    return tuple(lines)


def _is_cum(action: ActionTerms, trade: Trade) -> bool:
    """Return whether units were traded with what an action gives."""
    return day_of(trade.proposed_at) < str(action.ex_day)


def regranted(before: Entitlement, change: int, given: Distribution) -> Entitlement:
    """Return an entitlement with more or fewer units; what was paid stays paid."""
    fresh = entitlement(before.units + change, given, before.withholding)
    parts = {"units": fresh.units, "gross": fresh.gross, "withheld": fresh.withheld}
    return before.model_copy(update=parts)


# --- votes ---


def vote_findings(ballot: Ballot, cast: VotesCast, units: int) -> Iterator[Finding]:
    """Yield what stands against votes of somebody who held ``units`` at the record date."""
    resolutions = {each.name: each for each in ballot.resolutions}
    used: Counter[str] = Counter()
    for vote in cast.votes:
        used[vote.resolution] += vote.units
        resolution = resolutions.get(vote.resolution)
        if resolution is None or vote.choice not in resolution.choices:
            yield ActionReason.CHOICE_UNKNOWN.finding(
                action=cast.action, resolution=vote.resolution, choice=vote.choice
            )
    for name, number in used.items():
        if number > units:
            yield ActionReason.VOTES_TOO_MANY.finding(
                action=cast.action,
                holder=cast.holder,
                resolution=name,
                votes=number,
                units=units,
            )


def result(resolution: Resolution, votes: Iterable[Vote], supply: int) -> ResolutionResult:
    """Return how a resolution is decided by all votes cast on it."""
    counted = Counter(dict.fromkeys(resolution.choices, 0))
    for vote in votes:
        if vote.resolution == resolution.name:
            counted[vote.choice] += vote.units
    taking_part = sum(counted.values())
    votes_cast = taking_part - counted.get(resolution.abstention or "", 0)
    leading = max(counted[each] for each in resolution.choices if each != resolution.abstention)
    winners = [
        each
        for each in resolution.choices
        if each != resolution.abstention and counted[each] == leading
    ]
    has_quorum = taking_part * BASIS_POINTS >= supply * resolution.quorum
    wins = (
        has_quorum
        and len(winners) == 1
        and leading * BASIS_POINTS > votes_cast * resolution.majority
    )
    return ResolutionResult(
        resolution=resolution.name,
        units=tuple((each, counted[each]) for each in resolution.choices),
        taking_part=taking_part,
        has_quorum=has_quorum,
        decided=winners[0] if wins else None,
    )
