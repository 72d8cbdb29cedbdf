"""Days of a whole market with every kind of business, the secrets of which can be chosen.

What a market publishes of its days must be the same whatever the secrets are: who trades in which
security, how much, at what price, who is owed what, and why something failed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from pydantic import JsonValue
from tests.unit.contracts import actions_stage as actions
from tests.unit.contracts import money
from tests.unit.contracts.discipline import stage as discipline
from tests.unit.contracts.fees import set_fees
from tests.unit.contracts.listening import ListeningMarket
from tests.unit.contracts.netting.books import For
from tests.unit.contracts.offerings.stage import PrimaryMarket

from tallystick.chaincode.events import EventRecord
from tallystick.contracts.actions.models import ActionSecret, SignedVotes
from tallystick.contracts.cash.models import CreditGrant, SignedReceipt, SignedReservation
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.discipline.models import Cause
from tallystick.contracts.fees.models import FeeKind, FeeLine
from tallystick.contracts.netting.models import CycleTerms, DefaultNotice
from tallystick.contracts.netting.removal import Removal
from tallystick.contracts.orders.models import SignedOrder
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import (
    MoneyReserved,
    OrderPlaced,
    OrderSide,
    ReceiptMade,
    ReceiptTerms,
    ReceiptUse,
    ReservationUse,
    Vote,
    VotesCast,
    Withdrawal,
)
from tallystick.contracts.testing import EVIDENCE
from tallystick.contracts.trades.models import TradePage
from tallystick.contracts.trades.terms import DvpModel, Order, TradeTerms

P = Participant
SETTLEMENT, TOKEN, CASH = Chaincode.SETTLEMENT, Chaincode.TOKEN, Chaincode.CASH
INVESTORS = ("alder", "birch", "cedar", "dogwood")
"""Pseudonyms of persons: each has the same units and the same money before the first day."""

VOTER = "elder"
"""A person who votes, and does nothing else: that somebody voted is public."""

UNITS, MONEY = 1_000, 1_000_000
HOUR = timedelta(hours=1)
GROSS, NET = DvpModel.GROSS, DvpModel.NET


@dataclass(frozen=True, slots=True)
class Secrets:
    """What nobody may learn from what is public.

    Attributes:
        sides: Who sells, who buys, and two others.
        security: In which they trade, where no corporate action tells.
        unit: All quantities are so many times this, and all prices too.
        choice: How a holder votes.
        cause: Why a trade failed.
        seed: What random salts are made of.
    """

    sides: tuple[str, str, str, str] = INVESTORS
    security: str = "ACME"
    unit: int = 1
    choice: str = "for"
    cause: Cause = Cause.LACK_OF_SECURITIES
    seed: str = "a"

    def salt(self, name: str) -> str:
        return sha256(f"{self.seed}/{name}".encode()).hexdigest()


class MarketDays(PrimaryMarket, ListeningMarket):
    """A market in which all of it happens; its events are kept."""

    secrets = Secrets()

    def set_the_stage(self) -> None:
        """Open the market on a Thursday, with all that everybody may know."""
        self.ledger.now = datetime(2026, 4, 2, 15, tzinfo=UTC)
        self.open()
        self.create_security("BETA")
        self.list_security("BETA")
        self.onboard("treasury", "fee-house", "acme", "revenue", VOTER, *INVESTORS)
        for each in (VOTER, *INVESTORS):
            self.issue(each, UNITS)
            self.issue(each, UNITS, "BETA")
            self.deposit(each, MONEY)
        self.deposit("acme", MONEY)
        money.appoint_cashier(self)
        self.name_it()
        discipline.prepare_venue(self)
        fee = FeeLine(kind=FeeKind.TRADE, payer="seller", receiver="fee-house", basis_points=100)
        set_fees(self, fee)
        fee = FeeLine(kind=FeeKind.SUBSCRIPTION, payer="buyer", receiver="fee-house", flat=7)
        set_fees(self, fee, by=P.BROKER_DEALER)

    def live(self, secrets: Secrets) -> "MarketDays":
        """Let the days pass; return the market."""
        self.secrets = secrets
        self.reserve_and_borrow()
        self.settle_gross()
        self.settle_net()
        self.end_otherwise()
        self.fail_and_pay()
        self.hold_meeting_and_pay_dividend()
        self.offer_units()
        return self

    # --- trades ---

    def agreed(
        self, name: str, about: For, model: DvpModel = GROSS, **changes: object
    ) -> TradeTerms:
        """Let a trade be agreed on, due today unless it says otherwise."""
        seller, buyer, *_ = self.secrets.sides
        usual = {
            "security": self.secrets.security,
            "seller": seller,
            "buyer": buyer,
            "model": model,
            "cycle": 0,
            "settlement_day": self.ledger.now.date().isoformat(),
            "expires_at": self.after(timedelta(days=60)),
            "salt": self.secrets.salt(name),
        }
        terms = self.terms(name, quantity=about.quantity, amount=about.amount)
        terms = TradeTerms.model_validate({**terms.model_dump(), **usual, **changes})
        self.agree(terms)
        return terms

    def sold(self, quantity: int = 1, price: int = 1_234) -> For:
        """Return what a trade is about, in secret figures."""
        unit = self.secrets.unit
        return For(quantity * unit, quantity * unit * price * unit)

    def reserve_and_borrow(self) -> None:
        """Commit money and units to orders at the venue, pledge, and let the bank lend."""
        seller, buyer, third, _ = self.secrets.sides
        unit = self.secrets.unit
        self.reserve(buyer, 5_000 * unit**2, P.ATS, "T-gross-buy", ReservationUse.ORDER)
        self.reserve(third, 70 * unit**2, P.CLEARING, "margin", ReservationUse.COLLATERAL)
        grant = CreditGrant(
            cash="USD",
            holder=buyer,
            cap=900 * unit,
            valid_until=self.after(9 * HOUR),
            salt=self.secrets.salt("credit"),
        )
        self.submit(P.BANK, CASH, "grant_credit", credit=grant)
        order = OrderPlaced(
            venue=P.ATS,
            order="O-sell",
            holder=seller,
            side=OrderSide.SELL,
            security=self.secrets.security,
            quantity=30 * unit,
            limit=str(1_000),
            broker=P.BROKER_DEALER,
            expires_at=self.after(9 * HOUR),
        )
        salt = self.secrets.salt("order")
        placed = SignedOrder(statement=order, intent=self.sign(seller, order), salt=salt)
        self.place_order(placed)

    def reserve(
        self, holder: str, amount: int, keeper: str, name: str, use: ReservationUse
    ) -> None:
        said = MoneyReserved(
            cash="USD",
            holder=holder,
            keeper=keeper,
            reservation=name,
            use=use,
            amount=amount,
            expires_at=self.after(9 * HOUR),
        )
        signed = SignedReservation(
            statement=said, intent=self.sign(holder, said), salt=self.secrets.salt(name)
        )
        self.submit(keeper, CASH, "reserve", reservation=signed)

    def settle_gross(self) -> None:
        """Fill the order; settle one at once, and one by a receipt of the bank."""
        sell = Order(order="O-sell", broker=P.BROKER_DEALER, is_placed=True)
        self.agreed("T-gross", self.sold(3), sell=sell)
        self.lock("T-gross")
        settled = self.settle("T-gross")
        self.agreed("T-at-once", self.sold(2))
        self.submit(P.CLEARING, SETTLEMENT, "settle_at_once", "T-at-once")
        named: list[JsonValue] = [settled.transaction_id]
        self.submit(P.BANK, CASH, "collect_fees", "USD", "fee-house", named)
        terms = self.agreed("T-receipt", self.sold(4), paid_at=P.BANK)
        self.lock("T-receipt")
        self.certify(terms)
        self.settle("T-receipt")

    def certify(self, terms: TradeTerms) -> None:
        """Let the bank sign that a price was paid elsewhere."""
        paid = ReceiptTerms(
            bank=P.BANK,
            number=terms.trade,
            payer=terms.buyer,
            payee=terms.seller,
            currency="USD",
            amount=terms.amount,
            use=ReceiptUse.TRADE,
            subject=terms.trade,
        )
        made = ReceiptMade(signer=money.CASHIER, terms=paid, expires_at=self.after(HOUR))
        intent = self.sign(money.CASHIER, made)
        receipt = SignedReceipt(statement=made, intent=intent, salt=self.secrets.salt("receipt"))
        self.submit(P.BROKER_DEALER, CASH, "make_receipt", receipt=receipt)

    def settle_net(self) -> None:
        """Settle a cycle of both models, one trade of which nobody can pay; one member defaults."""
        seller, buyer, third, fourth = self.secrets.sides
        notice = DefaultNotice(
            member=fourth, venue=P.ATS, evidence_hash=EVIDENCE, salt=self.secrets.salt("default")
        )
        self.submit(P.CLEARING, SETTLEMENT, "declare_default", default=notice)
        for model in (DvpModel.NET_MONEY, NET):
            names: list[JsonValue] = [f"T-{model}-{number}" for number in range(4)]
            self.agreed(str(names[0]), self.sold(5), model)
            self.agreed(str(names[1]), self.sold(3), model, seller=buyer, buyer=third)
            self.agreed(str(names[2]), self.sold(2), model, seller=third, buyer=seller)
            unpaid = For(self.secrets.unit, 50 * MONEY)
            self.agreed(str(names[3]), unpaid, model, seller=buyer, buyer=third)
            self.run_cycle(model, names)
        self.submit(P.CLEARING, SETTLEMENT, "lift_default", default=notice)

    def run_cycle(self, model: DvpModel, trades: Sequence[JsonValue]) -> None:
        terms = CycleTerms(
            cycle=f"C-{model}",
            venue=P.ATS,
            model=model,
            removal=Removal.LATEST,
            draws_collateral=True,
            cut_off_at=self.after(HOUR),
            settles_from=self.after(HOUR),
        )
        self.submit(P.CLEARING, SETTLEMENT, "open_cycle", terms)
        self.submit(P.CLEARING, SETTLEMENT, "accept_trades", terms.cycle, list(trades))
        self.ledger.advance(HOUR)
        self.submit(P.CLEARING, SETTLEMENT, "settle_cycle", terms.cycle)

    def end_otherwise(self) -> None:
        """Withdraw one trade, cancel another that is locked."""
        terms = self.agreed("T-withdrawn", self.sold())
        said = Withdrawal(trade=terms.trade, side="buyer", party=terms.buyer, reason="no")
        intent = self.sign(terms.buyer, said)
        self.submit(P.ISSUER, SETTLEMENT, "withdraw", terms.trade, "buyer", "no", intent=intent)
        self.agreed("T-cancelled", self.sold(7))
        self.lock("T-cancelled")
        self.submit(P.ATS, SETTLEMENT, "cancel", "T-cancelled", "an error")

    # --- fails ---

    def fail_and_pay(self) -> None:
        """Let trades fail on Monday: held back, recorded, paid for, and closed out in money."""
        for name in ("T-1", "T-2"):
            about = self.sold(6, 40_000)
            self.agreed(name, about, cycle=None, settlement_day="2026-04-06")
        discipline.hold(self, "buyer", "T-2")
        discipline.go_to(self, "2026-04-06T21:00:00Z")
        side = "buyer" if self.secrets.cause is Cause.LACK_OF_CASH else "seller"
        discipline.note(self, "2026-04-06", self.secrets.cause, side)
        discipline.hold(self, "buyer", "T-2", holds=False)
        discipline.go_to(self, "2026-04-15T15:00:00Z")
        discipline.note(self, "2026-04-07", Cause.LACK_OF_SECURITIES, "seller")
        discipline.collect(self, "T-1", "T-2", through="2026-04-30")
        discipline.call(self)
        discipline.give_up(self)
        discipline.compensate(self, 6 * 50_000 * self.secrets.unit**2)

    # --- what holders decide and get ---

    def hold_meeting_and_pay_dividend(self) -> None:
        """Vote on a meeting; pay a dividend that one trade claims, at secret rates."""
        salt = {"secret": ActionSecret(salt=self.secrets.salt("action"))}
        unit = self.secrets.unit
        actions.withhold(self, self.secrets.sides[0], 1_000 + unit, self.secrets.salt("rates"))
        self.agreed("T-claimed", For(2 * unit, 900 * unit), security="ACME")
        self.lock("T-claimed")
        for terms in (actions.dividend(self), actions.meeting(self)):
            self.submit(P.ISSUER, SETTLEMENT, "announce_action", terms, **salt)
            actions.confirm(self, terms.action)
        self.ledger.advance(actions.A_DAY)
        self.submit(P.TRANSFER_AGENT, TOKEN, "seal_record_dates", "ACME")
        holders = [VOTER, *self.secrets.sides]
        actions.enter(self, *holders)
        actions.fund(self, 5 * UNITS * len(holders))
        actions.raise_claim(self, "T-claimed")
        self.vote()
        self.ledger.advance(actions.A_DAY)
        self.settle("T-claimed")
        actions.resolve_claim(self, "T-claimed")
        actions.pay(self, *holders)

    def vote(self) -> None:
        """Vote with all units of one holder."""
        cast = Vote(resolution="merger", choice=self.secrets.choice, units=UNITS)
        said = VotesCast(action="M-1", holder=VOTER, votes=(cast,))
        self.submit(
            P.BROKER_DEALER,
            SETTLEMENT,
            "cast_votes",
            votes=SignedVotes(statement=said, intent=self.sign(VOTER, said)),
        )

    # --- primary market ---

    def offer_units(self) -> None:
        """Issue two orders of an offering, which share a demand in secret proportions."""
        seller, buyer, third, _ = self.secrets.sides
        self.offer()
        unit = 10 * self.secrets.unit
        for name, signer, quantity in (("s-1", buyer, 600 + unit), ("s-2", seller, 800 - unit)):
            self.subscribe(name, signer, quantity, salt=self.secrets.salt(name))
        self.subscribe("s-3", third, 40 + unit, salt=self.secrets.salt("s-3"))
        self.cancel("s-3", third)
        self.to_the_issue()
        self.issue_page("s-1", "s-2")
        self.conclude()

    # --- what it leaves for everybody to see ---

    def public_rows(self, *chaincodes: Chaincode) -> list[tuple[str, str, bytes]]:
        """Return all public rows of chaincodes, with all that they ever were, in key order."""
        return [
            (chaincode, key, change.value)
            for chaincode in chaincodes
            for key, changes in sorted(self.ledger.world.rows_of(chaincode).history.items())
            for change in changes
        ]

    def told(self, *chaincodes: Chaincode) -> list[EventRecord]:
        """Return what has been told by chaincodes since the stage was set."""
        return [
            record
            for outcome, _ in self.outcomes
            for record in outcome.events
            if record.type.partition(".")[0] in chaincodes
        ]

    def amounts(self) -> set[int]:
        """Return the amounts of all trades, which only some may read."""
        page = self.evaluate(SETTLEMENT, "trades", 100, "").load(TradePage)
        return {each.terms.amount for each in page.trades if each.terms is not None}

    def private_hashes(self) -> set[bytes]:
        """Return the hashes of private values of `settlement` and `cash`, which are public."""
        return {
            sha256(value).digest()
            for chaincode in (SETTLEMENT, CASH)
            for value in self.ledger.world.rows_of(chaincode).private.values()
        }


def opened() -> MarketDays:
    """Return a market before its first day."""
    market = MarketDays()
    market.set_the_stage()
    return market


def days_of(market: MarketDays, secrets: Secrets) -> MarketDays:
    """Return a market that has lived through its days, with these secrets."""
    lived = market.fork()
    lived.outcomes = []
    return lived.live(secrets)
