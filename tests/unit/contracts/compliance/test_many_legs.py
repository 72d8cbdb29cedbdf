"""What rules cost on an instruction of many legs: each looks at all of them once, and not for each.

Walks over the legs and holders are counted, not seconds: so the test says the same on any machine.
"""

from collections.abc import Iterator

import pytest
from tests.unit.contracts.compliance.stage import NOW, Written, holder, lot

from tallystick.contracts.book import Account
from tallystick.contracts.compliance.case import Case, Holder, Leg, SecurityFacts
from tallystick.contracts.compliance.judging import judge
from tallystick.contracts.compliance.models import BoundRule
from tallystick.contracts.events import Basis


class CountedLegs(tuple[Leg, ...]):
    """Legs that count how often somebody goes through all of them."""

    walks = 0

    def __iter__(self) -> Iterator[Leg]:
        """Count, and yield the legs."""
        self.walks += 1
        return super().__iter__()


class CountedHolders(dict[Account, Holder]):
    """Holders that count likewise."""

    walks = 0

    def values(self):  # type: ignore[no-untyped-def]  # noqa: ANN201 -- a view, as a dict's
        """Count, and return the holders."""
        self.walks += 1
        return super().values()


def issued(receivers: int) -> tuple[Case, CountedLegs, CountedHolders]:
    """Return an issue of one unit each, for 5 minor units, to so many persons."""
    names = [f"holder-{number}" for number in range(receivers)]
    legs = CountedLegs(
        Leg(
            security="ACME",
            sender=None,
            receiver=name,
            quantity=1,
            lots=(lot(1, "2026-06-01", "reg-cf"),),
        )
        for name in names
    )
    holders = CountedHolders((Account("ACME", name), holder(name, 0, 1)) for name in names)
    facts = SecurityFacts(security="ACME", unit_price=5)
    case = Case(
        moment=NOW, basis=Basis.ISSUE, legs=legs, holders=holders, securities={"ACME": facts}
    )
    return case, legs, holders


@pytest.mark.parametrize(
    ("rule", "parameters"),
    [
        ("raising-cap", {"exemption": "reg-cf", "amount": 10_000, "window": "P1Y"}),
        ("purchaser-limit", {"exemption": "reg-cf", "most": 1000, "window": "P1Y"}),
        (
            "investment-limit",
            {
                "exemption": "reg-cf",
                "unit": 1,
                "floor": 5,
                "low_share": 1,
                "high_share": 1,
                "threshold": 9,
            },
        ),
        ("maximum-holding", {"units": 5}),
    ],
)
def test_a_rule_goes_through_the_legs_of_an_issue_a_fixed_number_of_times(
    rule: str, parameters: Written
) -> None:
    bound = BoundRule(rule=rule, version=1, parameters={"*": parameters}).bound()
    walks = []
    for receivers in (2, 200):
        case, legs, holders = issued(receivers)
        before = legs.walks, holders.walks
        results = judge(case, (), {"ACME": (bound,)})
        assert [result.findings for result in results] == [()] * receivers
        walks.append((legs.walks - before[0], holders.walks - before[1]))
    assert walks[0] == walks[1]
