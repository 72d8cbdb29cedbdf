"""Lines of market claims that cannot be held back: noted, in nobody's way, and tried again."""

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, product

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from tests.unit.contracts.actions_stage import (
    A_DAY,
    SETTLEMENT,
    agree_for_long,
    dividend,
    enter,
    entitled,
    fund,
    pay,
    raise_claim,
    record,
    report,
    resolve_claim,
    sold_over_a_record_date,
)
from tests.unit.contracts.acts import refused
from tests.unit.contracts.claims_stage import agree_on_legs, claim_of, funded, paid, units_leg

from tallystick.chaincode.testing import Outcome
from tallystick.contracts.actions.claim_rules import covered, owed
from tallystick.contracts.actions.models import ClaimLine, DueClaims
from tallystick.contracts.events import MarketClaimChanged
from tallystick.contracts.participants import Participant
from tallystick.contracts.testing import Market

EVERYBODY = ("alice", "bob", "carol")


@pytest.fixture
def market(market: Market) -> Market:
    return sold_over_a_record_date(market)


def lines_of(market: Market, trade: str = "T-2") -> list[tuple[str, str]]:
    """Return of each line of a claim how it stands, and what hinders it."""
    return [
        (line.status, "" if line.hindrance is None else line.hindrance.code)
        for line in claim_of(market, trade).lines
    ]


def due(market: Market) -> tuple[str, ...]:
    found = market.submit(Participant.CLEARING, SETTLEMENT, "due_market_claims", "D-1")
    return found.load(DueClaims).trades


def told(outcome: Outcome) -> tuple[str, bool]:
    """Return what an event says of a claim: where it stands, and whether a part is hindered."""
    change = outcome.events[-1]
    assert change.type == MarketClaimChanged.kind
    return str(change.data["status"]), bool(change.data["is_hindered"])


def units(market: Market) -> list[int]:
    return [entitled(market, each).units for each in EVERYBODY]


OPEN, SETTLED, DROPPED = ("open", ""), ("settled", ""), ("dropped", "")
PAID, UNCOVERED = ("hindered", "ENTITLEMENT_PAID"), ("hindered", "MARKET_CLAIM_UNCOVERED")


def test_a_giver_who_was_paid_hinders_its_own_line_and_no_other(market: Market) -> None:
    """W30: carol has been paid, so alice alone is held back, and bob gets what alice owes."""
    agree_on_legs(market, units_leg("carol", "bob", 100))
    pay(market, "carol")
    raised = raise_claim(market, "T-2")
    assert (lines_of(market), told(raised)) == ([OPEN, PAID], ("open", True))
    assert [entitled(market, each).claimed for each in ("alice", "carol")] == [400, 0]
    market.settle("T-2")
    resolved = resolve_claim(market, "T-2")

    assert (lines_of(market), told(resolved)) == ([SETTLED, PAID], ("hindered", True))
    assert paid(market, "alice", "bob") == [3000, 2000]
    assert report(market).remaining == 0
    assert due(market) == ("T-2",)


def test_a_claim_of_which_nothing_can_be_held_back_is_noted(market: Market) -> None:
    """W30: and refused with its reason as long as nothing changes."""
    funded(market)
    pay(market, "alice")
    raise_claim(market)

    assert lines_of(market, "T-1") == [PAID]
    assert refused(raise_claim, market) == "ENTITLEMENT_PAID"
    assert refused(resolve_claim, market) == "MARKET_CLAIM_OPEN"
    market.settle()
    assert refused(resolve_claim, market) == "ENTITLEMENT_PAID"
    assert due(market) == ("T-1",)


@pytest.fixture
def chained(market: Market) -> Market:
    """Let bob, who holds 100 and was paid, have bought 400 of alice and sold 300 to carol."""
    market.onboard("carol")
    market.issue("bob", 100)
    sold = market.terms("T-2", quantity=300).model_copy(
        update={"seller": "bob", "buyer": "carol", "expires_at": market.after(30 * A_DAY)}
    )
    market.deposit("carol", sold.amount)
    market.agree(sold)
    record(market, dividend(market))
    enter(market, "alice", "bob")
    fund(market, 5500)
    market.ledger.advance(A_DAY)
    pay(market, "bob")
    raise_claim(market, "T-1")
    raise_claim(market, "T-2")
    assert lines_of(market) == [PAID]
    return market


@pytest.mark.parametrize("again", [raise_claim, resolve_claim])
def test_a_hindered_line_is_taken_once_its_giver_has_what_it_owes(
    again: Callable[[Market, str], Outcome], chained: Market
) -> None:
    """W30: bob was paid for his own, and has by another claim what he passes on."""
    chained.settle()
    chained.lock("T-2")
    chained.settle("T-2")
    assert refused(again, chained, "T-2") == "ENTITLEMENT_PAID"
    resolve_claim(chained, "T-1")
    again(chained, "T-2")

    assert (lines_of(chained), due(chained)) == ([SETTLED], ())
    assert refused(resolve_claim, chained, "T-2") == "MARKET_CLAIM_OVER"
    assert units(chained) == [600, 200, 300]
    assert paid(chained, *EVERYBODY) == [3000, 500, 1500]
    assert report(chained).remaining == 0


def test_a_hindered_line_of_an_open_trade_waits_once_it_can(chained: Market) -> None:
    """W30: and its giver is not paid for what it passes on."""
    chained.settle()
    resolve_claim(chained, "T-1")
    raise_claim(chained, "T-2")

    assert (lines_of(chained), due(chained)) == ([OPEN], ())
    assert refused(pay, chained, "bob") == "ENTITLEMENT_CLAIMED"
    assert refused(raise_claim, chained, "T-2") == "MARKET_CLAIM_EXISTS"


def test_a_trade_that_ends_without_delivery_drops_what_was_hindered(market: Market) -> None:
    """W30."""
    agree_on_legs(market, units_leg("carol", "bob", 100))
    pay(market, "carol")
    raise_claim(market, "T-2")
    market.submit(Participant.ATS, SETTLEMENT, "cancel", "T-2", "an error")
    assert refused(raise_claim, market, "T-2") == "MARKET_CLAIM_EXISTS"
    assert due(market) == ()
    resolve_claim(market, "T-2")

    assert lines_of(market) == [DROPPED, DROPPED]
    assert refused(resolve_claim, market, "T-2") == "MARKET_CLAIM_OVER"
    assert [entitled(market, each).claimed for each in ("alice", "carol")] == [0, 0]


def test_of_a_giver_with_too_little_left_the_last_line_waits(market: Market) -> None:
    """W30: alice covers one line and not both; what the other would bring is nobody's to give."""
    onward = units_leg("alice", "carol", 700), units_leg("carol", "bob", 1500)
    agree_on_legs(market, *onward, is_locked=False)
    raise_claim(market, "T-2")

    assert lines_of(market) == [OPEN, UNCOVERED, UNCOVERED]
    assert [entitled(market, each).claimed for each in ("alice", "carol")] == [400, 0]


def test_trying_again_in_vain_is_refused_though_its_giver_has_less_left(market: Market) -> None:
    """W30: another figure in the reason is no change, and what was noted stays."""
    agree_for_long(market, 1100, "T-2")
    funded(market)
    raise_claim(market, "T-2")
    before = claim_of(market, "T-2")
    raise_claim(market, "T-1")

    assert entitled(market, "alice").left == 600
    assert refused(raise_claim, market, "T-2") == "MARKET_CLAIM_UNCOVERED"
    assert claim_of(market, "T-2") == before


# --- which lines can be held back together ---

NAMES = ("a", "b", "c")
amounts = st.integers(min_value=1, max_value=9)
claims = st.lists(
    st.builds(
        lambda number, sides, units: ClaimLine(
            leg=str(number), giver=sides[0], taker=sides[1], units=units
        ),
        st.uuids(),
        st.permutations(NAMES),
        amounts,
    ),
    max_size=6,
)
lefts = st.fixed_dictionaries(dict.fromkeys(NAMES, st.integers(min_value=0, max_value=12)))


def is_covered(lines: Sequence[ClaimLine], left: Mapping[str, int]) -> bool:
    return all(units <= left[holder] for holder, units in owed(lines).items())


def choices(lines: Sequence[ClaimLine]) -> list[list[ClaimLine]]:
    """Return every choice of the first lines of each giver."""
    of_each = [[line for line in lines if line.giver == giver] for giver in NAMES]
    firsts = ([[], *accumulate([each] for each in own)] for own in of_each)
    return [[line for own in chosen for line in own] for chosen in product(*firsts)]


@for_all(lines=claims, left=lefts)
def test_as_many_first_lines_of_each_giver_are_taken_as_can_be(
    lines: list[ClaimLine], left: dict[str, int]
) -> None:
    """W30: nobody gives more than it has, and no line waits without need."""
    taken = covered(lines, left)

    assert is_covered(taken, left)
    assert all(set(each) <= set(taken) for each in choices(lines) if is_covered(each, left))


@for_all(lines=claims, left=lefts, more=lefts)
def test_more_left_never_takes_a_line_away(
    lines: list[ClaimLine], left: dict[str, int], more: dict[str, int]
) -> None:
    """W30: what is held back stays so when a claim is tried again."""
    sums = {name: left[name] + more[name] for name in NAMES}

    assert set(covered(lines, left)) <= set(covered(lines, sums))
