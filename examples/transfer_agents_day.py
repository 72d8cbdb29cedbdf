"""A licensed transfer agent's day: an issue, a court, a lost key, a halt, the register at night.

Run it as often as you like, beside a network: python examples/transfer_agents_day.py
"""

import asyncio
import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from tallystick.client import Gateway
from tallystick.client.contract import Argument
from tallystick.client.errors import EndorseError
from tallystick.contracts.compliance.models import Binding, RulesGiven
from tallystick.contracts.instants import instant
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.register.models import Allocation, RegisterPage, SecurityTerms
from tallystick.contracts.statements import Recovery, Registration, Statement, UnitsSent
from tallystick.contracts.wallet import Wallet
from tallystick.wire.signing import sign

CHANNEL = "securities"
PROFILES = Path(".tallystick/profiles")
AGENT, BROKER, REGULATOR = "TransferAgentMSP", "BrokerDealerMSP", "RegulatorMSP"


def new_wallet(identity: str) -> Wallet:
    """Return a wallet with a new key, which in life would stay on the investor's phone."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Wallet(identity, CHANNEL, key.public_key(), partial(sign, key))


def signed(wallet: Wallet, statement: Statement) -> SignedIntent:
    """Return a signature under a statement, good for the next five minutes."""
    expires_at = instant(datetime.now(UTC) + timedelta(minutes=5))
    return wallet.sign(statement, nonce=secrets.token_hex(16), expires_at=expires_at)


class Day:
    """The participants, the holders, and what happens."""

    def __init__(self, gateways: Mapping[str, Gateway]) -> None:
        self._gateways = gateways
        run = secrets.token_hex(3)
        self.security = f"ACME-{run}"
        self.wallets = {name: new_wallet(f"{name}-{run}") for name in ("alice", "bob", "carol")}

    async def submit(self, who: str, chaincode: str, function: str, *arguments: Argument) -> None:
        """Submit a transaction, and wait until the peers of all participants have it."""
        contract = self._gateways[who].network().contract(chaincode)
        transaction = await contract.new_proposal(function, *arguments).endorse()
        (await (await transaction.submit()).status()).raise_if_invalid()
        for gateway in self._gateways.values():
            await gateway.network().commit(transaction.transaction_id).status()

    async def issue(self) -> None:
        """Open the register of a security, and enter its first holders: all of them or none."""
        for wallet in self.wallets.values():
            who = Registration(identity=wallet.identity, party="person", keys=(wallet.new_key(),))
            await self.submit(BROKER, "identity", "register_identity", who, signed(wallet, who))
        terms = SecurityTerms(security=self.security, name="Acme Common", issuer="IssuerMSP")
        await self.submit(AGENT, "token", "create_security", terms)
        most = Binding(rule="maximum-holding", parameters={"*": {"units": 1_000_000}})
        rules = RulesGiven(security=self.security, rules=(most,))
        await self.submit(AGENT, "token", "bind_rules", rules)
        allocations = [
            Allocation(to=wallet.identity, quantity=1000) for wallet in self.wallets.values()
        ]
        await self.submit(AGENT, "token", "issue_to_many", self.security, allocations)
        print(f"3000 units of {self.security} issued to {len(allocations)} holders")

    async def obey_the_court(self) -> None:
        """Freeze some of a holder's units, who can dispose of the others only."""
        alice = self.wallets["alice"].identity
        arguments = (self.security, alice, 900, "order 7 of the court")
        await self.submit(AGENT, "token", "freeze_units", *arguments)
        await self.transfer("alice", 200)
        await self.submit(AGENT, "token", "unfreeze_units", *arguments)

    async def recover(self) -> None:
        """Replace the keys of a holder who has lost them: everything else stays where it is."""
        lost = self.wallets["bob"]
        found = new_wallet(lost.identity)
        evidence = sha256(b"the notary's protocol").hexdigest()
        recovery = Recovery(identity=lost.identity, keys=(found.new_key(),), evidence_hash=evidence)
        await self.submit(AGENT, "identity", "recover_identity", recovery, signed(found, recovery))
        await self.transfer("bob", 10)  # with the key that was lost, by whoever has it now
        self.wallets["bob"] = found
        await self.transfer("bob", 10)

    async def halt(self) -> None:
        """Let the regulator halt the security, and let it trade again."""
        await self.submit(REGULATOR, "token", "pause", self.security, "news pending")
        await self.transfer("carol", 10)
        await self.submit(REGULATOR, "token", "resume", self.security)

    async def redeem(self) -> None:
        """End units of a holder, as a court orders."""
        carol = self.wallets["carol"].identity
        evidence = sha256(b"the court's order").hexdigest()
        await self.submit(AGENT, "token", "redeem", self.security, carol, 400, evidence)
        print(f"400 units of {carol} redeemed")

    async def transfer(self, sender: str, quantity: int) -> None:
        """Transfer units to carol or from her, as the sender signs; print what comes of it."""
        receiver = "alice" if sender == "carol" else "carol"
        wallet = self.wallets[sender]
        sent = UnitsSent(
            security=self.security,
            sender=wallet.identity,
            receiver=self.wallets[receiver].identity,
            quantity=quantity,
        )
        try:
            await self.submit(BROKER, "token", "transfer", sent, signed(wallet, sent))
        except EndorseError as error:
            print(f"refused: {error.refusals[0].message}")
        else:
            print(f"{wallet.identity} transferred {quantity} to {sent.receiver}")

    async def close_the_books(self) -> None:
        """Print the register, and check that it adds up to the supply."""
        token = self._gateways[AGENT].network().contract("token")
        answer = await token.evaluate("register", self.security)
        page = RegisterPage.model_validate_json(answer)
        for line in page.holdings:
            print(f"{line.holder:14} {line.quantity:6}")
        supply = int(await token.evaluate("supply", self.security))
        assert sum(line.quantity for line in page.holdings) == supply
        print(f"{'supply':14} {supply:6}")


async def main() -> None:
    """Tell the day."""
    async with AsyncExitStack() as stack:
        gateways = {
            who: await stack.enter_async_context(
                await Gateway.from_profile(PROFILES / f"{who}.json")
            )
            for who in (AGENT, BROKER, REGULATOR)
        }
        day = Day(gateways)
        await day.issue()
        await day.obey_the_court()
        await day.recover()
        await day.halt()
        await day.redeem()
        await day.close_the_books()


if __name__ == "__main__":
    asyncio.run(main())
