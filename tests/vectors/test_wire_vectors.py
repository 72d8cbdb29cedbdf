"""The byte rules of ``tallystick.wire`` against bytes that Fabric's own code produced."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tallystick.protos.common.common_pb2 import BlockHeader
from tallystick.protos.ledger.txmgr.updates_pb2 import Updates
from tallystick.protos.peer.proposal_pb2 import ChaincodeProposalPayload
from tallystick.wire import hashing
from tallystick.wire.envelope import proposal_hash
from tallystick.wire.identities import binding, pki_id
from tallystick.wire.signing import is_low_s
from tallystick.wire.txid import transaction_id

Value = int | str | list[str]

GROUPS = json.loads(Path(__file__).with_name("wire.json").read_text(encoding="utf-8"))


class Case:
    """One vector; each accessor says which kind of value it expects."""

    def __init__(self, values: dict[str, Value]) -> None:
        self.values = values

    def binary(self, name: str) -> bytes:
        return bytes.fromhex(self.text(name))

    def text(self, name: str) -> str:
        value = self.values[name]
        assert isinstance(value, str)
        return value

    def number(self, name: str) -> int:
        value = self.values[name]
        assert isinstance(value, int)
        return value

    def binaries(self, name: str) -> list[bytes]:
        values = self.values[name]
        assert isinstance(values, list)
        return [bytes.fromhex(value) for value in values]


def vectors(section: str) -> pytest.MarkDecorator:
    """Run a test once for each case of a section."""

    def parameters() -> Iterator[object]:
        for group in GROUPS:
            if group["section"] == section:
                for index, values in enumerate(group["cases"]):
                    yield pytest.param(Case(values), id=f"{section}, {group['rule']}, {index}")

    cases = list(parameters())
    assert cases, f"wire.json has no section {section}"
    return pytest.mark.parametrize("case", cases)


@vectors("B1")
def test_transaction_id_hashes_nonce_and_creator(case: Case) -> None:
    identifier = transaction_id(case.binary("nonce"), case.binary("creator"))
    assert identifier == case.text("transaction_id")


@vectors("B2")
def test_data_hash_covers_the_concatenated_entries(case: Case) -> None:
    assert hashing.block_data_hash(case.binaries("entries")) == case.binary("hash")


@vectors("B3")
def test_block_header_is_hashed_in_der(case: Case) -> None:
    number = case.number("number")
    previous_hash, data_hash = case.binary("previous_hash"), case.binary("data_hash")
    encoded = hashing.block_header_bytes(number, previous_hash, data_hash)
    assert encoded == case.binary("header_bytes")
    header = BlockHeader(number=number, previous_hash=previous_hash, data_hash=data_hash)
    assert hashing.block_header_hash(header) == case.binary("hash")


@vectors("B4")
def test_ordered_varint_has_a_length_byte_and_the_shortest_number(case: Case) -> None:
    assert hashing.ordered_varint(case.number("value")) == case.binary("bytes")


@vectors("B4 version")
def test_version_bytes_are_two_ordered_varints(case: Case) -> None:
    block_number, transaction_index = case.number("block_number"), case.number("transaction_index")
    assert hashing.version_bytes(block_number, transaction_index) == case.binary("bytes")


@pytest.mark.parametrize("transient", [{}, {"secret": b"value"}], ids=["plain", "with transient"])
@vectors("B7")
def test_proposal_hash_leaves_transient_data_out(case: Case, transient: dict[str, bytes]) -> None:
    payload = ChaincodeProposalPayload(input=case.binary("input"), TransientMap=transient)
    digest = proposal_hash(
        case.binary("channel_header"), case.binary("signature_header"), payload.SerializeToString()
    )
    assert digest == case.binary("hash")


@vectors("B8")
def test_commit_hash_chains_flags_and_updates(case: Case) -> None:
    flags, update_bytes = case.binary("flags"), case.binary("update_bytes")
    chained = hashing.commit_hash(flags, update_bytes, case.binary("previous"))
    assert chained == case.binary("hash")


@vectors("B8")
def test_updates_message_reproduces_the_hashed_bytes(case: Case) -> None:
    update_bytes = case.binary("update_bytes")
    assert Updates.FromString(update_bytes).SerializeToString() == update_bytes


@vectors("B9 PKI id")
def test_pki_id_hashes_msp_id_and_certificate(case: Case) -> None:
    assert pki_id(case.text("msp_id"), case.binary("certificate_pem")) == case.binary("pki_id")


@vectors("B9 binding")
def test_binding_hashes_nonce_creator_and_epoch(case: Case) -> None:
    bound = binding(case.binary("nonce"), case.binary("creator"), case.number("epoch"))
    assert bound == case.binary("binding")


@vectors("B9 half order")
def test_s_is_low_up_to_half_the_order(case: Case) -> None:
    curve = ec.SECP256R1()
    assert curve.name == case.text("curve")
    highest = int.from_bytes(case.binary("highest_low_s"), "big")
    assert is_low_s(encode_dss_signature(1, highest), curve)
    assert not is_low_s(encode_dss_signature(1, highest + 1), curve)
