"""The wallets of the demo's investors and of the firm that checks who they are."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from tallystick.contracts.claims.models import SignedClaim
from tallystick.contracts.identity.models import Onboarding, SignedMandate, SignedRegistration
from tallystick.contracts.instants import Instant, instant
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import (
    ClaimMade,
    Consent,
    MandateGranted,
    Registration,
    Side,
    Statement,
)
from tallystick.contracts.trades.terms import TradeTerms
from tallystick.contracts.wallet import Wallet
from tallystick.node.cli.demo.cast import KYC, KYC_HOUSE
from tallystick.wire.signing import sign

SIGNATURE_LIFE: Final = timedelta(hours=1)
CLAIM_LIFE: Final = timedelta(days=365)
MANDATE_LIFE: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Wallets:
    """One wallet for each identity; a key is made when its identity is first asked for.

    Attributes:
        channel: What is signed counts on this channel only.
        now: The time.
        nonce: Draws a nonce; no two may be equal.
    """

    channel: str
    now: Callable[[], datetime]
    nonce: Callable[[], str]
    _by_identity: dict[str, Wallet] = field(default_factory=dict)

    def of(self, identity: str) -> Wallet:
        """Return the wallet of an identity."""
        wallet = self._by_identity.get(identity)
        if wallet is None:
            key = ec.generate_private_key(ec.SECP256R1())
            wallet = Wallet(identity, self.channel, key.public_key(), partial(sign, key))
            self._by_identity[identity] = wallet
        return wallet

    def sign(self, identity: str, statement: Statement) -> SignedIntent:
        """Return an identity's signature under a statement, good for one use within the hour."""
        return self.of(identity).sign(
            statement, nonce=self.nonce(), expires_at=self.after(SIGNATURE_LIFE)
        )

    def after(self, duration: timedelta) -> Instant:
        """Return the moment that lies so far ahead."""
        return instant(self.now() + duration)

    def registration(self, identity: str, *, is_firm: bool = False) -> SignedRegistration:
        """Return an identity's proof that it holds the key it registers."""
        statement = Registration(
            identity=identity,
            party="firm" if is_firm else "person",
            keys=(self.of(identity).new_key(),),
        )
        return SignedRegistration(statement=statement, intent=self.sign(identity, statement))

    def claim(self, subject: str) -> SignedClaim:
        """Return the word of the KYC house that it has checked somebody."""
        statement = ClaimMade(
            subject=subject,
            topic=KYC,
            issuer=KYC_HOUSE,
            data_hash=sha256(f"evidence about {subject}".encode()).hexdigest(),
            valid_from=self.after(timedelta(0)),
            valid_until=self.after(CLAIM_LIFE),
        )
        return SignedClaim(statement=statement, intent=self.sign(KYC_HOUSE, statement))

    def mandate(self, identity: str) -> SignedMandate:
        """Return an identity's leave for the broker-dealer to act for it."""
        statement = MandateGranted(
            identity=identity,
            participant=Participant.BROKER_DEALER,
            expires_at=self.after(MANDATE_LIFE),
        )
        return SignedMandate(statement=statement, intent=self.sign(identity, statement))

    def onboarding(self, identities: Iterable[str], verified: Iterable[str]) -> list[Onboarding]:
        """Return all that is needed to admit investors, with a KYC claim about the verified."""
        known = frozenset(verified)
        return [
            Onboarding(
                registration=self.registration(identity),
                claims=(self.claim(identity),) if identity in known else (),
                mandates=(self.mandate(identity),),
            )
            for identity in identities
        ]

    def consent(self, terms: TradeTerms, side: Side) -> SignedIntent:
        """Return the signature of one side of a trade under its terms."""
        party = terms.parties[side]
        statement = Consent(trade=terms.trade, side=side, party=party, terms_hash=terms.digest)
        return self.sign(party, statement)
