"""Who may call the settlement contract's functions about fails, and arguments for them."""

from pydantic import JsonValue
from tests.unit.contracts.permissions.roles import (
    EVERYBODY,
    LICENSED,
    READERS,
    REGULATOR,
    Arguments,
    P,
    Permissions,
)

from tallystick.contracts.discipline.models import (
    Cause,
    CauseNote,
    ChangeGiven,
    ReportAsked,
    Valuation,
)
from tallystick.contracts.discipline.packs import BuyInClock, DisciplinePack, RegimePeriod
from tallystick.contracts.models import Model
from tallystick.contracts.statements import CancelTrade
from tallystick.contracts.testing import Market

CLEARING = frozenset({P.CLEARING})
VENUES = frozenset({P.ATS})
AGENTS = frozenset({P.BROKER_DEALER})
TRADES: list[JsonValue] = ["T-1"]

PERMITTED: Permissions = {
    "publish_discipline": REGULATOR,
    "judge_fails": REGULATOR,
    "hold_trade": LICENSED,
    "release_trade": LICENSED,
    "agree_change": LICENSED,
    "mark_sale": VENUES,
    "record_fail": CLEARING,
    "collect_penalties": CLEARING,
    "call_buy_in": LICENSED,
    "execute_buy_in": AGENTS,
    "give_up_buy_in": AGENTS,
    "compensate_buy_in": CLEARING,
    "withdraw_buy_in": LICENSED,
    "discipline_pack": EVERYBODY,
    "regime": EVERYBODY,
    "fail": EVERYBODY,
    "close_outs": READERS | VENUES,
    "discipline_report": READERS,
}

SECRETS: dict[str, Model] = {
    "change": ChangeGiven(change=CancelTrade()),
    "note": CauseNote(day="2024-01-01", cause=Cause.NEITHER_SIDE, side=None),
    "valuation": Valuation(market_value=1, evidence_hash="e" * 64),
}

PACK = DisciplinePack(
    kind="settlement-discipline",
    pack="p",
    version=1,
    title="Settlement discipline",
    jurisdiction="EU",
    dated="2024-01-01",
    buy_ins=(BuyInClock(instrument="share", business_days=2, execution_days=2, provision="§ 1"),),
)
PERIOD = RegimePeriod(since="2024-02-01", pack="p", pack_version=1, standard="share")


def arguments(_: Market) -> Arguments:
    return {
        "publish_discipline": [PACK],
        "judge_fails": [P.ATS, PERIOD],
        "hold_trade": ["T-1", "buyer"],
        "release_trade": ["T-1", "buyer"],
        "agree_change": ["T-1", "buyer"],
        "mark_sale": ["T-1", "short"],
        "record_fail": ["T-1"],
        "collect_penalties": [TRADES, "2024-01-31"],
        "call_buy_in": ["T-1", P.BROKER_DEALER],
        "execute_buy_in": ["T-1", "T-2"],
        "give_up_buy_in": ["T-1"],
        "compensate_buy_in": ["T-1"],
        "withdraw_buy_in": ["T-1"],
        "discipline_pack": ["p", 1],
        "regime": [P.ATS],
        "fail": ["T-1"],
        "close_outs": [P.ATS],
        "discipline_report": [
            ReportAsked(venue=P.ATS, first_day="2024-01-01", last_day="2024-01-31")
        ],
    }
