"""Signed intents: how an identity's signature reaches a contract, bound to one act and usable once.

The bytes signed name the protocol, channel, contract, kind of act, signer, every term of the act, a
nonce and an expiry. Wallet and contract build them with the same function, from their own knowledge
of the act; only nonce, expiry, key and signature travel.
"""

import json
from hashlib import sha256
from typing import Annotated

from pydantic import Field, StringConstraints

from tallystick.chaincode import Context, composite_key
from tallystick.contracts.confidential import ConfidentialRows
from tallystick.contracts.instants import Instant, now
from tallystick.contracts.models import Identifier, Model, Sha256Hex
from tallystick.contracts.reasons import AccessReason
from tallystick.contracts.statements import Statement

PROTOCOL = "tallystick-intent-1"
MAX_COSIGNATURES = 19


Signature = Annotated[str, StringConstraints(max_length=200)]


class Cosignature(Model):
    """A further key's signature over the same payload."""

    key: Sha256Hex
    signature: Signature


class SignedIntent(Model):
    """A signature under a statement.

    Attributes:
        key: Name of the signing key: SHA-256 of its DER form (SPKI), in hex.
        nonce: Chosen by the signer; each is good for one intent to one contract.
        expires_at: The moment from which the intent is no longer accepted.
        signature: ECDSA P-256 over SHA-256 of the payload, low-s, DER, in base64.
        cosignatures: Of other keys of the signer, where its control asks for several.
    """

    key: Sha256Hex
    nonce: Identifier
    expires_at: Instant
    signature: Signature
    cosignatures: Annotated[tuple[Cosignature, ...], Field(max_length=MAX_COSIGNATURES)] = ()


def canonical_json(value: object) -> bytes:
    """Return the one JSON text of a value: keys sorted, no spaces, UTF-8 unescaped."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def canonical_hash(model: Model) -> str:
    """Return the SHA-256 of a model's canonical JSON, in hex."""
    return sha256(canonical_json(model.model_dump(mode="json"))).hexdigest()


def intent_payload(
    channel: str, signer: str, statement: Statement, *, nonce: str, expires_at: Instant
) -> bytes:
    """Return the bytes that ``signer`` signs to make a statement on a channel."""
    return canonical_json(
        {
            "protocol": PROTOCOL,
            "channel": channel,
            "contract": statement.contract,
            "kind": statement.kind,
            "signer": signer,
            "statement": statement.model_dump(mode="json"),
            "nonce": nonce,
            "expires_at": expires_at,
        }
    )


def spend(
    ctx: Context,
    signer: str,
    statement: Statement,
    intent: SignedIntent,
    nonces: ConfidentialRows | None = None,
) -> bytes:
    """Use up an intent's nonce and return the payload that its signature must fit.

    The nonce is noted in the calling contract's own rows, with the expiry after which the note
    could go: in ``nonces`` when nobody else is to know who signs, else in public.

    Raises:
        Refusal: INTENT_EXPIRED or INTENT_ALREADY_USED.
    """
    payload = lasting_payload(ctx, signer, statement, intent)
    key = composite_key("nonce", signer, intent.nonce)
    used = ctx.state.get(key) is not None if nonces is None else nonces.holds(key)
    if used:
        raise AccessReason.INTENT_ALREADY_USED.refusal(signer=signer, nonce=intent.nonce)
    (ctx.state if nonces is None else nonces).put(key, intent.expires_at.encode())
    return payload


def lasting_payload(ctx: Context, signer: str, statement: Statement, intent: SignedIntent) -> bytes:
    """Return the payload that an intent's signature must fit, without using up its nonce.

    Raises:
        Refusal: INTENT_EXPIRED.
    """
    moment = now(ctx)
    if moment >= intent.expires_at:
        raise AccessReason.INTENT_EXPIRED.refusal(
            signer=signer, expires_at=intent.expires_at, now=moment
        )
    return intent_payload(
        ctx.channel_id, signer, statement, nonce=intent.nonce, expires_at=intent.expires_at
    )
