"""Random acts around trades: orders, fees, agents, listings, withdrawals, meetings and splits."""

from datetime import timedelta
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, rule
from pydantic import JsonValue
from tests.models.register_acts import INVESTORS, quantities
from tests.models.test_contract_conservation import MarketMachine
from tests.unit.contracts import actions_stage as actions
from tests.unit.contracts.discipline import stage as discipline
from tests.unit.contracts.fees import set_fees
from tests.unit.contracts.trades import orders

from tallystick.chaincode.testing import Outcome
from tallystick.contracts.actions.models import MeetingResult
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.fees.models import FeeKind, FeeLine
from tallystick.contracts.participants import Participant
from tallystick.contracts.prices import price_of
from tallystick.contracts.statements import OrderPlaced, OrderSide, Withdrawal
from tallystick.contracts.trades.terms import Order, TradeTerms

P = Participant
SETTLEMENT, TOKEN, CASH = Chaincode.SETTLEMENT, Chaincode.TOKEN, Chaincode.CASH
HOUSE = "fee-house"
INTRODUCING = "IntroducingMSP"
A_DAY = timedelta(days=1)

sides = st.permutations(INVESTORS)
fees = st.builds(
    FeeLine,
    kind=st.just(FeeKind.TRADE),
    payer=st.sampled_from(("buyer", "seller")),
    receiver=st.just(HOUSE),
    flat=st.integers(0, 3),
    basis_points=st.sampled_from((0, 333, 2500)),
)


class SettlementActs(MarketMachine):
    """The market's acts, and these; a machine that inherits them says what must hold."""

    placed: Bundle[OrderPlaced] = Bundle("placed")
    settled: Bundle[str] = Bundle("settled")
    names: int

    def named(self, kind: str) -> str:
        """Return a name that nothing has yet."""
        self.names += 1
        return f"{kind}-{self.names}"

    def settlement(self, participant: str, function: str, *arguments: JsonValue) -> bool:
        return self.act(partial(self.market.submit, participant, SETTLEMENT, function, *arguments))

    def terms_of(self, parties: list[str], quantity: int, **changes: object) -> TradeTerms:
        """Return terms of a trade in ACME for a cent a unit; who comes first sells."""
        seller, buyer, _ = parties
        terms = self.market.terms(self.named("S"), quantity=quantity, amount=quantity)
        usual = {"seller": seller, "buyer": buyer, "price": price_of(quantity, quantity)}
        return terms.model_copy(update={**usual, **changes})

    def agree(self, terms: TradeTerms) -> bool:
        """Let a trade be proposed, and its sides consent."""
        if not self.act(partial(self.market.propose, terms)):
            return False
        consents = [partial(self.market.consent, terms, each) for each in terms.parties]
        return all(map(self.act, consents))

    # --- fees ---

    @rule(target=settled, lines=st.lists(fees, max_size=2, unique_by=lambda each: each.payer))
    def change_fees(self, lines: list[FeeLine]) -> str:
        self.act(partial(set_fees, self.market, *lines))
        return self.settle_at_once(self.terms_of(list(INVESTORS), 10))

    @rule(target=settled, parties=sides, quantity=quantities)
    def trade_at_once(self, parties: list[str], quantity: int) -> str:
        return self.settle_at_once(self.terms_of(parties, quantity))

    def settle_at_once(self, terms: TradeTerms) -> str:
        """Agree on a trade and settle it; return the transaction that took its fees."""
        done: list[Outcome] = []
        clear = partial(self.submit, P.CLEARING, SETTLEMENT, "settle_at_once", terms.trade)
        if self.agree(terms):
            self.act(lambda: done.append(clear()))
        return done[0].transaction_id if done else "0" * 64

    @rule(transaction=settled)
    def collect_fees(self, transaction: str) -> None:
        named: list[JsonValue] = [transaction]
        self.act(partial(self.submit, P.BANK, CASH, "collect_fees", "USD", HOUSE, named))

    # --- orders and agents ---

    @rule(target=placed, holder=st.sampled_from(INVESTORS), sells=st.booleans(), units=quantities)
    def place_order(self, holder: str, units: int, *, sells: bool) -> OrderPlaced:
        order = orders.an_order(
            self.market,
            self.named("O"),
            holder=holder,
            side=OrderSide.SELL if sells else OrderSide.BUY,
            quantity=units,
        )
        self.act(partial(orders.place, self.market, order))
        return order

    @rule(order=placed)
    def withdraw_order(self, order: OrderPlaced) -> None:
        self.act(partial(orders.withdraw, self.market, order))

    @rule(order=placed, quantity=quantities, steps=st.integers(0, 2))
    def fill_order(self, order: OrderPlaced, quantity: int, steps: int) -> None:
        """Fill an order in part, and take the trade as far as ``steps`` says."""
        other = next(each for each in INVESTORS if each != order.holder)
        parties = [order.holder, other, ""]
        if order.side is OrderSide.BUY:
            parties = [other, order.holder, ""]
        own = Order(order=order.order, broker=P.BROKER_DEALER, is_placed=True)
        terms = self.terms_of(parties, quantity, **{order.side.value: own})
        if self.agree(terms) and steps > 0:
            self.act(partial(self.market.lock, terms.trade))
        if steps > 1:
            self.act(partial(self.market.settle, terms.trade))

    @rule(parties=sides, quantity=quantities, ends=st.booleans())
    def trade_through_an_agent(self, parties: list[str], quantity: int, *, ends: bool) -> None:
        """Let the broker-dealer settle for another broker, which may end that before it does."""
        until = self.market.after(A_DAY)
        assert self.settlement(P.BROKER_DEALER, "accept_agency", INTRODUCING, until)
        name = self.named("O")
        through = Order(order=name, broker=INTRODUCING, agent=P.BROKER_DEALER)
        terms = self.terms_of(parties, quantity, buy=through)
        self.agree(terms)
        if ends:
            assert self.settlement(INTRODUCING, "end_agency", INTRODUCING, P.BROKER_DEALER)
        is_locked = self.act(partial(self.market.lock, terms.trade))
        assert not (ends and is_locked)
        self.act(partial(self.market.settle, terms.trade))

    # --- trades that end or wait ---

    @rule(parties=sides, quantity=quantities, locks=st.booleans())
    def withdraw_trade(self, parties: list[str], quantity: int, *, locks: bool) -> None:
        """Let a side leave a trade; it cannot once both legs are locked."""
        terms = self.terms_of(parties, quantity)
        if not self.agree(terms):
            return
        is_locked = locks and self.act(partial(self.market.lock, terms.trade))
        said = Withdrawal(trade=terms.trade, side="buyer", party=terms.buyer, reason="no")
        withdraw = (P.ISSUER, SETTLEMENT, "withdraw", terms.trade, "buyer", "no")
        intent = self.market.sign(terms.buyer, said)
        happened = self.act(partial(self.market.submit, *withdraw, intent=intent))
        assert not (is_locked and happened)

    @rule(parties=sides, quantity=quantities, is_released=st.booleans())
    def hold_trade(self, parties: list[str], quantity: int, *, is_released: bool) -> None:
        """Let the buyer hold a trade back, and mark it as a short sale."""
        terms = self.terms_of(parties, quantity)
        if not self.agree(terms):
            return
        self.settlement(P.ATS, "mark_sale", terms.trade, "short")
        self.act(partial(discipline.hold, self.market, "buyer", terms.trade))
        if is_released:
            self.act(partial(discipline.hold, self.market, "buyer", terms.trade, holds=False))
        self.act(partial(self.market.lock, terms.trade))
        happened = self.act(partial(self.market.settle, terms.trade))
        assert not happened or is_released

    @rule(parties=sides, quantity=quantities)
    def fail_while_paused(self, parties: list[str], quantity: int) -> None:
        """Lock a trade, pause its security, and record that it cannot be delivered."""
        terms = self.terms_of(parties, quantity)
        if self.agree(terms):
            self.act(partial(self.market.lock, terms.trade))
        self.as_agent("pause", "ACME", "a reason")
        assert not self.act(partial(self.market.settle, terms.trade))
        self.settlement(P.CLEARING, "record_failure", terms.trade)
        self.as_agent("resume", "ACME")

    @rule(parties=sides, quantity=quantities, comes_back=st.booleans())
    def end_listing(self, parties: list[str], quantity: int, *, comes_back: bool) -> None:
        """End the listing of ACME while a trade is locked; nothing is locked meanwhile."""
        terms = self.terms_of(parties, quantity)
        if self.agree(terms):
            self.act(partial(self.market.lock, terms.trade))
        self.settlement(P.REGULATOR, "end_listing", "ACME", P.ATS, "a doubt")
        other = self.terms_of(parties, 1)
        self.agree(other)
        assert not self.act(partial(self.market.lock, other.trade))
        if comes_back:
            assert self.act(partial(self.market.list_security, "ACME"))
        happened = self.act(partial(self.market.settle, terms.trade))
        assert not happened or comes_back
        self.act(partial(self.market.list_security, "ACME"))

    # --- actions ---

    @rule(voters=st.sets(st.sampled_from(INVESTORS)), choice=st.sampled_from(("for_", "against")))
    def meet(self, voters: set[str], choice: str) -> None:
        """Vote on a merger with all that voters have, and count what was cast."""
        terms = actions.meeting(self.market, self.named("M"))
        if not self.act(partial(actions.announce, self.market, terms)):
            return
        self.act(partial(actions.confirm, self.market, terms.action))
        self.market.ledger.advance(A_DAY)
        self.as_agent("seal_record_dates", "ACME")
        recorded = self.recorded.get(("ACME", terms.action), {})
        cast = 0
        for voter in sorted(voters):
            units = recorded.get(voter, 0)
            vote = partial(actions.vote, self.market, voter, action=terms.action)
            assert not self.act(partial(vote, **{choice: units + 1})), "nobody votes with more"
            # Who had nothing has nothing to vote with.
            if units and self.act(partial(vote, **{choice: units})):
                cast += units
        self.market.ledger.advance(A_DAY)
        counted: list[Outcome] = []
        count = partial(actions.count, self.market, terms.action)
        if self.act(lambda: counted.append(count())):
            (line,) = counted[0].load(MeetingResult).resolutions
            assert line.taking_part == cast

    @rule(is_confirmed=st.booleans())
    def cancel_action(self, *, is_confirmed: bool) -> None:
        terms = actions.meeting(self.market, self.named("M"))
        assert self.act(partial(actions.announce, self.market, terms))
        if is_confirmed:
            self.act(partial(actions.confirm, self.market, terms.action))
        assert self.settlement(P.ISSUER, "cancel_action", terms.action, "an error")

    @rule(ratio=st.sampled_from(((2, 1), (1, 2), (3, 2))))
    def split_by_action(self, ratio: tuple[int, int]) -> None:
        terms = actions.split_terms(*ratio, action=self.named("A"))
        self.act(partial(actions.announce, self.market, terms))
        self.act(partial(actions.confirm, self.market, terms.action))
        self.as_agent("pause", "ACME", "a split")
        self.settlement(P.TRANSFER_AGENT, "execute_split", terms.action)
        self.as_agent("resume", "ACME")
