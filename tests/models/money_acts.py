"""Random acts with money: what banks, holders, venues and settlement may do to it."""

from datetime import timedelta
from functools import partial
from typing import NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule
from pydantic import JsonValue
from tests.models.market_walk import rows_of_all
from tests.unit.contracts.listening import ListeningMarket
from tests.unit.contracts.money import (
    ATS,
    BANK,
    BROKER,
    CASH,
    CASHIER,
    HOUR,
    OTHER_VENUE,
    SALT,
    appoint_cashier,
    funded,
    license_other_venue,
    receipt_terms,
    send_courier,
    signed_receipt,
)

from tallystick.chaincode import Refusal
from tallystick.chaincode.codec import Argument
from tallystick.chaincode.testing import Outcome
from tallystick.contracts.book import Delivery, HeldMove
from tallystick.contracts.cash.models import (
    CashKind,
    CreditGrant,
    OrderedRelease,
    ReservationPlace,
    SignedRenewal,
    SignedReservation,
)
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.payments import CashInstruction, Draw, Fee
from tallystick.contracts.statements import (
    Funding,
    MoneyReserved,
    MoneySent,
    ReceiptTerms,
    ReservationRenewed,
    ReservationUse,
)
from tallystick.contracts.testing import EVIDENCE

CENTRAL_BANK = "CentralBankMSP"
HOLDERS = ("alice", "bob", "carol")
BANKS = {"USD": BANK, "eCB": CENTRAL_BANK}

holders = st.sampled_from(HOLDERS)
pairs = st.permutations(HOLDERS).map(lambda each: (each[0], each[1]))
cashes = st.sampled_from(("USD", "USD", "USD", "eCB"))
amounts = st.integers(min_value=1, max_value=80)
lives = st.integers(min_value=1, max_value=5)
numbers = st.sampled_from(("R-1", "R-2", "R-3"))


class Order(NamedTuple):
    """An order to buy, at a venue; or collateral, which a clearing firm keeps without an end."""

    cash: str
    holder: str
    keeper: str
    name: str

    @property
    def use(self) -> ReservationUse:
        """What money is reserved for it for."""
        is_kept = self.keeper == Participant.CLEARING
        return ReservationUse.COLLATERAL if is_kept else ReservationUse.ORDER


class Trade(NamedTuple):
    """A trade, with what it costs."""

    cash: str
    buyer: str
    seller: str
    name: str
    amount: int


orders = st.builds(
    Order,
    cash=cashes,
    holder=holders,
    keeper=st.sampled_from((ATS.value, OTHER_VENUE, Participant.CLEARING.value)),
    name=st.sampled_from(("O-1", "O-2")),
)


class MoneyActs(RuleBasedStateMachine):
    """The acts; a machine that inherits them says what must hold."""

    market: ListeningMarket

    placed: Bundle[Order] = Bundle("placed")
    agreed: Bundle[Trade] = Bundle("agreed")
    taken: Bundle[tuple[str, str, str]] = Bundle("taken")
    made: Bundle[ReceiptTerms] = Bundle("made")

    def begin(self) -> None:
        """Open a market with two kinds of money, two venues and a bank that signs."""
        self.market = ListeningMarket()
        self.market.open()
        self.market.onboard(*HOLDERS)
        appoint_cashier(self.market)
        license_other_venue(self.market)
        self.market.license(self.market.licence(CENTRAL_BANK, "central-bank"))
        opening = (CASH, "open_cash", "eCB", "EUR", CashKind.CENTRAL_BANK)
        self.market.submit(CENTRAL_BANK, *opening)
        send_courier(self.market)
        self.trades = 0

    def act(self, submit: partial[Outcome]) -> Outcome | None:
        """Let something happen; None when it is refused, and nothing has changed."""
        rows = rows_of_all(self.market)
        try:
            return submit()
        except Refusal:
            assert rows_of_all(self.market) == rows, "a refused act changes nothing"
            return None

    def submit(self, participant: str, function: str, *arguments: Argument) -> Outcome | None:
        return self.act(partial(self.market.submit, participant, CASH, function, *arguments))

    def instruct(self, **parts: object) -> Outcome | None:
        instruction = CashInstruction.model_validate({**parts, "secret": SALT})
        settlement = (Participant.CLEARING, Chaincode.SETTLEMENT, "carry", instruction)
        return self.act(partial(self.market.submit, *settlement))

    @initialize()
    def deposits(self) -> None:
        self.begin()
        for holder in HOLDERS:
            for cash, bank in BANKS.items():
                self.submit(bank, "deposit", cash, holder, 60)
        for holder in ("bob", "carol"):
            self.grant_credit("USD", holder, 50, 20)

    # --- banks ---

    @rule(cash=cashes, holder=holders, amount=st.integers(1, 20))
    def deposit(self, cash: str, holder: str, amount: int) -> None:
        self.submit(BANKS[cash], "deposit", cash, holder, amount)

    @rule(cash=cashes, holder=holders, amount=amounts)
    def withdraw(self, cash: str, holder: str, amount: int) -> None:
        self.submit(BANKS[cash], "withdraw", cash, holder, amount)

    @rule(amount=amounts, number=numbers, direction=st.sampled_from(Funding))
    def fund(self, amount: int, number: str, direction: Funding) -> None:
        said = funded(amount, number, direction)
        self.submit(BROKER, "fund", said, self.market.sign(CASHIER, said))

    @rule(cash=cashes, holder=holders, cap=st.sampled_from((0, 20, 100)), life=lives)
    def change_credit(self, cash: str, holder: str, cap: int, life: int) -> None:
        self.grant_credit(cash, holder, cap, life)

    def grant_credit(self, cash: str, holder: str, cap: int, life: int) -> None:
        grant = CreditGrant(
            cash=cash,
            holder=holder,
            cap=cap,
            valid_until=self.market.after(life * HOUR),
            salt=SALT,
        )
        bank = BANKS[cash]
        self.act(partial(self.market.submit, bank, CASH, "grant_credit", credit=grant))

    # --- holders and venues ---

    @rule(cash=cashes, pair=pairs, amount=amounts)
    def transfer(self, cash: str, pair: tuple[str, str], amount: int) -> None:
        sent = MoneySent(cash=cash, sender=pair[0], receiver=pair[1], amount=amount)
        self.submit(BROKER, "transfer", sent)

    @rule(target=placed, order=orders, amount=amounts, life=lives)
    def reserve(self, order: Order, amount: int, life: int) -> Order:
        said = MoneyReserved(
            cash=order.cash,
            holder=order.holder,
            keeper=order.keeper,
            reservation=order.name,
            use=order.use,
            amount=amount,
            expires_at=None
            if order.use is ReservationUse.COLLATERAL
            else self.market.after(life * HOUR),
        )
        asked = SignedReservation(statement=said, salt=SALT)
        self.act(partial(self.market.submit, BROKER, CASH, "reserve", reservation=asked))
        return order

    @rule(order=placed, life=lives)
    def renew(self, order: Order, life: int) -> None:
        renewed = ReservationRenewed(
            cash=order.cash,
            holder=order.holder,
            keeper=order.keeper,
            reservation=order.name,
            expires_at=self.market.after(life * HOUR),
        )
        asked = SignedRenewal(statement=renewed)
        self.act(partial(self.market.submit, BROKER, CASH, "renew_reservation", renewal=asked))

    @rule(order=placed)
    def release_reservation(self, order: Order) -> None:
        place = ReservationPlace(cash=order.cash, holder=order.holder, reservation=order.name)
        keeper = order.keeper
        self.act(partial(self.market.submit, keeper, CASH, "release_reservation", place=place))

    @rule(order=placed)
    def release_by_order(self, order: Order) -> None:
        """Let the bank give back what somebody else keeps."""
        ordered = OrderedRelease(
            cash=order.cash,
            holder=order.holder,
            keeper=order.keeper,
            reservation=order.name,
            evidence_hash=EVIDENCE,
        )
        bank = (BANKS[order.cash], CASH, "release_reservation_by_order")
        self.act(partial(self.market.submit, *bank, release=ordered))

    # --- settlement ---

    @rule(target=agreed, cash=cashes, pair=pairs, amount=amounts)
    def lock(self, cash: str, pair: tuple[str, str], amount: int) -> Trade:
        trade = self.trade(cash, pair[0], pair[1], amount)
        self.instruct(lock=[held(trade)])
        return trade

    @rule(target=agreed, order=placed, amount=amounts)
    def lock_for_an_order(self, order: Order, amount: int) -> Trade:
        """Lock what a trade costs, drawing on what its order has committed."""
        seller = next(each for each in HOLDERS if each != order.holder)
        trade = self.trade(order.cash, order.holder, seller, amount)
        draw = Draw(
            cash=order.cash,
            holder=order.holder,
            keeper=order.keeper,
            reservation=order.name,
            amount=amount,
        )
        self.instruct(draws=[draw], lock=[held(trade)])
        return trade

    @rule(trade=agreed)
    def release(self, trade: Trade) -> None:
        self.instruct(release=[held(trade)])

    @rule(target=taken, trade=agreed, parts=st.integers(1, 3), fee=st.integers(1, 4))
    def deliver(self, trade: Trade, parts: int, fee: int) -> tuple[str, str, str]:
        """Pay out of a lock, wholly or in part; payer and payee pay fees to a third."""
        amount = max(trade.amount // parts, 1)
        changes = {"quantity": amount, "keeps_open": parts == 2}
        sides = (trade.buyer, trade.seller)
        house = next(each for each in HOLDERS if each not in sides)
        fees = [Fee(cash=trade.cash, payer=each, receiver=house, amount=fee) for each in sides]
        outcome = self.instruct(moves=[held(trade).model_copy(update=changes)], fees=fees)
        return trade.cash, house, outcome.transaction_id if outcome else "0" * 64

    @rule(cash=cashes, nets=st.lists(st.tuples(pairs, amounts), min_size=1, max_size=6))
    def settle_nets(self, cash: str, nets: list[tuple[tuple[str, str], int]]) -> None:
        """Move what a cycle nets to, out of available money, all at once."""
        moves = [
            Delivery(asset=cash, sender=pair[0], receiver=pair[1], quantity=amount)
            for pair, amount in nets
        ]
        self.instruct(moves=moves)

    @rule(fees=taken)
    def collect(self, fees: tuple[str, str, str]) -> None:
        cash, house, transaction_id = fees
        asked: list[JsonValue] = [transaction_id]
        self.submit(BROKER, "collect_fees", cash, house, asked)

    # --- receipts, time ---

    @rule(target=made, number=numbers, amount=st.sampled_from((1, 2)))
    def make_receipt(self, number: str, amount: int) -> ReceiptTerms:
        terms = receipt_terms(number, amount)
        signed = signed_receipt(self.market, terms, life=5 * HOUR)
        self.act(partial(self.market.submit, BROKER, CASH, "make_receipt", receipt=signed))
        return terms

    @rule(terms=made, pair=pairs, paid=amounts)
    def use_receipt(self, terms: ReceiptTerms, pair: tuple[str, str], paid: int) -> None:
        """Use a receipt, together with a payment that may fail."""
        move = Delivery(asset="USD", sender=pair[0], receiver=pair[1], quantity=paid)
        self.instruct(receipts=[terms], moves=[move])

    @rule(cash=cashes, deposit=st.integers(0, 500))
    def report_deposit(self, cash: str, deposit: int) -> None:
        """Let a bank say what it holds, right or wrong."""
        self.submit(BANKS[cash], "report_deposit", cash, deposit)

    @rule(terms=made)
    def void_receipt(self, terms: ReceiptTerms) -> None:
        self.submit(BANK, "void_receipt", terms.number)

    @rule(hours=st.integers(min_value=1, max_value=3))
    def let_time_pass(self, hours: int) -> None:
        self.market.ledger.advance(timedelta(hours=hours))

    def trade(self, cash: str, buyer: str, seller: str, amount: int) -> Trade:
        self.trades += 1
        return Trade(cash, buyer, seller, f"T-{self.trades}", amount)


def held(trade: Trade) -> HeldMove:
    """Return the payment of a trade, out of its lock."""
    return HeldMove(
        asset=trade.cash,
        sender=trade.buyer,
        receiver=trade.seller,
        quantity=trade.amount,
        hold=trade.name,
    )
