"""When a key, a set of signatures, a mandate or a grant of access counts. Pure."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from tallystick.contracts.identities.models import AccessGrant, Identity, IdentityKey, Mandate
from tallystick.contracts.instants import Instant
from tallystick.contracts.keys import is_signature
from tallystick.contracts.parties import Authority
from tallystick.contracts.purposes import Purpose, serves
from tallystick.contracts.reasons import AccessReason, Finding, IdentityReason


def may_sign(key: IdentityKey | None, purpose: Purpose) -> bool:
    """Return whether a key may sign for ``purpose`` now."""
    return key is not None and key.is_active and serves(key.purposes, purpose)


class Signed(NamedTuple):
    """What signatures come to: why they do not count together, or the keys of those that count."""

    findings: list[Finding]
    keys: tuple[str, ...]


def judged_signatures(
    authority: Authority, keys: Mapping[str, IdentityKey | None], threshold: int
) -> Signed:
    """Return why signatures do not count, or whose do, in the order given.

    Args:
        authority: The signatures, what they are for, and over what; several by one key are one.
        keys: The keys named in them, as they stand now.
        threshold: How many must count.
    """
    findings = []
    good: dict[str, None] = {}
    payload = authority.payload.encode()
    for each in authority.signatures:
        key = keys[each.key]
        if key is None or not may_sign(key, authority.purpose):
            findings.append(
                AccessReason.INTENT_KEY_UNKNOWN.finding(
                    signer=authority.identity, key=each.key, purpose=authority.purpose
                )
            )
        elif not is_signature(key.public_key, each.signature, payload):
            findings.append(
                AccessReason.INTENT_SIGNATURE_INVALID.finding(signer=authority.identity)
            )
        else:
            good[each.key] = None
    if len(good) >= threshold and good:
        return Signed([], tuple(good))
    if not findings:
        findings.append(
            AccessReason.SIGNATURES_TOO_FEW.finding(
                signer=authority.identity,
                purpose=authority.purpose,
                given=len(good),
                threshold=threshold,
            )
        )
    return Signed(findings, ())


def mandate_findings(
    mandate: Mandate | None, *, identity: str, participant: str, moment: Instant
) -> list[Finding]:
    """Return why a participant may not act for an identity."""
    if mandate is None:
        return [AccessReason.MANDATE_MISSING.finding(identity=identity, participant=participant)]
    if moment >= mandate.expires_at:
        return [
            AccessReason.MANDATE_EXPIRED.finding(
                identity=identity, participant=participant, expires_at=mandate.expires_at
            )
        ]
    return []


def block_findings(row: Identity) -> list[Finding]:
    """Return a finding for each list of the barred that names an identity."""
    return [
        IdentityReason.IDENTITY_BARRED.finding(
            identity=row.identity, list_name=f"{block.issuer}/{block.list_name}", since=block.since
        )
        for block in row.blocks
    ]


def access_finding(
    grant: AccessGrant | None,
    *,
    identity: str,
    name: str,
    fields: Collection[str],
    moment: Instant,
) -> Finding | None:
    """Return why a grant does not let its grantee read these fields now, or None when it does."""
    if grant is None or grant.withdrawn_at is not None:
        return IdentityReason.ACCESS_NOT_GRANTED.finding(identity=identity, grant=name)
    if moment >= grant.expires_at:
        return IdentityReason.ACCESS_EXPIRED.finding(
            identity=identity, grant=name, expires_at=grant.expires_at
        )
    beyond = sorted(set(fields).difference(grant.fields))
    if beyond:
        return IdentityReason.ACCESS_NOT_COVERED.finding(
            identity=identity, grant=name, fields=", ".join(beyond)
        )
    return None
