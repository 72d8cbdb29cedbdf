"""Who signed the proposal: wire.md §9.4."""

import pytest

from tallystick.chaincode import ClientIdentity
from tallystick.chaincode.testing import make_client
from tallystick.wire.identities import serialize_identity


def test_a_client_is_its_certificate() -> None:
    """§9.4."""
    client = make_client("BrokerMSP", "alice", attributes={"role": "trader"}).identity
    assert client.msp_id == "BrokerMSP"
    assert client.common_name == "alice"
    assert client.organizational_units == ("client",)
    assert client.attributes == {"role": "trader"}
    assert client.id == "x509::CN=alice,OU=client::CN=ca.BrokerMSP"


def test_a_certificate_without_the_extension_has_no_attributes() -> None:
    """§9.4."""
    assert make_client("BrokerMSP").identity.attributes == {}


def test_attributes_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        make_client("BrokerMSP").identity.attributes["role"] = "admin"  # type: ignore[index]


def test_an_identity_is_parsed_once() -> None:
    creator = make_client("BrokerMSP").creator
    assert ClientIdentity.of(creator) is ClientIdentity.of(bytes(bytearray(creator)))


def test_an_identity_without_certificate_is_refused() -> None:
    with pytest.raises(ValueError, match="PEM"):
        ClientIdentity.of(serialize_identity("BrokerMSP", b"not a certificate"))
    with pytest.raises(ValueError, match="not an identity"):
        ClientIdentity.of(b"\xff")
