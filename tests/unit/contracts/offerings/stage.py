"""A market with an offering of ACME: alice, bob and carol may subscribe, and have money."""

from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256

from pydantic import JsonValue

from tallystick.chaincode import composite_key
from tallystick.chaincode.testing import Outcome
from tallystick.contracts.book import Position
from tallystick.contracts.cash.models import CashAccount
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.compliance.models import Binding, Pack, PackReference, RulesGiven
from tallystick.contracts.events import SecurityIdentifier
from tallystick.contracts.fees.models import FeeSchedule
from tallystick.contracts.lots import Lot
from tallystick.contracts.models import Model
from tallystick.contracts.offerings.escrow import hold_of
from tallystick.contracts.offerings.models import (
    AllocationRule,
    Discretion,
    Discretions,
    Offering,
    OfferingTerms,
    PaymentTime,
    Status,
    SubscriptionView,
)
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.models import Amendment
from tallystick.contracts.statements import (
    ReceiptTerms,
    ReceiptUse,
    Recovery,
    SubscriptionCancelled,
    SubscriptionOrder,
)
from tallystick.contracts.testing import EVIDENCE, Market, new_wallet

P = Participant
SETTLEMENT, TOKEN, CASH = Chaincode.SETTLEMENT, Chaincode.TOKEN, Chaincode.CASH
ISIN = SecurityIdentifier(scheme="ISIN", value="US0000000001")
HOUR = timedelta(hours=1)
A_DAY = timedelta(days=1)
OPENS_AFTER, LASTS, LONG_STOP = HOUR, 10 * A_DAY, 30 * A_DAY
COOLING_OFF_S = 2 * 24 * 3600
PRICE = 25
MONEY = 100_000
INVESTORS = ("alice", "bob", "carol")


def pack_of(name: str, cap: int = 2**50, **law: str) -> Pack:
    """Return a pack of one exemption of the same name that caps what is raised."""
    parameters: dict[str, JsonValue] = {"exemption": name, "amount": cap, "window": "P1Y"}
    rule = Binding(
        rule="raising-cap",
        parameters={"*": parameters},
        provisions=dict.fromkeys(parameters, "Test Act, s. 1"),
    )
    return Pack(
        pack=name,
        version=1,
        title=f"The {name} exemption",
        jurisdiction="US",
        exemption=name,
        dated="2026-01-01",
        rules=(rule,),
        **law,
    )


class PrimaryMarket(Market):
    """A market in which units are offered."""

    def set_the_stage(self) -> None:
        """Open the market; ACME is ready to be offered under the exemption ``small``."""
        self.open()
        self.onboard("treasury", *INVESTORS)
        for each in INVESTORS:
            self.deposit(each, MONEY)
        self.name_it()

    def name_it(self) -> None:
        """Bind the exemption ``small`` to ACME, and enter its ISIN."""
        self.bind(pack_of("small"))
        amendment = Amendment(security="ACME", name="ACME common stock", identifiers=(ISIN,))
        self.submit(P.TRANSFER_AGENT, TOKEN, "amend_security", amendment)

    def bind(self, *packs: Pack, price: int = PRICE, rules: Sequence[Binding] = ()) -> None:
        """Publish packs and bind them to ACME, with the price of the offering."""
        for each in packs:
            self.submit(P.REGULATOR, TOKEN, "publish_pack", each)
        references = tuple(PackReference(pack=each.pack, version=each.version) for each in packs)
        given = RulesGiven(security="ACME", unit_price=price, packs=references, rules=tuple(rules))
        self.submit(P.TRANSFER_AGENT, TOKEN, "bind_rules", given)

    # --- the offering ---

    def offered(self, offering: str = "O-1", /, **changes: object) -> OfferingTerms:
        """Return terms of an offering of 1,000 units at most, 400 at least, from an hour on."""
        terms = OfferingTerms(
            offering=offering,
            security="ACME",
            issuer=P.ISSUER,
            proceeds_to="treasury",
            round="series-a",
            exemption="small",
            pack="small",
            pack_version=1,
            cash="USD",
            price=PRICE,
            starts_at=self.after(OPENS_AFTER),
            ends_at=self.after(OPENS_AFTER + LASTS),
            minimum=10,
            maximum=1000,
            multiple=10,
            soft_cap=400,
            hard_cap=1000,
            allocation=AllocationRule.PRO_RATA,
            cooling_off_s=COOLING_OFF_S,
            long_stop_at=self.after(LONG_STOP),
        )
        return OfferingTerms.model_validate({**terms.model_dump(), **changes})

    def announce(self, terms: OfferingTerms) -> Outcome:
        """Announce an offering, as its issuer."""
        return self.submit(P.ISSUER, SETTLEMENT, "announce_offering", terms)

    def accept(self, offering: str = "O-1") -> Outcome:
        """Accept an offering, as the transfer agent."""
        return self.submit(P.TRANSFER_AGENT, SETTLEMENT, "accept_offering", offering, [ISIN])

    def offer(self, **changes: object) -> OfferingTerms:
        """Announce and accept an offering, and wait for its start; return its terms."""
        terms = self.offered(**changes)
        self.announce(terms)
        self.accept(terms.offering)
        self.ledger.advance(OPENS_AFTER)
        return terms

    def offering(self, offering: str = "O-1") -> Offering:
        """Return an offering as it stands."""
        return self.evaluate(SETTLEMENT, "offering", offering).load(Offering)

    def status(self, offering: str = "O-1") -> Status:
        """Return where an offering stands."""
        return self.offering(offering).status

    # --- orders ---

    def order(
        self, subscription: str, signer: str, quantity: int, **changes: object
    ) -> SubscriptionOrder:
        """Return an order of somebody for itself, through the broker-dealer, at its fees of now."""
        intermediary = str(changes.get("intermediary", P.BROKER_DEALER))
        order = SubscriptionOrder(
            offering="O-1",
            subscription=subscription,
            terms_hash=self.offering(str(changes.get("offering", "O-1"))).terms_hash,
            intermediary=intermediary,
            signer=signer,
            holder=signer,
            payer=signer,
            quantity=quantity,
            fee_schedule_version=self.fee_schedule_version(intermediary),
            salt=sha256(subscription.encode()).hexdigest(),
        )
        return SubscriptionOrder.model_validate({**order.model_dump(), **changes})

    def fee_schedule_version(self, taker: str) -> int | None:
        """Return which schedule of somebody's fees is in force; None without one."""
        answer = self.evaluate(SETTLEMENT, "fees", taker)
        return answer.load(FeeSchedule).version if answer.payload else None

    def place(self, order: SubscriptionOrder, submitter: str = P.BROKER_DEALER) -> Outcome:
        """Place an order with its signer's signature."""
        intent = self.sign(order.signer, order)
        return self.submit(submitter, SETTLEMENT, "subscribe", subscription=order, intent=intent)

    def pay(
        self, subscription: str, submitter: str = P.BROKER_DEALER, offering: str = "O-1"
    ) -> Outcome:
        """Pay a subscription into escrow."""
        return self.submit(submitter, SETTLEMENT, "pay_subscription", offering, subscription)

    def subscribe(self, subscription: str, signer: str, quantity: int, **changes: object) -> None:
        """Place an order and pay for it."""
        order = self.order(subscription, signer, quantity, **changes)
        self.place(order)
        self.pay(subscription, offering=order.offering)

    def subscribe_through(self, order: SubscriptionOrder, intermediary: str) -> None:
        """Place and pay an order through an intermediary."""
        self.place(order, intermediary)
        self.pay(order.subscription, intermediary)

    def confirm(self, order: SubscriptionOrder, submitter: str = P.BROKER_DEALER) -> Outcome:
        """Let a signer stand by its order with the key that it has now."""
        place = ("confirm_subscription", order.offering, order.subscription)
        intent = self.sign(order.signer, order)
        return self.submit(submitter, SETTLEMENT, *place, intent=intent)

    def cancel(self, subscription: str, signer: str) -> Outcome:
        """Cancel a subscription, as its signer says."""
        said = SubscriptionCancelled(offering="O-1", subscription=subscription, signer=signer)
        return self.submit(
            P.BROKER_DEALER,
            SETTLEMENT,
            "cancel_subscription",
            "O-1",
            subscription,
            intent=self.sign(signer, said),
        )

    def reject(self, *subscriptions: str, by: str = P.ISSUER) -> Outcome:
        """Reject subscriptions."""
        function = "reject_subscriptions"
        return self.submit(by, SETTLEMENT, function, "O-1", _listed(subscriptions), "not wanted")

    def refund(self, *subscriptions: str, by: str = P.BROKER_DEALER) -> Outcome:
        """Ask for money back."""
        return self.submit(by, SETTLEMENT, "refund_subscriptions", "O-1", _listed(subscriptions))

    def view(self, subscription: str, by: str = P.REGULATOR) -> SubscriptionView:
        """Return a subscription as somebody sees it."""
        return self.submit(by, SETTLEMENT, "subscription", "O-1", subscription).load(
            SubscriptionView
        )

    # --- paid off the ledger ---

    def receipt(self, subscription: str, amount: int, *, number: str = "R-1") -> ReceiptTerms:
        """Return the terms of a receipt of the bank that pays for a subscription."""
        order = self.view(subscription).order
        assert order is not None
        return ReceiptTerms(
            bank=P.BANK,
            number=number,
            payer=order.payer,
            payee="treasury",
            currency="USD",
            amount=amount,
            use=ReceiptUse.SUBSCRIPTION,
            subject=hold_of(order),
        )

    def pay_by(self, subscription: str, receipt: ReceiptTerms) -> Outcome:
        """Pay a subscription by a receipt, through the broker-dealer."""
        return self.submit(
            P.BROKER_DEALER, SETTLEMENT, "pay_by_receipt", "O-1", subscription, paid=receipt
        )

    # --- from the end to the issue ---

    def close(self) -> None:
        """Close the offering at its end, and wait until every cooling-off is over."""
        self.ledger.advance(LASTS)
        self.submit(P.BANK, SETTLEMENT, "close_offering", "O-1")
        self.ledger.advance(timedelta(seconds=COOLING_OFF_S))

    def give(self, **units: int) -> Outcome:
        """Say what the issuer gives by discretion."""
        lines = tuple(Discretion(subscription=k, quantity=v) for k, v in units.items())
        chosen: Model = Discretions(lines=lines)
        return self.submit(P.ISSUER, SETTLEMENT, "allot", "O-1", allotments=chosen)

    def allocate(self, by: str = P.ISSUER) -> Outcome:
        """Allocate the offering."""
        return self.submit(by, SETTLEMENT, "allocate_offering", "O-1")

    def fund(self) -> Outcome:
        """Confirm the money in escrow."""
        return self.submit(P.BANK, SETTLEMENT, "fund_offering", "O-1")

    def issue_page(self, *subscriptions: str) -> Outcome:
        """Issue what is allotted to subscriptions, as the transfer agent."""
        return self.submit(
            P.TRANSFER_AGENT, SETTLEMENT, "issue_units", "O-1", _listed(subscriptions)
        )

    def conclude(self) -> Outcome:
        """Conclude the issue."""
        return self.submit(P.BANK, SETTLEMENT, "conclude_offering", "O-1")

    def withdraw(self) -> Outcome:
        """Withdraw the offering, as its issuer."""
        return self.submit(P.ISSUER, SETTLEMENT, "withdraw_offering", "O-1", "the market is bad")

    def lapse(self) -> Outcome:
        """Let the offering lapse."""
        return self.submit(P.BANK, SETTLEMENT, "lapse_offering", "O-1")

    def to_the_issue(self) -> None:
        """Close, allocate and fund the offering."""
        self.close()
        self.allocate()
        self.fund()

    def recover(self, identity: str) -> None:
        """Give somebody who has lost its key a new one, as the transfer agent."""
        wallet = new_wallet(identity)
        recovery = Recovery(identity=identity, keys=(wallet.new_key(),), evidence_hash=EVIDENCE)
        self.wallets[identity] = wallet
        intent = self.sign(identity, recovery)
        self.submit(P.TRANSFER_AGENT, Chaincode.IDENTITY, "recover_identity", recovery, intent)

    # --- what everybody has ---

    def free_money(self, holder: str) -> int:
        """Return what somebody may spend."""
        return self.submit(P.BANK, CASH, "account", "USD", holder).load(CashAccount).available

    def supply(self) -> int:
        """Return how many units of ACME there are."""
        return self.evaluate(TOKEN, "supply", "ACME").load(int)


PAID_LATER = {
    "payment": PaymentTime.AFTER_ALLOCATION,
    "payment_period_s": 24 * 3600,
}
"""Terms by which allotments are paid within a day."""


def _listed(names: Sequence[str]) -> JsonValue:
    return list(names)


def lots(market: Market, holder: str) -> list[Lot]:
    """Return the lots of a holding of ACME."""
    key = composite_key("position", "ACME", holder)
    row = market.ledger.world.rows_of(TOKEN).values[key]
    return list(Position.model_validate_json(row).lots)
