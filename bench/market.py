"""Prepares what the transfers need: identities with claims and mandates, holding securities."""

import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric import ec

from tallystick.client import Gateway
from tallystick.contracts.claims.models import SignedClaim
from tallystick.contracts.compliance.models import Binding, RulesGiven
from tallystick.contracts.identity.models import Onboarding, SignedMandate, SignedRegistration
from tallystick.contracts.instants import Instant, instant
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.lots import Origin
from tallystick.contracts.parties import Requirement
from tallystick.contracts.register.models import Allocation, SecurityTerms
from tallystick.contracts.statements import ClaimMade, MandateGranted, Registration, Statement
from tallystick.contracts.wallet import Wallet
from tallystick.node.cluster.network import Network
from tallystick.wire.signing import sign

WORKLOADS = ("transfer", "ruled", "put", "query", "hot")
SECURITY = "BENCH"
RULED = "RULED"
"""A security that asks for the same claim as the other, and has rules besides."""

EXEMPTION = "reg-d-506c"
RULES = (
    Binding(rule="residence", parameters={"*": {"allowed": ["US", "DE"]}}),
    Binding(
        rule="lock-up",
        parameters={
            "family-office": {"lines": [{"exemption": EXEMPTION, "period": "P6M"}]},
            "*": {"lines": [{"exemption": EXEMPTION, "period": "P1Y"}]},
        },
    ),
    Binding(rule="maximum-holding", parameters={"*": {"units": 5_000_000}}),
)
"""A realistic set; who the sides are and whether they are frozen is looked at anyway."""

ORIGIN = Origin(exemption=EXEMPTION, held_since="2020-01-01")
RESIDENCE = "residence"
BROKER = "BrokerDealerMSP"
UNITS_EACH = 1_000_000

_KYC_HOUSE = "kyc-house"
_TOPIC = "kyc"
_BATCH = 32

Item = TypeVar("Item")


def holder(index: int) -> str:
    """Return the name of one of the holders; 2i and 2i + 1 make a pair."""
    return f"holder-{index}"


async def prepare_network(network: Network, *, holders: int) -> None:
    """Do as `prepare` on a network whose profiles are where `running_network` puts them."""
    profiles = network.directory / "profiles"
    async with (
        await Gateway.from_profile(profiles / f"{BROKER}.json") as broker,
        await Gateway.from_profile(profiles / "TransferAgentMSP.json") as agent,
    ):
        await prepare(broker, agent, channel=network.channel_id, holders=holders)


async def prepare(broker: Gateway, agent: Gateway, *, channel: str, holders: int) -> "Setup":
    """Register ``holders`` identities and give each ``UNITS_EACH`` units of either security.

    Args:
        broker: A client of the broker-dealer, who gets a mandate from every holder.
        agent: A client of the transfer agent.
        channel: Name of the channel, which signatures are bound to.
        holders: How many.

    Returns:
        What can sign for them.
    """
    setup = Setup(channel, datetime.now(UTC))
    identity, token = (agent.network(channel).contract(name) for name in ("identity", "token"))
    house = setup.registration(_KYC_HOUSE)
    await identity.submit("register_identity", house.statement, house.intent)
    await identity.submit("set_topic", {"topic": RESIDENCE, "values": ["US", "DE"]})
    for topic in (_TOPIC, RESIDENCE):
        await identity.submit("trust_issuer", topic, _KYC_HOUSE)
    names = [holder(index) for index in range(holders)]
    for batch in _batches(names):
        newcomers = [setup.onboarding(name) for name in batch]
        await broker.network(channel).contract("identity").submit("onboard", newcomers)
    for security in (SECURITY, RULED):
        terms = SecurityTerms(
            security=security,
            name="Bench Shares",
            issuer="IssuerMSP",
            requirements=(Requirement(topic=_TOPIC),),
        )
        await token.submit("create_security", terms)
        for batch in _batches(names):
            allocations = [
                Allocation(to=name, quantity=UNITS_EACH, origin=ORIGIN) for name in batch
            ]
            await token.submit("issue_to_many", security, allocations)
    await token.submit("bind_rules", RulesGiven(security=RULED, home="US", rules=RULES))
    return setup


class Setup:
    """The wallets of one preparation, and the statements they sign."""

    def __init__(self, channel: str, now: datetime) -> None:
        self._channel = channel
        self._now = now
        self._wallets: dict[str, Wallet] = {}
        self._house = self._wallet(_KYC_HOUSE)

    def registration(self, name: str) -> SignedRegistration:
        """Return the registration of the claim issuer."""
        assert name == _KYC_HOUSE
        return self._registration(self._house)

    def onboarding(self, name: str) -> Onboarding:
        """Return a new identity with a claim about it and a mandate for the broker."""
        wallet = self._wallet(name)
        mandate = MandateGranted(
            identity=name, participant=BROKER, expires_at=self._at(timedelta(days=365))
        )
        return Onboarding(
            registration=self._registration(wallet),
            claims=(self._claim(name, _TOPIC), self._claim(name, RESIDENCE, "US")),
            mandates=(SignedMandate(statement=mandate, intent=self._sign(wallet, mandate)),),
        )

    def _claim(self, name: str, topic: str, value: str | None = None) -> SignedClaim:
        claim = ClaimMade(
            subject=name,
            topic=topic,
            issuer=_KYC_HOUSE,
            level=1,
            value=value,
            data_hash="0" * 64,
            valid_from=self._at(-timedelta(minutes=1)),
            valid_until=self._at(timedelta(days=365)),
        )
        return SignedClaim(statement=claim, intent=self._sign(self._house, claim))

    def _registration(self, wallet: Wallet) -> SignedRegistration:
        statement = Registration(identity=wallet.identity, party="person", keys=(wallet.new_key(),))
        return SignedRegistration(statement=statement, intent=self._sign(wallet, statement))

    def sign(self, name: str, statement: Statement) -> SignedIntent:
        """Return the signature of somebody who was onboarded."""
        return self._sign(self._wallets[name], statement)

    def _wallet(self, name: str) -> Wallet:
        key = ec.generate_private_key(ec.SECP256R1())
        wallet = Wallet(name, self._channel, key.public_key(), partial(sign, key))
        self._wallets[name] = wallet
        return wallet

    def _sign(self, wallet: Wallet, statement: Statement) -> SignedIntent:
        return wallet.sign(
            statement, nonce=secrets.token_hex(16), expires_at=self._at(timedelta(hours=1))
        )

    def _at(self, offset: timedelta) -> Instant:
        return instant(self._now + offset)


def _batches(items: Sequence[Item]) -> Iterator[list[Item]]:
    remaining = iter(items)
    while batch := list(islice(remaining, _BATCH)):
        yield batch
