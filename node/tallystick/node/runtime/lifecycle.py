"""The committed chaincode definitions of a channel, and the package that runs each of them here."""

from dataclasses import dataclass
from typing import Final

from tallystick.node.channel.lifecycle_names import LIFECYCLE_NAMESPACE
from tallystick.node.ledger.simulator import Simulator
from tallystick.node.ledger.state import StateView, UpdateBatch
from tallystick.node.runtime.lifecycle_state import (
    COLLECTIONS,
    DEFINITIONS,
    ENDORSEMENT_INFO,
    SEQUENCE,
    VALIDATION_INFO,
    ChaincodeDefinition,
    LifecycleStateError,
    approval_name,
    field_key,
    implicit_collection,
    metadata_key,
    read_definition,
    read_package_id,
)
from tallystick.protos.peer.collection_pb2 import CollectionConfigPackage
from tallystick.wire.hashing import sha256

__all__ = [
    "ChaincodeDefinition",
    "DefinitionCache",
    "ResolvedChaincode",
    "record_use_of_collections",
]

VALIDATION_PLUGIN: Final = "vscc"
"""The one way to validate: endorsement policies, as `tallystick.node.validation` checks them."""

_DEFINITION_KEYS: Final = metadata_key(DEFINITIONS, "")


@dataclass(frozen=True, slots=True)
class ResolvedChaincode:
    """What a call needs to know of a chaincode.

    Attributes:
        name: The chaincode.
        sequence: Of its committed definition.
        version: Likewise; part of what is endorsed.
        package_id: What this organisation runs for it. None if it did not approve this very
            definition, or did without a package: then this peer cannot endorse.
        init_required: Whether the chaincode must be initialised before any other call.
        endorsement_plugin: ``escc`` unless a network has its own.
        validation_parameter: ``ApplicationPolicy`` bytes: the endorsement policy.
        collections: Its private data collections, or None.
    """

    name: str
    sequence: int
    version: str
    package_id: str | None
    init_required: bool
    endorsement_plugin: str
    validation_parameter: bytes
    collections: CollectionConfigPackage | None


def record_use_of_collections(simulator: Simulator, name: str) -> None:
    """Put on record that a transaction depends on all of the definition of ``name``.

    The first use of a private data collection does that: a new definition, which may change the
    collections, then conflicts with the transaction. Source: wire.md §10, the hidden reads.
    """
    simulator.get_state(LIFECYCLE_NAMESPACE, metadata_key(DEFINITIONS, name))
    for field in (SEQUENCE, ENDORSEMENT_INFO, VALIDATION_INFO, COLLECTIONS):
        simulator.get_state(LIFECYCLE_NAMESPACE, field_key(DEFINITIONS, name, field))


class DefinitionCache:
    """The definitions of one channel as of the last committed block, each read once.

    Whoever commits blocks calls ``block_committed`` after each, before anything else runs.

    Attributes:
        generation: Grows whenever a definition or an approval may have changed.
    """

    def __init__(self, state: StateView, msp_id: str) -> None:
        """Read definitions from ``state``, and approvals of the organisation ``msp_id``."""
        self._state = state
        self._own_collection = implicit_collection(msp_id)
        self._definitions: dict[str, ChaincodeDefinition] = {}
        self._resolved: dict[str, ResolvedChaincode] = {}
        self.generation = 0

    def definition(self, name: str) -> ChaincodeDefinition | None:
        """Return the committed definition of ``name``.

        Raises:
            LifecycleStateError: The state holds one that cannot be read; so for all methods.
        """
        known = self._definitions.get(name)
        if known is None:
            known = read_definition(self._read, name)
            if known is not None:  # names that do not exist could fill the memory
                self._definitions[name] = known
        return known

    def names(self) -> tuple[str, ...]:
        """Return the names of all chaincodes with a committed definition, sorted."""
        rows = self._state.range(LIFECYCLE_NAMESPACE, _DEFINITION_KEYS, _DEFINITION_KEYS + "\x7f")
        return tuple(key.removeprefix(_DEFINITION_KEYS) for key, _ in rows)

    def validation_policy(self, namespace: str) -> bytes | None:
        """Return a chaincode's endorsement policy, ``ApplicationPolicy`` bytes.

        None means that nothing of this name can be valid: there is no definition, or none with a
        validation plugin.

        Raises:
            LifecycleStateError: The definition has a validation plugin of its own. Its verdicts are
                not known here, and to guess them would fork the state.
        """
        definition = self.definition(namespace)
        if definition is None or not definition.parameters.validation_plugin:
            return None
        plugin = definition.parameters.validation_plugin
        if plugin != VALIDATION_PLUGIN:
            raise LifecycleStateError(
                field_key(DEFINITIONS, namespace, VALIDATION_INFO),
                f"this node does not have the validation plugin {plugin!r}: define the chaincode "
                f"with {VALIDATION_PLUGIN!r}, or leave the channel",
            )
        return definition.parameters.validation_parameter

    def collections(self, namespace: str) -> CollectionConfigPackage | None:
        """Return the collections of a chaincode, or None if it has none. Do not change them."""
        resolved = self.current(namespace)
        return None if resolved is None else resolved.collections

    def resolve(self, simulator: Simulator, name: str) -> ResolvedChaincode | None:
        """Return what a call of ``name`` needs to know; None if the channel does not define it.

        The transaction is on record as having read the sequence, so it conflicts with a new
        definition that is committed before it. Source: wire.md §10, the hidden reads.
        """
        key = field_key(DEFINITIONS, name, SEQUENCE)
        if simulator.get_state(LIFECYCLE_NAMESPACE, key) is None:
            return None
        return self.current(name)

    def current(self, name: str) -> ResolvedChaincode | None:
        """Return the same as ``resolve`` where no transaction is under way."""
        known = self._resolved.get(name)
        if known is None:
            definition = self.definition(name)
            if definition is None:
                return None
            known = self._resolved[name] = self._resolve(definition)
        return known

    def block_committed(self, updates: UpdateBatch) -> None:
        """Take note of a block that was committed."""
        if LIFECYCLE_NAMESPACE in updates.public or LIFECYCLE_NAMESPACE in updates.hashed:
            self.refresh()

    def refresh(self) -> None:
        """Forget everything: the state may have changed in any way."""
        self._definitions.clear()
        self._resolved.clear()
        self.generation += 1

    def _resolve(self, definition: ChaincodeDefinition) -> ResolvedChaincode:
        parameters = definition.parameters
        collections = CollectionConfigPackage.FromString(parameters.collections)
        return ResolvedChaincode(
            name=definition.name,
            sequence=definition.sequence,
            version=parameters.version,
            package_id=self._package_id(definition),
            init_required=parameters.init_required,
            endorsement_plugin=parameters.endorsement_plugin,
            validation_parameter=parameters.validation_parameter,
            collections=collections if collections.config else None,
        )

    def _package_id(self, definition: ChaincodeDefinition) -> str | None:
        name, sequence = definition.name, definition.sequence
        approval = approval_name(name, sequence)
        if definition.parameters.record().mismatches(self._read_hash, DEFINITIONS, approval):
            return None  # the organisation approved something else, or nothing
        return read_package_id(self._read_own, name, sequence) or None

    def _read(self, key: str) -> bytes | None:
        found = self._state.get(LIFECYCLE_NAMESPACE, key)
        return None if found is None else found.value

    def _read_own(self, key: str) -> bytes | None:
        found = self._state.get_private(LIFECYCLE_NAMESPACE, self._own_collection, key)
        return None if found is None else found.value

    def _read_hash(self, key: str) -> bytes | None:
        found = self._state.get_hash(
            LIFECYCLE_NAMESPACE, self._own_collection, sha256(key.encode())
        )
        return None if found is None else found.value
