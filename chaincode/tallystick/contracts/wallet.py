"""The investor's side: what a wallet does to make a statement that contracts accept.

The private key stays where it is, in a file or in a phone's secure element: a wallet only needs
somebody who signs with it. Nonces and expiries are the caller's, since they need randomness and a
clock.
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric import ec

from tallystick.contracts.instants import Instant
from tallystick.contracts.intents import Cosignature, SignedIntent, intent_payload
from tallystick.contracts.keys import encode_public_key, key_id
from tallystick.contracts.purposes import Purpose
from tallystick.contracts.statements import NewKey, Statement


@dataclass(frozen=True)
class Wallet:
    """One key of one identity, on one channel.

    Example::

        alice = Wallet("alice", "market", key.public_key(), partial(wire.signing.sign, key))
        sent = UnitsSent(security="ACME", sender="alice", receiver="bob", quantity=10)
        intent = alice.sign(sent, nonce=secrets.token_hex(16), expires_at="2026-03-31T16:00:00Z")

    Attributes:
        sign_bytes: Returns a low-s ECDSA signature in DER over the SHA-256 of its argument.
    """

    identity: str
    channel: str
    verifying_key: ec.EllipticCurvePublicKey
    sign_bytes: Callable[[bytes], bytes]

    @cached_property
    def public_key(self) -> str:
        """The public key as written on the ledger."""
        return encode_public_key(self.verifying_key)

    @cached_property
    def key(self) -> str:
        """The name of the key on the ledger."""
        return key_id(self.public_key)

    def new_key(self, *purposes: Purpose) -> NewKey:
        """Return this key as it enters a registration: for every purpose unless some are given."""
        return NewKey(public_key=self.public_key, purposes=purposes or tuple(Purpose))

    def sign(
        self,
        statement: Statement,
        *,
        nonce: str,
        expires_at: Instant,
        cosigners: Sequence["Wallet"] = (),
    ) -> SignedIntent:
        """Return this identity's signature under ``statement``, good once, until ``expires_at``.

        Args:
            statement: What is signed.
            nonce: Random.
            expires_at: From when on nobody accepts it.
            cosigners: Further keys of the same identity: where several must sign together, and
                those that enter by the statement.
        """
        payload = intent_payload(
            self.channel, self.identity, statement, nonce=nonce, expires_at=expires_at
        )
        return SignedIntent(
            key=self.key,
            nonce=nonce,
            expires_at=expires_at,
            signature=self.signature_over(payload),
            cosignatures=tuple(
                Cosignature(key=each.key, signature=each.signature_over(payload))
                for each in cosigners
            ),
        )

    def signature_over(self, payload: bytes) -> str:
        """Return this key's signature, in base64."""
        return base64.b64encode(self.sign_bytes(payload)).decode()
