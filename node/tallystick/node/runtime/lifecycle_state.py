"""How chaincode definitions and approvals lie in the state, to the byte as in Fabric.

A record is a name in an area, such as chaincode ``token`` in area ``namespaces``. One key says of
which type it is, and each field has a key of its own, so that a change of one field writes no
other. Committed definitions are public. What an organisation approves lies in its implicit
collection: everybody sees the hashes, the organisation's own peers see the values.

Source: wire.md §16; hyperledger/fabric core/chaincode/lifecycle/serializer.go.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from google.protobuf.message import Message

from tallystick.node.channel.lifecycle_names import IMPLICIT_COLLECTION_PREFIX, LIFECYCLE_NAMESPACE
from tallystick.node.errors import LedgerError
from tallystick.node.ledger.simulator import PrivateDataUnavailableError, Simulator
from tallystick.protos.peer.lifecycle.chaincode_definition_pb2 import (
    ChaincodeEndorsementInfo,
    ChaincodeValidationInfo,
)
from tallystick.protos.peer.lifecycle.db_pb2 import StateData, StateMetadata
from tallystick.wire.errors import MalformedMessageError
from tallystick.wire.hashing import sha256
from tallystick.wire.messages import decode

DEFINITIONS: Final = "namespaces"
"""Area of committed definitions and, in implicit collections, of approved parameters."""
SOURCES: Final = "chaincode-sources"
"""Area that says which package an organisation runs."""

DEFINITION_TYPE: Final = "ChaincodeDefinition"
PARAMETERS_TYPE: Final = "ChaincodeParameters"
LOCAL_PACKAGE_TYPE: Final = "ChaincodeLocalPackage"

SEQUENCE: Final = "Sequence"
ENDORSEMENT_INFO: Final = "EndorsementInfo"
VALIDATION_INFO: Final = "ValidationInfo"
COLLECTIONS: Final = "Collections"
PACKAGE_ID: Final = "PackageID"

Read = Callable[[str], bytes | None]
"""Returns the value of a key of ``_lifecycle``, or None."""

MessageT = TypeVar("MessageT", bound=Message)


class LifecycleStateError(LedgerError):
    """A record in ``_lifecycle`` is not what it should be.

    Attributes:
        key: Where it is.
    """

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"key {key!r} of {LIFECYCLE_NAMESPACE}: {problem}")
        self.key = key


class WritableState(Protocol):
    """Keys of ``_lifecycle`` that a transaction reads and writes."""

    def get(self, key: str) -> bytes | None:
        """Return what the key holds."""

    def put(self, key: str, value: bytes) -> None:
        """Set the key; an empty value deletes it."""


class PublicState:
    """The public keys of ``_lifecycle``, as a transaction sees and changes them."""

    __slots__ = ("_simulator",)

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def get(self, key: str) -> bytes | None:
        """Return what the key holds."""
        return self._simulator.get_state(LIFECYCLE_NAMESPACE, key)

    def put(self, key: str, value: bytes) -> None:
        """Set the key; an empty value deletes it."""
        self._simulator.put_state(LIFECYCLE_NAMESPACE, key, value)


class OrganizationState:
    """The implicit collection of one organisation, as a transaction sees and changes it."""

    __slots__ = ("_collection", "_simulator")

    def __init__(self, simulator: Simulator, msp_id: str) -> None:
        self._simulator = simulator
        self._collection = implicit_collection(msp_id)

    def get(self, key: str) -> bytes | None:
        """Return what the key holds; only peers of the organisation can."""
        return self._simulator.get_private(LIFECYCLE_NAMESPACE, self._collection, key)

    def put(self, key: str, value: bytes) -> None:
        """Set the key; an empty value deletes it."""
        self._simulator.put_private(LIFECYCLE_NAMESPACE, self._collection, key, value)

    def get_hash(self, key: str) -> bytes | None:
        """Return the SHA-256 of what the key holds; every peer can."""
        return self._simulator.get_private_hash(LIFECYCLE_NAMESPACE, self._collection, key)


@dataclass(frozen=True, slots=True)
class ChaincodeParameters:
    """What the organisations agree on when they approve a chaincode.

    Attributes:
        version: Free text of the organisations.
        init_required: Whether the chaincode must be initialised before any other call.
        endorsement_plugin: ``escc`` unless a network has its own.
        validation_plugin: ``vscc`` unless a network has its own.
        validation_parameter: ``ApplicationPolicy`` bytes: the endorsement policy.
        collections: ``CollectionConfigPackage`` bytes; empty without collections.
    """

    version: str
    init_required: bool
    endorsement_plugin: str
    validation_plugin: str
    validation_parameter: bytes
    collections: bytes

    def record(self) -> "Record":
        """Return what an approval of these parameters looks like in the state."""
        return Record(PARAMETERS_TYPE, self._fields())

    def definition_record(self, sequence: int) -> "Record":
        """Return what their committed definition looks like in the state."""
        return Record(DEFINITION_TYPE, {SEQUENCE: _int64(sequence)} | self._fields())

    def _fields(self) -> dict[str, bytes]:
        endorsement = ChaincodeEndorsementInfo(
            version=self.version,
            init_required=self.init_required,
            endorsement_plugin=self.endorsement_plugin,
        )
        validation = ChaincodeValidationInfo(
            validation_plugin=self.validation_plugin,
            validation_parameter=self.validation_parameter,
        )
        return {
            ENDORSEMENT_INFO: _bytes(endorsement.SerializeToString()),
            VALIDATION_INFO: _bytes(validation.SerializeToString()),
            COLLECTIONS: _bytes(self.collections),
        }


@dataclass(frozen=True, slots=True)
class ChaincodeDefinition:
    """A definition that the channel has committed.

    Attributes:
        name: The chaincode, which is its namespace too.
        sequence: 1 for the first definition; each new one adds one.
        parameters: What was agreed on.
    """

    name: str
    sequence: int
    parameters: ChaincodeParameters


@dataclass(frozen=True, slots=True)
class Record:
    """A record ready to be stored.

    Attributes:
        datatype: Its type.
        fields: ``StateData`` bytes by name; the order matters.
    """

    datatype: str
    fields: Mapping[str, bytes]

    @property
    def metadata(self) -> bytes:
        """What the key of the record itself holds."""
        return StateMetadata(datatype=self.datatype, fields=self.fields).SerializeToString()

    def write(self, state: WritableState, area: str, name: str) -> None:
        """Store the record under ``name``: fields that change, and those alone.

        The record that is there is read first, so two changes of it exclude each other.
        """
        stored = _metadata(state.get, area, name) or StateMetadata()
        present = {field: state.get(field_key(area, name, field)) for field in stored.fields}
        for field, value in self.fields.items():
            if present.get(field) != value:
                state.put(field_key(area, name, field), value)
        if stored.datatype != self.datatype or list(stored.fields) != list(self.fields):
            state.put(metadata_key(area, name), self.metadata)
        for field in present.keys() - self.fields.keys():
            state.put(field_key(area, name, field), b"")

    def mismatches(self, read_hash: Read, area: str, name: str) -> list[str]:
        """Return which fields differ from those stored under ``name``, of which hashes are known.

        A record that is missing or of another type differs as a whole: then its type is returned.
        """
        stored = read_hash(metadata_key(area, name))
        differing = [
            field
            for field, value in self.fields.items()
            if read_hash(field_key(area, name, field)) != sha256(value)
        ]
        return differing if stored == sha256(self.metadata) else [self.datatype]


def local_package_record(package_id: str) -> Record:
    """Return what the choice of a package looks like in the state; "" for none."""
    return Record(LOCAL_PACKAGE_TYPE, {PACKAGE_ID: _string(package_id)})


class RenewableState(OrganizationState):
    """The same for a transaction that may write anew what the organisation's peers have lost."""

    __slots__ = ()

    def get(self, key: str) -> bytes | None:
        """Return what the key holds; None if no peer of the organisation has it any more.

        Its version is read all the same, so two such changes exclude each other.
        """
        try:
            return super().get(key)
        except PrivateDataUnavailableError:
            self.get_hash(key)
            return None


def implicit_collection(msp_id: str) -> str:
    """Return the collection that an organisation has in every namespace without asking."""
    return IMPLICIT_COLLECTION_PREFIX + msp_id


def approval_name(name: str, sequence: int) -> str:
    """Return under which name the approval of a definition is stored."""
    return f"{name}#{sequence}"


def metadata_key(area: str, name: str) -> str:
    """Return the key that holds the type of a record."""
    return f"{area}/metadata/{name}"


def field_key(area: str, name: str, field: str) -> str:
    """Return the key of one field of a record."""
    return f"{area}/fields/{name}/{field}"


def read_sequence(read: Read, name: str) -> int:
    """Return the sequence of the committed definition of ``name``; 0 if there is none."""
    return _field(read, DEFINITIONS, name, SEQUENCE).Int64


def read_definition(read: Read, name: str) -> ChaincodeDefinition | None:
    """Return the committed definition of ``name``.

    Raises:
        LifecycleStateError: There is one that cannot be read.
    """
    metadata = _metadata(read, DEFINITIONS, name)
    if metadata is None:
        return None
    _require_type(metadata, DEFINITION_TYPE, metadata_key(DEFINITIONS, name))
    sequence = read_sequence(read, name)
    return ChaincodeDefinition(name, sequence, _read_parameters(read, name))


def read_approval(read: Read, name: str, sequence: int) -> ChaincodeParameters | None:
    """Return what an organisation has approved as definition ``sequence`` of ``name``.

    Raises:
        LifecycleStateError: There is an approval that cannot be read.
    """
    approval = approval_name(name, sequence)
    metadata = _metadata(read, DEFINITIONS, approval)
    if metadata is None:
        return None
    _require_type(metadata, PARAMETERS_TYPE, metadata_key(DEFINITIONS, approval))
    return _read_parameters(read, approval)


def has_approval(read: Read, name: str, sequence: int) -> bool:
    """Return whether an organisation has approved a definition ``sequence`` of ``name``."""
    return _metadata(read, DEFINITIONS, approval_name(name, sequence)) is not None


def read_package_id(read: Read, name: str, sequence: int) -> str | None:
    """Return the package with which an organisation runs a definition.

    "" means that it approved without a package, None that it has not said.

    Raises:
        LifecycleStateError: There is a choice that cannot be read.
    """
    approval = approval_name(name, sequence)
    metadata = _metadata(read, SOURCES, approval)
    if metadata is None:
        return None
    _require_type(metadata, LOCAL_PACKAGE_TYPE, metadata_key(SOURCES, approval))
    return _field(read, SOURCES, approval, PACKAGE_ID).String


def _read_parameters(read: Read, name: str) -> ChaincodeParameters:
    endorsement = _message(read, name, ENDORSEMENT_INFO, ChaincodeEndorsementInfo)
    validation = _message(read, name, VALIDATION_INFO, ChaincodeValidationInfo)
    return ChaincodeParameters(
        version=endorsement.version,
        init_required=endorsement.init_required,
        endorsement_plugin=endorsement.endorsement_plugin,
        validation_plugin=validation.validation_plugin,
        validation_parameter=validation.validation_parameter,
        collections=_field(read, DEFINITIONS, name, COLLECTIONS).Bytes,
    )


def _metadata(read: Read, area: str, name: str) -> StateMetadata | None:
    key = metadata_key(area, name)
    value = read(key)
    return None if value is None else _decode(StateMetadata, value, key)


def _message(read: Read, name: str, field: str, message_type: type[MessageT]) -> MessageT:
    data = _field(read, DEFINITIONS, name, field).Bytes
    return _decode(message_type, data, field_key(DEFINITIONS, name, field))


def _field(read: Read, area: str, name: str, field: str) -> StateData:
    key = field_key(area, name, field)
    return _decode(StateData, read(key) or b"", key)


def _decode(message_type: type[MessageT], data: bytes, key: str) -> MessageT:
    try:
        return decode(message_type, data)
    except MalformedMessageError as error:
        raise LifecycleStateError(key, str(error)) from error


def _require_type(metadata: StateMetadata, datatype: str, key: str) -> None:
    if metadata.datatype != datatype:
        raise LifecycleStateError(key, f"it is of type {metadata.datatype!r}, not {datatype!r}")


# Each sets its member of the oneof even to an empty value, so that it is on the wire.
def _int64(value: int) -> bytes:
    return StateData(Int64=value).SerializeToString()


def _bytes(value: bytes) -> bytes:
    return StateData(Bytes=value).SerializeToString()


def _string(value: str) -> bytes:
    return StateData(String=value).SerializeToString()
