"""The published packs at both sides of their figures: what just passes, and what just fails."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.contracts.compliance.stage import AGENT, TOKEN, RuledMarket, issue, read_pack

from tallystick.chaincode import Refusal, composite_key
from tallystick.contracts.compliance.counts import CountDelta
from tallystick.contracts.testing import EVIDENCE

Prepare = Callable[[RuledMarket], None]
Step = Callable[[RuledMarket, int], None]
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
HALF_A_YEAR_LATER = datetime(2026, 9, 1, tzinfo=UTC)
A_YEAR_LATER = datetime(2027, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Boundary:
    """One figure of a pack, and a step that gives units to bob on either side of it.

    Attributes:
        prepare: What happens before the step, on the day when it all begins.
        passes: The last measure of the step with which bob gets units.
        fails: The first measure of it with which he gets none.
        provision: What the refusal cites.
    """

    pack: str
    prepare: Prepare
    step: Step
    passes: int
    fails: int
    code: str
    provision: str
    unit_price: int = 0


def nothing(market: RuledMarket) -> None:
    """Leave alice with her 1000 units and bob without."""


# --- time ---


def placed(exemption: str) -> Prepare:
    """Let alice have ten units that were placed with her privately, and no others."""

    def prepare(market: RuledMarket) -> None:
        market.submit(AGENT, TOKEN, "redeem", "ACME", "alice", 1000, EVIDENCE)
        issue(market, "alice", 10, exemption)

    return prepare


def go_to(market: RuledMarket, moment: datetime, seconds: int) -> None:
    """Let time pass until so many seconds after a moment, and renew the claims that end."""
    market.ledger.now = moment + timedelta(seconds=seconds)
    market.confirm("alice", "bob")


def transfer_at(moment: datetime) -> Step:
    """Send bob what was placed with alice; the measure is seconds after a moment."""

    def step(market: RuledMarket, seconds: int) -> None:
        go_to(market, moment, seconds)
        market.transfer("alice", "bob", 10)

    return step


def holding_period(pack: str, exemption: str, end: datetime, provision: str) -> Boundary:
    step = transfer_at(end)
    return Boundary(pack, placed(exemption), step, 0, -1, "LOT_LOCKED", provision)


# --- money ---


def issue_under(exemption: str) -> Step:
    """Issue units to bob; the measure is their number."""

    def step(market: RuledMarket, quantity: int) -> None:
        issue(market, "bob", quantity, exemption)

    return step


def raised_in_full(exemption: str, quantity: int) -> Prepare:
    """Let alice have bought all that may be sold within the window."""

    def prepare(market: RuledMarket) -> None:
        market.attest("alice", "accreditation")
        market.attest("bob", "accreditation")
        issue(market, "alice", quantity, exemption)

    return prepare


def issue_one_more(exemption: str) -> Step:
    """Issue a unit to bob when the window of the first issue ends; the measure is seconds."""

    def step(market: RuledMarket, seconds: int) -> None:
        go_to(market, A_YEAR_LATER, seconds)
        issue(market, "bob", 1, exemption)

    return step


def raise_of(exemption: str, millions: int, provision: str) -> dict[str, Boundary]:
    """Return the cap on raising, at once and as its window rolls, at a thousand a unit."""
    at_once = Boundary(
        pack=exemption if exemption.startswith("eu") else f"us-{exemption}",
        prepare=is_accredited,
        step=issue_under(exemption),
        passes=millions * 1000,
        fails=millions * 1000 + 1,
        code="RAISE_EXCEEDED",
        provision=provision,
        unit_price=100_000,
    )
    later = replace(
        at_once,
        prepare=raised_in_full(exemption, millions * 1000),
        step=issue_one_more(exemption),
        passes=0,
        fails=-1,
    )
    return {f"{exemption}: {millions} million": at_once, f"{exemption}: a year": later}


def is_accredited(market: RuledMarket) -> None:
    market.attest("bob", "accreditation")


def means(**thousands: int) -> Prepare:
    """Let claims say what bob earns and owns, in thousands."""

    def prepare(market: RuledMarket) -> None:
        for topic, level in thousands.items():
            market.attest("bob", topic.replace("_", "-"), level=level)

    return prepare


def tenth(prepare: Prepare, dollars: int) -> Boundary:
    """Return the limit of an investor in tier 2, at a dollar a unit."""
    return Boundary(
        pack="us-reg-a-tier-2",
        prepare=prepare,
        step=issue_under("reg-a-tier-2"),
        passes=dollars,
        fails=dollars + 1,
        code="INVESTMENT_EXCEEDED",
        provision="17 CFR 230.251(d)(2)(i)(C)",
        unit_price=100,
    )


# --- holders ---


def join(market: RuledMarket, others: int, classes: dict[str, int]) -> None:
    """Count so many others among the holders, and let bob become one: alice is one already."""
    delta = CountDelta(persons=others, owners=others, classes=classes)
    key = composite_key("persons", "ACME", "before", "others")
    market.ledger.world.rows_of(TOKEN).values[key] = delta.model_dump_json().encode()
    market.transfer("alice", "bob", 1)


def join_the_accredited(market: RuledMarket, others: int) -> None:
    """All of the others are accredited."""
    join(market, others, {"accreditation@": others})


def join_the_public(market: RuledMarket, others: int) -> None:
    """None of the others is accredited."""
    join(market, others, {})


def join_for_clients(market: RuledMarket, clients: int) -> None:
    """Let bob come for so many clients."""
    market.attest("bob", "beneficial-owners", level=clients)
    market.transfer("alice", "bob", 1)


def receive_with_claims(market: RuledMarket, claims: int) -> None:
    """Let bob receive units, with or without a claim that he is a qualified purchaser."""
    for _ in range(claims):
        market.attest("bob", "qualified-purchaser")
    market.transfer("alice", "bob", 1)


def holders(pack: str, step: Step, most: int, provision: str) -> Boundary:
    return Boundary(pack, nothing, step, most, most + 1, "HOLDERS_TOO_MANY", provision)


A_YEAR, HALF_A_YEAR = "17 CFR 230.144(d)(1)(ii)", "17 CFR 230.144(d)(1)(i)"
OF_ALL, NOT_ACCREDITED = "15 U.S.C. 78l(g)(1)(A)(i)", "15 U.S.C. 78l(g)(1)(A)(ii)"

BOUNDARIES = {
    "a year of 506(b) units": holding_period("us-rule-144", "reg-d-506b", A_YEAR_LATER, A_YEAR),
    "a year of 506(c) units": holding_period("us-rule-144", "reg-d-506c", A_YEAR_LATER, A_YEAR),
    "half a year of 506(b) units of who reports": holding_period(
        "us-rule-144-reporting", "reg-d-506b", HALF_A_YEAR_LATER, HALF_A_YEAR
    ),
    "half a year of 506(c) units of who reports": holding_period(
        "us-rule-144-reporting", "reg-d-506c", HALF_A_YEAR_LATER, HALF_A_YEAR
    ),
    "2000 holders of record with alice and bob": holders(
        "us-12g", join_the_accredited, 1997, OF_ALL
    ),
    "500 who are not accredited with alice and bob": holders(
        "us-12g", join_the_public, 497, NOT_ACCREDITED
    ),
    "100 beneficial owners with alice": holders(
        "us-3c1", join_for_clients, 99, "15 U.S.C. 80a-3(c)(1)"
    ),
    "qualified purchasers only": Boundary(
        pack="us-3c7",
        prepare=nothing,
        step=receive_with_claims,
        passes=1,
        fails=0,
        code="RECEIVER_NOT_ELIGIBLE",
        provision="15 U.S.C. 80a-3(c)(7)(A)",
    ),
    "a tenth of the income": tenth(means(annual_income=100, net_worth=40), 10_000),
    "a tenth of the net worth": tenth(means(annual_income=100, net_worth=350), 35_000),
    **raise_of("reg-a-tier-1", 20, "17 CFR 230.251(a)(1)"),
    **raise_of("reg-a-tier-2", 75, "17 CFR 230.251(a)(2)"),
    **raise_of("eu-crowdfunding", 5, "Regulation (EU) 2020/1503, Art. 1(2)(c)"),
}


@pytest.mark.parametrize("boundary", BOUNDARIES.values(), ids=BOUNDARIES)
def test_a_pack_lets_go_what_is_just_within_and_refuses_what_is_just_beyond(
    boundary: Boundary, ruled: RuledMarket
) -> None:
    """SS-69, SS-70, SS-74, SS-75, F86, F88."""
    go_to(ruled, BEGIN, 0)
    pack = f"{boundary.pack}-2026-01-01"
    ruled.bind(packs=[pack], unit_price=boundary.unit_price)
    boundary.prepare(ruled)
    beyond = ruled.fork()

    boundary.step(ruled, boundary.passes)
    assert ruled.units("bob") > 0

    cited = re.escape(f"[{read_pack(pack).name}: {boundary.provision}")
    with pytest.raises(Refusal, match=f"^{boundary.code}: .*{cited}"):
        boundary.step(beyond, boundary.fails)
    assert beyond.units("bob") == 0
