"""Random acts around orders at two venues: what they commit, trades that fill them, and their ends.

Whoever has what is kept in a plain model: a trade changes it when it has settled, by all its legs
at once, and nothing else does but a transfer.
"""

from datetime import timedelta
from functools import cache, partial
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, initialize, multiple, rule
from tests.models.market_walk import MarketWalk
from tests.unit.contracts.ends.ending import Amounts, amounts, moved
from tests.unit.contracts.listening import ListeningMarket
from tests.unit.contracts.money import SALT
from tests.unit.contracts.netting.cleared import listed
from tests.unit.contracts.trades import orders

from tallystick.chaincode.codec import Argument
from tallystick.contracts.book import Account
from tallystick.contracts.cash.models import OrderedRelease, ReservationPlace, SignedReservation
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.models import Model
from tallystick.contracts.netting.models import CycleTerms, DefaultNotice
from tallystick.contracts.orders.models import Commitment, PlacedOrder
from tallystick.contracts.orders.rules import committed
from tallystick.contracts.participants import Participant
from tallystick.contracts.prices import price_of
from tallystick.contracts.statements import (
    MoneyReserved,
    MoneySent,
    OrderPlaced,
    OrderSide,
    ReservationUse,
    Withdrawal,
)
from tallystick.contracts.testing import EVIDENCE
from tallystick.contracts.timelines import NO_TURNS
from tallystick.contracts.trades.models import Status, Trade
from tallystick.contracts.trades.terms import DvpModel, Order, TradeTerms

P = Participant
CASH, SETTLEMENT, TOKEN = Chaincode.CASH, Chaincode.SETTLEMENT, Chaincode.TOKEN
HOLDERS = ("alice", "bob", "carol")
VENUES = (P.ATS.value, orders.OTHER_VENUE)
EACH = 200
"""How many units, and cents, each holder has at first; a unit costs a cent."""

AN_HOUR = timedelta(hours=1)
ModelT = TypeVar("ModelT", bound=Model)

holders = st.sampled_from(HOLDERS)
sizes = st.integers(1, 80)
models = st.sampled_from((*DvpModel, DvpModel.GROSS, DvpModel.GROSS))
netted = st.sampled_from((DvpModel.NET_MONEY, DvpModel.NET))
parts = st.integers(1, 3)
ends = st.sampled_from(("settle_cycle", "cancel_cycle", "default"))


@cache
def template() -> ListeningMarket:
    """Return a market that is ready, of which every walk takes a copy."""
    market = ListeningMarket()
    market.open()
    orders.open_other_venue(market)
    market.onboard(*HOLDERS)
    for each in HOLDERS:
        market.issue(each, EACH)
        market.deposit(each, EACH)
    return market


class OrderActs(MarketWalk):
    """The acts; a machine that inherits them says what must hold."""

    placed: Bundle[OrderPlaced] = Bundle("placed")
    trades: Bundle[TradeTerms] = Bundle("trades")
    kept: Bundle[MoneyReserved] = Bundle("kept")
    has: Amounts
    names: int

    @initialize()
    def open(self) -> None:
        """Begin where everybody has as much."""
        self.begin(template().fork())
        self.has = moved(
            amounts("ACME", **dict.fromkeys(HOLDERS, EACH)),
            amounts("USD", **dict.fromkeys(HOLDERS, EACH)),
        )
        self.names = 0

    def named(self, kind: str) -> str:
        """Return a name that nothing has yet."""
        self.names += 1
        return f"{kind}-{self.names}"

    def settlement(self, participant: str, function: str, *arguments: Argument) -> bool:
        return self.act(partial(self.market.submit, participant, SETTLEMENT, function, *arguments))

    # --- orders, and the money for them ---

    @rule(
        target=placed,
        holder=holders,
        venue=st.sampled_from(VENUES),
        side=st.sampled_from(OrderSide),
        units=sizes,
        hours=st.integers(1, 60),
    )
    def place_order(
        self, holder: str, venue: str, side: OrderSide, units: int, hours: int
    ) -> OrderPlaced | MultipleResults[OrderPlaced]:
        order = orders.an_order(
            self.market,
            self.named("O"),
            venue=venue,
            holder=holder,
            side=side,
            quantity=units,
            expires_at=self.market.after(hours * AN_HOUR),
        )
        is_placed = self.act(partial(orders.place, self.market, order))
        if is_placed and side is OrderSide.SELL:
            position = self.positions(TOKEN)[Account("ACME", holder)]
            assert self.committed(holder) <= position.available, "no unit is promised twice"
        return order if is_placed else multiple()

    def committed(self, holder: str) -> int:
        """Return how many units of a holder are promised, at both venues together."""
        rows = [row for row in self.rows_as(Commitment, "commitment") if row.holder == holder]
        return committed(rows, self.market.after(timedelta(0)), NO_TURNS)[0]

    @rule(order=placed, is_venue=st.booleans())
    def withdraw_order(self, order: OrderPlaced, *, is_venue: bool) -> None:
        by = order.venue if is_venue else P.BROKER_DEALER
        self.act(partial(orders.withdraw, self.market, order, by=by))

    @rule(target=kept, order=placed, amount=sizes)
    def commit_money(self, order: OrderPlaced, amount: int) -> MoneyReserved:
        return self.reserve(order.holder, order.venue, order.order, amount, order.expires_at)

    @rule(target=kept, holder=holders, amount=sizes)
    def pledge(self, holder: str, amount: int) -> MoneyReserved:
        return self.reserve(holder, P.CLEARING, self.named("margin"), amount, None)

    def reserve(
        self, holder: str, keeper: str, name: str, amount: int, end: str | None
    ) -> MoneyReserved:
        """Reserve money for an order, or, without an end, as collateral."""
        said = MoneyReserved(
            cash="USD",
            holder=holder,
            keeper=keeper,
            reservation=name,
            use=ReservationUse.ORDER if end else ReservationUse.COLLATERAL,
            amount=amount,
            expires_at=end,
        )
        asked = SignedReservation(statement=said, salt=SALT)
        self.act(partial(self.market.submit, P.BROKER_DEALER, CASH, "reserve", reservation=asked))
        return said

    @rule(said=kept, is_ordered=st.booleans())
    def release(self, said: MoneyReserved, *, is_ordered: bool) -> None:
        """Give money back as its keeper, or as its bank is ordered to."""
        if is_ordered:
            self.release_by_order(said.holder, said.keeper, said.reservation)
            return
        place = ReservationPlace(cash="USD", holder=said.holder, reservation=said.reservation)
        keeper = (said.keeper, CASH, "release_reservation")
        self.act(partial(self.market.submit, *keeper, place=place))

    def release_by_order(self, holder: str, keeper: str, name: str) -> bool:
        ordered = OrderedRelease(
            cash="USD", holder=holder, keeper=keeper, reservation=name, evidence_hash=EVIDENCE
        )
        bank = (P.BANK, CASH, "release_reservation_by_order")
        return self.act(partial(self.market.submit, *bank, release=ordered))

    # --- trades that fill them ---

    @rule(target=trades, order=placed, parts=parts, model=models, steps=st.integers(0, 2))
    def fill_order(
        self, order: OrderPlaced, parts: int, model: DvpModel, steps: int
    ) -> TradeTerms | MultipleResults[TradeTerms]:
        """Fill an order, or a part of it, by a trade; lock and settle it as ``steps`` says."""
        terms = self.agree(order, parts, model)
        if terms is None:
            return multiple()
        if steps > 0:
            self.lock(terms)
        if steps > 1:
            self.settle(terms, "settle")
        return terms

    @rule(target=trades, order=placed, parts=parts, model=netted, end=ends, keeps=st.booleans())
    def fill_order_in_a_cycle(
        self, order: OrderPlaced, parts: int, model: DvpModel, end: str, *, keeps: bool
    ) -> TradeTerms | MultipleResults[TradeTerms]:
        terms = self.agree(order, parts, model)
        if terms is None:
            return multiple()
        self.net(terms, end, keeps=keeps)
        return terms

    def agree(self, order: OrderPlaced, parts: int, model: DvpModel) -> TradeTerms | None:
        """Let a trade be proposed that fills an order or a part of it, and its sides consent."""
        if not self.unfilled(order):
            return None
        other = next(each for each in HOLDERS if each != order.holder)
        is_sale = order.side is OrderSide.SELL
        seller, buyer = (order.holder, other) if is_sale else (other, order.holder)
        quantity = -(-self.unfilled(order) // parts)
        changes = {
            "venue": order.venue,
            "seller": seller,
            "buyer": buyer,
            "price": price_of(quantity, quantity),
            "model": model,
            order.side.value: Order(order=order.order, broker=order.broker, is_placed=True),
        }
        terms = self.market.terms(self.named("T"), quantity=quantity, amount=quantity)
        terms = terms.model_copy(update=changes)
        proposed = partial(self.market.submit, order.venue, SETTLEMENT, "propose_trade")
        if not self.act(partial(proposed, terms=terms)):
            return None
        for side in terms.parties:
            self.act(partial(self.market.consent, terms, side))
        return terms

    def unfilled(self, order: OrderPlaced) -> int:
        """Return how many units an order still wants."""
        rows = self.rows_as(PlacedOrder, "order")
        return next(row.unfilled for row in rows if row.statement.order == order.order)

    @rule(terms=trades)
    def lock(self, terms: TradeTerms) -> None:
        self.act(partial(self.market.lock, terms.trade))

    @rule(terms=trades, step=st.sampled_from(("settle", "settle_at_once")))
    def settle(self, terms: TradeTerms, step: str) -> None:
        if self.settlement(P.CLEARING, step, terms.trade):
            self.deliver(terms)

    def deliver(self, terms: TradeTerms) -> None:
        """Let both legs of a trade change what everybody has, at once."""
        units, money = terms.quantity, terms.amount
        for asset, sender, receiver, amount in (
            ("ACME", terms.seller, terms.buyer, units),
            ("USD", terms.buyer, terms.seller, money),
        ):
            self.has[asset, sender] -= amount
            self.has[asset, receiver] += amount

    @rule(terms=trades, side=st.sampled_from(("buyer", "seller")))
    def leave_trade(self, terms: TradeTerms, side: str) -> None:
        party = terms.parties[side]
        said = Withdrawal(trade=terms.trade, side=side, party=party, reason="no")
        leave = (P.ISSUER, SETTLEMENT, "withdraw", terms.trade, side, "no")
        self.act(partial(self.market.submit, *leave, intent=self.market.sign(party, said)))

    @rule(terms=trades, is_venue=st.booleans())
    def cancel_trade(self, terms: TradeTerms, *, is_venue: bool) -> None:
        self.settlement(terms.venue if is_venue else P.CLEARING, "cancel", terms.trade, "an error")

    @rule(terms=trades)
    def expire(self, terms: TradeTerms) -> None:
        self.settlement(P.ISSUER, "expire", terms.trade)

    @rule(terms=trades)
    def fail(self, terms: TradeTerms) -> None:
        """Record that a trade fails while its seller is frozen."""
        self.freeze(terms.seller, is_frozen=True)
        self.settlement(P.CLEARING, "record_failure", terms.trade)
        self.freeze(terms.seller, is_frozen=False)

    @rule(terms=trades, end=ends, keeps=st.booleans())
    def net(self, terms: TradeTerms, end: str, *, keeps: bool) -> None:
        """Take a trade into a cycle of its own, and let that end."""
        soon = self.market.after(AN_HOUR)
        cycle = CycleTerms(
            cycle=self.named("C"),
            venue=terms.venue,
            model=DvpModel.NET if terms.model is DvpModel.GROSS else terms.model,
            draws_collateral=True,
            keeps_dropped=keeps,
            cut_off_at=soon,
            settles_from=soon,
        )
        self.settlement(P.CLEARING, "open_cycle", cycle)
        self.settlement(P.CLEARING, "accept_trades", cycle.cycle, listed([terms.trade]))
        if end == "cancel_cycle":
            self.settlement(P.REGULATOR, end, cycle.cycle, "an error")
            return
        notice = DefaultNotice(
            member=terms.buyer, venue=terms.venue, evidence_hash=EVIDENCE, salt=SALT * 2
        )
        declared = partial(self.market.submit, P.CLEARING, SETTLEMENT)
        if end == "default":
            assert self.act(partial(declared, "declare_default", default=notice))
        self.market.ledger.advance(AN_HOUR)
        was = self.status(terms.trade)
        self.settlement(P.CLEARING, "settle_cycle", cycle.cycle)
        if (was, self.status(terms.trade)) == (Status.IN_CYCLE, Status.SETTLED):
            self.deliver(terms)
        if end == "default":
            assert self.act(partial(declared, "lift_default", default=notice))

    def status(self, trade: str) -> Status | None:
        """Return where a trade stands; None when there is none."""
        return next(
            (row.status for row in self.rows_as(Trade, "trade") if row.trade == trade), None
        )

    def rows_as(self, model: type[ModelT], kind: str) -> list[ModelT]:
        """Return the rows of settlement of a kind."""
        rows = self.rows_of(SETTLEMENT, kind)
        return [model.model_validate_json(value) for _, value in rows]

    # --- what else happens ---

    @rule(holder=holders, is_frozen=st.sampled_from((True, False, False)))
    def freeze(self, holder: str, *, is_frozen: bool) -> None:
        reason = ("court order 7",) if is_frozen else ()
        function = "freeze" if is_frozen else "unfreeze"
        agent = partial(self.market.submit, P.TRANSFER_AGENT, TOKEN)
        self.act(partial(agent, function, "ACME", holder, *reason))

    @rule(pair=st.permutations(HOLDERS), units=sizes)
    def transfer(self, pair: list[str], units: int) -> None:
        sender, receiver, _ = pair
        if self.act(partial(self.market.transfer, sender, receiver, units)):
            self.has["ACME", sender] -= units
            self.has["ACME", receiver] += units

    @rule(pair=st.permutations(HOLDERS), amount=sizes)
    def pay(self, pair: list[str], amount: int) -> None:
        sender, receiver, _ = pair
        sent = MoneySent(cash="USD", sender=sender, receiver=receiver, amount=amount)
        if self.act(partial(self.market.submit, P.BROKER_DEALER, CASH, "transfer", sent)):
            self.has["USD", sender] -= amount
            self.has["USD", receiver] += amount

    @rule(hours=st.integers(1, 5))
    def let_time_pass(self, hours: int) -> None:
        self.market.ledger.advance(hours * AN_HOUR)
