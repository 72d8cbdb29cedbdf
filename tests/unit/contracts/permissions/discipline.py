"""Who may call the settlement contract's functions about fails, and arguments for them."""

from collections.abc import Collection, Mapping
from datetime import timedelta

from pydantic import JsonValue
from tests.unit.contracts.permissions.past import CALLED, GIVEN_UP, LATE, PACK, REPLACEMENT
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

NO_AGENT: Mapping[ReasonTable, Collection[str]] = {DisciplineReason.NOT_THE_AGENT: AGENTS - BROKER}
"""What those are told who may act for clients, and were not named to buy in."""

PERMITTED: Permissions = {
    "publish_discipline": only(REGULATOR),
    "judge_fails": only(REGULATOR),
    "hold_trade": licensed(),
    "release_trade": licensed(),
    "agree_change": licensed(),
    "mark_sale": only(VENUES),
    "record_fail": only(CLEARING),
    "collect_penalties": only(CLEARING),
    "call_buy_in": licensed(),
    "execute_buy_in": only(BROKER, but=NO_AGENT),
    "give_up_buy_in": only(BROKER, but=NO_AGENT),
    "compensate_buy_in": only(CLEARING),
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
    "valuation": Valuation(market_value=501, evidence_hash="e" * 64),
}

PERIOD = RegimePeriod(since="2024-02-01", pack="p", pack_version=1, standard="share")


def arguments(market: Market) -> Arguments:
    late: list[JsonValue] = [LATE]
    return {
        "publish_discipline": [PACK.model_copy(update={"version": 2})],
        "judge_fails": [P.ATS, PERIOD],
        "hold_trade": [AGREED, "buyer"],
        "release_trade": [MEDIATED, "buyer"],
        "agree_change": [AGREED, "buyer"],
        "mark_sale": ["T-1", "short"],
        "record_fail": [LATE],
        "collect_penalties": [late, market.after(timedelta(0))[:10]],
        "call_buy_in": [LATE, P.BROKER_DEALER],
        "execute_buy_in": [CALLED, REPLACEMENT],
        "give_up_buy_in": [CALLED],
        "compensate_buy_in": [GIVEN_UP],
        "withdraw_buy_in": [CALLED],
        "discipline_pack": ["p", 1],
        "regime": [P.ATS],
        "fail": ["T-1"],
        "close_outs": [P.ATS],
        "discipline_report": [
            ReportAsked(venue=P.ATS, first_day="2024-01-01", last_day="2024-01-31")
        ],
    }
