"""Random splits among trades of every model, an offering, and what holders are owed.

F157, W30, SS-89, SS-91. After every act: units and money are what a plain model of them says, and
so their sums are the supply and what was paid in; what is on hold is what trades are due of now;
what was agreed before a split settles once, in the units of after it, or not at all where a part of
a unit would be left; and an offering of before a split issues nothing after it.
"""

from collections.abc import Callable
from datetime import timedelta
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
from tests.models.split_model import Deal, Gift, Model
from tests.unit.contracts import actions_stage as actions
from tests.unit.contracts.listening import ListeningMarket
from tests.unit.contracts.netting.cleared import listed
from tests.unit.contracts.offerings.stage import (
    COOLING_OFF_S,
    INVESTORS,
    MONEY,
    OPENS_AFTER,
    PRICE,
    PrimaryMarket,
)
from tests.unit.contracts.refusals.record_dates import split

from tallystick.chaincode import Refusal
from tallystick.contracts.actions.terms import ActionType
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.netting.models import CycleTerms
from tallystick.contracts.netting.removal import Removal
from tallystick.contracts.offerings.models import SubscriptionStatus
from tallystick.contracts.participants import Participant
from tallystick.contracts.prices import price_of
from tallystick.contracts.register.models import Holding
from tallystick.contracts.statements import UnitsHeld
from tallystick.contracts.trades.models import Status, TradeView
from tallystick.contracts.trades.terms import DvpModel

P = Participant
SETTLEMENT, TOKEN = Chaincode.SETTLEMENT, Chaincode.TOKEN
UNITS, FUNDS = 720, 10**9
MOST_SPLITS, MOST_TRADES, MOST_GIFTS = 5, 6, 3
RATIOS = ((2, 1), (1, 2), (3, 2), (2, 3), (3, 1))
LIFE = timedelta(days=300)
EVERYBODY = (*INVESTORS, "treasury", "acme")
SUBSCRIPTIONS = tuple(f"s-{number}" for number in range(4))
HELD = {Status.LOCKED, Status.FAILING, Status.IN_CYCLE}
ENDED = {Status.CANCELLED, Status.EXPIRED, Status.WITHDRAWN, Status.REJECTED}

sides = st.permutations(INVESTORS)
# Mostly what most splits leave whole, and now and then what they do not.
quantities = st.one_of(st.sampled_from((12, 36, 72, 144)), st.integers(1, 50))
models = st.sampled_from(DvpModel)


class IssuingMarket(PrimaryMarket, ListeningMarket):
    """A market with an offering, whose events are kept."""


@cache
def template() -> IssuingMarket:
    """Return a market that is ready, of which every walk takes a copy."""
    market = IssuingMarket()
    market.set_the_stage()
    actions.open_payer(market, FUNDS)
    for each in INVESTORS:
        market.issue(each, UNITS)
    market.ledger.advance(timedelta(hours=1))
    return market


class SplitMachine(MarketWalk):
    """Acts at random; those that the contracts refuse must change nothing."""

    market: IssuingMarket
    trades: Bundle[str] = Bundle("trades")

    @initialize(stage=st.integers(0, 2), by_clock_s=st.integers(-30, 30))
    def open(self, stage: int, by_clock_s: int) -> None:
        """Begin with an offering at any stage before its issue, or with none."""
        self.begin(template().fork())
        self.model = Model(
            units=dict.fromkeys(INVESTORS, UNITS),
            money=dict.fromkeys(INVESTORS, MONEY) | {"treasury": 0, "acme": FUNDS},
        )
        self.names = 0
        self.announced_after: int | None = None
        self.issued: set[str] = set()
        if stage > 0:
            self.offer(by_clock_s)
            for name, investor in zip(SUBSCRIPTIONS, INVESTORS, strict=False):
                self.subscribe(name, investor, 30)
        if stage > 1:
            self.go_to_the_issue()

    def act(self, submit: Callable[[], object]) -> bool:
        """Let something happen, or be refused; return whether it happened."""
        happened = super().act(submit)
        if happened:
            self.follow()
        return happened

    def follow(self) -> None:
        """Let the model do what trades and subscriptions say has been done."""
        for name in tuple(self.model.deals):
            status = self.status(name)
            if status is Status.SETTLED:
                self.model.settle(name)
            elif status in ENDED:
                del self.model.deals[name]
        for name in self.subscribed() - self.issued:
            view = self.market.view(name)
            if view.subscription.status is SubscriptionStatus.ISSUED:
                assert len(self.model.factors) == self.announced_after
                assert view.order is not None
                self.issued.add(name)
                self.model.units[view.order.holder] += view.allotted or 0
                self.model.pay(view.order.payer, "treasury", PRICE * (view.allotted or 0))

    def status(self, trade: str) -> Status:
        view = self.market.evaluate(SETTLEMENT, "trade", trade).load(TradeView)
        return view.trade.status

    # --- splits, transfers, holds of holders ---

    @rule(ratio=st.sampled_from(RATIOS))
    def split_in_time(self, ratio: tuple[int, int]) -> None:
        """Split ACME if that leaves nobody with a part of a unit."""
        if len(self.model.factors) == MOST_SPLITS:
            return
        fork = self.market.fork()
        try:
            split(fork, *ratio)
        except Refusal:
            return
        self.model.split(*ratio)
        assert self.act(partial(split, self.market, *ratio))

    @rule(sides=sides, quantity=quantities)
    def transfer(self, sides: list[str], quantity: int) -> None:
        if self.act(partial(self.market.transfer, sides[0], sides[1], quantity)):
            self.model.move(sides[0], sides[1], quantity)

    @rule(holder=st.sampled_from(INVESTORS), quantity=quantities, number=st.integers(1, 3))
    def hold(self, holder: str, quantity: int, number: int) -> None:
        """Hold units of one's own under a name that a trade may have as well."""
        held = UnitsHeld(
            security="ACME",
            holder=holder,
            hold=f"T-{number}",
            quantity=quantity,
            notary=P.ISSUER,
            expires_at=self.market.after(LIFE),
        )
        place = f"{holder}/T-{number}"
        if self.act(partial(self.market.submit, P.BROKER_DEALER, TOKEN, "place_hold", held)):
            self.model.holds[place] = quantity

    @rule(holder=st.sampled_from(INVESTORS), number=st.integers(1, 3))
    def release(self, holder: str, number: int) -> None:
        release = (P.ISSUER, TOKEN, "release_hold", "ACME", holder, f"T-{number}")
        if self.act(partial(self.market.submit, *release)):
            del self.model.holds[f"{holder}/T-{number}"]

    # --- trades ---

    @precondition(lambda self: len(self.model.deals) < MOST_TRADES)
    @rule(
        target=trades,
        deal=st.tuples(sides, quantities, st.integers(1, 90)),
        model=models,
        ratio=st.none() | st.sampled_from(RATIOS),
        far=st.integers(0, 2),
    )
    def trade(
        self,
        deal: tuple[list[str], int, int],
        model: DvpModel,
        ratio: tuple[int, int] | None,
        far: int,
    ) -> str:
        """Agree on a trade, and take it as far as locked or settled, with a split in between."""
        name = self.agree(deal, model)
        if model is not DvpModel.GROSS:
            if far > 0:
                self.clear(model, ratio, keeps_dropped=far > 1)
            return name
        if far > 0:
            self.lock(name)
        if ratio is not None:
            self.split_in_time(ratio)
        if far > 1:
            self.settle(name, "settle")
        return name

    def agree(self, deal: tuple[list[str], int, int], model: DvpModel) -> str:
        (seller, buyer, _), quantity, amount = deal
        self.names += 1
        name = f"T-{self.names}"
        terms = self.market.terms(name, quantity=quantity, amount=amount).model_copy(
            update={
                "price": price_of(amount, quantity),
                "seller": seller,
                "buyer": buyer,
                "model": model,
                "expires_at": self.market.after(LIFE),
            }
        )
        assert self.act(partial(self.market.agree, terms))
        splits = len(self.model.factors)
        self.model.deals[name] = Deal(seller, buyer, quantity, amount, model, splits)
        return name

    @rule(trade=trades)
    def lock(self, trade: str) -> None:
        self.act(partial(self.market.lock, trade))

    @rule(trade=trades, step=st.sampled_from(("settle", "settle_at_once")))
    def settle(self, trade: str, step: str) -> None:
        self.act(partial(self.market.submit, P.CLEARING, SETTLEMENT, step, trade))

    @rule(trade=trades, one_in_three=st.integers(0, 2))
    def cancel(self, trade: str, one_in_three: int) -> None:
        if one_in_three == 0:  # what has ended shows little more
            self.act(partial(self.market.submit, P.ATS, SETTLEMENT, "cancel", trade, "a reason"))

    @rule(
        model=st.sampled_from((DvpModel.NET_MONEY, DvpModel.NET)),
        ratio=st.none() | st.sampled_from(RATIOS),
        keeps_dropped=st.booleans(),
    )
    def clear(self, model: DvpModel, ratio: tuple[int, int] | None, *, keeps_dropped: bool) -> None:
        """Take all trades of a model into a cycle, split or not, and settle it."""
        self.names += 1
        cycle = f"C-{self.names}"
        cut_off = self.market.after(timedelta(minutes=1))
        terms = CycleTerms(
            cycle=cycle,
            venue=P.ATS,
            model=model,
            removal=Removal.LATEST,
            keeps_dropped=keeps_dropped,
            cut_off_at=cut_off,
            settles_from=cut_off,
        )
        self.act(partial(self.market.submit, P.CLEARING, SETTLEMENT, "open_cycle", terms))
        for name in tuple(self.model.deals):
            accept = (P.CLEARING, SETTLEMENT, "accept_trades", cycle, listed([name]))
            self.act(partial(self.market.submit, *accept))
        if ratio is not None:
            self.split_in_time(ratio)
        self.market.ledger.advance(timedelta(minutes=1))
        settle = (P.CLEARING, SETTLEMENT, "settle_cycle", cycle)
        assert self.act(partial(self.market.submit, *settle))

    # --- what holders are owed ---

    @precondition(lambda self: len(self.model.gifts) < MOST_GIFTS)
    @rule(numerator=st.integers(1, 5), denominator=st.integers(1, 4), is_units=st.booleans())
    def give(self, numerator: int, denominator: int, *, is_units: bool) -> None:
        """Enter what holders are owed as of now; nobody has got any of it yet."""
        action = f"D-{len(self.model.gifts) + 1}"
        asset = "ACME" if is_units else "USD"
        payer = None if is_units else "acme"
        given = actions.given(self.market, numerator, denominator, asset=asset, payer=payer)
        kind = ActionType.BONUS if is_units else ActionType.CASH_DIVIDEND
        terms = actions.dividend(self.market, action, action_type=kind, distribution=given)
        recorded = {each: units for each, units in self.model.units.items() if units}
        splits = len(self.model.factors)
        assert self.act(partial(actions.record, self.market, terms))
        assert self.act(partial(actions.enter, self.market, *recorded, action=action))
        if not is_units:
            amount = sum(recorded.values()) * numerator // denominator
            assert self.act(partial(actions.fund, self.market, amount, action))
        self.model.gifts[action] = Gift(is_units, numerator, denominator, recorded, splits)
        self.model.owed |= {(action, holder) for holder in recorded}
        self.market.ledger.advance(actions.A_DAY)

    @precondition(lambda self: self.model.owed)
    @rule(data=st.data())
    def pay(self, data: st.DataObject) -> None:
        action, holder = data.draw(st.sampled_from(sorted(self.model.owed)))
        if self.act(partial(actions.pay, self.market, holder, action=action)):
            self.model.give(action, holder, "acme")

    # --- an offering ---

    @precondition(lambda self: self.announced_after is None)
    @rule(by_clock_s=st.integers(-30, 30))
    def offer(self, by_clock_s: int) -> None:
        """Announce an offering by a clock that is ahead or behind."""
        self.market.ledger.now += timedelta(seconds=by_clock_s)
        if self.act(partial(self.market.announce, self.market.offered())):
            self.announced_after = len(self.model.factors)
        self.act(self.market.accept)
        self.market.ledger.advance(OPENS_AFTER)

    @precondition(lambda self: self.announced_after is not None)
    @rule(
        name=st.sampled_from(SUBSCRIPTIONS),
        investor=st.sampled_from(INVESTORS),
        units=st.integers(20, 40),
    )
    def subscribe(self, name: str, investor: str, units: int) -> None:
        order = self.market.order(name, investor, units * 10)
        happened = self.act(partial(self.market.place, order))
        assert not happened or self.announced_after == len(self.model.factors)
        self.act(partial(self.market.pay, name))

    @precondition(lambda self: self.announced_after is not None)
    @rule()
    def go_to_the_issue(self) -> None:
        """Close, allocate and fund, as far as that is possible now."""
        close = (P.ISSUER, SETTLEMENT, "close_offering", "O-1")
        self.act(partial(self.market.submit, *close))
        self.market.ledger.advance(timedelta(seconds=COOLING_OFF_S))
        self.act(self.market.allocate)
        self.act(self.market.fund)

    @precondition(lambda self: self.announced_after is not None)
    @rule(name=st.sampled_from(SUBSCRIPTIONS))
    def issue(self, name: str) -> None:
        self.act(partial(self.market.issue_page, name))
        self.act(partial(self.market.refund, name))

    def subscribed(self) -> set[str]:
        rows = self.market.ledger.world.rows_of(SETTLEMENT).values
        found = (each.split("\x00") for each in rows if each.startswith("\x00subscription\x00"))
        return {parts[3] for parts in found}

    # --- what always holds ---

    @invariant()
    def units_and_money_are_what_a_plain_model_says(self) -> None:
        assert {each: self.market.units(each) for each in INVESTORS} == self.model.units
        assert {each: self.market.money(each) for each in EVERYBODY} == self.model.money

    @invariant()
    def their_sums_are_the_supply_and_what_was_paid_in(self) -> None:
        assert self.market.supply() == sum(self.model.units.values())
        paid_in = self.market.evaluate(Chaincode.CASH, "supply", "USD").load(int)
        assert paid_in == sum(self.model.money.values())

    @invariant()
    def what_is_on_hold_is_what_is_due_now(self) -> None:
        expected = dict.fromkeys(INVESTORS, 0)
        for place, quantity in self.model.holds.items():
            expected[place.partition("/")[0]] += quantity
        for name, deal in self.model.deals.items():
            if deal.model is not DvpModel.NET and self.status(name) in HELD:
                due = self.model.due(name)
                assert due.denominator == 1, "a split leaves no hold with a part of a unit"
                expected[deal.seller] += due.numerator
        found = {
            each: self.market.evaluate(TOKEN, "holding", "ACME", each).load(Holding).held
            for each in INVESTORS
        }
        assert found == expected


class SplitsInDepth(SplitMachine):
    """The same at greater length."""


TestSplits = SplitMachine.TestCase
TestSplits.settings = settings(max_examples=5, stateful_step_count=15, deadline=None)

TestSplitsInDepth = pytest.mark.slow(SplitsInDepth.TestCase)
TestSplitsInDepth.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
