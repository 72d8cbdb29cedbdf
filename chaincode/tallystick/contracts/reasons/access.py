"""Reasons: who is asking, by whose right, and whether a signature counts."""

from enum import unique

from tallystick.contracts.reasons.table import Kind, ReasonTable


@unique
class AccessReason(ReasonTable):
    """Who is asking, by whose right, and whether a signature counts."""

    PARTICIPANT_NOT_PERMITTED = (
        Kind.CALLER,
        "{participant} may not call {function}; this is for {permitted}.",
    )
    CALLER_NOT_PERMITTED = (
        Kind.CALLER,
        "{function} may be called through {permitted} only, not through {caller}.",
    )
    MANDATE_MISSING = (
        Kind.CALLER,
        "{participant} holds no mandate of {identity}; {identity} can grant one, or sign this act.",
    )
    MANDATE_EXPIRED = (
        Kind.CALLER,
        "The mandate of {identity} for {participant} ended at {expires_at}; it can be renewed.",
    )
    TRANSIENT_MISSING = (
        Kind.MALFORMED,
        "'{name}' is missing among the transient data; it is secret and must not be an argument.",
    )
    INTENT_EXPIRED = (
        Kind.CALLER,
        "The signature of {signer} was good until {expires_at}, and it is {now}; sign again.",
    )
    INTENT_ALREADY_USED = (
        Kind.CALLER,
        "The signature of {signer} with nonce {nonce} was used before; each one counts once.",
    )
    INTENT_KEY_UNKNOWN = (
        Kind.CALLER,
        "{signer} has no active key {key} for the purpose '{purpose}'.",
    )
    INTENT_SIGNATURE_INVALID = (
        Kind.CALLER,
        "This is not a signature of {signer} over exactly this act on this channel.",
    )
    SIGNATURES_TOO_FEW = (
        Kind.CALLER,
        "{given} keys of {signer} signed for the purpose '{purpose}', and {threshold} must.",
    )
