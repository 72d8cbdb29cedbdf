"""Random acts of a whole market against a plain model: nothing is created, lost or owned twice.

SS-17, SS-18, SS-89, SS-109.

After every act: the sum of holdings is the supply, per security and per cash; holds and freezes fit
into what is there; every hold belongs to a trade that is open and locked; the events alone rebuild
the registers; and holders are counted right.
"""

from collections.abc import Collection
from datetime import timedelta
from functools import partial
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, invariant, rule
from tests.models.register_acts import (
    INVESTORS,
    SECURITIES,
    RegisterActs,
    investors,
    quantities,
    securities,
)
from tests.unit.contracts.listening import ListeningMarket
from tests.unit.contracts.money import appoint_cashier, make_receipt

from tallystick.contracts.book import Account, Hold
from tallystick.contracts.cash.models import Reconciliation
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.custody.models import Custody, CustodyAgreement, CustodyEnding
from tallystick.contracts.lots import MAX_LOTS, added, total
from tallystick.contracts.models import Model
from tallystick.contracts.orders.models import Pending, PendingKind
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.record_dates import RecordPage
from tallystick.contracts.statements import (
    CustodyAgreed,
    CustodyEnded,
    MoneySent,
    Representation,
    Share,
    UnitsDistributed,
)
from tallystick.contracts.trades.models import Status, Trade, TradeView
from tallystick.contracts.trades.states import HAS_LOCKS
from tallystick.contracts.trades.terms import LegKind, TradeLeg
from tallystick.contracts.trades.underway import sides_under_way

BROKER = Participant.BROKER_DEALER

MEDIATOR = Participant.BANK
ModelT = TypeVar("ModelT", bound=Model)
A_DAY = timedelta(days=1)

steps = st.integers(min_value=0, max_value=3)
further_legs = st.lists(st.sampled_from(LegKind), max_size=2)


class MarketMachine(RegisterActs):
    """Acts at random; those that the contracts refuse must change nothing."""

    trades: Bundle[str] = Bundle("trades")
    holding: Collection[Status] = HAS_LOCKS
    """While a trade is in one of these, something is on hold for it."""

    @initialize()
    def open(self) -> None:
        market = ListeningMarket()
        market.open()
        market.create_security("BETA")
        market.list_security("BETA")
        appoint_cashier(market)
        market.onboard(*INVESTORS)
        self.begin(market)
        self.proposed = 0
        for investor in INVESTORS:
            self.act(partial(self.market.deposit, investor, 100))
            for security in SECURITIES:
                self.act(partial(self.market.issue, investor, 100, security))
        self.open_custody()

    def open_custody(self) -> None:
        """Let the broker-dealer hold by carol's identity and safeguard for the others."""
        representation = Representation(identity="carol", organization=BROKER)
        intent = self.market.sign("carol", representation)
        for chaincode, function, *arguments in (
            (Chaincode.IDENTITY, "represent", representation, intent),
            (Chaincode.TOKEN, "open_custody", Custody(identity="carol")),
        ):
            self.act(partial(self.submit, BROKER, chaincode, function, *arguments))

    # --- acts ---

    @rule(client=investors)
    def agree_custody(self, client: str) -> None:
        agreed = CustodyAgreed(custodian=BROKER, client=client)
        intent = self.market.sign(client, agreed)
        agreement = CustodyAgreement(agreed=agreed, intent=intent)
        self.act(lambda: self.submit(BROKER, Chaincode.TOKEN, "agree_custody", agreement=agreement))

    @rule(client=investors)
    def end_custody(self, client: str) -> None:
        ended = CustodyEnded(custodian=BROKER, client=client)
        ending = CustodyEnding(ended=ended)
        self.act(lambda: self.submit(BROKER, Chaincode.TOKEN, "end_custody", ending=ending))

    @rule(security=securities, client=investors, quantity=quantities)
    def distribute(self, security: str, client: str, quantity: int) -> None:
        distributed = UnitsDistributed(
            security=security,
            account="carol",
            shares=(Share(client=client, quantity=quantity),),
        )
        self.act(lambda: self.submit(BROKER, Chaincode.TOKEN, "distribute", distributed))

    @rule(holder=investors, amount=quantities)
    def deposit(self, holder: str, amount: int) -> None:
        self.act(lambda: self.market.deposit(holder, amount))

    @rule(holder=investors, amount=quantities)
    def withdraw_money(self, holder: str, amount: int) -> None:
        self.act(
            lambda: self.submit(Participant.BANK, Chaincode.CASH, "withdraw", "USD", holder, amount)
        )

    @rule(sender=investors, receiver=investors, amount=quantities)
    def pay(self, sender: str, receiver: str, amount: int) -> None:
        sent = MoneySent(cash="USD", sender=sender, receiver=receiver, amount=amount)
        self.act(lambda: self.submit(Participant.BROKER_DEALER, Chaincode.CASH, "transfer", sent))

    @rule(
        target=trades,
        security=securities,
        parties=st.permutations(INVESTORS),
        sizes=st.tuples(quantities, quantities),
        more=further_legs,
        steps=steps,
    )
    def trade(
        self,
        security: str,
        parties: list[str],
        sizes: tuple[int, int],
        more: list[LegKind],
        steps: int,
    ) -> str:
        """Propose a trade and take it as far as ``steps`` says: consents, locks, settlement."""
        quantity, amount = sizes
        self.proposed += 1
        name = f"T-{self.proposed}"
        legs = tuple(
            TradeLeg(
                kind=kind,
                asset=security if kind is LegKind.UNITS else "USD",
                sender=parties[place],
                receiver=parties[place + 1],
                quantity=amount,
                bank=Participant.BANK if kind is LegKind.RECEIPT else None,
            )
            for place, kind in enumerate(more)
        )
        terms = self.market.terms(name, quantity=quantity, amount=amount).model_copy(
            update={
                "security": security,
                "buyer": parties[0],
                "seller": parties[1],
                "legs": legs,
                "mediators": (MEDIATOR,),
            }
        )
        self.act(lambda: self.market.propose(terms))
        if steps > 0:
            for side in terms.parties:
                self.act(partial(self.market.consent, terms, side))
            self.act_on_trade(MEDIATOR, "approve_trade", name, self.market.after(A_DAY))
            for receipt in terms.receipts:
                self.act(partial(make_receipt, self.market, receipt))
        if steps > 1:
            self.act(lambda: self.market.lock(name))
        if steps > 2:
            self.act(lambda: self.market.settle(name))
        return name

    @rule(trade=trades)
    def lock(self, trade: str) -> None:
        self.act(lambda: self.market.lock(trade))

    @rule(trade=trades)
    def settle(self, trade: str) -> None:
        self.act(lambda: self.market.settle(trade))

    @rule(trade=trades, step=st.sampled_from(["settle_at_once", "record_failure"]))
    def clear(self, trade: str, step: str) -> None:
        self.act_on_trade(Participant.CLEARING, step, trade)

    @rule(trade=trades)
    def cancel(self, trade: str) -> None:
        self.act_on_trade(Participant.ATS, "cancel", trade, "a reason")

    @rule(trade=trades)
    def reject(self, trade: str) -> None:
        self.act_on_trade(MEDIATOR, "reject_trade", trade, "a reason")

    @rule(trade=trades)
    def expire(self, trade: str) -> None:
        self.act_on_trade(Participant.BANK, "expire", trade)

    def act_on_trade(self, participant: Participant, step: str, trade: str, *more: str) -> None:
        self.act(lambda: self.submit(participant, Chaincode.SETTLEMENT, step, trade, *more))

    @rule(hours=st.integers(min_value=1, max_value=13))
    def let_time_pass(self, hours: int) -> None:
        self.market.ledger.advance(timedelta(hours=hours))

    # --- what always holds ---

    @invariant()
    def holdings_add_up_to_the_supply(self) -> None:
        units = self.positions(Chaincode.TOKEN)
        for security in SECURITIES:
            held = [units[account].quantity for account in units if account.asset == security]
            assert sum(held) == self.query(Chaincode.TOKEN, "supply", security)
            assert sum(map(bool, held)) == self.query(Chaincode.TOKEN, "holder_count", security)
        money = self.positions(Chaincode.CASH)
        asked = self.market.evaluate(Chaincode.CASH, "reconciliation", "USD")
        all_money = asked.load(Reconciliation)
        assert all_money.balances == sum(position.quantity for position in money.values())
        assert all_money.holds

    @invariant()
    def nobody_has_less_than_nothing(self) -> None:
        for chaincode in (Chaincode.TOKEN, Chaincode.CASH):
            for position in self.positions(chaincode).values():
                assert position.quantity > 0 or position.stop
                assert min(position.held, position.frozen, position.available) >= 0

    @invariant()
    def what_is_held_is_the_sum_of_holds_and_a_trades_hold_has_its_trade(self) -> None:
        for chaincode in (Chaincode.TOKEN, Chaincode.CASH):
            held = dict.fromkeys(self.positions(chaincode), 0)
            for key, value in self.rows_of(chaincode, "hold"):
                asset, holder, trade = key
                hold = Hold.model_validate_json(value).brought_up(self.timeline(chaincode, asset))
                held[Account(asset, holder)] += hold.quantity
                if hold.notary is not None:
                    continue
                row = self.find_trade(trade.partition("@")[0])
                assert row.terms is not None
                assert row.trade.status in self.holding
                timeline = self.timeline(chaincode, asset)
                moves = (*row.terms.deliveries, *row.terms.payments)
                if timeline.splits:
                    continue
                assert (asset, holder, trade, hold.quantity) in {
                    (each.asset, each.sender, each.hold, each.quantity) for each in moves
                }
            positions = self.positions(chaincode)
            assert held == {account: each.held for account, each in positions.items()}

    @invariant()
    def lots_add_up_and_can_be_told_apart(self) -> None:
        for position in self.positions(Chaincode.TOKEN).values():
            assert total(position.lots) == position.quantity
            assert added((), position.lots) == position.lots
            assert len(position.lots) <= MAX_LOTS
            assert all(lot.quantity > 0 for lot in position.lots)

    @invariant()
    def record_dates_say_for_ever_what_was_held_at_them(self) -> None:
        for (security, name), copy in self.recorded.items():
            page = self.market.evaluate(Chaincode.TOKEN, "positions_at", security, name)
            lines = page.load(RecordPage).lines
            timeline = self.timeline(Chaincode.TOKEN, security)
            assert {each.holder: each.quantity for each in lines} == copy, timeline
            assert sum(copy.values()) == self.query(Chaincode.TOKEN, "supply_at", security, name)

    @invariant()
    def what_is_under_way_is_what_has_not_ended(self) -> None:
        expected = {
            (trade.trade, side)
            for trade in self.rows_as(Trade, "trade")
            for side in sides_under_way(trade.status, trade.model)
        }
        rows = [row for row in self.rows_as(Pending, "pending") if row.kind is PendingKind.TRADE]
        assert {(row.name, row.side) for row in rows} == expected

    # --- how ---

    def query(self, chaincode: Chaincode, function: str, *arguments: str) -> int:
        return self.market.evaluate(chaincode, function, *arguments).load(int)

    def rows_as(self, model: type[ModelT], kind: str) -> list[ModelT]:
        rows = self.rows_of(Chaincode.SETTLEMENT, kind)
        return [model.model_validate_json(value) for _, value in rows]

    def find_trade(self, trade: str) -> TradeView:
        view = self.market.evaluate(Chaincode.SETTLEMENT, "trade", trade)
        return view.load(TradeView)


class MarketInDepth(MarketMachine):
    """The same at greater length."""


TestMarket = MarketMachine.TestCase
TestMarket.settings = settings(max_examples=12, stateful_step_count=40, deadline=None)

TestMarketInDepth = pytest.mark.slow(MarketInDepth.TestCase)
TestMarketInDepth.settings = settings(max_examples=50, stateful_step_count=80, deadline=None)
