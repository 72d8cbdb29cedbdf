"""Scenarios whose last call is refused: fails and what follows from them.

It is 2 January 2024, and the market has no calendar: every day is a business day, whose cut-off is
midnight.
"""

from datetime import timedelta

from pydantic import JsonValue
from tests.unit.contracts.permissions.discipline import PERIOD
from tests.unit.contracts.permissions.past import PACK
from tests.unit.contracts.refusals.scenarios import ATS, BANK, BROKER, CLEARING, REGULATOR, reaches

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.discipline.models import (
    MAX_HOLD_CHANGES,
    Cause,
    CauseNote,
    ChangeGiven,
    Valuation,
)
from tallystick.contracts.discipline.packs import SecuritiesRate
from tallystick.contracts.reasons import DisciplineReason, TradeReason
from tallystick.contracts.statements import (
    BuyInCalled,
    Change,
    ChangeAgreed,
    SettleEarly,
    Side,
    SplitTrade,
    TradeHeld,
)
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.models import TradeView
from tallystick.contracts.trades.terms import LegKind, TradeLeg

SETTLEMENT = Chaincode.SETTLEMENT
TODAY, TOMORROW = "2024-01-02", "2024-01-03"
LACK = Cause.LACK_OF_SECURITIES
TRADES: list[JsonValue] = ["T-1"]


def agreed(market: Market) -> None:
    """Let T-1 be agreed on, which is due today and expires much later."""
    late = market.after(timedelta(days=300))
    market.agree(market.terms().model_copy(update={"expires_at": late}))


def failing(market: Market, days: int = 1) -> None:
    agreed(market)
    market.ledger.advance(timedelta(days=days))


def hold(market: Market, *, holds: bool) -> None:
    said = TradeHeld(trade="T-1", side="buyer", party="bob", holds=holds)
    function = "hold_trade" if holds else "release_trade"
    market.submit(BROKER, SETTLEMENT, function, "T-1", "buyer", intent=market.sign("bob", said))


def note(market: Market, day: str, cause: Cause = LACK, side: Side | None = "seller") -> None:
    found = CauseNote(day=day, cause=cause, side=side)
    market.submit(CLEARING, SETTLEMENT, "record_fail", "T-1", note=found)


def collect(market: Market, day: str) -> None:
    market.submit(CLEARING, SETTLEMENT, "collect_penalties", TRADES, day)


def terms_hash(market: Market) -> str:
    return market.evaluate(SETTLEMENT, "trade", "T-1").load(TradeView).trade.terms_hash


def change(market: Market, wanted: Change) -> None:
    said = ChangeAgreed(
        trade="T-1", side="buyer", party="bob", terms_hash=terms_hash(market), change=wanted
    )
    market.submit(
        BROKER,
        SETTLEMENT,
        "agree_change",
        "T-1",
        "buyer",
        change=ChangeGiven(change=wanted),
        intent=market.sign("bob", said),
    )


def publish(market: Market) -> None:
    market.submit(REGULATOR, SETTLEMENT, "publish_discipline", PACK)


def judged(market: Market, *, standard: str = "share") -> None:
    """Let fails of the venue be judged by the pack from 1 February on, and go there."""
    publish(market)
    period = PERIOD.model_copy(update={"standard": standard})
    market.submit(REGULATOR, SETTLEMENT, "judge_fails", ATS, period)
    market.ledger.advance(timedelta(days=31))


def due(market: Market, *, standard: str = "share", days: int = 2) -> None:
    """Let T-1 fail under the pack for want of securities."""
    judged(market, standard=standard)
    failing(market, days)
    note(market, "2024-02-02")


def call(market: Market) -> None:
    said = BuyInCalled(trade="T-1", party="bob", terms_hash=terms_hash(market), agent=BROKER)
    market.submit(BROKER, SETTLEMENT, "call_buy_in", "T-1", BROKER, intent=market.sign("bob", said))


@reaches(TradeReason.TRADE_ON_HOLD)
def _(market: Market) -> None:
    agreed(market)
    hold(market, holds=True)
    market.lock()


@reaches(DisciplineReason.NOT_ITS_VENUE)
def _(market: Market) -> None:
    agreed(market)
    market.license(market.licence("OtherMSP", "ats"))
    market.submit("OtherMSP", SETTLEMENT, "mark_sale", "T-1", "short")


@reaches(DisciplineReason.HOLD_UNCHANGED)
def _(market: Market) -> None:
    agreed(market)
    hold(market, holds=False)


@reaches(DisciplineReason.NOTES_TOO_MANY)
def _(market: Market) -> None:
    agreed(market)
    for number in range(MAX_HOLD_CHANGES + 1):
        hold(market, holds=number % 2 == 0)


@reaches(DisciplineReason.DAY_NOT_FAILED)
def _(market: Market) -> None:
    failing(market)
    note(market, TOMORROW)


@reaches(DisciplineReason.DAY_COLLECTED)
def _(market: Market) -> None:
    failing(market)
    collect(market, TODAY)
    note(market, TODAY)


@reaches(DisciplineReason.CAUSE_SIDE_WRONG)
def _(market: Market) -> None:
    failing(market)
    note(market, TODAY, LACK, "buyer")


@reaches(DisciplineReason.NOTHING_DUE)
def _(market: Market) -> None:
    agreed(market)
    collect(market, TODAY)


@reaches(DisciplineReason.CASH_NOT_NAMED)
def _(market: Market) -> None:
    rate = SecuritiesRate(instrument="share", per_million=100, provision="§ 2")
    pack = PACK.model_copy(update={"securities": (rate,)})
    market.submit(REGULATOR, SETTLEMENT, "publish_discipline", pack)
    market.submit(REGULATOR, SETTLEMENT, "judge_fails", ATS, PERIOD)
    market.ledger.advance(timedelta(days=31))
    terms = market.terms(amount=50_000).model_copy(
        update={"paid_at": BANK, "expires_at": market.after(timedelta(days=300))}
    )
    market.agree(terms)
    market.ledger.advance(timedelta(days=1))
    note(market, "2024-02-02")
    collect(market, "2024-02-02")


@reaches(DisciplineReason.NOT_EARLIER)
def _(market: Market) -> None:
    agreed(market)
    change(market, SettleEarly(settles_from=f"{TODAY}T00:00:00Z"))


@reaches(DisciplineReason.PART_TOO_SMALL)
def _(market: Market) -> None:
    agreed(market)
    change(market, SplitTrade(part="T-2", quantity=10))


@reaches(DisciplineReason.LEGS_NOT_DIVISIBLE)
def _(market: Market) -> None:
    leg = TradeLeg(kind=LegKind.MONEY, asset="USD", sender="alice", receiver="bob", quantity=1)
    market.agree(market.terms().model_copy(update={"legs": (leg,)}))
    change(market, SplitTrade(part="T-2", quantity=5))


@reaches(DisciplineReason.DISCIPLINE_PACK_UNKNOWN)
def _(market: Market) -> None:
    market.submit(REGULATOR, SETTLEMENT, "judge_fails", ATS, PERIOD)


@reaches(DisciplineReason.DISCIPLINE_PACK_EXISTS)
def _(market: Market) -> None:
    publish(market)
    publish(market)


@reaches(DisciplineReason.PERIOD_BEGUN)
def _(market: Market) -> None:
    publish(market)
    today = PERIOD.model_copy(update={"since": TODAY})
    market.submit(REGULATOR, SETTLEMENT, "judge_fails", ATS, today)


@reaches(DisciplineReason.REGIME_UNKNOWN)
def _(market: Market) -> None:
    failing(market)
    note(market, TODAY)
    call(market)


@reaches(DisciplineReason.BUY_IN_STATUS)
def _(market: Market) -> None:
    agreed(market)
    market.submit(BROKER, SETTLEMENT, "give_up_buy_in", "T-1")


@reaches(DisciplineReason.BUY_IN_NOT_DUE)
def _(market: Market) -> None:
    due(market, days=1)
    call(market)


@reaches(DisciplineReason.BUY_IN_NOT_PROVIDED)
def _(market: Market) -> None:
    due(market, standard="bond")
    call(market)


@reaches(DisciplineReason.EXECUTION_NOT_DUE)
def _(market: Market) -> None:
    due(market)
    call(market)
    valuation = Valuation(market_value=600, evidence_hash="e" * 64)
    market.submit(CLEARING, SETTLEMENT, "compensate_buy_in", "T-1", valuation=valuation)


@reaches(DisciplineReason.NOT_THE_AGENT)
def _(market: Market) -> None:
    due(market)
    call(market)
    market.license(market.licence("OtherMSP", "broker-dealer"))
    market.submit("OtherMSP", SETTLEMENT, "give_up_buy_in", "T-1")


@reaches(DisciplineReason.REPLACEMENT_WRONG)
def _(market: Market) -> None:
    due(market)
    call(market)
    market.agree(market.terms("T-2"))
    market.submit(BROKER, SETTLEMENT, "execute_buy_in", "T-1", "T-2")
