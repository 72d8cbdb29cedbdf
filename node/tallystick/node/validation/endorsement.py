"""Is a transaction endorsed by those whose say it needs?

Source: wire.md §12; hyperledger/fabric core/common/validation/statebased/.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from tallystick.node.ledger.rwset import (
    VALIDATION_PARAMETER,
    NamespaceReadWriteSet,
    decode_metadata,
)
from tallystick.node.ledger.state import StateView, VersionedValue
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.policies.evaluate import valid_identities
from tallystick.node.validation.codes import Rejection
from tallystick.node.validation.endorsement_policies import (
    LIFECYCLE_NAMESPACE,
    DefinitionSource,
    EndorsementPolicies,
    EndorsementPolicy,
)
from tallystick.node.validation.structure import ParsedTransaction
from tallystick.protos.peer.transaction_pb2 import ENDORSEMENT_POLICY_FAILURE, INVALID_CHAINCODE

_PUBLIC: Final = ""

Place = tuple[str, str, str | bytes]
"""A written key: namespace, collection (empty for public keys), key or hash of the key."""

Demands = dict[EndorsementPolicy, Place]
"""The distinct policies that a transaction must satisfy, each with the first key to demand it."""


class EndorsementCheck:
    """Checks the endorsements of one block's transactions, which must come in block order.

    Policies are those of the committed state before the block. When an earlier transaction of the
    block, itself well endorsed, changes the metadata of a key, nobody can tell which policy a later
    writer of the key should have satisfied, so that one fails.
    """

    def __init__(
        self,
        policies: EndorsementPolicies,
        definitions: DefinitionSource,
        checker: SignatureChecker,
        view: StateView,
    ) -> None:
        """Prepare for a block; ``view`` is the state before it."""
        self._policies = policies
        self._definitions = definitions
        self._checker = checker
        self._view = view
        self._changed: set[Place] = set()

    def reject(self, transaction: ParsedTransaction) -> Rejection | None:
        """Return why a transaction is not endorsed as it must be, or None if it is."""
        rejection = self._judge(transaction)
        if rejection is None:
            for namespace in transaction.rwset.namespaces:
                self._changed.update(_metadata_places(namespace))
        return rejection

    def _judge(self, transaction: ParsedTransaction) -> Rejection | None:
        written = {
            entry.namespace: entry for entry in transaction.rwset.namespaces if entry.has_writes()
        }
        own_policies: dict[str, EndorsementPolicy] = {}
        for name in (transaction.chaincode, *written):
            policy = self._policy_of(name)
            if policy is None:
                return Rejection(
                    INVALID_CHAINCODE,
                    f"there is no committed definition of chaincode {name!r}",
                    transaction.transaction_id,
                )
            own_policies[name] = policy
        in_flux = self._key_in_flux(written.values())
        if in_flux is not None:
            return Rejection(
                ENDORSEMENT_POLICY_FAILURE,
                f"the policy of {_describe(in_flux)} may have changed earlier in this block",
                transaction.transaction_id,
            )
        demands: Demands = {}
        for name, policy in own_policies.items():
            if name in written:
                for place, demanded in self._demands(written[name], policy):
                    demands.setdefault(demanded, place)
            else:
                demands.setdefault(policy, (name, _PUBLIC, ""))
        return self._unsatisfied(transaction, demands)

    def _policy_of(self, namespace: str) -> EndorsementPolicy | None:
        if namespace == LIFECYCLE_NAMESPACE:
            return self._policies.of_lifecycle
        application_policy = self._definitions.validation_policy(namespace)
        return self._policies.of_definition(application_policy) if application_policy else None

    def _key_in_flux(self, written: Iterable[NamespaceReadWriteSet]) -> Place | None:
        if not self._changed:
            return None
        places = (place for entry in written for place in _written_places(entry))
        return next((place for place in places if place in self._changed), None)

    def _demands(
        self, entry: NamespaceReadWriteSet, own_policy: EndorsementPolicy
    ) -> Iterator[tuple[Place, EndorsementPolicy]]:
        """Yield each written key with the policy that it demands."""
        name = entry.namespace
        for key in entry.written_keys():
            policy = self._key_policy(self._view.get(name, key))
            yield (name, _PUBLIC, key), policy or own_policy
        for collection in entry.collections:
            key_hashes = collection.written_keys()
            if not key_hashes:
                continue
            collections = self._definitions.collections(name)
            fallback = self._policies.of_collection(collections, collection.name) or own_policy
            for key_hash in key_hashes:
                policy = self._key_policy(self._view.get_hash(name, collection.name, key_hash))
                yield (name, collection.name, key_hash), policy or fallback

    def _key_policy(self, found: VersionedValue | None) -> EndorsementPolicy | None:
        if found is None or not found.metadata:
            return None
        envelope = decode_metadata(found.metadata).get(VALIDATION_PARAMETER)
        return self._policies.of_key(envelope) if envelope else None

    def _unsatisfied(self, transaction: ParsedTransaction, demands: Demands) -> Rejection | None:
        endorsers = valid_identities(
            transaction.endorsements(), self._policies.channel.msps, self._checker
        )
        for policy, place in demands.items():
            verdict = policy.policy.evaluate(endorsers)
            if not verdict.satisfied:
                signers = ", ".join(str(endorser) for endorser in endorsers) or "nobody"
                return Rejection(
                    ENDORSEMENT_POLICY_FAILURE,
                    f"{policy.name}, needed for {_describe(place)}, is not satisfied:"
                    f" {verdict.reason}; good endorsements are from {signers}",
                    transaction.transaction_id,
                )
        return None


def _metadata_places(entry: NamespaceReadWriteSet) -> Iterator[Place]:
    for write in entry.metadata_writes:
        yield entry.namespace, _PUBLIC, write.key
    for collection in entry.collections:
        for hashed in collection.metadata_writes:
            yield entry.namespace, collection.name, hashed.key_hash


def _written_places(entry: NamespaceReadWriteSet) -> Iterator[Place]:
    for key in entry.written_keys():
        yield entry.namespace, _PUBLIC, key
    for collection in entry.collections:
        for key_hash in collection.written_keys():
            yield entry.namespace, collection.name, key_hash


def _describe(place: Place) -> str:
    namespace, collection, key = place
    parts = [namespace, collection, key.hex() if isinstance(key, bytes) else key]
    return "/".join(part for part in parts if part)
