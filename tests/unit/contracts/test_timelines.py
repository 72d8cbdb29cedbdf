"""The arithmetic of splits and record dates, which is exact."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.contracts.book import Position
from tallystick.contracts.lots import Lot, split_lots, total
from tallystick.contracts.models import MAX_QUANTITY
from tallystick.contracts.timelines import NO_TURNS, RecordDate, Split, Timeline, capped

NOON = "2026-03-31T12:00:00Z"
AFTER = "2026-03-31T12:00:01Z"

ratios = st.tuples(st.integers(1, 9), st.integers(1, 9)).filter(lambda ratio: ratio[0] != ratio[1])


def after(*ratios: tuple[int, int]) -> Timeline:
    timeline = NO_TURNS
    for new, old in ratios:
        number = len(timeline.splits) + 1
        timeline = timeline.after(timeline.next_split(new, old, number=number, at=NOON))
    return timeline


def lot(quantity: int, day: int) -> Lot:
    return Lot(quantity=quantity, acquired_on=f"2026-01-{day:02}", held_since=f"2026-01-{day:02}")


def test_a_split_is_in_lowest_terms() -> None:
    split = NO_TURNS.next_split(6, 4, number=8, at=NOON)
    assert split == Split(turn=1, number=8, new=3, old=2, at=NOON)


def test_a_quantity_goes_through_every_split_since_it_was_written_and_no_other() -> None:
    timeline = after((3, 1), (1, 2))
    assert [timeline.scaled(10, since) for since in (0, 1, 2)] == [15, 5, 10]
    assert timeline.scaled(10, 0, until=1) == 30


@pytest.mark.parametrize(
    ("splits_seen", "quantity", "due"),
    [
        pytest.param(0, 10, 15, id="before the split"),
        pytest.param(1, 10, 10, id="after the split"),
        pytest.param(0, 9, None, id="of which a fraction is left"),
    ],
)
def test_what_was_agreed_is_due_in_units_of_now(
    splits_seen: int, quantity: int, due: int | None
) -> None:
    assert after((3, 2)).agreed(quantity, splits_seen) == due


def test_record_dates_are_due_from_their_second_on_the_earliest_first() -> None:
    early, late = RecordDate(name="z", at=NOON), RecordDate(name="a", at=AFTER)
    timeline = NO_TURNS.with_scheduled(late).with_scheduled(early)
    assert timeline.due("2026-03-31T11:59:59Z") == ()
    assert timeline.due(NOON) == (early,)
    assert timeline.due(AFTER) == (early, late)


def test_a_sealed_record_date_is_a_turn_and_no_longer_to_come() -> None:
    timeline = NO_TURNS.with_scheduled(RecordDate(name="r", at=NOON)).sealed("r")
    assert timeline == Timeline(turns=1, last_record=1)


def test_a_cap_stays_a_quantity() -> None:
    split = NO_TURNS.next_split(1000, 1, number=1, at=NOON)
    assert [capped(each, split) for each in (None, 7, MAX_QUANTITY)] == [None, 7000, MAX_QUANTITY]


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=9), ratios)
def test_lots_after_a_split_are_the_whole_after_it(
    quantities: list[int], ratio: tuple[int, int]
) -> None:
    """SS-17."""
    lots = [lot(quantity, day) for day, quantity in enumerate(quantities, 1)]
    new, old = ratio
    left = split_lots(lots, new, old)
    assert total(left) == sum(quantities) * new // old
    assert all(each.quantity > 0 for each in left)
    assert {each.acquired_on for each in left} <= {each.acquired_on for each in lots}


@given(st.integers(0, 500), st.integers(0, 500), st.lists(ratios, max_size=4))
def test_a_position_after_splits_holds_no_more_than_it_has(
    held: int, frozen: int, ratios: list[tuple[int, int]]
) -> None:
    quantity = held + frozen + 7
    row = Position(quantity=quantity, held=held, frozen=frozen, lots=(lot(quantity, 1),))
    position = row.brought_up(after(*ratios))
    assert position.available >= 0
    assert total(position.lots) == position.quantity
    assert position.as_of == len(ratios)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 50)), max_size=12),
    st.tuples(ratios, ratios, ratios),
)
def test_a_supply_after_splits_is_the_sum_of_what_was_issued_when(
    issued: list[tuple[int, int]], ratios: tuple[tuple[int, int], ...]
) -> None:
    """SS-17: each issue as of a turn; whole units, since splits leave no fraction."""
    whole = 1
    for _, old in ratios:
        whole *= old
    timeline = after(*ratios)
    changes = [(turn, quantity * whole) for turn, quantity in issued]
    assert timeline.summed(changes) == sum(timeline.scaled(each, turn) for turn, each in changes)
    at_two = [(turn, each) for turn, each in changes if turn < 2]
    assert timeline.summed(changes, 2) == sum(
        timeline.scaled(each, turn, 2) for turn, each in at_two
    )
