"""Reasons: identities and their keys."""

from enum import unique

from tallystick.contracts.reasons.table import Kind, ReasonTable


@unique
class IdentityReason(ReasonTable):
    """Identities and their keys."""

    IDENTITY_UNKNOWN = (Kind.NOT_FOUND, "There is no identity {identity}; register it first.")
    IDENTITY_EXISTS = (Kind.CONFLICT, "Identity {identity} exists already; choose another id.")
    KEY_MALFORMED = (
        Kind.MALFORMED,
        "A public key must be P-256, as PEM or as base64 of its DER form (SPKI).",
    )
    KEY_UNKNOWN = (Kind.NOT_FOUND, "{identity} has no active key {key}.")
    KEY_EXISTS = (
        Kind.CONFLICT,
        "The key {key} is, or was, an identity's; a key serves one identity, and never comes back.",
    )
    LAST_MANAGEMENT_KEY = (
        Kind.CONFLICT,
        "{identity} would keep {left} management keys and needs {threshold} to change anything.",
    )
    MANAGEMENT_KEY_MISSING = (
        Kind.MALFORMED,
        "{identity} needs a management key, and the registration must be signed with it.",
    )
    REFERENCE_DIFFERS = (
        Kind.CONFLICT,
        "A reference about {identity} does not have the hash that the ledger has of it.",
    )
    KEY_NOT_HELD = (
        Kind.CALLER,
        "The key {key} must sign along when it enters for {identity}, to show that it is held.",
    )
    KEYS_TOO_MANY = (
        Kind.CONFLICT,
        "{identity} would have more than {limit} keys; revoke one that is not needed.",
    )
    CONTROL_OUT_OF_REACH = (
        Kind.CONFLICT,
        "{identity} would need {threshold} keys for the purpose '{purpose}', and has {serving}.",
    )
    WALLET_UNKNOWN = (Kind.NOT_FOUND, "{identity} has no wallet {wallet} with keys that count.")
    IDENTITY_REPRESENTS = (
        Kind.CONFLICT,
        "{identity} is the one by which {organization} holds units; that must end first.",
    )
    IDENTITY_IS_SUB_ACCOUNT = (
        Kind.CONFLICT,
        "{identity} has no keys and claims of its own; those of {owner} are its.",
    )
    IDENTITY_BARRED = (
        Kind.RULE,
        "The list {list_name} has named {identity} since {since}; nothing of it may move.",
    )
    GRANT_EXISTS = (Kind.CONFLICT, "{identity} has used the id {grant} for a grant already.")
    ACCESS_NOT_GRANTED = (
        Kind.CALLER,
        "{identity} has not made the grant {grant}, or has withdrawn it.",
    )
    ACCESS_EXPIRED = (
        Kind.CALLER,
        "The grant {grant} of {identity} ended at {expires_at}; ask for another.",
    )
    ACCESS_NOT_COVERED = (
        Kind.CALLER,
        "The grant {grant} of {identity} does not cover {fields}.",
    )
