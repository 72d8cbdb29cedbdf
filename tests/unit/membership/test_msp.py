"""Which identities an MSP stands by."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.node.membership.ca import CertificateAuthority, CertificateRequest
from tallystick.node.membership.certificates import load_certificate, to_der, to_pem
from tallystick.node.membership.errors import (
    IdentityError,
    MalformedIdentityError,
    MspConfigError,
)
from tallystick.node.membership.identity import Identity, NodeRole
from tallystick.node.membership.msp import Msp
from tallystick.protos.msp.msp_config_pb2 import (
    FabricCryptoConfig,
    FabricMSPConfig,
    FabricNodeOUs,
    FabricOUIdentifier,
    MSPConfig,
)
from tallystick.wire.identities import serialize_identity
from tallystick.wire.signing import BadSignatureError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.membership.conftest import Party

YEAR = timedelta(days=365)


def accepted(msp: Msp, serialized: bytes) -> Identity:
    """Return the identity; raise IdentityError unless it is valid."""
    identity = msp.deserialize(serialized)
    msp.validate(identity)
    return identity


def refusal(msp: Msp, serialized: bytes) -> str:
    """Return why the identity is not valid."""
    with pytest.raises(IdentityError) as caught:
        accepted(msp, serialized)
    return str(caught.value)


@pytest.mark.parametrize("role", NodeRole)
def test_a_node_unit_gives_its_role(party: Party, role: NodeRole) -> None:
    """§14.4, ROLE."""
    identity = accepted(party.msp, party.member(role.word, "back office").identity)
    assert identity.roles == {role}
    assert [unit.name for unit in identity.organizational_units] == [role.word, "back office"]


@pytest.mark.parametrize(
    ("units", "found"),
    [
        pytest.param((), "none", id="no OU"),
        pytest.param(("back office",), "none", id="no node OU"),
        pytest.param(("peer", "admin"), "'peer', 'admin'", id="two node OUs"),
        pytest.param(("peer", "peer"), "'peer', 'peer'", id="the same one twice"),
    ],
)
def test_exactly_one_node_unit_is_needed(party: Party, units: tuple[str, ...], found: str) -> None:
    """§14.5: NodeOUs enabled."""
    problem = refusal(party.msp, party.member(*units).identity)
    assert f"exactly one of the OUs admin, client, orderer, peer; it carries {found}" in problem


def test_without_node_units_every_member_is_valid_and_none_has_a_role(party: Party) -> None:
    admin = party.member("admin")
    party.config.admins.append(admin.certificate_pem)
    party.config.ClearField("fabric_node_ous")
    msp = party.msp
    assert accepted(msp, party.member("peer", "client").identity).roles == frozenset()
    assert msp.has_role(accepted(msp, admin.identity), NodeRole.ADMIN)
    assert not msp.has_role(accepted(msp, party.member("admin").identity), NodeRole.ADMIN)


def test_a_listed_admin_is_one_whatever_the_node_unit(party: Party) -> None:
    """§14.4: admin by certificate or by OU."""
    listed = party.member("client")
    party.config.admins.append(listed.certificate_pem)
    msp = party.msp
    assert msp.has_role(accepted(msp, listed.identity), NodeRole.ADMIN)
    assert msp.has_role(accepted(msp, party.member("admin").identity), NodeRole.ADMIN)
    assert not msp.has_role(accepted(msp, party.member("client").identity), NodeRole.ADMIN)


def test_a_certificate_of_another_authority_is_refused(
    party: Party, new_party: Callable[[str], Party]
) -> None:
    stranger = new_party("StrangerMSP").member("peer")
    disguised = serialize_identity(party.msp_id, stranger.certificate_pem)
    assert "0 chains to a root of this MSP" in refusal(party.msp, disguised)
    assert "it names MSP 'StrangerMSP'" in refusal(party.msp, stranger.identity)


def test_an_authority_of_the_same_name_is_still_another(
    party: Party, new_party: Callable[[str], Party]
) -> None:
    impostor = new_party("ClearingMSP").member("peer")
    assert "0 chains to a root of this MSP" in refusal(party.msp, impostor.identity)


def test_an_expired_certificate_is_valid_and_says_when_it_expired(party: Party) -> None:
    """§14.5: expiry is not an MSP matter."""
    short = party.odd_member(lifetime=timedelta(seconds=5))
    assert accepted(party.msp, short).not_after_ns == 1_767_225_605_000_000_000


def test_an_authority_is_no_identity(party: Party) -> None:
    """§14.5: CA certificates are not identities."""
    authority = party.authority.to_pem().certificate_pem
    problem = refusal(party.msp, serialize_identity(party.msp_id, authority))
    assert "CA certificate, which cannot be used as an identity" in problem
    below = party.authority.create_intermediate("below", now=party.now)
    problem = refusal(party.msp, serialize_identity(party.msp_id, below.to_pem().certificate_pem))
    assert "CA certificate, which cannot be used as an identity" in problem


def test_only_leaf_authorities_issue_identities(party: Party) -> None:
    """§14.5: the issuer must be a leaf of the CA tree."""
    below = party.authority.create_intermediate("below", now=party.now)
    early = party.member("peer")
    accepted(party.msp, early.identity)
    party.config.intermediate_certs.append(below.to_pem().certificate_pem)
    assert "has intermediate CAs below it" in refusal(party.msp, early.identity)
    identity = accepted(party.msp, party.member("peer", authority=below).identity)
    assert identity.issuers == (below.certificate, party.authority.certificate)


def test_a_node_unit_can_be_tied_to_an_authority(party: Party) -> None:
    """§14.5: a NodeOU's certificate pins the issuing CA."""
    one, other = (
        party.authority.create_intermediate(name, now=party.now) for name in ("one", "other")
    )
    pems = [ca.to_pem().certificate_pem for ca in (one, other)]
    party.config.intermediate_certs.extend(pems)
    party.config.fabric_node_ous.peer_ou_identifier.certificate = pems[0]
    msp = party.msp
    accepted(msp, party.member("peer", authority=one).identity)
    accepted(msp, party.member("client", authority=other).identity)
    problem = refusal(msp, party.member("peer", authority=other).identity)
    assert "OU 'peer' was not certified by the CA that the MSP ties it to" in problem


def test_required_units_count_where_node_units_are_off(party: Party) -> None:
    """§14.5: organizational_unit_identifiers."""
    party.config.admins.append(party.member("desk").certificate_pem)
    party.config.ClearField("fabric_node_ous")
    party.config.organizational_unit_identifiers.append(
        FabricOUIdentifier(
            organizational_unit_identifier="desk",
            certificate=party.authority.to_pem().certificate_pem,
        )
    )
    accepted(party.msp, party.member("other", "desk").identity)
    problem = refusal(party.msp, party.member("other").identity)
    assert "none of its organizational units is one of desk" in problem


def test_a_revoked_certificate_is_refused(party: Party) -> None:
    """§14.5: CRLs; the revocation date is ignored."""
    kept, revoked = party.member("peer"), party.member("peer")
    future = party.now + 5 * YEAR
    party.config.revocation_list.append(
        party.authority.revoke([load_certificate(revoked.certificate_pem)], now=future)
    )
    accepted(party.msp, kept.identity)
    assert "it has been revoked by its CA" in refusal(party.msp, revoked.identity)


def test_an_authority_cannot_revoke_what_another_issued(
    party: Party, new_party: Callable[[str], Party]
) -> None:
    """§14.5: CRLs are matched by AuthorityKeyIdentifier."""
    other = new_party("OtherMSP").authority
    party.config.root_certs.append(other.to_pem().certificate_pem)
    member = party.member("peer")
    now = party.now
    party.config.revocation_list.append(
        other.revoke([load_certificate(member.certificate_pem)], now=now)
    )
    assert accepted(party.msp, member.identity).serialized == member.identity


@pytest.mark.parametrize(
    ("tail", "flaw"),
    [
        pytest.param(b"", "", id="nothing"),
        pytest.param(b"\n", "1 bytes follow", id="an empty line"),
        pytest.param(b"junk", "4 bytes follow", id="junk"),
    ],
)
def test_bytes_behind_the_certificate_are_a_flaw(party: Party, tail: bytes, flaw: str) -> None:
    """§14.5: trailing data after the PEM block."""
    pem = party.member("peer").certificate_pem + tail
    identity = accepted(party.msp, serialize_identity(party.msp_id, pem))
    assert identity.flaw.startswith(flaw)
    assert bool(identity.flaw) is bool(flaw)


def test_another_pem_label_is_a_flaw(party: Party) -> None:
    pem = party.member("peer").certificate_pem.replace(b"CERTIFICATE", b"X509 CERTIFICATE")
    identity = accepted(party.msp, serialize_identity(party.msp_id, pem))
    assert "labelled 'X509 CERTIFICATE'" in identity.flaw


@pytest.mark.parametrize(
    "serialized",
    [b"\xff", b"", serialize_identity("ClearingMSP", b"no certificate")],
    ids=["not protobuf", "empty", "no PEM"],
)
def test_bytes_that_hold_no_certificate_are_malformed(party: Party, serialized: bytes) -> None:
    with pytest.raises(MalformedIdentityError):
        party.msp.deserialize(serialized)


def test_keys_that_fabric_does_not_take_are_refused(party: Party) -> None:
    """§2: RSA is not accepted; Ed25519 from channel capability V3_0 on."""
    rsa_key = rsa.generate_private_key(65537, 2048).public_key()
    assert "RSAPublicKey: use an elliptic-curve key" in refusal(
        party.msp, party.odd_member(key=rsa_key)
    )
    private_key = ed25519.Ed25519PrivateKey.generate()
    member = party.odd_member(key=private_key.public_key())
    assert "Ed25519PublicKey: use an elliptic-curve key" in refusal(party.msp, member)
    identity = accepted(Msp(party.config, ed25519=True), member)
    identity.verify(b"message", private_key.sign(b"message"))
    with pytest.raises(BadSignatureError):
        identity.verify(b"other message", private_key.sign(b"message"))


@pytest.fixture(scope="session")
def organization() -> tuple[Msp, bytes]:
    """Return an MSP and the DER of the certificate of one of its members."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    authority = CertificateAuthority.create("ca", "org", now=now)
    pem = authority.to_pem().certificate_pem
    request = CertificateRequest("peer0", ("peer",), ("host",), {"a": "b"})
    member = load_certificate(authority.issue(request, now=now).certificate_pem)
    config = FabricMSPConfig(name="Org", root_certs=[pem], admins=[to_pem(member)])
    return Msp(config), to_der(member)


@pytest.mark.filterwarnings("ignore")  # the library warns of what it finds odd
@given(data=st.data())
@settings(max_examples=400, deadline=None)
def test_a_damaged_certificate_is_an_identity_error_and_nothing_else(
    organization: tuple[Msp, bytes], data: st.DataObject
) -> None:
    """Whatever bytes a stranger sends, a node must survive them."""
    msp, member = organization
    damaged = bytearray(member)
    damaged[data.draw(st.integers(0, len(member) - 1))] = data.draw(st.integers(0, 255))
    text = base64.encodebytes(bytes(damaged))
    pem = b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n"
    try:
        identity = accepted(msp, serialize_identity("Org", pem))
    except IdentityError:
        return
    assert to_der(identity.certificate) == member


CLIENT_AUTH = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
SERVER_AUTH = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
UNHEARD_OF = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\x05\x00")


@pytest.mark.parametrize(
    ("extension", "critical", "is_valid"),
    [
        pytest.param(SERVER_AUTH, False, True, id="extended key usage with serverAuth"),
        pytest.param(CLIENT_AUTH, False, False, id="extended key usage without serverAuth"),
        pytest.param(UNHEARD_OF, False, True, id="unknown extension"),
        pytest.param(UNHEARD_OF, True, False, id="unknown critical extension"),
    ],
)
def test_extensions_are_judged_as_go_judges_them(
    party: Party, *, extension: x509.ExtensionType, critical: bool, is_valid: bool
) -> None:
    """§14.5: chain building is that of Go's crypto/x509."""
    member = party.odd_member((extension, critical))
    if is_valid:
        accepted(party.msp, member)
    else:
        with pytest.raises(MalformedIdentityError):
            accepted(party.msp, member)


def spoil_name(config: FabricMSPConfig) -> None:
    config.name = ""


def spoil_roots(config: FabricMSPConfig) -> None:
    del config.root_certs[:]


def spoil_root(config: FabricMSPConfig) -> None:
    config.root_certs[0] = b"no certificate"


def spoil_admins(config: FabricMSPConfig) -> None:
    config.fabric_node_ous.ClearField("admin_ou_identifier")


def spoil_admin(config: FabricMSPConfig) -> None:
    config.admins.append(config.root_certs[0])


def spoil_hash(config: FabricMSPConfig) -> None:
    config.crypto_config.CopyFrom(FabricCryptoConfig(signature_hash_family="SHA3"))


def spoil_node_units(config: FabricMSPConfig) -> None:
    config.fabric_node_ous.CopyFrom(FabricNodeOUs(enable=True))


def spoil_revocations(config: FabricMSPConfig) -> None:
    config.revocation_list.append(b"no list")


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        pytest.param(spoil_name, "no name", id="no name"),
        pytest.param(spoil_roots, "no root CA certificate", id="no root"),
        pytest.param(spoil_root, "no PEM block", id="unreadable root"),
        pytest.param(spoil_admins, "nobody could administer it", id="no admins"),
        pytest.param(spoil_admin, "neither the admin nor the client OU", id="CA as admin"),
        pytest.param(spoil_hash, "SHA2 and SHA256", id="other hash"),
        pytest.param(spoil_node_units, "nobody could administer it", id="node OUs without any OU"),
        pytest.param(spoil_revocations, "not a certificate revocation list", id="CRL"),
    ],
)
def test_a_bad_definition_is_refused(
    party: Party, spoil: Callable[[FabricMSPConfig], None], problem: str
) -> None:
    """§14.6."""
    spoil(party.config)
    with pytest.raises(MspConfigError, match=problem):
        Msp(party.config)


def test_a_revoked_intermediate_makes_the_definition_unusable(party: Party) -> None:
    now = party.now
    below = party.authority.create_intermediate("below", now=now)
    party.config.intermediate_certs.append(below.to_pem().certificate_pem)
    party.config.revocation_list.append(party.authority.revoke([below.certificate], now=now))
    with pytest.raises(MspConfigError, match="is revoked: remove it"):
        Msp(party.config)


def test_only_x509_definitions_are_supported(party: Party) -> None:
    """§14.6: Idemix is type 1."""
    message = MSPConfig(type=0, config=party.config.SerializeToString())
    assert Msp.from_config(message).msp_id == "ClearingMSP"
    message.type = 1
    with pytest.raises(MspConfigError, match=r"type 1 is not X\.509"):
        Msp.from_config(message)
    with pytest.raises(MspConfigError, match=r"malformed msp\.FabricMSPConfig"):
        Msp.from_config(MSPConfig(config=b"\xff"))


def test_tls_authorities_come_back_as_one_bundle(party: Party) -> None:
    pem = party.authority.to_pem().certificate_pem
    party.config.tls_root_certs.append(pem.rstrip(b"\n"))
    party.config.tls_root_certs.append(pem)
    assert party.msp.tls_root_certificates == pem + pem


def test_a_revocation_list_must_come_from_the_authority_it_names(party: Party) -> None:
    """§14.5: a list with the right AuthorityKeyIdentifier but another signature revokes nothing."""
    member = party.member("peer")
    impostor = CertificateAuthority(
        party.authority.certificate, ec.generate_private_key(ec.SECP256R1())
    )
    revoked = [load_certificate(member.certificate_pem)]
    party.config.revocation_list.append(impostor.revoke(revoked, now=party.now))
    assert accepted(party.msp, member.identity).serialized == member.identity


def test_a_revocation_list_must_say_who_made_it(party: Party) -> None:
    builder = x509.CertificateRevocationListBuilder(
        party.authority.certificate.subject, party.now, party.now + YEAR
    )
    anonymous = builder.sign(ec.generate_private_key(ec.SECP256R1()), SHA256())
    party.config.revocation_list.append(anonymous.public_bytes(Encoding.PEM))
    with pytest.raises(MspConfigError, match="lacks an authority key identifier"):
        Msp(party.config)


def test_a_listed_admin_must_be_a_member(party: Party, new_party: Callable[[str], Party]) -> None:
    party.config.admins.append(new_party("OtherMSP").member("admin").certificate_pem)
    with pytest.raises(MspConfigError, match="an admin certificate is not valid"):
        Msp(party.config)


def test_an_identity_reads_as_its_msp_and_certificate(party: Party) -> None:
    identity = accepted(party.msp, party.member("peer", name="peer0").identity)
    serial_number = f"{identity.certificate.serial_number:x}"
    assert str(identity) == f"ClearingMSP CN=peer0,OU=peer,O=ClearingMSP (serial {serial_number})"
