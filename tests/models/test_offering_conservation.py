"""Random acts around offerings: all money is somebody's, and units exist against money only.

SS-101, W20.

Whatever investors, issuer, transfer agent and time do, and in whatever order: what waits in escrow
is what paid subscriptions are for, with their fees; the issuer has the price of every unit, and of
no other; there are no units before the issue and never more than the hard cap; a refused act
changes nothing; and the events alone rebuild the register.
"""

from datetime import timedelta
from functools import partial

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from tests.models.market_walk import MarketWalk
from tests.unit.contracts.fees import set_fees
from tests.unit.contracts.listening import ListeningMarket
from tests.unit.contracts.money import appoint_cashier, signed_receipt
from tests.unit.contracts.offerings.stage import (
    INVESTORS,
    MONEY,
    OPENS_AFTER,
    PRICE,
    PrimaryMarket,
    pack_of,
)

from tallystick.contracts.cash.models import Reconciliation
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.compliance.models import Pack
from tallystick.contracts.fees.models import FeeKind, FeeLine
from tallystick.contracts.offerings.models import (
    AllocationRule,
    PaymentTime,
    Status,
    SubscriptionStatus,
    SubscriptionView,
)
from tallystick.contracts.participants import Participant

NAMES = tuple(f"s-{number}" for number in range(6))
A_DAY = timedelta(days=1)
HARD_CAP, SOFT_CAP = 400, 100
FEE = 3
"""What the intermediary takes of the subscriber for each order that gets units."""
LAWS = (pack_of("free"), pack_of("reviewed", requires_approval="Test Act, s. 2"))

names = st.sampled_from(NAMES)
pages = st.lists(names, min_size=1, max_size=3)


class ListeningPrimaryMarket(PrimaryMarket, ListeningMarket):
    """A market with an offering, whose events are kept."""


class OfferingMachine(MarketWalk):
    """One offering and six subscriptions, again and again."""

    market: ListeningPrimaryMarket

    @initialize(
        rule_=st.sampled_from(AllocationRule),
        payment=st.sampled_from(PaymentTime),
        orders=st.lists(
            st.tuples(st.sampled_from(INVESTORS), st.integers(6, 20)), min_size=2, max_size=5
        ),
        stage=st.integers(0, 4),
        law=st.sampled_from(LAWS),
    )
    def open(
        self,
        rule_: AllocationRule,
        payment: PaymentTime,
        orders: list[tuple[str, int]],
        stage: int,
        law: Pack,
    ) -> None:
        """Begin at any stage of an offering: many steps lead to an issue.

        Where the law asks for it, an authority approves before it is open.
        """
        market = ListeningPrimaryMarket()
        market.set_the_stage()
        market.bind(law)
        appoint_cashier(market)
        market.register("fee-house")
        fee = FeeLine(kind=FeeKind.SUBSCRIPTION, payer="buyer", receiver="fee-house", flat=FEE)
        set_fees(market, fee, by=Participant.BROKER_DEALER)
        self.begin(market)
        self.market = market
        self.elsewhere: set[str] = set()
        self.receipts = 0
        later = payment is PaymentTime.AFTER_ALLOCATION
        terms = self.market.offered(
            pack=law.pack,
            exemption=law.exemption,
            allocation=rule_,
            payment=payment,
            payment_period_s=A_DAY.total_seconds() if later else 0,
            cooling_off_s=A_DAY.total_seconds(),
            ends_at=self.market.after(OPENS_AFTER + 3 * A_DAY),
            long_stop_at=self.market.after(9 * A_DAY),
            maximum=200,
            soft_cap=SOFT_CAP,
            hard_cap=HARD_CAP,
            receipts_of=[Participant.BANK] if later else [],
        )
        self.act(partial(self.market.announce, terms))
        assert self.act(self.market.accept) is (law.requires_approval is None)
        self.approve()
        self.act(self.market.accept)
        self.market.ledger.advance(OPENS_AFTER)
        for name, (investor, units) in zip(NAMES, orders, strict=False):
            self.order(name, investor, units)
        for _ in range(stage):
            self.give_to_all(6)
            self.pay_all()
            self.go_on([NAMES[0]])

    # --- acts ---

    @rule()
    def approve(self) -> None:
        """Approve of the offering, as the authority: in time, or too late."""
        approve = (Participant.REGULATOR, Chaincode.SETTLEMENT, "approve_offering", "O-1")
        self.act(partial(self.submit, *approve))

    @rule(name=names, investor=st.sampled_from(INVESTORS), units=st.integers(1, 20))
    def order(self, name: str, investor: str, units: int) -> None:
        order = self.market.order(name, investor, units * 10)
        self.act(partial(self.market.place, order))
        self.act(partial(self.market.pay, name))

    @rule(name=names)
    def pay(self, name: str) -> None:
        self.act(partial(self.market.pay, name))

    @rule(name=names)
    def pay_elsewhere(self, name: str) -> None:
        """Pay at the bank, whose receipt stands for the money."""
        view = self.views().get(name)
        if view is None or not view.allotted:
            return
        self.receipts += 1
        number = f"R-{self.receipts}"
        terms = self.market.receipt(name, PRICE * view.allotted, number=number)
        receipt = signed_receipt(self.market, terms, life=30 * A_DAY)
        make = (Participant.BROKER_DEALER, Chaincode.CASH, "make_receipt")
        self.act(partial(self.market.submit, *make, receipt=receipt))
        if self.act(partial(self.market.pay_by, name, terms)):
            self.elsewhere.add(name)

    @rule(name=names)
    def cancel(self, name: str) -> None:
        view = self.views().get(name)
        if view is not None and view.order is not None:
            self.act(partial(self.market.cancel, name, view.order.signer))

    @rule(page=pages, by=st.sampled_from([Participant.ISSUER, Participant.TRANSFER_AGENT]))
    def reject(self, page: list[str], by: Participant) -> None:
        self.act(partial(self.market.reject, *page[:1], by=by))

    @rule(page=pages)
    def refund(self, page: list[str]) -> None:
        self.act(partial(self.market.refund, *page))

    @rule(name=names, units=st.integers(0, 20))
    def give(self, name: str, units: int) -> None:
        self.act(partial(self.market.give, **{name: units * 10}))

    @rule(page=pages)
    def go_on(self, page: list[str]) -> None:
        """Take the step that comes next; some of them are refused for want of this or that."""
        match self.market.status():
            case Status.OPEN:
                close = (Participant.ISSUER, Chaincode.SETTLEMENT, "close_offering", "O-1")
                self.act(partial(self.submit, *close))
                self.market.ledger.advance(A_DAY)
            case Status.CLOSED:
                self.act(self.market.allocate)
            case Status.ALLOCATED:
                self.act(self.market.fund)
            case Status.FUNDED | Status.ISSUING:
                self.act(partial(self.market.issue_page, page[0]))
                self.act(partial(self.market.issue_page, *page))
            case _:
                self.act(partial(self.market.refund, *page))

    @precondition(lambda self: self.market.status() is Status.CLOSED)
    @rule(units=st.integers(3, 8))
    def give_to_all(self, units: int) -> None:
        for name in self.views():
            self.act(partial(self.market.give, **{name: units * 10}))

    @precondition(lambda self: self.market.status() is Status.ALLOCATED)
    @rule()
    def pay_all(self) -> None:
        """Let everybody pay, the first one at the bank where the offering takes its receipts."""
        self.pay_elsewhere(NAMES[0])
        for name in self.views():
            self.act(partial(self.market.pay, name))

    @rule(name=names)
    def confirm(self, name: str) -> None:
        """Let a signer stand by its order."""
        view = self.views().get(name)
        if view is not None and view.order is not None:
            self.act(partial(self.market.confirm, view.order))

    @rule()
    def conclude(self) -> None:
        """Conclude the offering, if all units that were paid are issued by then."""
        if self.market.status() in {Status.FUNDED, Status.ISSUING}:
            for name in self.views():
                self.act(partial(self.market.issue_page, name))
        self.act(self.market.conclude)

    @rule(mood=st.integers(0, 9))
    def withdraw(self, mood: int) -> None:
        if mood == 0:
            self.act(self.market.withdraw)

    @rule(days=st.sampled_from((0, 0, 9)))
    def lapse(self, days: int) -> None:
        self.market.ledger.advance(days * A_DAY)
        self.act(self.market.lapse)

    @rule(hours=st.sampled_from([1, 2, 24]))
    def wait(self, hours: int) -> None:
        self.market.ledger.advance(timedelta(hours=hours))

    # --- what always holds ---

    @invariant()
    def all_money_is_somebodys(self) -> None:
        everybody = (*INVESTORS, "treasury")
        asked = (Chaincode.CASH, "reconciliation", "USD")
        accrued = self.market.submit(Participant.BANK, *asked).load(Reconciliation).accrued
        assert accrued == FEE * self.charged()
        had = sum(self.market.money(each) for each in everybody)
        assert had + accrued == MONEY * len(INVESTORS)

    @invariant()
    def what_waits_is_what_paid_subscriptions_are_for(self) -> None:
        waiting = dict.fromkeys(INVESTORS, 0)
        is_prepaid = self.market.offering().terms.is_prepaid
        for name, view in self.views().items():
            is_held = name not in self.elsewhere
            if view.subscription.status is SubscriptionStatus.PAID and is_held:
                assert view.order is not None
                units = view.order.quantity if is_prepaid else view.allotted
                waiting[view.order.payer] += PRICE * (units or 0) + FEE
        held = {each: self.market.money(each) - self.market.free_money(each) for each in INVESTORS}
        assert held == waiting

    @invariant()
    def units_exist_against_money_and_within_the_caps(self) -> None:
        issued, elsewhere = dict.fromkeys(INVESTORS, 0), 0
        for name, view in self.views().items():
            if view.subscription.status is SubscriptionStatus.ISSUED:
                assert view.order is not None
                issued[view.order.holder] += view.allotted or 0
                elsewhere += (view.allotted or 0) if name in self.elsewhere else 0
        assert {each: self.market.units(each) for each in INVESTORS} == issued
        supply = self.market.supply()
        assert supply == sum(issued.values()) <= HARD_CAP
        assert self.market.money("treasury") == PRICE * (supply - elsewhere)
        if supply:
            assert self.market.status() in {Status.ISSUING, Status.ISSUED}

    def charged(self) -> int:
        """Return how many subscriptions got units for money on the ledger."""
        return sum(
            view.subscription.status is SubscriptionStatus.ISSUED and name not in self.elsewhere
            for name, view in self.views().items()
        )

    def views(self) -> dict[str, SubscriptionView]:
        rows = self.market.ledger.world.rows_of(Chaincode.SETTLEMENT).values
        return {
            name: self.market.view(name)
            for name in NAMES
            if any(key.startswith(f"\x00subscription\x00O-1\x00{name}\x00") for key in rows)
        }


class OfferingInDepth(OfferingMachine):
    """The same at greater length."""


TestOffering = OfferingMachine.TestCase
TestOffering.settings = settings(max_examples=3, stateful_step_count=15, deadline=None)

TestOfferingInDepth = pytest.mark.slow(OfferingInDepth.TestCase)
TestOfferingInDepth.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
