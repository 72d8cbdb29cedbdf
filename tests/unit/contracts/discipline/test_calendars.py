"""Settlement calendars: business days, cut-offs and cycles, each boundary to the second.

``Exact at T-1 s and T`` is shown by every pair of moments below: a trade of the last second before
a cut-off, an opening or midnight, and one of that very second.
"""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tallystick.chaincode import Refusal
from tallystick.contracts.calendars.days import (
    business_days_after,
    cut_off,
    failed_days,
    is_business_day,
    local_day,
    opening,
    trade_day,
)
from tallystick.contracts.calendars.models import (
    EVERY_DAY,
    Calendar,
    CalendarGiven,
    CalendarPage,
    Convention,
    Conventions,
    ConventionsGiven,
    Intended,
    Schedule,
)
from tallystick.contracts.calendars.rules import intended
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.instants import instant
from tallystick.contracts.participants import Participant
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.models import Trade, TradeView
from tallystick.contracts.trades.terms import TradeTerms

SETTLEMENT = Chaincode.SETTLEMENT
A_SECOND = timedelta(seconds=1)

# New York without summer time: five hours behind UTC, from half past nine to four.
HOURS = Schedule(
    since="2026-01-01",
    weekend=(6, 7),
    utc_offset_minutes=-300,
    opens="09:30:00",
    cut_off="16:00:00",
)
GOOD_FRIDAY = "2026-04-03"
NEW_YORK = CalendarGiven(
    calendar="new-york",
    title="Business days of New York",
    cycle=1,
    longest_cycle=2,
    holidays=(GOOD_FRIDAY,),
    schedules=(HOURS,),
)


def calendar(**changes: object) -> Calendar:
    return Calendar(**{**dict(NEW_YORK), **changes}, version=1, kept_by=Participant.CLEARING)


# --- business days ---


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        pytest.param("2026-04-02", True, id="Thursday"),
        pytest.param(GOOD_FRIDAY, False, id="holiday"),
        pytest.param("2026-04-04", False, id="Saturday"),
        pytest.param("2026-04-05", False, id="Sunday"),
        pytest.param("2026-04-06", True, id="Monday"),
    ],
)
def test_weekends_and_holidays_are_no_business_days(day: str, *, expected: bool) -> None:
    """F143."""
    assert is_business_day(calendar(), day) is expected


@pytest.mark.parametrize(
    ("count", "day"), [(0, "2026-04-02"), (1, "2026-04-06"), (2, "2026-04-07"), (5, "2026-04-10")]
)
def test_a_cycle_counts_business_days_only(count: int, day: str) -> None:
    """SS-98: Thursday and one business day, over Good Friday and a weekend, is Monday."""
    assert business_days_after(calendar(), "2026-04-02", count) == day


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        pytest.param("2026-04-01T20:59:59Z", "2026-04-01", id="a second before the cut-off before"),
        pytest.param("2026-04-01T21:00:00Z", "2026-04-02", id="the cut-off before"),
        pytest.param("2026-04-02T20:59:59Z", "2026-04-02", id="a second before the cut-off"),
        pytest.param("2026-04-02T21:00:00Z", "2026-04-06", id="the cut-off"),
        pytest.param("2026-04-03T15:00:00Z", "2026-04-06", id="a holiday"),
    ],
)
def test_a_match_counts_as_of_its_local_business_day_until_the_cut_off(
    moment: str, day: str
) -> None:
    """SS-97, SS-98."""
    assert trade_day(calendar(), moment) == day


def test_a_day_runs_from_its_opening_to_its_cut_off_in_local_time() -> None:
    assert opening(calendar(), "2026-04-02") == "2026-04-02T14:30:00Z"
    assert cut_off(calendar(), "2026-04-02") == "2026-04-02T21:00:00Z"
    assert cut_off(EVERY_DAY, "2026-04-02") == "2026-04-03T00:00:00Z"


SUMMER = HOURS.model_copy(update={"since": "2026-03-08", "utc_offset_minutes": -240})
WINTER = HOURS.model_copy(update={"since": "2026-11-01"})


@pytest.mark.parametrize(
    ("day", "opens"),
    [
        ("2026-03-06", "2026-03-06T14:30:00Z"),
        ("2026-03-09", "2026-03-09T13:30:00Z"),
        ("2026-10-30", "2026-10-30T13:30:00Z"),
        ("2026-11-02", "2026-11-02T14:30:00Z"),
    ],
)
def test_summer_time_is_a_dated_schedule(day: str, opens: str) -> None:
    assert opening(calendar(schedules=(HOURS, SUMMER, WINTER)), day) == opens


@given(
    hours=st.integers(0, 400),
    offsets=st.lists(st.integers(-720, 840), min_size=3, max_size=3),
)
def test_local_days_never_run_backwards_whatever_the_offsets(
    hours: int, offsets: list[int]
) -> None:
    schedules = tuple(
        Schedule(since=f"2026-03-{3 + 5 * number:02}", utc_offset_minutes=offset)
        for number, offset in enumerate(offsets)
    )
    shifting = calendar(schedules=schedules)
    moment = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=hours)

    before, after = (
        local_day(shifting, instant(moment - each)) for each in (A_SECOND, 0 * A_SECOND)
    )

    assert before <= after


def test_every_failed_day_is_counted_at_its_cut_off() -> None:
    """F144: due on Thursday, over a holiday and a weekend: one day until Monday's cut-off."""
    moments = (
        "2026-04-02T20:59:59Z",
        "2026-04-02T21:00:00Z",
        "2026-04-06T20:59:59Z",
        "2026-04-06T21:00:00Z",
    )
    ages = [len(list(failed_days(calendar(), "2026-04-02", each))) for each in moments]

    assert ages == [0, 1, 1, 2]


def test_a_trade_due_on_a_day_that_became_a_holiday_is_due_on_the_next_business_day() -> None:
    assert list(failed_days(calendar(), GOOD_FRIDAY, "2026-04-06T21:00:00Z")) == ["2026-04-06"]


def test_the_intended_day_says_from_which_second_a_trade_settles() -> None:
    """SS-98."""
    found = intended(calendar(), 1, "2026-04-02T21:00:00Z")

    assert (found.trade_day, found.settlement_day) == ("2026-04-06", "2026-04-07")
    assert found.settles_from == "2026-04-07T14:30:00Z"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"holidays": ("2026-04-06", GOOD_FRIDAY)}, id="holidays out of order"),
        pytest.param({"schedules": (WINTER, SUMMER)}, id="schedules out of order"),
        pytest.param({"cycle": 3}, id="a standard cycle above the longest"),
        pytest.param({"schedules": ()}, id="no schedule"),
    ],
)
def test_a_calendar_that_is_not_in_order_is_malformed(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CalendarGiven(**{**dict(NEW_YORK), **changes})


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"cut_off": "09:30:00"}, id="closes when it opens"),
        pytest.param({"weekend": (7, 6)}, id="weekend out of order"),
        pytest.param({"weekend": (1, 2, 3, 4, 5, 6, 7)}, id="no business day left"),
        pytest.param({"cut_off": "24:00:01"}, id="no time of day"),
    ],
)
def test_a_schedule_that_is_not_in_order_is_malformed(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Schedule(**{**dict(HOURS), **changes})


# --- the contract ---


def go_to(market: Market, moment: str) -> None:
    market.ledger.now = datetime.fromisoformat(moment)


@pytest.fixture
def dated(market: Market) -> Market:
    """Thursday 2 April 2026, 10:00 in New York; the venue settles by that calendar."""
    market.submit(Participant.CLEARING, SETTLEMENT, "set_calendar", NEW_YORK)
    given = ConventionsGiven(
        standard=Convention(calendar="new-york"),
        securities={"BETA": Convention(calendar="new-york", cycle=2)},
    )
    market.submit(Participant.ATS, SETTLEMENT, "set_conventions", given)
    return market


def terms(market: Market, **changes: object) -> TradeTerms:
    usual = market.terms().model_dump()
    late = {"settlement_day": None, "expires_at": market.after(timedelta(days=60))}
    return TradeTerms.model_validate({**usual, **late, **changes})


def proposed(market: Market, **changes: object) -> Trade:
    market.propose(terms(market, **changes))
    return market.evaluate(SETTLEMENT, "trade", "T-1").load(TradeView).trade


def test_a_venue_may_leave_the_settlement_day_to_the_calendar(dated: Market) -> None:
    """SS-98, F143, W12."""
    trade = proposed(dated)

    assert (trade.calendar, trade.settlement_day) == ("new-york", "2026-04-06")
    assert trade.settles_from == "2026-04-06T14:30:00Z"


def test_the_hash_to_sign_is_of_the_terms_with_their_settlement_day(dated: Market) -> None:
    given = terms(dated)
    digest = dated.propose(given).text

    assert digest == given.model_copy(update={"settlement_day": "2026-04-06"}).digest


def test_a_venue_may_give_the_day_but_no_wrong_one(dated: Market) -> None:
    """F129, SS-98."""
    for wrong in (GOOD_FRIDAY, "2026-04-02", "2026-04-07"):
        with pytest.raises(Refusal, match="SETTLEMENT_DAY_WRONG"):
            dated.propose(terms(dated, settlement_day=wrong))

    assert proposed(dated, settlement_day="2026-04-06").settlement_day == "2026-04-06"


@pytest.mark.parametrize(
    ("changes", "day"),
    [
        pytest.param({"cycle": 0}, "2026-04-02", id="T+0 for one trade"),
        pytest.param({}, "2026-04-06", id="the calendar's T+1"),
        pytest.param({"security": "BETA"}, "2026-04-07", id="T+2 for one security"),
        pytest.param({"security": "BETA", "cycle": 1}, "2026-04-06", id="the trade's own wins"),
    ],
)
def test_a_cycle_is_the_trades_the_securitys_or_the_calendars(
    changes: dict[str, object], day: str, dated: Market
) -> None:
    """SS-97."""
    assert proposed(dated, **changes).settlement_day == day


def test_a_cash_trade_settles_at_once_until_the_cut_off_and_then_the_next_business_day(
    dated: Market,
) -> None:
    """SS-97."""
    go_to(dated, "2026-04-02T20:59:59Z")
    assert proposed(dated, cycle=0).settlement_day == "2026-04-02"
    dated.ledger.advance(A_SECOND)
    dated.propose(terms(dated, cycle=0, trade="T-2"))
    late = dated.evaluate(SETTLEMENT, "trade", "T-2").load(TradeView).trade

    assert late.settlement_day == "2026-04-06"


def test_a_trade_settles_from_the_second_at_which_its_day_opens(dated: Market) -> None:
    """F129, SS-98: refused at T-1 s, done at T."""
    given = terms(dated)
    digest = dated.propose(given).text
    agreed = given.model_copy(update={"settlement_day": "2026-04-06"})
    assert agreed.digest == digest
    dated.consent(agreed, "buyer")
    dated.consent(agreed, "seller")
    dated.lock()
    go_to(dated, "2026-04-06T14:29:59Z")
    with pytest.raises(Refusal, match="SETTLEMENT_DAY_NOT_REACHED"):
        dated.settle()

    dated.ledger.advance(A_SECOND)
    dated.settle()

    trade = dated.evaluate(SETTLEMENT, "trade", "T-1").load(TradeView).trade
    assert trade.ended_at == "2026-04-06T14:30:00Z"


@pytest.mark.parametrize(
    ("expires_at", "accepted"),
    [
        pytest.param("2026-04-06T14:30:00Z", False, id="at the opening"),
        pytest.param("2026-04-06T14:30:01Z", True, id="a second later"),
    ],
)
def test_a_trade_must_have_a_second_in_which_it_can_settle(
    expires_at: str, dated: Market, *, accepted: bool
) -> None:
    if accepted:
        assert proposed(dated, expires_at=expires_at).expires_at == expires_at
        return
    with pytest.raises(Refusal, match="TRADE_DATES_WRONG"):
        proposed(dated, expires_at=expires_at)


def test_a_calendar_changes_for_days_to_come_only(dated: Market) -> None:
    """F143: the age of a fail never changes afterwards."""
    clearing = Participant.CLEARING
    mourning = NEW_YORK.model_copy(update={"holidays": (GOOD_FRIDAY, "2026-04-07")})
    dated.submit(clearing, SETTLEMENT, "set_calendar", mourning)
    go_to(dated, "2026-04-07T04:59:59Z")
    dated.submit(clearing, SETTLEMENT, "set_calendar", NEW_YORK)
    dated.ledger.advance(A_SECOND)

    with pytest.raises(Refusal, match="CALENDAR_PAST_CHANGED"):
        dated.submit(clearing, SETTLEMENT, "set_calendar", mourning)
    found = dated.evaluate(SETTLEMENT, "calendar", "new-york").load(Calendar)

    assert (found.version, found.holidays) == (3, (GOOD_FRIDAY,))


def test_only_who_made_a_calendar_or_oversees_changes_it(dated: Market) -> None:
    clearing = dated.licence("OtherMSP", "clearing")
    dated.license(clearing)
    with pytest.raises(Refusal, match="LICENCE_MISSING"):
        dated.submit("OtherMSP", SETTLEMENT, "set_calendar", NEW_YORK)

    version = dated.submit(Participant.REGULATOR, SETTLEMENT, "set_calendar", NEW_YORK).load(int)

    assert version == 2


def test_what_is_set_can_be_read(dated: Market) -> None:
    page = dated.evaluate(SETTLEMENT, "calendars").load(CalendarPage)
    conventions = dated.evaluate(SETTLEMENT, "conventions", Participant.ATS).load(Conventions)
    found = dated.evaluate(SETTLEMENT, "settlement_day", Participant.ATS, "BETA").load(Intended)

    assert [each.calendar for each in page.calendars] == ["new-york"]
    assert (conventions.version, conventions.of("BETA").cycle) == (1, 2)
    assert found.settlement_day == "2026-04-07"


def test_without_conventions_every_day_is_a_business_day(market: Market) -> None:
    go_to(market, "2026-04-04T12:00:00Z")
    found = market.evaluate(SETTLEMENT, "settlement_day", Participant.ATS, "ACME", 1).load(Intended)

    assert (found.calendar, found.settlement_day) == (None, "2026-04-05")
    with pytest.raises(Refusal, match="SETTLEMENT_DAY_WRONG"):
        market.propose(terms(market, cycle=1, settlement_day="2026-04-06"))
