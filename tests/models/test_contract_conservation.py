"""Random acts of a whole market against a plain model: nothing is created, lost or owned twice.

SS-17, SS-18, SS-89, SS-109.

After every act: the sum of holdings is the supply, per security and per cash; holds and freezes fit
into what is there; every hold belongs to a trade that is open and locked; the events alone rebuild
the registers; and holders are counted right.
"""

from datetime import timedelta
from functools import partial

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

from tallystick.chaincode.keys import split_composite_key
from tallystick.contracts.book import Account, Hold, Position
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.confidential import SALT_SIZE
from tallystick.contracts.custody.models import Custody
from tallystick.contracts.lots import MAX_LOTS, added, total
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.models import Security
from tallystick.contracts.register.record_dates import RecordPage
from tallystick.contracts.register.securities import security_key
from tallystick.contracts.replay import Register, Replay, count_differences, differences, miscounted
from tallystick.contracts.statements import (
    CustodyAgreed,
    CustodyEnded,
    MoneySent,
    Representation,
    Share,
    UnitsDistributed,
)
from tallystick.contracts.timelines import NO_TURNS, Timeline
from tallystick.contracts.trades.models import Status, TradeView

BROKER = Participant.BROKER_DEALER

steps = st.integers(min_value=0, max_value=3)


class MarketMachine(RegisterActs):
    """Acts at random; those that the contracts refuse must change nothing."""

    trades: Bundle[str] = Bundle("trades")

    @initialize()
    def open(self) -> None:
        self.market = ListeningMarket()
        self.market.open()
        self.market.create_security("BETA")
        self.market.onboard(*INVESTORS)
        self.replay = Replay()
        self.register = Register()
        self.recorded = {}
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
        self.act(lambda: self.submit(BROKER, Chaincode.TOKEN, "agree_custody", agreed, intent))

    @rule(client=investors)
    def end_custody(self, client: str) -> None:
        ended = CustodyEnded(custodian=BROKER, client=client)
        self.act(lambda: self.submit(BROKER, Chaincode.TOKEN, "end_custody", ended))

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
        quantity=quantities,
        amount=quantities,
        steps=steps,
    )
    def trade(
        self, security: str, parties: list[str], quantity: int, amount: int, steps: int
    ) -> str:
        """Propose a trade and take it as far as ``steps`` says: consents, locks, settlement."""
        self.proposed += 1
        name = f"T-{self.proposed}"
        terms = self.market.terms(name, quantity=quantity, amount=amount).model_copy(
            update={"security": security, "buyer": parties[0], "seller": parties[1]}
        )
        self.act(lambda: self.market.propose(terms))
        if steps > 0:
            self.act(lambda: self.market.consent(terms, "buyer"))
            self.act(lambda: self.market.consent(terms, "seller"))
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

    @rule(trade=trades)
    def cancel(self, trade: str) -> None:
        venue = Participant.ATS
        self.act(lambda: self.submit(venue, Chaincode.SETTLEMENT, "cancel", trade, "a reason"))

    @rule(trade=trades)
    def expire(self, trade: str) -> None:
        self.act(lambda: self.submit(Participant.BANK, Chaincode.SETTLEMENT, "expire", trade))

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
        deposits = sum(position.quantity for position in money.values())
        assert deposits == self.query(Chaincode.CASH, "supply", "USD")

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
                row = self.find_trade(trade)
                assert row.terms is not None
                assert row.trade.status is Status.LOCKED
                timeline = self.timeline(chaincode, asset)
                if not timeline.splits:
                    assert hold.quantity in {row.terms.quantity, row.terms.amount}
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
    def events_rebuild_the_registers(self) -> None:
        units = self.replay.units
        assert {each: units.position(each) for each in units.by_account} == self.positions(
            Chaincode.TOKEN
        )
        assert self.replay.money.by_account == self.positions(Chaincode.CASH)
        held = self.market.ledger.world.rows_of(Chaincode.TOKEN).values
        assert differences(self.register.rows, held.items()) == []
        assert list(count_differences(self.register.positions, held.items())) == []
        assert list(miscounted(self.register.rows, held.items())) == []

    @invariant()
    def record_dates_say_for_ever_what_was_held_at_them(self) -> None:
        for (security, name), copy in self.recorded.items():
            page = self.market.evaluate(Chaincode.TOKEN, "positions_at", security, name)
            lines = page.load(RecordPage).lines
            timeline = self.timeline(Chaincode.TOKEN, security)
            assert {each.holder: each.quantity for each in lines} == copy, timeline
            assert sum(copy.values()) == self.query(Chaincode.TOKEN, "supply_at", security, name)

    # --- how ---

    def timeline(self, chaincode: Chaincode, asset: str) -> Timeline:
        row = self.register.rows.get(security_key(asset))
        if chaincode is not Chaincode.TOKEN or not isinstance(row, Security):
            return NO_TURNS
        return row.timeline

    def query(self, chaincode: Chaincode, function: str, *arguments: str) -> int:
        return self.market.evaluate(chaincode, function, *arguments).load(int)

    def rows_of(self, chaincode: Chaincode, kind: str) -> list[tuple[tuple[str, ...], bytes]]:
        rows = self.market.ledger.world.rows_of(chaincode)
        values = {key: value[SALT_SIZE:] for (_, key), value in rows.private.items()} | rows.values
        split = [(*split_composite_key(key), value) for key, value in values.items() if value]
        return [(parts, value) for row_kind, parts, value in split if row_kind == kind]

    def positions(self, chaincode: Chaincode) -> dict[Account, Position]:
        return {
            Account(*key): Position.model_validate_json(value).brought_up(
                self.timeline(chaincode, key[0])
            )
            for key, value in self.rows_of(chaincode, "position")
        }

    def find_trade(self, trade: str) -> TradeView:
        view = self.market.evaluate(Chaincode.SETTLEMENT, "trade", trade)
        return view.load(TradeView)


class MarketInDepth(MarketMachine):
    """The same at greater length."""


TestMarket = MarketMachine.TestCase
TestMarket.settings = settings(max_examples=12, stateful_step_count=40, deadline=None)

TestMarketInDepth = pytest.mark.slow(MarketInDepth.TestCase)
TestMarketInDepth.settings = settings(max_examples=50, stateful_step_count=80, deadline=None)
