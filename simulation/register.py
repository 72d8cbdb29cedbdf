"""A small register of the real contracts: investors who hold units of one security."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from simulation.clients import Clients
from simulation.keys import SeededKeys, new_wallet
from tallystick.contracts.compliance.models import Binding, RulesGiven
from tallystick.contracts.instants import instant
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.register.models import SecurityTerms
from tallystick.contracts.statements import Registration, Statement, UnitsSent
from tallystick.contracts.wallet import Wallet

SECURITY: Final = "NORTH"
UNITS: Final = 500
HOLDERS: Final = ("alice", "bob", "carol")
BROKER: Final = "BrokerDealerMSP"
AGENT: Final = "TransferAgentMSP"
_LIFE: Final = timedelta(minutes=30)
_NANOSECONDS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Register:
    """The investors of the register.

    Attributes:
        wallets: By name.
    """

    wallets: dict[str, Wallet]

    def transfer(
        self, random: Random, now_ns: int, quantity: int
    ) -> tuple[UnitsSent, SignedIntent]:
        """Return a transfer between two holders by chance, signed by the sender."""
        sender, receiver = random.sample(HOLDERS, 2)
        sent = UnitsSent(security=SECURITY, sender=sender, receiver=receiver, quantity=quantity)
        return sent, _signed(self.wallets[sender], sent, random, now_ns)


async def open_register(clients: Clients, channel_id: str, keys: SeededKeys) -> Register:
    """Register investors, list a security, and issue the same to each."""
    wallets = {name: new_wallet(name, channel_id, keys) for name in HOLDERS}
    random = clients.environment.random
    identity = clients.contract(BROKER, "identity")
    for wallet in wallets.values():
        who = Registration(identity=wallet.identity, party="person", keys=(wallet.new_key(),))
        intent = _signed(wallet, who, random, clients.environment.now_ns())
        await identity.submit("register_identity", who, intent)
    token = clients.contract(AGENT, "token")
    terms = SecurityTerms(security=SECURITY, name="North Common", issuer="IssuerMSP")
    await token.submit("create_security", terms)
    most = Binding(rule="maximum-holding", parameters={"*": {"units": 1_000_000}})
    await token.submit("bind_rules", RulesGiven(security=SECURITY, rules=(most,)))
    for name in HOLDERS:
        await token.submit("issue", SECURITY, name, UNITS)
    return Register(wallets)


def _signed(wallet: Wallet, statement: Statement, random: Random, now_ns: int) -> SignedIntent:
    moment = datetime.fromtimestamp(now_ns / _NANOSECONDS, UTC)
    nonce = random.randbytes(16).hex()
    return wallet.sign(statement, nonce=nonce, expires_at=instant(moment + _LIFE))
