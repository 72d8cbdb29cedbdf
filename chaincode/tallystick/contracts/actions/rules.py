"""What holders get, and what a vote decides: arithmetic without fractions. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from tallystick.contracts.actions.models import (
    Entitlement,
    ResolutionResult,
    Totals,
)
from tallystick.contracts.actions.terms import (
    BASIS_POINTS,
    Ballot,
    Distribution,
    Elected,
    Resolution,
)
from tallystick.contracts.reasons import ActionReason, Finding
from tallystick.contracts.statements import Vote, VotesCast


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
