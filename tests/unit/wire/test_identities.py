"""Identities as they travel: wire.md §2."""

from tallystick.protos.msp.identities_pb2 import SerializedIdentity
from tallystick.wire.identities import binding, pki_id, serialize_identity
from tallystick.wire.txid import NONCE_SIZE, transaction_id

PEM = b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"


def test_a_serialized_identity_keeps_the_pem_as_it_is() -> None:
    parsed = SerializedIdentity.FromString(serialize_identity("Org1MSP", PEM))
    assert (parsed.mspid, parsed.id_bytes) == ("Org1MSP", PEM)


def test_a_trailing_newline_makes_another_identity() -> None:
    nonce = bytes(NONCE_SIZE)
    with_newline, without = (serialize_identity("Org1MSP", pem) for pem in (PEM, PEM.rstrip()))
    assert transaction_id(nonce, with_newline) != transaction_id(nonce, without)
    assert pki_id("Org1MSP", PEM) != pki_id("Org1MSP", PEM.rstrip())


def test_binding_depends_on_the_epoch() -> None:
    assert binding(b"nonce", b"creator", 1) != binding(b"nonce", b"creator")
