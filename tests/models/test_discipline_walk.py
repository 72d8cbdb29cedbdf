"""Random acts of settlement discipline: nothing is lost by a partition, a hold or a penalty.

SS-89, SS-109, F139, F144. After every act: units and money are as many as before; a trade and its
parts add up to what was agreed on; an age is what a recount of cut-offs says, and never falls; what
is locked belongs to open, locked trades; penalties that were paid are those that were due; and a
trade that was bought in names the one that has replaced it.
"""

from datetime import UTC, datetime, timedelta
from functools import cache, partial

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    initialize,
    invariant,
    precondition,
    rule,
)
from tests.models.market_walk import MarketWalk
from tests.unit.contracts.discipline import stage
from tests.unit.contracts.discipline.stage import AMOUNT
from tests.unit.contracts.listening import ListeningMarket
from tests.unit.contracts.trades.stage import settle_at_once

from tallystick.contracts.cash.models import CashAccount
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.discipline.models import Cause, Valuation
from tallystick.contracts.instants import instant
from tallystick.contracts.register.models import Holding
from tallystick.contracts.statements import (
    BuyInWithdrawn,
    CancelTrade,
    Change,
    SettleEarly,
    SplitTrade,
)
from tallystick.contracts.trades.states import HAS_LOCKS

UNITS, MONEY = 1000, 4 * AMOUNT + 50_000
HOLDERS = ("alice", "bob", "carol")
MAX_TRADES = 3

sides = st.sampled_from(["buyer", "seller"])


@cache
def template() -> ListeningMarket:
    """Return a market that is ready, of which every walk takes a copy."""
    market = ListeningMarket()
    market.ledger.now = datetime(2026, 4, 2, 15, tzinfo=UTC)
    market.open()
    market.onboard(*HOLDERS)
    market.issue("alice", UNITS)
    market.issue("carol", UNITS)
    market.deposit("bob", 50_000)
    stage.prepare(market)
    return market


class DisciplineMachine(MarketWalk):
    """Acts at random; those that the contracts refuse must change nothing."""

    trades: Bundle[str] = Bundle("trades")

    @initialize()
    def open(self) -> None:
        self.begin(template().fork())
        self.families: dict[str, list[str]] = {}
        self.agreed: dict[str, tuple[int, int]] = {}
        self.ages: dict[str, int] = {}
        self.bought: dict[str, str] = {}

    # --- acts ---

    @precondition(lambda self: len(self.families) < MAX_TRADES)
    @rule(target=trades, quantity=st.integers(20, 600), cents=st.integers(1, 5000))
    def agree_on_trade(self, quantity: int, cents: int) -> str:
        name = f"T-{len(self.families)}"
        terms = stage.terms(
            self.market,
            name,
            quantity=quantity,
            amount=quantity * cents,
            settlement_day=None,
            expires_at=self.market.after(timedelta(days=40)),
        )
        assert self.act(lambda: self.market.propose(terms))
        day = stage.row(self.market, name).settlement_day
        for side in ("buyer", "seller"):
            due = terms.model_copy(update={"settlement_day": day})
            assert self.act(partial(self.market.consent, due, side))
        self.families[name] = [name]
        self.agreed[name] = (quantity, quantity * cents)
        return name

    @rule(trade=trades, side=sides, holds=st.booleans())
    def hold(self, trade: str, side: str, *, holds: bool) -> None:
        self.act(lambda: stage.hold(self.market, side, trade, holds=holds))

    @rule(trade=trades, one_in_four=st.sampled_from([True, False, False, False]))
    def cancel(self, trade: str, *, one_in_four: bool) -> None:
        if one_in_four:  # what has ended shows little more
            self.change(trade, CancelTrade())

    @rule(trade=trades, hours=st.integers(0, 48))
    def bring_forward(self, trade: str, hours: int) -> None:
        moment = self.market.after(timedelta(hours=hours))
        self.change(trade, SettleEarly(settles_from=moment))

    @rule(target=trades, trade=trades, quantity=st.integers(1, 300))
    def split(self, trade: str, quantity: int) -> str:
        family = next(each for each in self.families.values() if trade in each)
        part = f"{family[0]}.{len(family)}"
        if self.change(trade, SplitTrade(part=part, quantity=quantity)):
            family.append(part)
            self.ages[part] = self.ages.get(trade, 0)
            return part
        return trade

    def change(self, trade: str, change: Change) -> bool:
        """Let both sides agree to a change; return whether it came about."""
        first = self.act(lambda: stage.agree(self.market, "seller", change, trade))
        return first and self.act(lambda: stage.agree(self.market, "buyer", change, trade))

    @rule(trade=trades)
    def lock(self, trade: str) -> None:
        self.act(lambda: self.market.lock(trade))

    @rule(trade=trades)
    def settle(self, trade: str) -> None:
        self.act(lambda: self.market.lock(trade))
        self.act(lambda: self.market.settle(trade))

    @rule(hours=st.integers(12, 120))
    def wait(self, hours: int) -> None:
        self.market.ledger.advance(timedelta(hours=hours))

    @rule(trade=trades, day=st.integers(0, 9), by_seller=st.booleans())
    def record_and_collect(self, trade: str, day: int, *, by_seller: bool) -> None:
        failed = stage.fail(self.market, trade).days or ()
        if failed:
            cause = Cause.LACK_OF_SECURITIES if by_seller else Cause.LACK_OF_CASH
            side = "seller" if by_seller else "buyer"
            name = failed[day % len(failed)].day
            self.act(lambda: stage.note(self.market, name, cause, side, trade))
            self.collect(trade)

    @rule(
        trade=trades,
        dearer=st.integers(-5000, 5000),
        ending=st.sampled_from(("execute", "execute", "compensate", "withdraw", "give up")),
    )
    def buy_in(self, trade: str, dearer: int, ending: str) -> None:
        """Let the buyer call what has failed for long, and take the buy-in to one of its ends."""
        self.wait_until_a_buy_in_is_due(trade)
        for each in (stage.fail(self.market, trade).days or ())[-4:]:
            note = partial(stage.note, self.market, each.day, Cause.LACK_OF_SECURITIES, "seller")
            self.act(partial(note, trade))
        if not self.act(lambda: stage.call(self.market, trade=trade)):
            return
        match ending:
            case "execute":
                self.execute(trade, dearer)
            case "withdraw":
                self.withdraw(trade)
            case _:
                assert self.act(partial(self.market.submit, *AGENT, "give_up_buy_in", trade))
                if ending == "compensate":
                    self.compensate(trade, dearer)

    def execute(self, trade: str, dearer: int) -> None:
        """Let the buyer buy from carol; the seller pays what is dearer."""
        wanted, today = stage.recorded_terms(self.market, trade), self.market.ledger.now.date()
        terms = stage.terms(
            self.market,
            f"{trade}.carol",
            quantity=wanted.quantity,
            amount=max(1, wanted.amount + dearer),
            seller="carol",
            cycle=0,
            settlement_day=today.isoformat(),
            expires_at=self.market.after(timedelta(days=9)),
        )
        assert self.act(lambda: self.market.agree(terms))
        self.act(lambda: settle_at_once(self.market, terms.trade))
        before = self.market.money("alice")
        if self.act(partial(self.market.submit, *AGENT, "execute_buy_in", trade, terms.trade)):
            self.bought[trade] = terms.trade
            assert before - self.market.money("alice") == max(0, terms.amount - wanted.amount)

    def compensate(self, trade: str, dearer: int) -> None:
        """Let the seller pay what the units are worth more than was agreed; the trade ends."""
        agreed = stage.recorded_terms(self.market, trade).amount
        value, before = max(1, agreed + dearer), self.market.money("alice")
        valuation = Valuation(market_value=value, evidence_hash="e" * 64)
        place = (stage.P.CLEARING, Chaincode.SETTLEMENT, "compensate_buy_in", trade)
        if self.act(partial(self.market.submit, *place, valuation=valuation)):
            assert before - self.market.money("alice") == max(0, value - agreed)
            assert stage.row(self.market, trade).status == "cancelled"

    def withdraw(self, trade: str) -> None:
        """Let the buyer wait for the seller again."""
        row, buyer = stage.row(self.market, trade), stage.recorded_terms(self.market, trade).buyer
        said = BuyInWithdrawn(trade=trade, party=buyer, terms_hash=row.terms_hash)
        place = (*AGENT, "withdraw_buy_in", trade)
        intent = self.market.sign(buyer, said)
        assert self.act(partial(self.market.submit, *place, intent=intent))

    def wait_until_a_buy_in_is_due(self, trade: str) -> None:
        """Go to a business day that is a week after that of the trade, while the venue is open."""
        day = datetime.fromisoformat(f"{stage.row(self.market, trade).settlement_day}T15:00:00Z")
        day += timedelta(days=7)
        while day < self.market.ledger.now or day.isoweekday() > 5:
            day += timedelta(days=1)
        self.market.ledger.now = day

    def collect(self, trade: str) -> None:
        before, today = stage.fail(self.market, trade), self.market.ledger.now.date().isoformat()
        money = self.market.money("alice")
        if not self.act(lambda: stage.collect(self.market, trade, through=today)):
            return
        record = before.record
        assert before.days is not None
        assert record is not None
        due = [each for each in before.days if each.day > (record.collected or "")]
        owed = {side: sum(each.penalty for each in due if each.side == side) for side in SIDES}
        assert self.market.money("alice") - money == owed["buyer"] - owed["seller"]

    # --- what always holds ---

    @invariant()
    def nothing_is_created_or_lost(self) -> None:
        assert sum(map(self.market.units, HOLDERS)) == 2 * UNITS
        assert sum(map(self.market.money, HOLDERS)) == MONEY

    @invariant()
    def a_trade_and_its_parts_are_what_was_agreed_on(self) -> None:
        for name, family in self.families.items():
            terms = [stage.recorded_terms(self.market, each) for each in family]
            whole = sum(each.quantity for each in terms), sum(each.amount for each in terms)
            assert whole == self.agreed[name]

    @invariant()
    def ages_are_what_a_recount_says_and_never_fall(self) -> None:
        for trade in self.all_trades():
            row, age = stage.row(self.market, trade), stage.fail(self.market, trade).age
            until = min(row.ended_at or instant(self.market.ledger.now), row.expires_at)
            assert age == recounted(row.settlement_day, until)
            assert age >= self.ages.get(trade, 0)
            self.ages[trade] = age

    @invariant()
    def what_is_locked_belongs_to_locked_trades(self) -> None:
        rows = [stage.row(self.market, trade) for trade in self.all_trades()]
        locked = [
            stage.recorded_terms(self.market, each.trade)
            for each in rows
            if each.status in HAS_LOCKS
        ]
        units = self.market.evaluate(Chaincode.TOKEN, "holding", "ACME", "alice").load(Holding)
        money = self.market.evaluate(Chaincode.CASH, "account", "USD", "bob").load(CashAccount)
        assert units.held == sum(each.quantity for each in locked)
        assert money.held == sum(each.amount for each in locked)
        assert not [each for each in rows if each.ended_at and each.status in HAS_LOCKS]

    @invariant()
    def who_was_bought_in_names_a_trade_that_has_settled(self) -> None:
        rows = {each: stage.row(self.market, each) for each in self.all_trades()}
        named = {name: row.replaced_by for name, row in rows.items() if row.replaced_by}
        assert named == self.bought
        assert named.keys() == {name for name, row in rows.items() if row.status == "bought-in"}
        assert all(stage.row(self.market, each).status == "settled" for each in named.values())

    def all_trades(self) -> list[str]:
        return [each for family in self.families.values() for each in family]


SIDES = ("buyer", "seller")
AGENT = (stage.P.BROKER_DEALER, Chaincode.SETTLEMENT)
"""Who buys in, and where it says so."""


def recounted(settlement_day: str, until: str) -> int:
    """Return on how many business days from one on the cut-off, 21:00Z, has passed by a moment."""
    day, count = datetime.fromisoformat(f"{settlement_day}T21:00:00Z"), 0
    while instant(day) <= until:
        count += day.isoweekday() < 6 and day.date().isoformat() != stage.GOOD_FRIDAY
        day += timedelta(days=1)
    return count


class DisciplineInDepth(DisciplineMachine):
    """The same at greater length."""


TestDiscipline = DisciplineMachine.TestCase
TestDiscipline.settings = settings(max_examples=6, stateful_step_count=25, deadline=None)

TestDisciplineInDepth = pytest.mark.slow(DisciplineInDepth.TestCase)
TestDisciplineInDepth.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
