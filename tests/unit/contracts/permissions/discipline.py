"""Who may call the settlement contract's functions about fails, and arguments for them."""

from collections.abc import Collection, Mapping

from pydantic import JsonValue
from tests.unit.contracts.permissions.past import CALLED, LATE, PACK
from tests.unit.contracts.permissions.roles import (
    AGENTS,
    BROKER,
    CLEARING,
    READERS,
    REGULATOR,
    VENUES,
    Arguments,
    P,
    Permissions,
    anybody,
    licensed,
    only,
)
from tests.unit.contracts.permissions.stage import AGREED, MEDIATED

from tallystick.contracts.discipline.models import (
    Cause,
    CauseNote,
    ChangeGiven,
    ReportAsked,
    Valuation,
)
from tallystick.contracts.discipline.packs import RegimePeriod
from tallystick.contracts.models import Model
from tallystick.contracts.reasons import DisciplineReason, ReasonTable
from tallystick.contracts.statements import CancelTrade
from tallystick.contracts.testing import Market

TRADES: list[JsonValue] = ["T-1"]

NO_AGENT: Mapping[ReasonTable | None, Collection[str]] = {
    DisciplineReason.NOT_THE_AGENT: AGENTS - BROKER
}
"""What those are told who may act for clients, and were not named to buy in."""

PERMITTED: Permissions = {
    "publish_discipline": only(REGULATOR),
    "judge_fails": only(REGULATOR),
    "hold_trade": licensed(),
    "release_trade": licensed(),
    "agree_change": licensed(),
    "mark_sale": only(VENUES),
    "record_fail": only(CLEARING),
    "collect_penalties": only(CLEARING, DisciplineReason.NOTHING_DUE),
    "call_buy_in": licensed(),
    "execute_buy_in": only(BROKER, DisciplineReason.REPLACEMENT_WRONG, but=NO_AGENT),
    "give_up_buy_in": only(BROKER, but=NO_AGENT),
    "compensate_buy_in": only(CLEARING, DisciplineReason.EXECUTION_NOT_DUE),
    "withdraw_buy_in": licensed(),
    "discipline_pack": anybody(),
    "regime": anybody(),
    "fail": anybody(),
    "close_outs": only(READERS | VENUES),
    "discipline_report": only(READERS),
}

SECRETS: dict[str, Model] = {
    "change": ChangeGiven(change=CancelTrade()),
    "note": CauseNote(day="2024-01-03", cause=Cause.NEITHER_SIDE, side=None),
    "valuation": Valuation(market_value=1, evidence_hash="e" * 64),
}

PERIOD = RegimePeriod(since="2024-02-01", pack="p", pack_version=1, standard="share")


def arguments(_: Market) -> Arguments:
    return {
        "publish_discipline": [PACK.model_copy(update={"version": 2})],
        "judge_fails": [P.ATS, PERIOD],
        "hold_trade": [AGREED, "buyer"],
        "release_trade": [MEDIATED, "buyer"],
        "agree_change": [AGREED, "buyer"],
        "mark_sale": ["T-1", "short"],
        "record_fail": [LATE],
        "collect_penalties": [TRADES, "2024-01-31"],
        "call_buy_in": [LATE, P.BROKER_DEALER],
        "execute_buy_in": [CALLED, AGREED],
        "give_up_buy_in": [CALLED],
        "compensate_buy_in": [CALLED],
        "withdraw_buy_in": [CALLED],
        "discipline_pack": ["p", 1],
        "regime": [P.ATS],
        "fail": ["T-1"],
        "close_outs": [P.ATS],
        "discipline_report": [
            ReportAsked(venue=P.ATS, first_day="2024-01-01", last_day="2024-01-31")
        ],
    }
