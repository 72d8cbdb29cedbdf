"""Two investors, one security, one transfer that its sender signs.

Run it as often as you like, beside a network: python examples/submit_transfer.py
"""

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from tallystick.client import Gateway
from tallystick.client.errors import EndorseError
from tallystick.contracts.compliance.models import Binding, RulesGiven
from tallystick.contracts.instants import instant
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.register.models import SecurityTerms
from tallystick.contracts.statements import Registration, Statement, UnitsSent
from tallystick.contracts.wallet import Wallet
from tallystick.wire.signing import sign

CHANNEL = "securities"
PROFILES = Path(".tallystick/profiles")


def new_wallet(identity: str) -> Wallet:
    """Return a wallet with a new key, which in life would stay on the investor's phone."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Wallet(identity, CHANNEL, key.public_key(), partial(sign, key))


def signed(wallet: Wallet, statement: Statement) -> SignedIntent:
    """Return the investor's signature under a statement, good for the next five minutes."""
    expires_at = instant(datetime.now(UTC) + timedelta(minutes=5))
    return wallet.sign(statement, nonce=secrets.token_hex(16), expires_at=expires_at)


async def main() -> None:
    """Register both, issue to one, transfer to the other, and try to transfer too much."""
    run = secrets.token_hex(3)
    security = f"ACME-{run}"
    alice, bob = new_wallet(f"alice-{run}"), new_wallet(f"bob-{run}")
    async with (
        await Gateway.from_profile(PROFILES / "BrokerDealerMSP.json") as broker,
        await Gateway.from_profile(PROFILES / "TransferAgentMSP.json") as agent,
    ):
        identities = broker.network().contract("identity")
        for wallet in (alice, bob):
            who = Registration(identity=wallet.identity, party="person", keys=(wallet.new_key(),))
            await identities.submit("register_identity", who, signed(wallet, who))

        register = agent.network().contract("token")
        terms = SecurityTerms(security=security, name="Acme Common", issuer="IssuerMSP")
        await register.submit("create_security", terms)
        # Without requirements and rules, units move between no holders.
        most = Binding(rule="maximum-holding", parameters={"*": {"units": 1_000_000}})
        await register.submit("bind_rules", RulesGiven(security=security, rules=(most,)))
        issue = await register.new_proposal("issue", security, alice.identity, 100).endorse()
        issued = await issue.submit()
        (await issued.status()).raise_if_invalid()
        # The broker uses another peer, which may have each block a moment later.
        await broker.network().commit(issued.transaction_id).status()

        token = broker.network().contract("token")
        sent = UnitsSent(
            security=security, sender=alice.identity, receiver=bob.identity, quantity=30
        )
        await token.submit("transfer", sent, signed(alice, sent))
        for wallet in (alice, bob):
            balance = await token.evaluate("balance_of", security, wallet.identity)
            print(f"{wallet.identity} holds {balance.decode()} of {security}")

        too_much = sent.model_copy(update={"quantity": 1000})
        try:
            await token.submit("transfer", too_much, signed(alice, too_much))
        except EndorseError as error:
            print(f"refused: {error.refusals[0].message}")


if __name__ == "__main__":
    asyncio.run(main())
