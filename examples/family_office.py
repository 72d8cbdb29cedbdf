"""A family office buys for its clients, hands the units on, and sells for them by allowance.

The clients keep their keys: they sign once when they join, and once what the office may draw. On
the network of `tally cluster up` the broker-dealer plays the office, licensed as one.

Run it as often as you like, beside a network: python examples/family_office.py
"""

import asyncio
import json
import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from tallystick.client import Gateway
from tallystick.client.contract import Argument
from tallystick.contracts.compliance.models import Binding, RulesGiven
from tallystick.contracts.confidential import secret_argument_of
from tallystick.contracts.custody.models import (
    Cover,
    Custody,
    CustodyAgreement,
    CustodyReport,
    SignedAllowance,
    Valuation,
)
from tallystick.contracts.instants import Instant, instant
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.licensing.models import LicenceGrant
from tallystick.contracts.models import Model
from tallystick.contracts.register.models import SecurityTerms
from tallystick.contracts.statements import (
    CustodyAgreed,
    Registration,
    Representation,
    Share,
    Statement,
    SubAccountOpened,
    UnitsAllowed,
    UnitsDistributed,
    UnitsSent,
)
from tallystick.contracts.wallet import Wallet
from tallystick.wire.signing import sign

CHANNEL = "securities"
PROFILES = Path(".tallystick/profiles")
OFFICE, AGENT, REGULATOR = "BrokerDealerMSP", "TransferAgentMSP", "RegulatorMSP"
PRICE = 25_00
A_DAY = timedelta(days=1)


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
        run = secrets.token_hex(3)
        self.security = f"FUND-{run}"
        self.office = new_wallet(f"office-{run}")
        self.pool = replace(self.office, identity=f"office-{run}.clients")
        self.clients = [new_wallet(f"{name}-{run}") for name in ("anna", "ben")]

    async def submit(
        self, who: str, chaincode: str, function: str, *arguments: Argument, **secret: Model
    ) -> None:
        """Submit a transaction, and wait until the peers of all participants have it."""
        contract = self._gateways[who].network().contract(chaincode)
        transient = {name: secret_argument_of(each) for name, each in secret.items()}
        proposal = contract.new_proposal(function, *arguments, transient=transient)
        transaction = await proposal.endorse()
        (await (await transaction.submit()).status()).raise_if_invalid()
        for gateway in self._gateways.values():
            await gateway.network().commit(transaction.transaction_id).status()

    async def register(self, wallet: Wallet) -> None:
        """Register an identity."""
        who = Registration(identity=wallet.identity, party="person", keys=(wallet.new_key(),))
        await self.submit(OFFICE, "identity", "register_identity", who, signed(wallet, who))

    async def license_the_office(self) -> None:
        """Let the regulator license the office, and the office hold by an identity."""
        licence = LicenceGrant(
            organization=OFFICE,
            licence_class="family-office",
            reference="no. 7",
            valid_from=after(-A_DAY),
            valid_until=after(365 * A_DAY),
        )
        await self.submit(REGULATOR, "identity", "grant_licences", [licence])
        identities = self._gateways[OFFICE].network().contract("identity")
        if json.loads(await identities.evaluate("organization", OFFICE))["identity"]:
            await self.submit(OFFICE, "identity", "end_representation")  # of an earlier run
        await self.register(self.office)
        opened = SubAccountOpened(identity=self.office.identity, account=self.pool.identity)
        intent = signed(self.office, opened)
        await self.submit(OFFICE, "identity", "open_sub_account", opened, intent)
        represented = Representation(identity=self.office.identity, organization=OFFICE)
        intent = signed(self.office, represented)
        await self.submit(OFFICE, "identity", "represent", represented, intent)
        custody = Custody(identity=self.office.identity, client_accounts=(self.pool.identity,))
        await self.submit(OFFICE, "token", "open_custody", custody)
        print(f"{self.office.identity} holds, and {self.pool.identity} holds for clients")

    async def take_clients_on(self) -> None:
        """Let clients register with keys of their own, and agree to custody."""
        for client in self.clients:
            await self.register(client)
            agreed = CustodyAgreed(custodian=OFFICE, client=client.identity)
            agreement = CustodyAgreement(agreed=agreed, intent=signed(client, agreed))
            await self.submit(OFFICE, "token", "agree_custody", agreement=agreement)
            print(f"{client.identity} is a client")

    async def buy(self) -> None:
        """Let the transfer agent issue units to the office, for its clients."""
        terms = SecurityTerms(security=self.security, name="Fund", issuer="IssuerMSP")
        await self.submit(AGENT, "token", "create_security", terms)
        most = Binding(rule="maximum-holding", parameters={"*": {"units": 1000}})
        rules = RulesGiven(security=self.security, rules=(most,))
        await self.submit(AGENT, "token", "bind_rules", rules)
        await self.submit(AGENT, "token", "issue", self.security, self.pool.identity, 1000)

    async def hand_on(self) -> None:
        """Deliver units to clients, and take their allowances: in one transaction."""
        allowances = [self._allowance(client) for client in self.clients]
        distributed = UnitsDistributed(
            security=self.security,
            account=self.pool.identity,
            shares=tuple(Share(client=each.identity, quantity=500) for each in self.clients),
        )
        intent = signed(self.pool, distributed)
        await self.submit(OFFICE, "token", "distribute", distributed, allowances, intent)

    def _allowance(self, client: Wallet) -> SignedAllowance:
        allowed = UnitsAllowed(
            security=self.security,
            holder=client.identity,
            spender=OFFICE,
            quantity=500,
            expires_at=after(30 * A_DAY),
        )
        return SignedAllowance(statement=allowed, intent=signed(client, allowed))

    async def sell(self) -> None:
        """Sell for one client to the other, without asking either for a signature."""
        anna, ben = (client.identity for client in self.clients)
        sent = UnitsSent(security=self.security, sender=anna, receiver=ben, quantity=200)
        await self.submit(OFFICE, "token", "transfer_from", sent)
        token = self._gateways[OFFICE].network().contract("token")
        for client in (anna, ben):
            balance = await token.evaluate("balance_of", self.security, client)
            print(f"{client} holds {balance.decode()} of {self.security}")

    async def insure(self, limit: int) -> None:
        """Let the regulator record the insurance of the office."""
        cover = Cover(
            insurer="Mutual",
            policy_hash=secrets.token_hex(32),
            currency="USD",
            limit=limit,
            valid_from=after(-A_DAY),
            valid_until=after(365 * A_DAY),
        )
        await self.submit(REGULATOR, "token", "record_cover", OFFICE, cover)

    async def report(self) -> None:
        """Print how the office holds for its clients, and whether that is insured."""
        token = self._gateways[REGULATOR].network().contract("token")
        valuations = [Valuation(security=self.security, price=PRICE)]
        answer = await token.evaluate("custody_report", OFFICE, valuations)
        report = CustodyReport.model_validate_json(answer)
        (line,) = report.lines
        verdict = "insured" if report.is_covered else "more than is insured"
        print(
            f"held for clients: {line.holding}, {line.omnibus} in common and {line.distributed} in"
            f" their names, worth {report.exposure / 100:,.2f} USD: {verdict}"
        )


async def main() -> None:
    """Tell the story."""
    async with AsyncExitStack() as stack:
        gateways = {
            who: await stack.enter_async_context(
                await Gateway.from_profile(PROFILES / f"{who}.json")
            )
            for who in (OFFICE, AGENT, REGULATOR)
        }
        story = Story(gateways)
        await story.license_the_office()
        await story.take_clients_on()
        await story.buy()
        await story.insure(20_000_00)
        await story.report()
        await story.hand_on()
        await story.report()
        await story.insure(30_000_00)
        await story.report()
        await story.sell()


if __name__ == "__main__":
    asyncio.run(main())
