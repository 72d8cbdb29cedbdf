"""An issuer offers units; an investor and a family office order more than there are.

Money waits until units are issued against it, and comes back where it buys none. Nobody but those
concerned sees who ordered. On the network of `tally cluster up` the broker-dealer plays the office.

Run it as often as you like, beside a network: python examples/primary_offering.py
"""

import asyncio
import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import JsonValue

from tallystick.client import Gateway
from tallystick.client.contract import Argument
from tallystick.contracts.compliance.models import Binding, Pack, PackReference, RulesGiven
from tallystick.contracts.confidential import secret_argument_of
from tallystick.contracts.events import SecurityIdentifier
from tallystick.contracts.fees.models import FeeSchedule
from tallystick.contracts.instants import Instant, instant
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.models import Model
from tallystick.contracts.offerings.models import (
    AllocationRule,
    Demand,
    Offering,
    OfferingTerms,
    SubscriptionView,
)
from tallystick.contracts.register.models import SecurityTerms
from tallystick.contracts.statements import (
    Registration,
    Representation,
    Statement,
    SubAccountOpened,
    SubscriptionOrder,
)
from tallystick.contracts.wallet import Wallet
from tallystick.wire.signing import sign

CHANNEL = "securities"
PROFILES = Path(".tallystick/profiles")
ISSUER, AGENT, REGULATOR = "IssuerMSP", "TransferAgentMSP", "RegulatorMSP"
OFFICE, BANK = "BrokerDealerMSP", "BankMSP"
PRICE = 25
MONEY = 500_00
A_DAY = timedelta(days=1)


def placement(name: str) -> Pack:
    """Return the rules of an exemption made up for this run; real ones are in docs/packs."""
    cap = {"exemption": name, "amount": 10**12, "window": "P1Y"}
    rule = Binding(
        rule="raising-cap",
        parameters={"*": cap},
        provisions=dict.fromkeys(cap, "Example Act, s. 3"),
    )
    return Pack(
        pack=name,
        version=1,
        title="An exemption made up for the example",
        jurisdiction="US",
        exemption=name,
        dated="2026-01-01",
        bars_solicitation="Example Act, s. 1",
        requires_approval="Example Act, s. 2",
        rules=(rule,),
    )


def after(duration: timedelta) -> Instant:
    """Return the moment so far ahead."""
    return instant(datetime.now(UTC) + duration)


def new_wallet(identity: str) -> Wallet:
    """Return a wallet with a new key, which in life would stay with whom it belongs to."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Wallet(identity, CHANNEL, key.public_key(), partial(sign, key))


def signed(wallet: Wallet, statement: Statement) -> SignedIntent:
    """Return a signature under a statement, good for the next five minutes."""
    expires_at = after(timedelta(minutes=5))
    return wallet.sign(statement, nonce=secrets.token_hex(16), expires_at=expires_at)


class Story:
    """The participants, and what happens in this run."""

    def __init__(self, gateways: Mapping[str, Gateway]) -> None:
        self._gateways = gateways
        self._run = run = secrets.token_hex(3)
        self.security, self.cash = f"NEWCO-{run}", f"USD-{run}"
        self.exemption = f"placement-{run}"
        self.isin = SecurityIdentifier(scheme="ISIN", value=f"US{run.upper()}0001")
        self.treasury, self.anna = new_wallet(f"treasury-{run}"), new_wallet(f"anna-{run}")
        self.office = new_wallet(f"office-{run}")
        self.pool = replace(self.office, identity=f"office-{run}.clients")

    async def submit(
        self, who: str, chaincode: str, function: str, *arguments: Argument, **secret: Model
    ) -> str:
        """Submit a transaction, wait until all peers have it, and return its answer."""
        contract = self._gateways[who].network().contract(chaincode)
        transient = {name: secret_argument_of(each) for name, each in secret.items()}
        proposal = contract.new_proposal(function, *arguments, transient=transient)
        transaction = await proposal.endorse()
        (await (await transaction.submit()).status()).raise_if_invalid()
        for gateway in self._gateways.values():
            await gateway.network().commit(transaction.transaction_id).status()
        return transaction.result.decode()

    async def settlement(self, who: str, function: str, *arguments: Argument) -> str:
        """Submit a transaction of the settlement contract."""
        return await self.submit(who, "settlement", function, *arguments)

    async def ask(self, who: str, chaincode: str, function: str, *arguments: Argument) -> bytes:
        """Evaluate a query as somebody."""
        contract = self._gateways[who].network().contract(chaincode)
        return await contract.evaluate(function, *arguments)

    async def set_the_scene(self) -> None:
        """Let everybody register, the office stand for its firm, and subscribers have money."""
        for wallet in (self.treasury, self.anna, self.office):
            who = Registration(identity=wallet.identity, party="firm", keys=(wallet.new_key(),))
            intent = signed(wallet, who)
            await self.submit(OFFICE, "identity", "register_identity", who, intent)
        if b'"identity":null' not in await self.ask(OFFICE, "identity", "organization", OFFICE):
            await self.submit(OFFICE, "identity", "end_representation")  # of an earlier run
        stands = Representation(identity=self.office.identity, organization=OFFICE)
        await self.submit(OFFICE, "identity", "represent", stands, signed(self.office, stands))
        opened = SubAccountOpened(identity=self.office.identity, account=self.pool.identity)
        intent = signed(self.office, opened)
        await self.submit(OFFICE, "identity", "open_sub_account", opened, intent)
        await self.submit(BANK, "cash", "open_cash", self.cash, "USD")
        for wallet in (self.anna, self.office):
            await self.submit(BANK, "cash", "deposit", self.cash, wallet.identity, MONEY)

    async def prepare_the_security(self) -> None:
        """Let the transfer agent open the register, with exemption and price."""
        terms = SecurityTerms(
            security=self.security, name="Newco", issuer=ISSUER, identifiers=(self.isin,)
        )
        await self.submit(AGENT, "token", "create_security", terms)
        await self.submit(REGULATOR, "token", "publish_pack", placement(self.exemption))
        pack = PackReference(pack=self.exemption, version=1)
        rules = RulesGiven(security=self.security, unit_price=PRICE, packs=(pack,))
        await self.submit(AGENT, "token", "bind_rules", rules)

    async def offer(self, offering: str, soft_cap: int) -> str:
        """Announce an offering, have it approved and accepted; return its name on the ledger."""
        terms = OfferingTerms(
            offering=f"{offering}-{self._run}",
            security=self.security,
            issuer=ISSUER,
            proceeds_to=self.treasury.identity,
            round=offering,
            exemption=self.exemption,
            pack=self.exemption,
            pack_version=1,
            cash=self.cash,
            price=PRICE,
            starts_at=after(timedelta(0)),
            ends_at=after(A_DAY),
            maximum=1_000,
            multiple=10,
            minimum=10,
            soft_cap=soft_cap,
            hard_cap=1_000,
            allocation=AllocationRule.PRO_RATA,
            long_stop_at=after(7 * A_DAY),
        )
        await self.settlement(ISSUER, "announce_offering", terms)
        await self.settlement(REGULATOR, "approve_offering", terms.offering)
        await self.settlement(AGENT, "accept_offering", terms.offering, [self.isin])
        print(f"{terms.offering}: {terms.soft_cap} to {terms.hard_cap} units at 0.25 USD")
        return terms.offering

    async def order(
        self, offering: str, signer: Wallet, holder: Wallet, quantity: int, client: str | None
    ) -> str:
        """Order units, and let the money wait; return the subscription."""
        answer = await self.ask(OFFICE, "settlement", "offering", offering)
        fees = await self.ask(OFFICE, "settlement", "fees", OFFICE)
        subscription = secrets.token_hex(8)
        order = SubscriptionOrder(
            offering=offering,
            subscription=subscription,
            terms_hash=Offering.model_validate_json(answer).terms_hash,
            intermediary=OFFICE,
            signer=signer.identity,
            holder=holder.identity,
            payer=signer.identity,
            quantity=quantity,
            fee_schedule_version=FeeSchedule.model_validate_json(fees).version if fees else None,
            client=client,
            salt=secrets.token_hex(16),
        )
        intent = signed(signer, order)
        await self.submit(OFFICE, "settlement", "subscribe", subscription=order, intent=intent)
        await self.settlement(OFFICE, "pay_subscription", offering, subscription)
        print(f"{signer.identity} orders {quantity} for {holder.identity}, and has paid")
        return subscription

    async def show_who_sees_what(self, offering: str, subscription: str) -> None:
        """Print what the issuer sees, and what the office sees of its own order."""
        answer = await self.ask(ISSUER, "settlement", "demand", offering)
        demand = Demand.model_validate_json(answer)
        print(f"the issuer sees {demand.paid} units paid; full: {demand.is_full}")
        for who in (ISSUER, OFFICE):
            answer = await self.ask(who, "settlement", "subscription", offering, subscription)
            order = SubscriptionView.model_validate_json(answer).order
            print(f"{who} sees of it: {order.client if order else 'that there is an order'}")

    async def allocate(self, offering: str) -> str:
        """Close the offering and allocate it; return what has become of it."""
        await self.settlement(ISSUER, "close_offering", offering)
        return await self.settlement(ISSUER, "allocate_offering", offering)

    async def issue(self, offering: str, subscriptions: JsonValue) -> None:
        """Issue units against the money, and conclude the offering."""
        await self.settlement(OFFICE, "fund_offering", offering)
        await self.settlement(AGENT, "issue_units", offering, subscriptions)
        await self.settlement(OFFICE, "conclude_offering", offering)

    async def refund(self, offering: str, subscriptions: JsonValue) -> None:
        """Give money back; anybody may ask for it."""
        await self.settlement(OFFICE, "refund_subscriptions", offering, subscriptions)

    async def show_the_books(self) -> None:
        """Print who has what."""
        for wallet in (self.anna, self.pool, self.office, self.treasury):
            asked = (wallet.identity,)
            units = await self.ask(AGENT, "token", "balance_of", self.security, *asked)
            cents = int(await self.ask(AGENT, "cash", "balance_of", self.cash, *asked))
            print(f"{wallet.identity}: {units.decode()} units, {cents / 100:,.2f} USD")


async def main() -> None:
    """Tell the story."""
    async with AsyncExitStack() as stack:
        gateways = {
            who: await stack.enter_async_context(
                await Gateway.from_profile(PROFILES / f"{who}.json")
            )
            for who in (ISSUER, AGENT, REGULATOR, OFFICE, BANK)
        }
        story = Story(gateways)
        await story.set_the_scene()
        await story.prepare_the_security()

        offering = await story.offer("series-a", soft_cap=400)
        first = await story.order(offering, story.anna, story.anna, 600, None)
        second = await story.order(offering, story.office, story.pool, 1_000, "client-17")
        await story.show_who_sees_what(offering, second)
        print(f"1,600 are ordered of 1,000: {await story.allocate(offering)}")
        await story.issue(offering, [first, second])
        await story.show_the_books()

        offering = await story.offer("series-b", soft_cap=800)
        third = await story.order(offering, story.anna, story.anna, 100, None)
        print(f"100 are ordered, 800 were needed: {await story.allocate(offering)}")
        await story.refund(offering, [third])
        await story.show_the_books()


if __name__ == "__main__":
    asyncio.run(main())
