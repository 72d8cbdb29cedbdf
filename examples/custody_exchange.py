"""A custody exchange: an investor approves once, and its sales settle without a signature of its.

The exchange matches in books of its own. The clearing firm settles what was traded there by the
allowance of the seller: on the register, which is the only place that says who owns what. So votes
and dividends stay with the investor, and its word ends the allowance at once.

Run it as often as you like, beside a network: python examples/custody_exchange.py
"""

import asyncio
import json
import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import JsonValue

from tallystick.client import Gateway
from tallystick.client.contract import Argument
from tallystick.client.errors import EndorseError
from tallystick.contracts.accounts.models import ChallengeTerms, Payload
from tallystick.contracts.actions.models import ActionSecret, Entitlement
from tallystick.contracts.actions.terms import (
    ActionDocument,
    ActionTerms,
    ActionType,
    Distribution,
)
from tallystick.contracts.compliance.models import Binding, RulesGiven
from tallystick.contracts.confidential import secret_argument_of
from tallystick.contracts.instants import Instant, instant
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.models import Model
from tallystick.contracts.register.models import Allowance, SecurityTerms
from tallystick.contracts.statements import (
    AccountLinked,
    AllowanceScope,
    AllowanceWithdrawn,
    DistributionFunded,
    Registration,
    Statement,
    UnitsAllowed,
    UnitsSent,
)
from tallystick.contracts.wallet import Wallet
from tallystick.wire.signing import sign

CHANNEL = "securities"
PROFILES = Path(".tallystick/profiles")
EXCHANGE, CLEARING, AGENT = "ATSMSP", "ClearingMSP", "TransferAgentMSP"
BROKER, BANK, ISSUER = "BrokerDealerMSP", "BankMSP", "IssuerMSP"

ISSUED = 1_000
ALLOWED = 500
MOST_TO_HOLD = 300
DIVIDEND = 10
"""Cents for each unit."""

AT_THE_EXCHANGE = AllowanceScope(venue=EXCHANGE)


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


@dataclass(frozen=True, slots=True)
class Sale:
    """A line in the exchange's own books."""

    buyer: str
    quantity: int


class Story:
    """The participants, and what happens in this run."""

    def __init__(self, gateways: Mapping[str, Gateway]) -> None:
        self._gateways = gateways
        run = secrets.token_hex(3)
        self.security, self.cash, self.action = f"CSTD-{run}", f"USD-{run}", f"DIV-{run}"
        names = ("anna", "ben", "cora", "treasury")
        self.anna, self.ben, self.cora, self.treasury = (new_wallet(f"{n}-{run}") for n in names)

    async def submit(
        self, who: str, chaincode: str, function: str, *arguments: Argument, **secret: Model
    ) -> bytes:
        """Submit a transaction, wait until all peers here have it, and return its result."""
        contract = self._gateways[who].network().contract(chaincode)
        transient = {name: secret_argument_of(each) for name, each in secret.items()}
        proposal = contract.new_proposal(function, *arguments, transient=transient)
        transaction = await proposal.endorse()
        (await (await transaction.submit()).status()).raise_if_invalid()
        for gateway in self._gateways.values():
            await gateway.network().commit(transaction.transaction_id).status()
        return transaction.result

    async def ask(self, who: str, chaincode: str, function: str, *arguments: Argument) -> bytes:
        """Return what a participant reads."""
        contract = self._gateways[who].network().contract(chaincode)
        return await contract.evaluate(function, *arguments)

    async def open_the_market(self) -> None:
        """Register investors; issue what trades at the exchange only, nobody having too much."""
        for wallet in (self.anna, self.ben, self.cora, self.treasury):
            who = Registration(identity=wallet.identity, party="person", keys=(wallet.new_key(),))
            await self.submit(BROKER, "identity", "register_identity", who, signed(wallet, who))
        terms = SecurityTerms(security=self.security, name="Custody Inc", issuer=ISSUER)
        await self.submit(AGENT, "token", "create_security", terms)
        await self.submit(AGENT, "token", "issue", self.security, self.anna.identity, ISSUED)
        most = Binding(rule="maximum-holding", parameters={"*": {"units": MOST_TO_HOLD}})
        sold_here = {"excepted": ["allowance"], "venues": [EXCHANGE]}
        only = Binding(rule="venue-only", parameters={"*": sold_here})
        rules = RulesGiven(security=self.security, rules=(most, only))
        await self.submit(AGENT, "token", "bind_rules", rules)
        print(f"{self.anna.identity} holds {ISSUED}; nobody may get above {MOST_TO_HOLD} any more")

    async def link_account(self, wallet: Wallet) -> None:
        """Link an account at the exchange to an identity: its wallet answers a QR code."""
        terms = ChallengeTerms(
            challenge=secrets.token_hex(32),
            account=f"A-{secrets.token_hex(4)}",
            expires_at=after(timedelta(hours=1)),
        )
        answer = await self.submit(EXCHANGE, "identity", "open_challenge", terms)
        code = Payload.model_validate_json(answer)
        linked = AccountLinked(
            identity=wallet.identity,
            venue=code.venue,
            account=code.account,
            challenge=code.challenge,
        )
        await self.submit(EXCHANGE, "identity", "link_account", linked, signed(wallet, linked))
        print(f"account {code.account} at the exchange is {wallet.identity}'s")

    async def approve(self) -> None:
        """Let anna sign, once, what may be drawn of her units for sales at this exchange."""
        allowed = UnitsAllowed(
            security=self.security,
            holder=self.anna.identity,
            spender=CLEARING,
            quantity=ALLOWED,
            expires_at=after(timedelta(days=30)),
            scope=AT_THE_EXCHANGE,
        )
        await self.submit(BROKER, "token", "approve", allowed, signed(self.anna, allowed))
        print(f"{self.anna.identity} approves: {CLEARING} may draw {ALLOWED}, for {EXCHANGE} only")

    async def match(self, sales: list[Sale]) -> None:
        """Let the exchange trade in its own books, after a look at the register."""
        answer = await self.ask(EXCHANGE, "token", "holding", self.security, self.anna.identity)
        available = json.loads(answer)["available"]
        sold = sum(sale.quantity for sale in sales)
        assert sold <= available
        print(f"the exchange sees {available} on the register, and matches {sold} in its books")

    async def settle(self, sale: Sale) -> None:
        """Let the clearing firm deliver a sale by allowance; print what comes of it."""
        sent = UnitsSent(
            security=self.security,
            sender=self.anna.identity,
            receiver=sale.buyer,
            quantity=sale.quantity,
        )
        try:
            await self.submit(CLEARING, "token", "transfer_from", sent, AT_THE_EXCHANGE)
        except EndorseError as error:
            print(f"refused: {error.refusals[0].message}")
        else:
            left = await self.left()
            print(f"settled: {sale.quantity} to {sale.buyer}, unsigned; {left} are left to draw")

    async def left(self) -> int:
        """Return what may still be drawn."""
        answer = await self.ask(
            CLEARING,
            "token",
            "allowance",
            self.security,
            self.anna.identity,
            CLEARING,
            AT_THE_EXCHANGE,
        )
        return Allowance.model_validate_json(answer).quantity or 0

    async def revoke(self) -> None:
        """Let anna end the allowance."""
        withdrawn = AllowanceWithdrawn(
            security=self.security,
            holder=self.anna.identity,
            spender=CLEARING,
            scope=AT_THE_EXCHANGE,
        )
        intent = signed(self.anna, withdrawn)
        await self.submit(BROKER, "token", "revoke_allowance", withdrawn, intent)
        print(f"{self.anna.identity} revokes")

    async def pay_a_dividend(self) -> None:
        """Let the issuer pay whoever is on the register at the record date."""
        total = ISSUED * DIVIDEND
        await self.submit(BANK, "cash", "open_cash", self.cash, "USD")
        await self.submit(BANK, "cash", "deposit", self.cash, self.treasury.identity, total)
        record_at = datetime.now(UTC) + timedelta(seconds=5)
        salt = ActionSecret(salt=secrets.token_hex(16))
        await self.submit(
            ISSUER, "settlement", "announce_action", self._dividend(record_at), secret=salt
        )
        await self.submit(AGENT, "settlement", "confirm_action", self.action)
        payable_at = record_at + timedelta(seconds=1)
        await asyncio.sleep(max((payable_at - datetime.now(UTC)).total_seconds(), 0))
        await self.submit(AGENT, "token", "seal_record_dates", self.security)
        holders: list[JsonValue] = [w.identity for w in (self.anna, self.ben, self.cora)]
        await self.submit(AGENT, "settlement", "enter_entitlements", self.action, holders)
        funded = DistributionFunded(
            action=self.action, payer=self.treasury.identity, cash=self.cash, amount=total
        )
        intent = signed(self.treasury, funded)
        await self.submit(BANK, "settlement", "fund_action", self.action, intent)
        await self.submit(AGENT, "settlement", "pay_entitlements", self.action, holders)

    def _dividend(self, record_at: datetime) -> ActionTerms:
        resolution = ActionDocument(
            name="resolution",
            uri="https://issuer.example/resolution",
            document_hash=sha256(b"the board resolved").hexdigest(),
        )
        given = Distribution(
            asset=self.cash,
            numerator=DIVIDEND,
            payer=self.treasury.identity,
            payable_at=instant(record_at + timedelta(seconds=1)),
            claims_until=after(timedelta(days=30)),
        )
        return ActionTerms(
            action=self.action,
            action_type=ActionType.CASH_DIVIDEND,
            security=self.security,
            record_at=instant(record_at),
            distribution=given,
            documents=(resolution,),
        )

    async def show_the_holders(self) -> None:
        """Print who stood on the register at the record date, and was paid."""
        for wallet in (self.anna, self.ben, self.cora):
            asked = (self.action, wallet.identity)
            answer = await self.ask(AGENT, "settlement", "entitlement", *asked)
            entitled = Entitlement.model_validate_json(answer)
            print(f"{wallet.identity} held {entitled.units}, and got {entitled.paid / 100:.2f} USD")


async def main() -> None:
    """Tell the story."""
    async with AsyncExitStack() as stack:
        gateways = {
            who: await stack.enter_async_context(
                await Gateway.from_profile(PROFILES / f"{who}.json")
            )
            for who in (EXCHANGE, CLEARING, AGENT, BROKER, BANK, ISSUER)
        }
        story = Story(gateways)
        await story.open_the_market()
        for wallet in (story.anna, story.ben, story.cora):
            await story.link_account(wallet)
        await story.approve()

        ben, cora = story.ben.identity, story.cora.identity
        sales = [Sale(ben, 100), Sale(cora, 150), Sale(ben, 150)]
        await story.match(sales)
        for sale in sales:
            await story.settle(sale)
        print("limits hold:")
        await story.settle(Sale(cora, 120))  # more than is left to draw
        await story.settle(Sale(ben, 80))  # more than anybody may hold

        print("units that may be drawn are the investor's, and so is what they bring:")
        await story.pay_a_dividend()
        await story.show_the_holders()

        await story.revoke()
        await story.settle(Sale(cora, 10))


if __name__ == "__main__":
    asyncio.run(main())
