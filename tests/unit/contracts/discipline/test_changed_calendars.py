"""Calendars that change while trades are open or fail: no day is paid twice, none is taken back.

The trade of the table is due on Monday 6 April 2026, and never settles; the seller lacks units.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.contracts.acts import refused
from tests.unit.contracts.discipline.stage import (
    CUT_OFFS,
    GOOD_FRIDAY,
    NEW_YORK,
    PENALTY,
    SETTLEMENT,
    P,
    collect,
    fail,
    go_to,
    hold,
    matched,
    note,
    row,
)

from tallystick.chaincode import Refusal
from tallystick.contracts.calendars.days import failed_days, local_day
from tallystick.contracts.calendars.models import Calendar, CalendarGiven, Schedule
from tallystick.contracts.calendars.rules import check_change
from tallystick.contracts.discipline.models import Cause
from tallystick.contracts.instants import Day, Instant, instant
from tallystick.contracts.testing import Market

LACK = Cause.LACK_OF_SECURITIES
MONDAY, TUESDAY, WEDNESDAY = "2026-04-06", "2026-04-07", "2026-04-08"
END = CUT_OFFS[2]
"""Wednesday's cut-off: as things were planned, the third of the trade's failed days."""


def with_holidays(*days: Day) -> CalendarGiven:
    return NEW_YORK.model_copy(update={"holidays": (GOOD_FRIDAY, *days)})


def from_day(since: Day, **changes: object) -> CalendarGiven:
    """Return the calendar with another schedule from a day on."""
    changed = NEW_YORK.schedules[0].model_copy(update={"since": since, **changes})
    return NEW_YORK.model_copy(update={"schedules": (*NEW_YORK.schedules, changed)})


def change(market: Market, given: CalendarGiven) -> None:
    market.submit(P.CLEARING, SETTLEMENT, "set_calendar", given)


class Case(NamedTuple):
    """A change of the calendar, when it is made, and what the trade comes to by END."""

    at: Instant
    calendar: CalendarGiven
    failed: tuple[Day, ...]


OPEN = "2026-04-02T18:00:00Z"
"""While the trade is open, and its day has not come."""

AGEING = "2026-04-06T22:00:00Z"
"""An hour after it has failed for the first time."""

CASES = pytest.mark.parametrize(
    "case",
    [
        pytest.param(Case(OPEN, NEW_YORK, (MONDAY, TUESDAY, WEDNESDAY)), id="no change"),
        pytest.param(
            Case(OPEN, with_holidays(MONDAY), (TUESDAY, WEDNESDAY)), id="its day is a holiday"
        ),
        pytest.param(
            Case(OPEN, with_holidays(MONDAY, TUESDAY, WEDNESDAY), ()), id="all days are holidays"
        ),
        pytest.param(
            Case(OPEN, NEW_YORK.model_copy(update={"holidays": ()}), (MONDAY, TUESDAY, WEDNESDAY)),
            id="the holiday before it is none: its day stays",
        ),
        pytest.param(
            Case(AGEING, with_holidays(TUESDAY), (MONDAY, WEDNESDAY)), id="a holiday while it ages"
        ),
        pytest.param(
            Case(AGEING, from_day(TUESDAY, cut_off="16:00:01"), (MONDAY, TUESDAY)),
            id="later cut-offs while it ages",
        ),
        pytest.param(
            Case(AGEING, from_day(TUESDAY, weekend=(2,)), (MONDAY, WEDNESDAY)),
            id="another weekend while it ages",
        ),
        pytest.param(
            Case(
                AGEING, from_day(WEDNESDAY, utc_offset_minutes=-240), (MONDAY, TUESDAY, WEDNESDAY)
            ),
            id="summer time while it ages",
        ),
    ],
)


@CASES
@pytest.mark.parametrize("often", [True, False], ids=["collected daily", "collected at the end"])
def test_penalties_are_those_of_the_days_that_failed_by_the_calendar_of_the_day(
    case: Case, *, often: bool, disciplined: Market
) -> None:
    """F143, F144: by stated rule, once each, whenever they are collected."""
    matched(disciplined)
    money = disciplined.money("alice"), disciplined.money("bob")
    is_changed = is_noted = False
    for moment in sorted({case.at, *CUT_OFFS}):
        go_to(disciplined, moment)
        if moment >= case.at and not is_changed:
            change(disciplined, case.calendar)
            is_changed = True
        if not is_noted and (days := fail(disciplined).days):
            note(disciplined, days[0].day, LACK, "seller")
            is_noted = True
        if often and is_noted:
            collect_if_due(disciplined, moment)
    collect_if_due(disciplined, END)

    view = fail(disciplined)
    owed = PENALTY * len(case.failed)
    assert view.days is not None
    assert tuple(each.day for each in view.days) == case.failed
    assert (view.age, row(disciplined).settlement_day) == (len(case.failed), MONDAY)
    assert (disciplined.money("alice"), disciplined.money("bob")) == (
        money[0] - owed,
        money[1] + owed,
    )
    assert refused(collect, disciplined, "T-1", through="2026-04-30") == "NOTHING_DUE"


def collect_if_due(market: Market, moment: Instant) -> None:
    """Collect what is due through the day of a moment, if anything is."""
    record = fail(market).record
    days = fail(market).days or ()
    if any(record is None or each.day > (record.collected or "") for each in days):
        collect(market, "T-1", through=moment[:10])


@pytest.mark.parametrize(
    ("moment", "calendar"),
    [
        pytest.param(AGEING, with_holidays(MONDAY), id="the day that has failed"),
        pytest.param(CUT_OFFS[1], with_holidays(TUESDAY), id="today, at its cut-off"),
        pytest.param("2026-04-07T05:00:00Z", with_holidays(TUESDAY), id="today, at midnight"),
        pytest.param(AGEING, from_day(MONDAY, cut_off="18:00:00"), id="today's cut-off"),
        pytest.param(
            "2026-04-06T15:00:00Z",
            from_day(TUESDAY, utc_offset_minutes=840, opens="00:00:00", cut_off="00:30:00"),
            id="tomorrow, moved to before this moment",
        ),
    ],
)
def test_no_day_that_has_begun_changes_and_so_no_penalty_that_was_due(
    moment: Instant, calendar: CalendarGiven, disciplined: Market
) -> None:
    """F143: neither forgiven, nor made due afterwards."""
    matched(disciplined)
    go_to(disciplined, moment)
    before = fail(disciplined)

    assert refused(change, disciplined, calendar) == "CALENDAR_PAST_CHANGED"

    assert fail(disciplined) == before


def test_a_trade_may_settle_on_its_day_although_that_became_a_holiday(disciplined: Market) -> None:
    """SS-98: both have signed the day; the ledger never closes, and it is not late before Tuesday's
    cut-off."""
    matched(disciplined)
    change(disciplined, with_holidays(MONDAY))
    disciplined.lock()
    go_to(disciplined, "2026-04-06T14:29:59Z")
    assert refused(disciplined.settle) == "SETTLEMENT_DAY_NOT_REACHED"
    go_to(disciplined, "2026-04-06T14:30:00Z")
    disciplined.settle()

    assert fail(disciplined).age == 0


def test_who_holds_a_trade_over_a_new_holiday_owes_for_business_days_only(
    disciplined: Market,
) -> None:
    """W12: held from Monday on, released on Wednesday before the cut-off."""
    matched(disciplined)
    hold(disciplined, "buyer")
    go_to(disciplined, AGEING)
    change(disciplined, with_holidays(TUESDAY))
    go_to(disciplined, "2026-04-08T20:59:59Z")
    hold(disciplined, "buyer", holds=False)
    go_to(disciplined, END)
    days = fail(disciplined).days

    assert days is not None
    assert [(each.day, each.cause, each.penalty) for each in days] == [
        (MONDAY, Cause.ON_HOLD, PENALTY),
        (WEDNESDAY, None, 0),
    ]


# --- any calendar, any changes ---

START = datetime(2026, 4, 1, tzinfo=UTC)
DAYS = tuple((START + timedelta(days=number)).date().isoformat() for number in range(8))

offsets = st.integers(-720, 840)
hours_of_day = st.tuples(st.integers(0, 12), st.integers(1, 16)).filter(
    lambda each: each[0] < each[1]
)


@st.composite
def schedules(draw: st.DrawFn, since: Day) -> Schedule:
    opens, closes = draw(hours_of_day)
    return Schedule(
        since=since,
        weekend=tuple(sorted(draw(st.sets(st.integers(1, 7), max_size=2)))),
        utc_offset_minutes=draw(offsets),
        opens=f"{opens:02}:00:00",
        cut_off=f"{closes:02}:00:00",
    )


@st.composite
def changed(draw: st.DrawFn, calendar: CalendarGiven, today: Day) -> CalendarGiven:
    """Draw what becomes of a calendar that says of days until today what it did."""
    to_come = [day for day in DAYS if day > today][:3]
    begun = [each for each in calendar.schedules if each.since <= today]
    holidays = {day for day in calendar.holidays if day <= today}
    if to_come:
        holidays |= draw(st.sets(st.sampled_from(to_come), max_size=1))
        later = sorted(draw(st.sets(st.sampled_from(to_come), min_size=1, max_size=2)))
        begun += [draw(schedules(each)) for each in later]
    return calendar.model_copy(
        update={"holidays": tuple(sorted(holidays)), "schedules": tuple(begun)}
    )


@settings(deadline=None)
@given(data=st.data(), hours=st.lists(st.integers(0, 40), min_size=1, max_size=6))
def test_an_age_once_counted_never_changes_whatever_becomes_of_the_calendar(
    data: st.DataObject, hours: list[int]
) -> None:
    """F143, F144: what was due before a change is due after it, and nothing else."""
    calendar = Calendar(
        calendar="any",
        title="Any calendar",
        cycle=0,
        longest_cycle=0,
        schedules=(data.draw(schedules("2026-01-01")),),
        version=1,
        kept_by="",
    )
    moment = START
    for step in hours:
        moment += timedelta(hours=step)
        present = instant(moment)
        given = data.draw(changed(calendar, local_day(calendar, present)))
        with suppress(Refusal):
            check_change(calendar, given, present)
            counted = {day: list(failed_days(calendar, day, present)) for day in DAYS}
            calendar = calendar.model_copy(update=dict(given))
            assert counted == {day: list(failed_days(calendar, day, present)) for day in DAYS}
