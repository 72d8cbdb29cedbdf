"""How definitions and approvals lie in the state (wire.md §16)."""

from dataclasses import replace

import pytest

from tallystick.node.runtime.lifecycle_state import (
    DEFINITIONS,
    SOURCES,
    ChaincodeParameters,
    LifecycleStateError,
    Record,
    approval_name,
    local_package_record,
    read_approval,
    read_definition,
    read_package_id,
    read_sequence,
)
from tallystick.wire.hashing import sha256

PARAMETERS = ChaincodeParameters(
    version="1.0",
    init_required=True,
    endorsement_plugin="escc",
    validation_plugin="vscc",
    validation_parameter=b"policy",
    collections=b"",
)


class Store(dict[str, bytes]):
    """A state that notes what is put and, as the ledger does, deletes with an empty value."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []

    def put(self, key: str, value: bytes) -> None:
        self.written.append(key)
        if value:
            self[key] = value
        else:
            self.pop(key, None)

    def get_hash(self, key: str) -> bytes | None:
        value = self.get(key)
        return None if value is None else sha256(value)


def test_a_definition_is_one_key_for_its_type_and_one_for_each_field() -> None:
    store = Store()
    PARAMETERS.definition_record(3).write(store, DEFINITIONS, "token")
    assert store == {
        "namespaces/metadata/token": (
            b"\x0a\x13ChaincodeDefinition\x12\x08Sequence\x12\x0fEndorsementInfo"
            b"\x12\x0eValidationInfo\x12\x0bCollections"
        ),
        "namespaces/fields/token/Sequence": b"\x08\x03",
        "namespaces/fields/token/EndorsementInfo": b"\x12\x0d\x0a\x031.0\x10\x01\x1a\x04escc",
        "namespaces/fields/token/ValidationInfo": b"\x12\x0e\x0a\x04vscc\x12\x06policy",
        "namespaces/fields/token/Collections": b"\x12\x00",
    }


def test_an_approval_names_type_and_sequence_and_has_no_sequence_field() -> None:
    store = Store()
    approval = approval_name("token", 1)
    PARAMETERS.record().write(store, DEFINITIONS, approval)
    local_package_record("").write(store, SOURCES, approval)
    assert store["namespaces/metadata/token#1"] == (
        b"\x0a\x13ChaincodeParameters\x12\x0fEndorsementInfo\x12\x0eValidationInfo\x12\x0bCollections"
    )
    assert store["chaincode-sources/metadata/token#1"] == (
        b"\x0a\x15ChaincodeLocalPackage\x12\x09PackageID"
    )
    assert store["chaincode-sources/fields/token#1/PackageID"] == b"\x1a\x00"
    assert len(store) == 6


def test_what_was_written_is_read_back() -> None:
    store = Store()
    PARAMETERS.definition_record(2).write(store, DEFINITIONS, "token")
    PARAMETERS.record().write(store, DEFINITIONS, "token#3")
    local_package_record("token_1:ab").write(store, SOURCES, "token#3")
    definition = read_definition(store.get, "token")
    assert definition is not None
    assert (definition.sequence, definition.parameters) == (2, PARAMETERS)
    assert read_sequence(store.get, "token") == 2
    assert read_approval(store.get, "token", 3) == PARAMETERS
    assert read_package_id(store.get, "token", 3) == "token_1:ab"


def test_what_is_not_there_is_read_as_absent() -> None:
    store = Store()
    assert read_definition(store.get, "token") is None
    assert read_sequence(store.get, "token") == 0
    assert read_approval(store.get, "token", 1) is None
    assert read_package_id(store.get, "token", 1) is None


def test_only_fields_that_change_are_written() -> None:
    store = Store()
    PARAMETERS.definition_record(1).write(store, DEFINITIONS, "token")
    store.written.clear()
    replace(PARAMETERS, version="2.0").definition_record(2).write(store, DEFINITIONS, "token")
    assert sorted(store.written) == [
        "namespaces/fields/token/EndorsementInfo",
        "namespaces/fields/token/Sequence",
    ]


def test_fields_that_a_record_no_longer_has_are_deleted_and_its_type_is_rewritten() -> None:
    store = Store()
    Record("Old", {"Gone": b"\x12\x00", "Kept": b"\x12\x00"}).write(store, DEFINITIONS, "token")
    Record("New", {"Kept": b"\x12\x00"}).write(store, DEFINITIONS, "token")
    assert store == {
        "namespaces/metadata/token": b"\x0a\x03New\x12\x04Kept",
        "namespaces/fields/token/Kept": b"\x12\x00",
    }


def test_hashes_tell_which_fields_of_an_approval_differ() -> None:
    store = Store()
    PARAMETERS.record().write(store, DEFINITIONS, "token#1")

    def differing(parameters: ChaincodeParameters, name: str = "token#1") -> list[str]:
        return parameters.record().mismatches(store.get_hash, DEFINITIONS, name)

    assert differing(PARAMETERS) == []
    assert differing(replace(PARAMETERS, version="2.0")) == ["EndorsementInfo"]
    assert differing(replace(PARAMETERS, validation_parameter=b"", collections=b"c")) == [
        "ValidationInfo",
        "Collections",
    ]
    assert differing(PARAMETERS, "token#2") == ["ChaincodeParameters"]


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        pytest.param("namespaces/metadata/token", b"\x0a\x04Else", "of type 'Else'", id="type"),
        pytest.param("namespaces/metadata/token", b"\xff", "StateMetadata", id="metadata"),
        pytest.param("namespaces/fields/token/Sequence", b"\xff", "StateData", id="field"),
        pytest.param(
            "namespaces/fields/token/EndorsementInfo",
            b"\x12\x01\xff",
            "ChaincodeEndorsementInfo",
            id="message in a field",
        ),
    ],
)
def test_a_damaged_record_is_reported_with_its_key(key: str, value: bytes, problem: str) -> None:
    store = Store()
    PARAMETERS.definition_record(1).write(store, DEFINITIONS, "token")
    store[key] = value
    with pytest.raises(LifecycleStateError, match=problem) as caught:
        read_definition(store.get, "token")
    assert caught.value.key == key
