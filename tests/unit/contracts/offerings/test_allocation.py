"""The rules of allocation as arithmetic: sums, caps, fairness, and indifference to order."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.contracts.offerings.allocation import Ordered, allotments
from tallystick.contracts.offerings.models import AllocationRule

MULTIPLE = 10
BY_RULE = [AllocationRule.PRO_RATA, AllocationRule.FIRST_COME]


@st.composite
def books(draw: st.DrawFn) -> list[Ordered]:
    """Return orders with few different sizes and seconds, so that there are equals."""
    drawn = draw(
        st.lists(
            st.tuples(
                st.integers(1, 60), st.integers(0, 4), st.text("0123456789abcdef", min_size=4)
            ),
            min_size=1,
            max_size=40,
        )
    )
    return [
        Ordered(f"S-{number}", size * MULTIPLE, f"2026-06-01T12:00:0{second}Z", transaction)
        for number, (size, second, transaction) in enumerate(drawn)
    ]


def given_by(rule: AllocationRule, orders: Sequence[Ordered], hard_cap: int) -> dict[str, int]:
    return dict(allotments(rule, orders, hard_cap=hard_cap, multiple=MULTIPLE))


@given(orders=books(), cap=st.integers(1, 2000), rule=st.sampled_from(BY_RULE))
@settings(max_examples=60)
def test_the_sum_is_the_demand_or_the_hard_cap_to_the_unit(
    orders: list[Ordered], cap: int, rule: AllocationRule
) -> None:
    """SS-101, W20."""
    result = given_by(rule, orders, cap)

    demand = sum(each.quantity for each in orders)
    assert sum(result.values()) == min(demand, cap // MULTIPLE * MULTIPLE)


@given(orders=books(), cap=st.integers(1, 2000), rule=st.sampled_from(BY_RULE))
@settings(max_examples=60)
def test_nobody_gets_more_than_it_orders_and_all_in_multiples(
    orders: list[Ordered], cap: int, rule: AllocationRule
) -> None:
    result = given_by(rule, orders, cap)

    assert set(result) == {each.subscription for each in orders}
    for each in orders:
        assert 0 <= result[each.subscription] <= each.quantity
        assert result[each.subscription] % MULTIPLE == 0


@given(
    orders=books(),
    cap=st.integers(1, 2000),
    rule=st.sampled_from(BY_RULE),
    random=st.randoms(use_true_random=False),
)
@settings(max_examples=60)
def test_the_order_in_which_orders_are_listed_makes_no_odds(
    orders: list[Ordered], cap: int, rule: AllocationRule, random: "object"
) -> None:
    shuffled = list(orders)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert given_by(rule, shuffled, cap) == given_by(rule, orders, cap)


@given(orders=books(), cap=st.integers(1, 2000))
@settings(max_examples=60)
def test_pro_rata_the_larger_order_never_gets_less(orders: list[Ordered], cap: int) -> None:
    result = given_by(AllocationRule.PRO_RATA, orders, cap)

    by_size = sorted(orders, key=lambda each: (each.quantity, result[each.subscription]))
    for smaller, larger in pairwise(by_size):
        assert result[smaller.subscription] <= result[larger.subscription]


@given(orders=books(), cap=st.integers(1, 2000))
@settings(max_examples=60)
def test_pro_rata_nobody_is_a_whole_multiple_off_its_exact_share(
    orders: list[Ordered], cap: int
) -> None:
    result = given_by(AllocationRule.PRO_RATA, orders, cap)

    demand = sum(each.quantity for each in orders)
    units = min(demand, cap // MULTIPLE * MULTIPLE)
    for each in orders:
        assert abs(result[each.subscription] * demand - each.quantity * units) < MULTIPLE * demand


@given(orders=books(), cap=st.integers(1, 2000))
@settings(max_examples=60)
def test_first_come_is_filled_before_the_next_gets_anything(
    orders: list[Ordered], cap: int
) -> None:
    result = given_by(AllocationRule.FIRST_COME, orders, cap)

    for earlier, later in pairwise(sorted(orders, key=lambda each: each.rank)):
        if result[later.subscription]:
            assert result[earlier.subscription] == earlier.quantity


def test_what_rounding_leaves_goes_to_who_lost_most_and_then_to_who_came_first() -> None:
    orders = [
        Ordered("late", 30, "2026-06-01T12:00:02Z", "aa"),
        Ordered("early", 30, "2026-06-01T12:00:01Z", "bb"),
        Ordered("large", 40, "2026-06-01T12:00:03Z", "cc"),
    ]

    result = given_by(AllocationRule.PRO_RATA, orders, 80)

    # Of 8 multiples 2.4, 2.4 and 3.2 are due: one is left over.
    assert result == {"late": 20, "early": 30, "large": 30}


def test_of_two_orders_of_one_second_the_transaction_decides() -> None:
    second = "2026-06-01T12:00:01Z"
    orders = [Ordered("a", 30, second, "ff"), Ordered("b", 30, second, "00")]

    assert given_by(AllocationRule.FIRST_COME, orders, 30) == {"a": 0, "b": 30}


def test_by_discretion_the_issuer_decides() -> None:
    orders = [Ordered("a", 30, "", "", chosen=10), Ordered("b", 30, "", "")]

    assert given_by(AllocationRule.DISCRETIONARY, orders, 30) == {"a": 10, "b": 0}
