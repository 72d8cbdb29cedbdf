"""What several scenarios need: networks, and a market of investors to trade on them."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Self

from cryptography.hazmat.primitives.asymmetric import ec

from tallystick.client.contract import Argument
from tallystick.client.gateway import Gateway
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.claims.models import SignedClaim
from tallystick.contracts.confidential import secret_argument_of
from tallystick.contracts.identity.models import Onboarding, SignedMandate, SignedRegistration
from tallystick.contracts.instants import Instant, instant
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.listings.models import ListingTerms
from tallystick.contracts.models import Model
from tallystick.contracts.orders.models import Permit, PermitKey, SignedOrder
from tallystick.contracts.participants import Participant
from tallystick.contracts.parties import Requirement
from tallystick.contracts.prices import price_of
from tallystick.contracts.register.models import SecurityTerms
from tallystick.contracts.statements import (
    ClaimMade,
    Consent,
    MandateGranted,
    OrderPlaced,
    Registration,
    Side,
    Statement,
)
from tallystick.contracts.trades.terms import Order, TradeTerms
from tallystick.contracts.wallet import Wallet
from tallystick.node.testing import LocalNetwork
from tallystick.node.testing.plugin import tally_material, tally_network, tally_topology
from tallystick.wire.signing import sign

__all__ = [
    "PEERS",
    "WATCHERS",
    "Market",
    "tally_material",
    "tally_network",
    "tally_topology",
]

PEERS = (Participant.ATS, Participant.CLEARING, Participant.TRANSFER_AGENT)
WATCHERS = (Participant.CLEARING, Participant.TRANSFER_AGENT)
"""Whose peers see the trades and orders of every venue."""
SECURITY = "ACME"
CASH = "USD"
KYC = "kyc"
KYC_HOUSE = "kyc-house"


@dataclass
class Market:
    """The participants' clients and the investors' wallets, on any network."""

    channel_id: str
    gateways: Mapping[str, Gateway]
    now: Callable[[], datetime]
    wallets: dict[str, Wallet] = field(default_factory=dict)
    running: tuple[str, ...] = PEERS
    """Whose peers are running."""

    @classmethod
    async def opened_on(
        cls, network: LocalNetwork, *others: str, running: tuple[str, ...] = PEERS
    ) -> Self:
        """Open a market by the clock of a network, with clients of ``others`` besides."""
        market = cls(
            network.channel_id,
            {each: network.gateway(each) for each in (*map(str, Participant), *others)},
            lambda: datetime.fromtimestamp(network.clock() / 1e9, UTC),
            running=running,
        )
        await market.open()
        return market

    async def submit(
        self,
        participant: str,
        chaincode: Chaincode,
        function: str,
        *arguments: Argument,
        endorsers: tuple[str, ...] = (),
        **secret: Model,
    ) -> bytes:
        """Return the answer once all peers have the transaction: the next one may meet any."""
        contract = self.gateways[participant].network(self.channel_id).contract(chaincode)
        transient = {name: secret_argument_of(each) for name, each in secret.items()}
        proposal = contract.new_proposal(
            function, *arguments, transient=transient, endorsing_organizations=endorsers
        )
        transaction = await proposal.endorse()
        status = await (await transaction.submit()).status()
        status.raise_if_invalid()
        for peer in self.running:
            network = self.gateways[peer].network(self.channel_id)
            await network.commit(transaction.transaction_id).status()
        return transaction.result

    async def open(self) -> None:
        """Set the scene: a trusted KYC house, a security that requires its claims, and cash."""
        house = self._registration(KYC_HOUSE)
        await self.submit(
            Participant.BROKER_DEALER,
            Chaincode.IDENTITY,
            "register_identity",
            house.statement,
            house.intent,
        )
        await self.submit(Participant.REGULATOR, Chaincode.IDENTITY, "trust_issuer", KYC, KYC_HOUSE)
        terms = SecurityTerms(
            security=SECURITY,
            name="Acme common stock",
            issuer=Participant.ISSUER,
            requirements=(Requirement(topic=KYC),),
        )
        await self.submit(Participant.TRANSFER_AGENT, Chaincode.TOKEN, "create_security", terms)
        listing = ListingTerms(security=SECURITY, due_diligence_hash="0" * 64)
        await self.submit(Participant.ATS, Chaincode.SETTLEMENT, "list_security", listing)
        await self.submit(Participant.BANK, Chaincode.CASH, "open_cash", CASH, CASH)
        await self.submit(
            Participant.CLEARING,
            Chaincode.SETTLEMENT,
            "renew_permit_key",
            endorsers=WATCHERS,
            permit_key=PermitKey(key=secrets.token_hex(32)),
        )

    async def place_order(self, order: SignedOrder, by: str = Participant.BROKER_DEALER) -> None:
        """Have an order judged, and place it."""
        permit = await self.permit_for(order, by)
        place = (by, Chaincode.SETTLEMENT, "place_order")
        await self.submit(*place, endorsers=WATCHERS, order=order, permit=permit)

    def signed_order(self, order: OrderPlaced) -> SignedOrder:
        """Return an order as its holder signs it."""
        return SignedOrder(
            statement=order, intent=self.sign(order.holder, order), salt=secrets.token_hex(32)
        )

    async def permit_for(self, order: SignedOrder, by: str = Participant.BROKER_DEALER) -> Permit:
        """Return what peers that see every venue say of an order."""
        contract = self.gateways[by].network(self.channel_id).contract(Chaincode.SETTLEMENT)
        asked = contract.new_proposal(
            "order_permit",
            transient={"order": secret_argument_of(order)},
            endorsing_organizations=WATCHERS[:1],
        )
        return Permit.model_validate_json(await asked.evaluate())

    async def register(self, identity: str, *, data_hash: str) -> None:
        """Register an investor who lets the ledger have the hash of a reference."""
        signed = self._registration(identity, data_hash)
        await self.submit(
            Participant.BROKER_DEALER,
            Chaincode.IDENTITY,
            "register_identity",
            signed.statement,
            signed.intent,
        )

    async def onboard(self, *investors: str) -> None:
        """Register investors with KYC claims and mandates for the broker-dealer."""
        newcomers = [
            Onboarding(
                registration=self._registration(investor),
                claims=(self._claim(investor),),
                mandates=(self._mandate(investor),),
            )
            for investor in investors
        ]
        await self.submit(Participant.BROKER_DEALER, Chaincode.IDENTITY, "onboard", newcomers)

    async def fund(self, *, seller: str, quantity: int, buyer: str, amount: int) -> None:
        """Give the seller units to sell, and the buyer money to pay with."""
        await self.submit(
            Participant.TRANSFER_AGENT, Chaincode.TOKEN, "issue", SECURITY, seller, quantity
        )
        await self.submit(Participant.BANK, Chaincode.CASH, "deposit", CASH, buyer, amount)

    def terms(self, trade: str, *, quantity: int = 10, amount: int = 500) -> TradeTerms:
        """Return terms by which bob buys from alice: today, within a day."""
        return TradeTerms(
            trade=trade,
            security=SECURITY,
            quantity=quantity,
            cash=CASH,
            price=price_of(amount, quantity),
            amount=amount,
            buyer="bob",
            seller="alice",
            venue=Participant.ATS,
            buy=Order(order=f"{trade}-buy", broker=Participant.BROKER_DEALER),
            sell=Order(order=f"{trade}-sell", broker=Participant.BROKER_DEALER),
            settlement_day=self.now().date().isoformat(),
            expires_at=self._at(timedelta(days=1)),
            salt=secrets.token_hex(32),
        )

    async def propose(self, terms: TradeTerms, endorsers: tuple[str, ...] = ()) -> None:
        await self.submit(
            Participant.ATS,
            Chaincode.SETTLEMENT,
            "propose_trade",
            endorsers=endorsers,
            terms=terms,
        )

    async def consent(
        self, terms: TradeTerms, side: Side, valid_until: Instant | None = None
    ) -> None:
        party = terms.parties[side]
        statement = Consent(
            trade=terms.trade,
            side=side,
            party=party,
            terms_hash=terms.digest,
            valid_until=valid_until,
        )
        await self.submit(
            Participant.BROKER_DEALER,
            Chaincode.SETTLEMENT,
            "consent",
            terms.trade,
            side,
            valid_until,
            intent=self.sign(party, statement),
        )

    async def lock(self, trade: str) -> None:
        await self.submit(Participant.CLEARING, Chaincode.SETTLEMENT, "lock_legs", trade)

    async def settle(self, trade: str, endorsers: tuple[str, ...] = ()) -> None:
        await self.submit(
            Participant.CLEARING, Chaincode.SETTLEMENT, "settle", trade, endorsers=endorsers
        )

    async def units(self, holder: str, peer: Participant = Participant.ATS) -> int:
        """Return what somebody holds, as the peer of one participant knows."""
        return await self._balance(Chaincode.TOKEN, SECURITY, holder, peer)

    async def money(self, holder: str, peer: Participant = Participant.CLEARING) -> int:
        """Likewise for money."""
        return await self._balance(Chaincode.CASH, CASH, holder, peer)

    async def _balance(
        self, chaincode: Chaincode, asset: str, holder: str, peer: Participant
    ) -> int:
        contract = self.gateways[peer].network(self.channel_id).contract(chaincode)
        return int(await contract.evaluate("balance_of", asset, holder))

    def _registration(self, identity: str, data_hash: str | None = None) -> SignedRegistration:
        key = ec.generate_private_key(ec.SECP256R1())
        wallet = Wallet(identity, self.channel_id, key.public_key(), partial(sign, key))
        self.wallets[identity] = wallet
        statement = Registration(
            identity=identity, party="person", data_hash=data_hash, keys=(wallet.new_key(),)
        )
        return SignedRegistration(statement=statement, intent=self.sign(identity, statement))

    def _claim(self, subject: str) -> SignedClaim:
        statement = ClaimMade(
            subject=subject,
            topic=KYC,
            issuer=KYC_HOUSE,
            level=1,
            data_hash="0" * 64,
            valid_from=self._at(timedelta(0)),
            valid_until=self._at(timedelta(days=365)),
        )
        return SignedClaim(statement=statement, intent=self.sign(KYC_HOUSE, statement))

    def _mandate(self, identity: str) -> SignedMandate:
        statement = MandateGranted(
            identity=identity,
            participant=Participant.BROKER_DEALER,
            expires_at=self._at(timedelta(days=365)),
        )
        return SignedMandate(statement=statement, intent=self.sign(identity, statement))

    def sign(self, signer: str, statement: Statement) -> SignedIntent:
        return self.wallets[signer].sign(
            statement, nonce=secrets.token_hex(16), expires_at=self._at(timedelta(hours=1))
        )

    def _at(self, offset: timedelta) -> Instant:
        return instant(self.now() + offset)
