"""What a transaction must be endorsed by, place by place. Source: wire.md §12."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from tallystick.node.channel.lifecycle_names import LIFECYCLE_NAMESPACE
from tallystick.node.ledger.rwset import (
    VALIDATION_PARAMETER,
    NamespaceReadWriteSet,
    decode_metadata,
)
from tallystick.node.ledger.state import StateView, VersionedValue
from tallystick.node.validation.endorsement_policies import (
    DefinitionSource,
    EndorsementPolicies,
    EndorsementPolicy,
)
from tallystick.node.validation.structure import ParsedTransaction

PUBLIC: Final = ""

Place = tuple[str, str, str | bytes]
"""A written key: namespace, collection (empty for public keys), key or hash of the key."""


class KeyDemand(NamedTuple):
    """What one written key demands; ``is_own`` if the policy is in the metadata of that key."""

    place: Place
    policy: EndorsementPolicy
    is_own: bool


@dataclass(frozen=True, slots=True)
class Demand:
    """What one place that a transaction writes to asks for, for people who ask why.

    Attributes:
        namespace: The chaincode.
        collection: One of its collections; empty for its public keys.
        policy: What must be satisfied; None if the chaincode has no committed definition, with
            which no endorsement helps.
        keys: The written keys, or their hashes, that have this policy of their own; empty where it
            is the policy of the collection or the chaincode.
    """

    namespace: str
    collection: str
    policy: EndorsementPolicy | None
    keys: tuple[str | bytes, ...] = ()

    @property
    def place(self) -> str:
        """The place in one word."""
        return f"{self.namespace}/{self.collection}" if self.collection else self.namespace


def demands(
    transaction: ParsedTransaction,
    policies: EndorsementPolicies,
    definitions: DefinitionSource,
    view: StateView,
) -> Iterator[Demand]:
    """Yield what the chaincode called, and each place written to, asks for.

    Args:
        transaction: The transaction.
        policies: Those of the configuration that it is judged by.
        definitions: Those in force before its block.
        view: The state before its block, with the metadata of the keys that it writes.
    """
    written = {one.namespace: one for one in transaction.rwset.namespaces if one.has_writes()}
    for name in dict.fromkeys((transaction.chaincode, *written)):
        own = own_policy(name, policies, definitions)
        entry = written.get(name)
        if own is None or entry is None:
            yield Demand(name, PUBLIC, own)
            continue
        grouped: dict[tuple[str, EndorsementPolicy, bool], list[str | bytes]] = {}
        for (_, collection, key), policy, is_own in key_demands(
            entry, own, policies, definitions, view
        ):
            grouped.setdefault((collection, policy, is_own), []).append(key)
        for (collection, policy, is_own), keys in grouped.items():
            yield Demand(name, collection, policy, tuple(dict.fromkeys(keys)) if is_own else ())


def own_policy(
    namespace: str, policies: EndorsementPolicies, definitions: DefinitionSource
) -> EndorsementPolicy | None:
    """Return the policy of a chaincode as a whole; None without a committed definition."""
    if namespace == LIFECYCLE_NAMESPACE:
        return policies.of_lifecycle
    application_policy = definitions.validation_policy(namespace)
    return policies.of_definition(application_policy) if application_policy else None


def key_demands(
    entry: NamespaceReadWriteSet,
    own: EndorsementPolicy,
    policies: EndorsementPolicies,
    definitions: DefinitionSource,
    view: StateView,
) -> Iterator[KeyDemand]:
    """Yield each key written in one namespace with the policy that it demands.

    Args:
        entry: What the transaction does in the namespace.
        own: The policy of the chaincode as a whole.
        policies: Those of the configuration.
        definitions: Those in force before the block.
        view: The state before the block.
    """
    name = entry.namespace
    for key in entry.written_keys():
        policy = _key_policy(view.get(name, key), policies)
        yield KeyDemand((name, PUBLIC, key), policy or own, policy is not None)
    for collection in entry.collections:
        key_hashes = collection.written_keys()
        if not key_hashes:
            continue
        collections = definitions.collections(name)
        fallback = policies.of_collection(collections, collection.name) or own
        for key_hash in key_hashes:
            found = view.get_hash(name, collection.name, key_hash)
            policy = _key_policy(found, policies)
            place = (name, collection.name, key_hash)
            yield KeyDemand(place, policy or fallback, policy is not None)


def metadata_places(entry: NamespaceReadWriteSet) -> Iterator[Place]:
    """Yield the keys of a namespace whose metadata a transaction changes."""
    for write in entry.metadata_writes:
        yield entry.namespace, PUBLIC, write.key
    for collection in entry.collections:
        for hashed in collection.metadata_writes:
            yield entry.namespace, collection.name, hashed.key_hash


def written_places(entry: NamespaceReadWriteSet) -> Iterator[Place]:
    """Yield the keys of a namespace to which a transaction gives a value or metadata."""
    for key in entry.written_keys():
        yield entry.namespace, PUBLIC, key
    for collection in entry.collections:
        for key_hash in collection.written_keys():
            yield entry.namespace, collection.name, key_hash


def _key_policy(
    found: VersionedValue | None, policies: EndorsementPolicies
) -> EndorsementPolicy | None:
    if found is None or not found.metadata:
        return None
    envelope = decode_metadata(found.metadata).get(VALIDATION_PARAMETER)
    return policies.of_key(envelope) if envelope else None
