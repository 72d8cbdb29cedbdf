"""What a transaction must be endorsed by, for people who ask why. Source: wire.md §12."""

from collections.abc import Iterator
from dataclasses import dataclass

from tallystick.node.validation.endorsement_policies import (
    LIFECYCLE_NAMESPACE,
    DefinitionSource,
    EndorsementPolicies,
    EndorsementPolicy,
)
from tallystick.node.validation.structure import ParsedTransaction


@dataclass(frozen=True, slots=True)
class Demand:
    """What one place that a transaction writes to asks for.

    Attributes:
        namespace: The chaincode.
        collection: One of its collections; empty for its public keys.
        policy: What must be satisfied; None if the chaincode has no committed definition, with
            which no endorsement helps.
    """

    namespace: str
    collection: str
    policy: EndorsementPolicy | None

    @property
    def place(self) -> str:
        """The place in one word."""
        return f"{self.namespace}/{self.collection}" if self.collection else self.namespace


def demands(
    transaction: ParsedTransaction, policies: EndorsementPolicies, definitions: DefinitionSource
) -> Iterator[Demand]:
    """Yield what the chaincode called, and each place written to, asks for.

    Policies that single keys have in their metadata are in the state, not in the transaction, and
    are left out.
    """
    written = {one.namespace: one for one in transaction.rwset.namespaces if one.has_writes()}
    for name in dict.fromkeys((transaction.chaincode, *written)):
        own = _policy_of(name, policies, definitions)
        entry = written.get(name)
        if own is None or entry is None or entry.written_keys():
            yield Demand(name, "", own)
        if own is None or entry is None:
            continue
        collections = definitions.collections(name)
        for collection in entry.collections:
            if collection.written_keys():
                policy = policies.of_collection(collections, collection.name)
                yield Demand(name, collection.name, policy or own)


def _policy_of(
    namespace: str, policies: EndorsementPolicies, definitions: DefinitionSource
) -> EndorsementPolicy | None:
    if namespace == LIFECYCLE_NAMESPACE:
        return policies.of_lifecycle
    application_policy = definitions.validation_policy(namespace)
    return policies.of_definition(application_policy) if application_policy else None
