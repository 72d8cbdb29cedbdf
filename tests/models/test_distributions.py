"""Random dividends and redemptions among random trades: every cent and unit is accounted for.

F150, F153, F155, W30: after every act the money that waits under an action's name is what its sums
say, and they are the sums of what holders are entitled to and have got. F159: so many units have
ended as were paid for.
"""

from datetime import timedelta
from functools import partial
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, invariant, rule
from tests.models.market_walk import MarketWalk
from tests.unit.contracts import actions_stage as stage
from tests.unit.contracts.listening import ListeningMarket

from tallystick.chaincode.keys import composite_key
from tallystick.contracts.actions.distributions import entitlement_key, hold_of, totals_key
from tallystick.contracts.actions.models import Action, Entitlement, Totals
from tallystick.contracts.actions.terms import ActionType
from tallystick.contracts.book import Hold, hold_key
from tallystick.contracts.book.models import Account
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.confidential import SALT_SIZE
from tallystick.contracts.models import Model
from tallystick.contracts.participants import Participant
from tallystick.contracts.trades.terms import LegKind, TradeLeg

RowT = TypeVar("RowT", bound=Model)

INVESTORS = ("alice", "bob", "carol")
MONEY, UNITS = 100_000, 100

investors = st.sampled_from(INVESTORS)
quantities = st.integers(min_value=1, max_value=60)
steps = st.sampled_from((0, 1, 2, 2, 2, 3, 3, 3, 4))


class DistributionMachine(MarketWalk):
    """Acts at random; those that the contracts refuse must change nothing."""

    trades: Bundle[str] = Bundle("trades")
    actions: Bundle[str] = Bundle("actions")

    @initialize()
    def open(self) -> None:
        market = ListeningMarket()
        market.open()
        market.onboard(*INVESTORS)
        self.begin(market)
        self.announced: list[str] = []
        self.redemptions: list[str] = []
        self.proposed = 0
        stage.open_payer(self.market, MONEY)
        for investor in INVESTORS:
            self.act(partial(self.market.deposit, investor, 1000))
            self.act(partial(self.market.issue, investor, UNITS))

    # --- what holders do ---

    @rule(sides=st.permutations(INVESTORS), quantity=quantities)
    def transfer(self, sides: list[str], quantity: int) -> None:
        self.act(lambda: self.market.transfer(sides[0], sides[1], quantity))

    @rule(target=trades, sides=st.permutations(INVESTORS), quantity=quantities, steps=steps)
    def trade(self, sides: list[str], quantity: int, steps: int) -> str:
        return self.make_trade(sides, quantity, steps)

    def make_trade(
        self, sides: list[str], quantity: int, steps: int, *, is_passed_on: bool = False
    ) -> str:
        """Propose a trade and take it as far as ``steps`` says: consents, locks, settlement.

        The buyer may pass half of it on to the third, by a further leg.
        """
        self.proposed += 1
        onward = TradeLeg(
            kind=LegKind.UNITS,
            asset="ACME",
            sender=sides[0],
            receiver=sides[2],
            quantity=(quantity + 1) // 2,
        )
        name = f"T-{self.proposed}"
        terms = self.market.terms(name, quantity=quantity, amount=quantity).model_copy(
            update={
                "buyer": sides[0],
                "seller": sides[1],
                "legs": (onward,) if is_passed_on else (),
                "expires_at": self.market.after(timedelta(days=60)),
            }
        )
        self.act(lambda: self.market.propose(terms))
        if steps > 0:
            for side in terms.parties:
                self.act(partial(self.market.consent, terms, side))
        if steps > 1:
            self.act(lambda: self.market.lock(name))
        if steps > 3:
            self.act(lambda: self.market.settle(name))
        return name

    @rule(trade=trades, is_settled=st.booleans())
    def end_trade(self, trade: str, *, is_settled: bool) -> None:
        self.end(trade, is_settled=is_settled)

    def end(self, trade: str, *, is_settled: bool) -> None:
        if is_settled:
            self.act(lambda: self.market.settle(trade))
        else:
            venue = Participant.ATS
            self.act(lambda: self.submit(venue, Chaincode.SETTLEMENT, "cancel", trade, "a reason"))

    @rule(holder=investors, quantity=st.integers(1, UNITS), is_lifted=st.booleans())
    def freeze(self, holder: str, quantity: int, *, is_lifted: bool) -> None:
        function = "unfreeze_units" if is_lifted else "freeze_units"
        arguments = ("ACME", holder, quantity, "a reason")
        self.act(lambda: self.submit(stage.AGENT, Chaincode.TOKEN, function, *arguments))

    @rule(holder=investors, withholding=st.integers(0, 10_000))
    def set_rate(self, holder: str, withholding: int) -> None:
        self.act(lambda: stage.withhold(self.market, holder, withholding))

    # --- what the issuer gives ---

    @rule(
        target=actions,
        numerator=st.integers(1, 50),
        denominator=st.integers(1, 30),
        withholding=st.integers(0, 10_000),
        steps=steps,
    )
    def announce(self, numerator: int, denominator: int, withholding: int, steps: int) -> str:
        return self.give(numerator, denominator, withholding, steps)

    @rule(
        target=actions,
        sides=st.permutations(INVESTORS),
        quantity=quantities,
        rate=st.tuples(st.integers(1, 50), st.integers(1, 30)),
        is_settled=st.none() | st.booleans(),
        is_passed_on=st.booleans(),
    )
    def give_over_a_trade(
        self,
        sides: list[str],
        quantity: int,
        rate: tuple[int, int],
        *,
        is_settled: bool | None,
        is_passed_on: bool,
    ) -> str:
        """Let a trade be open over a record date, and claimed for; and end it, or not."""
        trade = self.make_trade(sides, quantity, 2, is_passed_on=is_passed_on)
        action = self.give(*rate, 1500, 3)
        self.claim_for(action, trade, is_raised=True)
        for holder in sides:
            self.pay_out(action, holder, is_pushed=True)
        if is_settled is not None:
            self.end(trade, is_settled=is_settled)
            self.claim_for(action, trade, is_raised=False)
        return action

    @rule(
        target=actions,
        holder=investors,
        price=st.integers(1, 20),
        sold=st.sampled_from((0, 0, 1)),
        is_frozen=st.sampled_from((False, False, True)),
    )
    def redeem(self, holder: str, price: int, sold: int, *, is_frozen: bool) -> str:
        """Redeem what one holder has, so that the others go on; pay it if it can be."""
        action = self.give(price, 1, 1500, 3, targets=(holder,))
        other = next(each for each in INVESTORS if each != holder)
        if sold:
            self.transfer([holder, other], sold)
        if is_frozen:
            self.freeze(holder, 1, is_lifted=False)
        self.act(lambda: stage.pay(self.market, *INVESTORS, action=action))
        return action

    def give(
        self, numerator: int, denominator: int, withholding: int, steps: int, **more: object
    ) -> str:
        """Announce a dividend and take it as far as ``steps`` says: entered, funded, payable.

        One that is only for somebody is a redemption.
        """
        action = f"D-{len(self.announced) + 1}"
        given = stage.given(
            self.market,
            numerator,
            denominator,
            withholding=withholding,
            tax_account="revenue",
            **more,
        )
        kind = ActionType.REDEMPTION if given.targets else ActionType.CASH_DIVIDEND
        terms = stage.dividend(self.market, action, distribution=given, action_type=kind)
        if given.targets:
            self.redemptions.append(action)
        self.act(lambda: stage.announce(self.market, terms))
        self.act(lambda: stage.confirm(self.market, action))
        self.announced.append(action)
        if steps > 0:
            self.market.ledger.advance(timedelta(days=1))
            self.act(lambda: self.submit(stage.AGENT, Chaincode.TOKEN, "seal_record_dates", "ACME"))
            self.act(lambda: stage.enter(self.market, *INVESTORS, action=action))
        if steps > 1:
            self.pay_in(action)
        if steps > 2:
            self.market.ledger.advance(timedelta(days=1))
        return action

    @rule(action=actions)
    def fund(self, action: str) -> None:
        self.pay_in(action)

    def pay_in(self, action: str) -> None:
        totals = self.totals(action)
        if totals is not None and totals.entitled:
            amount = self.amount_of(action, totals.entitled)
            if amount:
                self.act(lambda: stage.fund(self.market, amount, action))

    @rule(action=actions, holder=investors, is_pushed=st.booleans())
    def pay(self, action: str, holder: str, *, is_pushed: bool) -> None:
        self.pay_out(action, holder, is_pushed=is_pushed)

    def pay_out(self, action: str, holder: str, *, is_pushed: bool) -> None:
        give = stage.pay if is_pushed else stage.claim
        self.act(lambda: give(self.market, holder, action=action))

    @rule(action=actions, trade=trades, is_raised=st.booleans())
    def claim_from_market(self, action: str, trade: str, *, is_raised: bool) -> None:
        self.claim_for(action, trade, is_raised=is_raised)

    def claim_for(self, action: str, trade: str, *, is_raised: bool) -> None:
        step = stage.raise_claim if is_raised else stage.resolve_claim
        self.act(lambda: step(self.market, trade, action))

    @rule(action=actions)
    def reclaim(self, action: str) -> None:
        self.act(lambda: stage.reclaim(self.market, action))

    @rule(days=st.sampled_from((1, 9)))
    def let_time_pass(self, days: int) -> None:
        self.market.ledger.advance(timedelta(days=days))

    # --- what always holds ---

    @invariant()
    def all_money_is_somebodys(self) -> None:
        held = sum(self.market.money(each) for each in (*INVESTORS, "acme", "revenue"))
        assert held == MONEY + 1000 * len(INVESTORS)

    @invariant()
    def sums_are_those_of_the_holders_and_of_the_money_that_waits(self) -> None:
        withheld = 0
        for action in self.announced:
            totals = self.totals(action)
            if totals is None:
                continue
            found = [self.entitlement(action, each) for each in INVESTORS]
            entitled = [each for each in found if each is not None]
            assert totals.gross == sum(each.gross for each in entitled)
            assert totals.entitled == sum(each.units for each in entitled)
            assert totals.paid == sum(each.paid for each in entitled)
            assert totals.withheld == sum(each.taxed for each in entitled)
            assert all(min(each.claimed, each.left) >= 0 for each in entitled)
            assert all(min(each.due, each.tax_due) >= 0 for each in entitled)
            if totals.funded:
                assert totals.unclaimed == sum(each.due + each.tax_due for each in entitled)
            assert min(totals.dust, totals.unclaimed, totals.remaining) >= 0
            accounted = totals.paid + totals.withheld + totals.dust + totals.unclaimed
            assert totals.funded == (accounted if totals.funded else 0)
            assert self.waiting(action) == totals.remaining
            withheld += totals.withheld
        assert self.market.money("revenue") == withheld

    @invariant()
    def so_many_units_have_ended_as_were_paid_for(self) -> None:
        entitled = [
            found
            for action in self.redemptions
            for each in INVESTORS
            if (found := self.entitlement(action, each)) is not None and found.is_paid
        ]
        left = sum(self.market.units(each) for each in INVESTORS)
        assert left == UNITS * len(INVESTORS) - sum(each.units for each in entitled)

    # --- how ---

    def amount_of(self, action: str, units: int) -> int:
        key = composite_key("action", action)
        value = self.market.ledger.world.rows_of(Chaincode.SETTLEMENT).values[key]
        terms = Action.model_validate_json(value).terms.distribution
        assert terms is not None
        return units * terms.numerator // terms.denominator

    def totals(self, action: str) -> Totals | None:
        return self.confidential(Chaincode.SETTLEMENT, totals_key(action), Totals)

    def entitlement(self, action: str, holder: str) -> Entitlement | None:
        key = entitlement_key(action, holder)
        return self.confidential(Chaincode.SETTLEMENT, key, Entitlement)

    def waiting(self, action: str) -> int:
        key = hold_key(Account("USD", "acme"), hold_of(action))
        hold = self.confidential(Chaincode.CASH, key, Hold)
        return 0 if hold is None else hold.quantity

    def confidential(self, chaincode: Chaincode, key: str, model: type[RowT]) -> RowT | None:
        rows = self.market.ledger.world.rows_of(chaincode).private
        found = [value[SALT_SIZE:] for (_, each), value in rows.items() if each == key]
        return model.model_validate_json(found[0]) if found and found[0] else None


class DistributionsInDepth(DistributionMachine):
    """The same at greater length."""


TestDistributions = DistributionMachine.TestCase
TestDistributions.settings = settings(max_examples=6, stateful_step_count=25, deadline=None)

TestDistributionsInDepth = pytest.mark.slow(DistributionsInDepth.TestCase)
TestDistributionsInDepth.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
