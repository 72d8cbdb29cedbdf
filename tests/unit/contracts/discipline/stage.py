"""What the tests of settlement discipline share: a venue with a calendar, and trades that fail.

It is Thursday 2 April 2026, 15:00Z. The calendar is New York's without summer time, five hours
behind UTC, from 14:30Z to 21:00Z; the next day is a holiday. At T+1 a trade of this Thursday is due
on Monday 6 April, and failing from 21:00Z on.
"""

from datetime import datetime, timedelta
from pathlib import Path

from pydantic import JsonValue

from tallystick.chaincode.testing import Outcome
from tallystick.contracts.calendars.models import (
    CalendarGiven,
    Convention,
    ConventionsGiven,
    Schedule,
)
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.discipline.models import (
    Cause,
    CauseNote,
    ChangeGiven,
    FailView,
    Valuation,
)
from tallystick.contracts.discipline.packs import DisciplinePack, RegimePeriod
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import (
    BuyInCalled,
    BuyInWithdrawn,
    Change,
    ChangeAgreed,
    Side,
    TradeHeld,
)
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.models import Trade, TradeView
from tallystick.contracts.trades.terms import TradeTerms

SETTLEMENT = Chaincode.SETTLEMENT
P = Participant
PACKS = Path(__file__).parents[4] / "docs" / "packs" / "settlement-discipline"
A_SECOND = timedelta(seconds=1)
TRADED = "2026-04-02T15:00:00Z"
CUT_OFFS = ("2026-04-06T21:00:00Z", "2026-04-07T21:00:00Z", "2026-04-08T21:00:00Z")
"""Those of the first three business days on which a trade of this Thursday can fail."""

AMOUNT = 4_000_000
DEARER = 4_100_000
"""What the same units cost elsewhere, later."""

PENALTY = 400
"""Of a business day, for want of a liquid share, at 100 millionths of the amount."""

GOOD_FRIDAY = "2026-04-03"
NEW_YORK = CalendarGiven(
    calendar="new-york",
    title="Business days of New York",
    cycle=1,
    longest_cycle=2,
    holidays=(GOOD_FRIDAY,),
    schedules=(
        Schedule(
            since="2026-01-01",
            weekend=(6, 7),
            utc_offset_minutes=-300,
            opens="09:30:00",
            cut_off="16:00:00",
        ),
    ),
)


def read_pack(name: str) -> DisciplinePack:
    return DisciplinePack.model_validate_json((PACKS / f"{name}.json").read_text())


def go_to(market: Market, moment: str) -> None:
    market.ledger.now = datetime.fromisoformat(moment)


def prepare_venue(market: Market) -> None:
    """Give the venue its calendar and its figures."""
    market.submit(P.CLEARING, SETTLEMENT, "set_calendar", NEW_YORK)
    conventions = ConventionsGiven(standard=Convention(calendar="new-york"), least_part=10)
    market.submit(P.ATS, SETTLEMENT, "set_conventions", conventions)
    judge_by(market, "eu-csdr-2026-01-01", since="2026-04-01")


def prepare(market: Market) -> None:
    """Prepare the venue, and give everybody the means to trade and to pay."""
    prepare_venue(market)
    go_to(market, TRADED)
    for who in ("alice", "bob"):
        market.deposit(who, 2 * AMOUNT)


def judge_by(market: Market, name: str, *, since: str) -> None:
    """Publish a pack on 30 March, and let the venue's fails be judged by it from a day on."""
    pack = read_pack(name)
    period = RegimePeriod(
        since=since,
        pack=pack.pack,
        pack_version=pack.version,
        standard="liquid-share",
        currencies={"USD": "USD"},
    )
    present, market.ledger.now = market.ledger.now, datetime.fromisoformat("2026-03-30T12:00:00Z")
    market.submit(P.REGULATOR, SETTLEMENT, "publish_discipline", pack)
    market.submit(P.REGULATOR, SETTLEMENT, "judge_fails", P.ATS, period)
    market.ledger.now = present


def terms(market: Market, trade: str = "T-1", **changes: object) -> TradeTerms:
    """Return terms by which bob buys units from alice, 100 for AMOUNT, as they are recorded."""
    quantity, amount = changes.pop("quantity", 100), changes.pop("amount", AMOUNT)
    assert isinstance(quantity, int)
    assert isinstance(amount, int)
    usual = market.terms(trade, quantity=quantity, amount=amount).model_dump()
    due = {"settlement_day": "2026-04-06", "expires_at": "2026-06-30T00:00:00Z"}
    return TradeTerms.model_validate({**usual, **due, **changes})


def matched(market: Market, trade: str = "T-1", **changes: object) -> TradeTerms:
    """Let a trade be proposed and agreed on."""
    agreed = terms(market, trade, **changes)
    market.agree(agreed)
    return agreed


def row(market: Market, trade: str = "T-1") -> Trade:
    return market.evaluate(SETTLEMENT, "trade", trade).load(TradeView).trade


def recorded_terms(market: Market, trade: str = "T-1") -> TradeTerms:
    found = market.evaluate(SETTLEMENT, "trade", trade).load(TradeView).terms
    assert found is not None, "the regulator reads all terms"
    return found


def fail(market: Market, trade: str = "T-1") -> FailView:
    return market.evaluate(SETTLEMENT, "fail", trade).load(FailView)


def hold(market: Market, side: Side, trade: str = "T-1", *, holds: bool = True) -> Outcome:
    party = recorded_terms(market, trade).parties[side]
    said = TradeHeld(trade=trade, side=side, party=party, holds=holds)
    function = "hold_trade" if holds else "release_trade"
    intent = market.sign(party, said)
    return market.submit(P.BROKER_DEALER, SETTLEMENT, function, trade, side, intent=intent)


def agree(market: Market, side: Side, change: Change, trade: str = "T-1") -> bool:
    """Let one side agree to a change; return whether it has come about."""
    party = recorded_terms(market, trade).parties[side]
    said = ChangeAgreed(
        trade=trade,
        side=side,
        party=party,
        terms_hash=row(market, trade).terms_hash,
        change=change,
    )
    return market.submit(
        P.BROKER_DEALER,
        SETTLEMENT,
        "agree_change",
        trade,
        side,
        change=ChangeGiven(change=change),
        intent=market.sign(party, said),
    ).load(bool)


def note(market: Market, day: str, cause: Cause, side: Side | None, trade: str = "T-1") -> Outcome:
    found = CauseNote(day=day, cause=cause, side=side)
    return market.submit(P.CLEARING, SETTLEMENT, "record_fail", trade, note=found)


def collect(market: Market, *trades: str, through: str) -> Outcome:
    named: list[JsonValue] = list(trades)
    return market.submit(P.CLEARING, SETTLEMENT, "collect_penalties", named, through)


def call(market: Market, agent: str = P.BROKER_DEALER, trade: str = "T-1") -> Outcome:
    digest, buyer = row(market, trade).terms_hash, recorded_terms(market, trade).buyer
    said = BuyInCalled(trade=trade, party=buyer, terms_hash=digest, agent=agent)
    intent = market.sign(buyer, said)
    return market.submit(P.BROKER_DEALER, SETTLEMENT, "call_buy_in", trade, agent, intent=intent)


def give_up(market: Market) -> Outcome:
    return market.submit(P.BROKER_DEALER, SETTLEMENT, "give_up_buy_in", "T-1")


def compensate(market: Market, value: int = DEARER) -> Outcome:
    valuation = Valuation(market_value=value, evidence_hash="e" * 64)
    return market.submit(P.CLEARING, SETTLEMENT, "compensate_buy_in", "T-1", valuation=valuation)


def withdraw(market: Market) -> Outcome:
    said = BuyInWithdrawn(trade="T-1", party="bob", terms_hash=row(market).terms_hash)
    intent = market.sign("bob", said)
    return market.submit(P.BROKER_DEALER, SETTLEMENT, "withdraw_buy_in", "T-1", intent=intent)


def execute(market: Market, replacement: str = "T-2", trade: str = "T-1") -> Outcome:
    return market.submit(P.BROKER_DEALER, SETTLEMENT, "execute_buy_in", trade, replacement)
