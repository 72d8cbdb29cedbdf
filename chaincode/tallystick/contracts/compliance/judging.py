"""How rules judge a case. Pure.

The same code answers ``can_transfer``, decides about movements and works decisions out again, so
that the three never disagree.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tallystick.contracts.compliance.bindings import Bound
from tallystick.contracts.compliance.case import Case, Leg
from tallystick.contracts.compliance.rules import Side
from tallystick.contracts.events import Basis
from tallystick.contracts.reasons import Finding


def concerns(bound: Bound, basis: Basis, leg: Leg) -> bool:
    """Return whether a bound rule has a say about a leg: not about what is redeemed or ordered."""
    if leg.receiver is None or basis is Basis.FORCED:
        return False
    return bound.side is not Side.SENDER or leg.sender is not None


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
