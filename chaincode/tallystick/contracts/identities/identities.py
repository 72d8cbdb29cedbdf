"""Identities, keys, mandates and grants of access, as one transaction sees them."""

from collections.abc import Iterator, Mapping

from tallystick.chaincode import State, composite_key, split_composite_key
from tallystick.contracts.identities.models import (
    Access,
    AccessGrant,
    Identity,
    IdentityKey,
    Mandate,
)
from tallystick.contracts.identities.rules import Signed, judged_signatures
from tallystick.contracts.parties import Authority
from tallystick.contracts.reasons import Finding, IdentityReason
from tallystick.contracts.rows import load_row


class Identities:
    """Where the rows of identities lie, and how they are read and written."""

    def __init__(self, state: State) -> None:
        self._state = state

    # --- identities ---

    def find(self, identity: str) -> Identity | None:
        """Return an identity, or None."""
        return load_row(self._state, identity_key(identity), Identity)

    def save(self, row: Identity) -> None:
        """Write an identity."""
        self._state.save(identity_key(row.identity), row)

    def require(self, identity: str) -> Identity:
        """Return an identity; refuse with IDENTITY_UNKNOWN when there is none."""
        row = self.find(identity)
        if row is None:
            raise IdentityReason.IDENTITY_UNKNOWN.refusal(identity=identity)
        return row

    def require_controlling(self, identity: str) -> Identity:
        """Return an identity that has keys of its own; refuse sub-accounts, which have none."""
        row = self.require(identity)
        if row.account_of is not None:
            raise IdentityReason.IDENTITY_IS_SUB_ACCOUNT.refusal(
                identity=identity, owner=row.account_of
            )
        return row

    # --- keys ---

    def key(self, identity: str, key: str) -> IdentityKey | None:
        """Return a key of an identity, whether it counts or not, or None."""
        return load_row(self._state, key_key(identity, key), IdentityKey)

    def save_key(self, identity: str, key: str, row: IdentityKey) -> None:
        """Write a key."""
        self._state.save(key_key(identity, key), row)

    def keys(self, identity: str) -> Iterator[tuple[str, IdentityKey]]:
        """Yield all keys of an identity with their names, those that ended included."""
        for place, value in self._state.partial("key", identity):
            yield split_composite_key(place)[1][1], IdentityKey.model_validate_json(value)

    def owner_of_key(self, key: str) -> str | None:
        """Return the identity whose key this is, or was; None when nobody ever had it."""
        value = self._state.get(composite_key("key-owner", key))
        return None if value is None else value.decode()

    def save_owner_of_key(self, key: str, identity: str) -> None:
        """Note whose key this is, for ever."""
        self._state.put(composite_key("key-owner", key), identity.encode())

    def signature_findings(self, authority: Authority) -> list[Finding]:
        """Return why the signatures of an act do not count; of a sub-account, its owner signs."""
        return self.judged_signatures(authority).findings

    def judged_signatures(self, authority: Authority) -> Signed:
        """Return why the signatures of an act do not count, or the keys of those that do."""
        row = self.find(authority.identity)
        if row is None:
            unknown = IdentityReason.IDENTITY_UNKNOWN.finding(identity=authority.identity)
            return Signed([unknown], ())
        signer = row
        if row.account_of is not None:
            signer = self.require(row.account_of)
        keys: Mapping[str, IdentityKey | None] = {
            each.key: self.key(signer.identity, each.key) for each in authority.signatures
        }
        return judged_signatures(authority, keys, signer.control.threshold(authority.purpose))

    # --- mandates ---

    def mandate(self, identity: str, participant: str) -> Mandate | None:
        """Return the mandate of an identity for a participant, or None."""
        return load_row(self._state, mandate_key(identity, participant), Mandate)

    def save_mandate(self, identity: str, participant: str, row: Mandate) -> None:
        """Write a mandate."""
        self._state.save(mandate_key(identity, participant), row)

    def delete_mandate(self, identity: str, participant: str) -> None:
        """Remove a mandate."""
        self._state.delete(mandate_key(identity, participant))

    # --- access to data off the ledger ---

    def grant(self, identity: str, grant: str) -> AccessGrant | None:
        """Return a grant of access, withdrawn or not, or None."""
        return load_row(self._state, composite_key("grant", identity, grant), AccessGrant)

    def save_grant(self, identity: str, grant: str, row: AccessGrant) -> None:
        """Write a grant of access."""
        self._state.save(composite_key("grant", identity, grant), row)

    def save_access(self, identity: str, grant: str, transaction_id: str, row: Access) -> None:
        """Note that a service let somebody read."""
        self._state.save(composite_key("access", identity, grant, transaction_id), row)


def identity_key(identity: str) -> str:
    """Return the key of an identity's row."""
    return composite_key("identity", identity)


def key_key(identity: str, key: str) -> str:
    """Return the key of the row of an identity's key."""
    return composite_key("key", identity, key)


def mandate_key(identity: str, participant: str) -> str:
    """Return the key of a mandate's row."""
    return composite_key("mandate", identity, participant)
