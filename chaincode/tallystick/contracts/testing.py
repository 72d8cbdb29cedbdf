"""A whole market in memory: what tests of the contracts and examples need to get to the point.

``Market`` holds the four contracts, a client of every participant and the wallets of investors. Its
methods are the everyday acts, each submitted by whoever is entitled to it; what they do not cover
goes through ``submit``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import Self

from cryptography.hazmat.primitives.asymmetric import ec

from tallystick.chaincode.codec import Argument
from tallystick.chaincode.testing import Client, MemoryLedger, Outcome, make_client
from tallystick.contracts.cash import CashContract
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.claims.models import EvidenceReference, SignedClaim
from tallystick.contracts.confidential import secret_argument_of
from tallystick.contracts.identities.models import InvestorReference
from tallystick.contracts.identity import IdentityContract
from tallystick.contracts.identity.models import (
    Onboarding,
    SignedMandate,
    SignedRegistration,
)
from tallystick.contracts.instants import Instant, instant
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.licensing.models import LicenceGrant
from tallystick.contracts.listings.models import ListingTerms
from tallystick.contracts.models import Model
from tallystick.contracts.orders.models import (
    Permit,
    PermitKey,
    SignedOrder,
    SignedOrderWithdrawal,
)
from tallystick.contracts.participants import Participant
from tallystick.contracts.parties import Requirement
from tallystick.contracts.prices import price_of
from tallystick.contracts.register.models import SecurityTerms
from tallystick.contracts.settlement import SettlementContract
from tallystick.contracts.statements import (
    ClaimMade,
    Consent,
    MandateGranted,
    Registration,
    Side,
    Statement,
    UnitsSent,
)
from tallystick.contracts.token import TokenContract
from tallystick.contracts.trades.terms import Order, TradeTerms
from tallystick.contracts.wallet import Wallet
from tallystick.wire.signing import sign

CHANNEL = "securities"
KYC = "kyc"
KYC_HOUSE = "kyc-house"
EVIDENCE = "0" * 64
CLAIM_LIFE = timedelta(days=365)
LICENCE_LIFE = timedelta(days=36525)
LICENCES = {
    Participant.ATS: "ats",
    Participant.CLEARING: "clearing",
    Participant.TRANSFER_AGENT: "transfer-agent",
    Participant.BROKER_DEALER: "broker-dealer",
    Participant.BANK: "settlement-bank",
    Participant.ISSUER: "issuer",
}
INTENT_LIFE = timedelta(hours=1)


def new_ledger() -> MemoryLedger:
    """Return a ledger with the four contracts and no rows."""
    return MemoryLedger(
        {
            Chaincode.IDENTITY: IdentityContract(),
            Chaincode.TOKEN: TokenContract(),
            Chaincode.CASH: CashContract(),
            Chaincode.SETTLEMENT: SettlementContract(),
        }
    )


def new_wallet(identity: str, channel: str = CHANNEL) -> Wallet:
    """Return a wallet with a fresh key."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Wallet(identity, channel, key.public_key(), partial(sign, key))


@dataclass
class Market:
    """The contracts, the participants and the investors of a test."""

    ledger: MemoryLedger = field(default_factory=new_ledger)
    clients: dict[str, Client] = field(default_factory=dict)
    wallets: dict[str, Wallet] = field(default_factory=dict)
    nonces: int = 0

    def fork(self) -> Self:
        """Return a market with the same past, which goes on by itself."""
        return replace(
            self,
            ledger=self.ledger.fork(),
            clients=dict(self.clients),
            wallets=dict(self.wallets),
        )

    # --- time and signatures ---

    def after(self, duration: timedelta) -> Instant:
        """Return the instant that lies so far ahead."""
        return instant(self.ledger.now + duration)

    def sign(
        self,
        signer: str,
        statement: Statement,
        *cosigners: Wallet,
        expires_at: Instant | None = None,
    ) -> SignedIntent:
        """Return somebody's signature under a statement, with a fresh nonce.

        Further keys sign along: those that enter by the statement, or that must sign together.
        """
        self.nonces += 1
        return self.wallets[signer].sign(
            statement,
            nonce=f"nonce-{self.nonces}",
            expires_at=expires_at or self.after(INTENT_LIFE),
            cosigners=cosigners,
        )

    def submit(
        self,
        participant: str,
        chaincode: str,
        function: str,
        *arguments: Argument,
        **secrets: Model,
    ) -> Outcome:
        """Submit a call as an organisation, with ``secrets`` as transient data."""
        transient = {name: secret_argument_of(secret) for name, secret in secrets.items()}
        client = self.clients.get(participant)
        if client is None:
            client = self.clients[participant] = make_client(participant)
        return self.ledger.invoke(
            chaincode, function, *arguments, client=client, transient=transient
        )

    def evaluate(self, chaincode: str, function: str, *arguments: Argument) -> Outcome:
        """Evaluate a query; anybody may."""
        return self.submit(Participant.REGULATOR, chaincode, function, *arguments)

    # --- who takes part ---

    def licence(
        self, organization: str, licence_class: str, *, life: timedelta = LICENCE_LIFE
    ) -> LicenceGrant:
        """Return the grant of a licence from now on."""
        return LicenceGrant(
            organization=organization,
            licence_class=licence_class,
            reference="no. 1",
            valid_from=self.after(timedelta(0)),
            valid_until=self.after(life),
        )

    def license(self, *grants: LicenceGrant) -> Outcome:
        """Grant licences, as the regulator."""
        return self.submit(
            Participant.REGULATOR, Chaincode.IDENTITY, "grant_licences", list(grants)
        )

    def registration(self, identity: str) -> SignedRegistration:
        """Return the signed registration of a new identity whose key is for everything."""
        wallet = self.wallets.setdefault(identity, new_wallet(identity))
        statement = Registration(
            identity=identity,
            party="person",
            data_hash=self.investor(identity).data_hash,
            keys=(wallet.new_key(),),
        )
        return SignedRegistration(statement=statement, intent=self.sign(identity, statement))

    def register(self, identity: str) -> Wallet:
        """Register an identity without claims or mandates; return its wallet."""
        signed = self.registration(identity)
        self.submit(
            Participant.BROKER_DEALER,
            Chaincode.IDENTITY,
            "register_identity",
            signed.statement,
            signed.intent,
        )
        return self.wallets[identity]

    def investor(self, identity: str) -> InvestorReference:
        """Return the reference to who an identity is."""
        salt = sha256(identity.encode()).hexdigest()
        return InvestorReference(identity=identity, record="vault/7", salt=salt)

    def evidence(self, subject: str) -> EvidenceReference:
        """Return the reference to what the KYC house's claims rest on."""
        return EvidenceReference(
            subject=subject,
            topic=KYC,
            issuer=KYC_HOUSE,
            record="vault/8",
            document_hash=EVIDENCE,
            salt=sha256(subject.encode()).hexdigest(),
        )

    def claim(self, subject: str, *, level: int = 1) -> SignedClaim:
        """Return the KYC house's claim about somebody, valid from now for a year."""
        statement = ClaimMade(
            subject=subject,
            topic=KYC,
            issuer=KYC_HOUSE,
            level=level,
            data_hash=self.evidence(subject).data_hash,
            valid_from=self.after(timedelta(0)),
            valid_until=self.after(CLAIM_LIFE),
        )
        return SignedClaim(statement=statement, intent=self.sign(KYC_HOUSE, statement))

    def mandate(self, identity: str, participant: str = Participant.BROKER_DEALER) -> SignedMandate:
        """Return an identity's mandate for a participant, for ten years."""
        statement = MandateGranted(
            identity=identity,
            participant=participant,
            expires_at=self.after(timedelta(days=3650)),
        )
        return SignedMandate(statement=statement, intent=self.sign(identity, statement))

    def entrust(self, identity: str, participant: str = Participant.BROKER_DEALER) -> Outcome:
        """Let an identity give a participant its mandate."""
        signed = self.mandate(identity, participant)
        return self.submit(
            Participant.BROKER_DEALER,
            Chaincode.IDENTITY,
            "grant_mandate",
            signed.statement,
            signed.intent,
        )

    def onboard(self, *identities: str) -> None:
        """Register investors with KYC claims and mandates for the broker-dealer."""
        newcomers = [
            Onboarding(
                registration=self.registration(identity),
                claims=(self.claim(identity),),
                mandates=(self.mandate(identity),),
            )
            for identity in identities
        ]
        self.submit(Participant.BROKER_DEALER, Chaincode.IDENTITY, "onboard", newcomers)

    def open(self) -> None:
        """Set the scene: licences, a trusted KYC house, a security ACME that asks for it, USD."""
        self.license(*(self.licence(each, name) for each, name in LICENCES.items()))
        self.register(KYC_HOUSE)
        self.submit(Participant.REGULATOR, Chaincode.IDENTITY, "trust_issuer", KYC, KYC_HOUSE)
        self.create_security("ACME")
        self.list_security("ACME")
        self.submit(Participant.BANK, Chaincode.CASH, "open_cash", "USD", "USD")
        key = PermitKey(key=sha256(b"permits").hexdigest())
        self.submit(Participant.CLEARING, Chaincode.SETTLEMENT, "renew_permit_key", permit_key=key)

    # --- units and money ---

    def create_security(
        self, security: str, requirements: Sequence[Requirement] = (Requirement(topic=KYC),)
    ) -> None:
        """Create a security that requires KYC claims."""
        terms = SecurityTerms(
            security=security,
            name=f"{security} common stock",
            issuer=Participant.ISSUER,
            requirements=tuple(requirements),
        )
        self.submit(Participant.TRANSFER_AGENT, Chaincode.TOKEN, "create_security", terms)

    def list_security(
        self, security: str, *, accounts_required: bool = False, venue: str = Participant.ATS
    ) -> Outcome:
        """List a security at a venue."""
        terms = ListingTerms(
            security=security, due_diligence_hash=EVIDENCE, accounts_required=accounts_required
        )
        return self.submit(venue, Chaincode.SETTLEMENT, "list_security", terms)

    def issue(self, to: str, quantity: int, security: str = "ACME") -> Outcome:
        """Issue units."""
        return self.submit(
            Participant.TRANSFER_AGENT, Chaincode.TOKEN, "issue", security, to, quantity
        )

    def deposit(self, to: str, amount: int) -> Outcome:
        """Deposit US cents."""
        return self.submit(Participant.BANK, Chaincode.CASH, "deposit", "USD", to, amount)

    def transfer(self, sender: str, receiver: str, quantity: int) -> Outcome:
        """Transfer ACME through the broker-dealer, under the sender's mandate."""
        sent = UnitsSent(security="ACME", sender=sender, receiver=receiver, quantity=quantity)
        return self.submit(Participant.BROKER_DEALER, Chaincode.TOKEN, "transfer", sent)

    def units(self, holder: str, security: str = "ACME") -> int:
        """Return how many units somebody holds."""
        return self.evaluate(Chaincode.TOKEN, "balance_of", security, holder).load(int)

    def money(self, holder: str) -> int:
        """Return how many US cents somebody has."""
        return self.evaluate(Chaincode.CASH, "balance_of", "USD", holder).load(int)

    # --- orders ---

    def place_order(self, order: SignedOrder, by: str = Participant.BROKER_DEALER) -> Outcome:
        """Have an order judged, and place it."""
        permit = self.submit(by, Chaincode.SETTLEMENT, "order_permit", order=order).load(Permit)
        return self.submit(by, Chaincode.SETTLEMENT, "place_order", order=order, permit=permit)

    def withdraw_order(
        self, withdrawal: SignedOrderWithdrawal, by: str = Participant.BROKER_DEALER
    ) -> Outcome:
        """Have the end of an order judged, and withdraw what is left of it."""
        settlement = (by, Chaincode.SETTLEMENT)
        asked = self.submit(*settlement, "withdrawal_permit", withdrawal=withdrawal)
        permit = asked.load(Permit)
        return self.submit(*settlement, "withdraw_order", withdrawal=withdrawal, permit=permit)

    # --- trades ---

    def terms(self, trade: str = "T-1", *, quantity: int = 10, amount: int = 500) -> TradeTerms:
        """Return terms by which bob buys ACME from alice: today, within a day."""
        return TradeTerms(
            trade=trade,
            security="ACME",
            quantity=quantity,
            cash="USD",
            price=price_of(amount, quantity),
            amount=amount,
            buyer="bob",
            seller="alice",
            venue=Participant.ATS,
            buy=Order(order=f"{trade}-buy", broker=Participant.BROKER_DEALER),
            sell=Order(order=f"{trade}-sell", broker=Participant.BROKER_DEALER),
            settlement_day=self.ledger.now.date().isoformat(),
            expires_at=self.after(timedelta(days=1)),
            salt=sha256(trade.encode()).hexdigest(),
        )

    def propose(self, terms: TradeTerms) -> Outcome:
        """Propose a trade as its venue."""
        return self.submit(Participant.ATS, Chaincode.SETTLEMENT, "propose_trade", terms=terms)

    def consent(self, terms: TradeTerms, side: Side, valid_until: Instant | None = None) -> Outcome:
        """Enter the consent of one side."""
        party = terms.parties[side]
        statement = Consent(
            trade=terms.trade,
            side=side,
            party=party,
            terms_hash=terms.digest,
            valid_until=valid_until,
        )
        return self.submit(
            Participant.BROKER_DEALER,
            Chaincode.SETTLEMENT,
            "consent",
            terms.trade,
            side,
            valid_until,
            intent=self.sign(party, statement),
        )

    def agree(self, terms: TradeTerms) -> None:
        """Propose a trade and enter the consents of all parties."""
        self.propose(terms)
        for side in terms.parties:
            self.consent(terms, side)

    def lock(self, trade: str = "T-1") -> Outcome:
        """Lock both legs of a trade."""
        return self.submit(Participant.CLEARING, Chaincode.SETTLEMENT, "lock_legs", trade)

    def settle(self, trade: str = "T-1") -> Outcome:
        """Settle a trade."""
        return self.submit(Participant.CLEARING, Chaincode.SETTLEMENT, "settle", trade)
