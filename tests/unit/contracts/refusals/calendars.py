"""Scenarios whose last call is refused: settlement calendars."""

from tests.unit.contracts.permissions.calendars import CALENDAR, CONVENTIONS
from tests.unit.contracts.refusals.scenarios import ATS, CLEARING, reaches

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.reasons import CalendarReason
from tallystick.contracts.testing import Market


def set_conventions(market: Market) -> None:
    market.submit(ATS, Chaincode.SETTLEMENT, "set_conventions", CONVENTIONS)


def use_calendar(market: Market) -> None:
    market.submit(CLEARING, Chaincode.SETTLEMENT, "set_calendar", CALENDAR)
    set_conventions(market)


@reaches(CalendarReason.CALENDAR_UNKNOWN)
def _(market: Market) -> None:
    set_conventions(market)


@reaches(CalendarReason.CALENDAR_PAST_CHANGED)
def _(market: Market) -> None:
    use_calendar(market)
    past = CALENDAR.model_copy(update={"holidays": ("2024-01-01",)})
    market.submit(CLEARING, Chaincode.SETTLEMENT, "set_calendar", past)


@reaches(CalendarReason.CONVENTIONS_UNKNOWN)
def _(market: Market) -> None:
    market.submit(ATS, Chaincode.SETTLEMENT, "conventions", ATS)


@reaches(CalendarReason.CYCLE_TOO_LONG)
def _(market: Market) -> None:
    use_calendar(market)
    market.propose(market.terms().model_copy(update={"settlement_day": None, "cycle": 3}))


@reaches(CalendarReason.SETTLEMENT_DAY_PAST)
def _(market: Market) -> None:
    market.propose(market.terms().model_copy(update={"settlement_day": "2024-01-01"}))


@reaches(CalendarReason.SETTLEMENT_DAY_WRONG)
def _(market: Market) -> None:
    use_calendar(market)
    market.propose(market.terms())
