"""Lots: where units come from, how they merge, which ones go, and what becomes of their dates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.contracts.lots import (
    MAX_LOTS,
    Dates,
    Lot,
    LotChoice,
    LotLock,
    Origin,
    added,
    coalesced,
    issued,
    removed,
    taken,
    total,
)

MONDAY, TUESDAY, FRIDAY = "2024-01-01", "2024-01-02", "2024-01-05"


def lot(
    quantity: int,
    acquired_on: str = MONDAY,
    held_since: str = "",
    locks: tuple[LotLock, ...] = (),
    **labels: str | None,
) -> Lot:
    since = held_since or acquired_on
    return Lot(quantity=quantity, acquired_on=acquired_on, held_since=since, locks=locks, **labels)


days = st.sampled_from((MONDAY, TUESDAY, FRIDAY))
some_lots = st.builds(
    lot,
    quantity=st.integers(1, 20),
    acquired_on=days,
    held_since=days,
    round=st.sampled_from((None, "seed")),
)
holdings = st.lists(some_lots, max_size=12).map(lambda lots: added((), lots))


@pytest.mark.parametrize(
    ("lots", "expected"),
    [
        pytest.param([lot(1), lot(2)], [lot(3)], id="equal provenance merges"),
        pytest.param(
            [lot(1, TUESDAY), lot(2)], [lot(2), lot(1, TUESDAY)], id="the longest held comes first"
        ),
        pytest.param(
            [lot(1), lot(2, round="seed")], [lot(1), lot(2, round="seed")], id="rounds stay apart"
        ),
        pytest.param(
            [lot(1, exemption="reg-s"), lot(2, tranche="b")],
            [lot(2, tranche="b"), lot(1, exemption="reg-s")],
            id="so do exemptions and tranches",
        ),
        pytest.param(
            [lot(1, TUESDAY, MONDAY), lot(2, TUESDAY)],
            [lot(1, TUESDAY, MONDAY), lot(2, TUESDAY)],
            id="so do holding periods",
        ),
    ],
)
def test_lots_that_can_be_told_apart_stay_apart(lots: list[Lot], expected: list[Lot]) -> None:
    assert list(added((), lots)) == expected


@pytest.mark.parametrize(
    ("quantity", "choice", "expected"),
    [
        pytest.param(3, LotChoice(), [lot(3)], id="the longest held goes first"),
        pytest.param(12, LotChoice(), [lot(10), lot(2, TUESDAY)], id="then the next"),
        pytest.param(
            3, LotChoice(lots=(lot(1, TUESDAY).name,)), [lot(3, TUESDAY)], id="a lot by its name"
        ),
        pytest.param(
            6, LotChoice(tranche="b"), [lot(5, FRIDAY, tranche="b")], id="a tranche, all it has"
        ),
        pytest.param(
            3, LotChoice(lots=("0" * 16,)), [], id="a name that no lot has takes from none"
        ),
        pytest.param(
            99,
            LotChoice(),
            [lot(10), lot(10, TUESDAY), lot(5, FRIDAY, tranche="b")],
            id="no more than there is",
        ),
    ],
)
def test_lots_are_used_up_in_order(quantity: int, choice: LotChoice, expected: list[Lot]) -> None:
    held = [lot(5, FRIDAY, tranche="b"), lot(10, TUESDAY), lot(10)]

    assert list(taken(held, quantity, choice)) == expected


@pytest.mark.parametrize(
    ("dates", "acquired_on", "held_since"),
    [
        (Dates.KEPT, TUESDAY, MONDAY),
        (Dates.ACQUIRED, FRIDAY, MONDAY),
        (Dates.RESTARTED, FRIDAY, FRIDAY),
    ],
)
def test_dates_are_kept_or_begin_anew(dates: Dates, acquired_on: str, held_since: str) -> None:
    """SS-63: a distribution keeps the lot's date."""
    passed = lot(5, TUESDAY, MONDAY, round="seed").passed_on(FRIDAY, dates)

    assert passed == lot(5, acquired_on, held_since, round="seed")


def test_an_issue_says_where_its_units_come_from() -> None:
    """SS-106."""
    locks = (LotLock(holder_class="us", until="2025-01-01T00:00:00Z"),)
    origin = Origin(round="seed", exemption="reg-d-506c", tranche="b", locks=locks)

    assert issued(7, origin, MONDAY) == lot(
        7, round="seed", exemption="reg-d-506c", tranche="b", locks=locks
    )
    assert issued(7, Origin(held_since=MONDAY), FRIDAY) == lot(7, FRIDAY, MONDAY)


@pytest.mark.parametrize(
    ("classes", "until"),
    [
        (["us"], "2025-01-01T00:00:00Z"),
        (["broker-dealer", "us"], "2025-01-01T00:00:00Z"),
        (["custodian"], "2024-06-01T00:00:00Z"),
        ([], "2024-06-01T00:00:00Z"),
    ],
)
def test_a_lock_is_looked_up_by_the_class_of_the_holder(classes: list[str], until: str) -> None:
    """SS-73, SS-106, F76."""
    locked = lot(
        1,
        locks=(
            LotLock(holder_class="*", until="2024-06-01T00:00:00Z"),
            LotLock(holder_class="us", until="2025-01-01T00:00:00Z"),
        ),
    )

    assert locked.locked_until(classes) == until
    assert lot(1).locked_until(classes) is None


def test_the_name_of_a_lot_tells_its_provenance_and_not_its_size() -> None:
    assert lot(1).name == lot(99).name
    names = {
        lot(1).name,
        lot(1, TUESDAY).name,
        lot(1, TUESDAY, MONDAY).name,
        lot(1, round="a").name,
    }
    assert len(names) == 4


def test_too_many_lots_merge_where_it_delays_the_fewest_units() -> None:
    dust = [lot(1, f"2024-03-{day:02}") for day in range(1, 4)]
    old = lot(1000, "2023-01-01")

    merged = coalesced([old, *dust], limit=3)

    assert old in merged
    assert total(merged) == 1003
    assert merged[1:] == (lot(2, "2024-03-02"), lot(1, "2024-03-03"))


def test_lots_that_differ_in_more_than_dates_do_not_merge() -> None:
    rounds = [lot(1, round=f"r{number}") for number in range(MAX_LOTS + 1)]

    assert len(coalesced(rounds)) == MAX_LOTS + 1


@given(lots=holdings, quantity=st.integers(0, 300))
def test_what_is_taken_and_what_is_left_are_what_there_was(
    lots: tuple[Lot, ...], quantity: int
) -> None:
    part = taken(lots, quantity)

    assert total(part) == min(quantity, total(lots))
    left = removed(lots, part)
    assert total(left) + total(part) == total(lots)
    assert added(left, part) == lots
    assert all(each.quantity > 0 for each in left)


@given(lots=holdings, more=holdings)
def test_the_order_of_taking_and_adding_does_not_matter(
    lots: tuple[Lot, ...], more: tuple[Lot, ...]
) -> None:
    assert added(removed((), lots), added(lots, more)) == more


@given(lots=holdings, limit=st.integers(2, 6))
def test_merging_frees_nothing_earlier(lots: tuple[Lot, ...], limit: int) -> None:
    merged = coalesced(lots, limit)

    assert total(merged) == total(lots)
    assert len(merged) <= max(limit, len({each.round for each in lots}))
    for day in (MONDAY, TUESDAY, FRIDAY):
        before, after = (
            total(each for each in side if each.held_since <= day) for side in (lots, merged)
        )
        assert after <= before
