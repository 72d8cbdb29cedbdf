"""Whole organisations on disk, and reading them back."""

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from tests.scenarios.outcome import Outcome, files

from tallystick.node.membership import certificates
from tallystick.node.membership.ca import CertificateAuthority, KeyPair
from tallystick.node.membership.directory import msp_config_from_directory
from tallystick.node.membership.errors import CertificateError, MaterialError
from tallystick.node.membership.identity import NodeRole
from tallystick.node.membership.material import (
    NodeSpec,
    OrganizationSpec,
    UserSpec,
    generate_organization,
)
from tallystick.node.membership.msp import Msp
from tallystick.node.membership.registry import MspRegistry
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.protos.msp.msp_config_pb2 import FabricMSPConfig

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPEC = OrganizationSpec(
    msp_id="ClearingMSP",
    domain="clearing.example",
    peers=(NodeSpec("peer0", ("127.0.0.1", "localhost")),),
    orderers=(NodeSpec("orderer0"),),
    users=(UserSpec("Admin", NodeRole.ADMIN), UserSpec("Alice", attributes={"desk": "7"})),
)


@pytest.fixture
def organization(tmp_path: Path) -> Path:
    generate_organization(SPEC, tmp_path / "clearing", now=NOW)
    return tmp_path / "clearing"


def fabric_config(directory: Path) -> FabricMSPConfig:
    message = msp_config_from_directory(directory, "ClearingMSP")
    return FabricMSPConfig.FromString(message.config)


@pytest.mark.parametrize(
    ("owner", "role"),
    [
        ("peers/peer0", NodeRole.PEER),
        ("orderers/orderer0", NodeRole.ORDERER),
        ("users/Admin", NodeRole.ADMIN),
        ("users/Alice", NodeRole.CLIENT),
    ],
)
def test_everybody_signs_as_who_they_are(organization: Path, owner: str, role: NodeRole) -> None:
    registry = MspRegistry([Msp(fabric_config(organization / "msp"))])
    signer = SigningIdentity.from_directory(organization / owner / "msp", "ClearingMSP")
    identity = registry.identity(signer.identity)
    assert identity.roles == {role}
    identity.verify(b"message", signer.sign(b"message"))


def test_a_local_msp_defines_the_same_members_as_the_verifying_one(organization: Path) -> None:
    """§14.6: local MSP directory."""
    assert fabric_config(organization / "msp") == fabric_config(organization / "peers/peer0/msp")


def test_the_definition_is_that_of_a_channel(organization: Path) -> None:
    """§14.6: no signing identity; SHA2 and SHA256; node OUs tied to the CA."""
    config = fabric_config(organization / "msp")
    assert not config.HasField("signing_identity")
    assert config.crypto_config.signature_hash_family == "SHA2"
    assert config.fabric_node_ous.enable
    assert config.fabric_node_ous.peer_ou_identifier.certificate == config.root_certs[0]
    tls_authority = (organization / "tlsca" / "tlsca.clearing.example-cert.pem").read_bytes()
    assert list(config.tls_root_certs) == [tls_authority]


def test_attributes_are_certified(organization: Path) -> None:
    registry = MspRegistry([Msp(fabric_config(organization / "msp"))])
    alice = SigningIdentity.from_directory(organization / "users/Alice/msp", "ClearingMSP")
    identity = registry.identity(alice.identity)
    assert identity.attributes == {"desk": "7"}
    assert identity.common_name == "Alice@clearing.example"


def test_keys_are_for_their_owners_eyes(organization: Path) -> None:
    keys = [*organization.rglob("priv_sk"), *organization.rglob("*.key")]
    assert len(keys) == 2 + 2 * 4
    for key in keys:
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
        assert key.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")


def test_tls_certificates_name_every_host(organization: Path) -> None:
    tls = organization / "peers/peer0/tls"
    certificate = certificates.load_certificate((tls / "server.crt").read_bytes())
    names = certificates.extension(certificate, x509.SubjectAlternativeName)
    assert names is not None
    assert names.get_values_for_type(x509.DNSName) == [
        "peer0.clearing.example",
        "peer0",
        "localhost",
    ]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    certificate.verify_directly_issued_by(
        certificates.load_certificate((tls / "ca.crt").read_bytes())
    )
    key = load_pem_private_key((tls / "server.key").read_bytes(), password=None)
    assert key.public_key() == certificate.public_key()


def test_a_saved_authority_can_go_on_issuing(organization: Path) -> None:
    saved = KeyPair(
        (organization / "ca" / "ca.clearing.example-cert.pem").read_bytes(),
        (organization / "ca" / "priv_sk").read_bytes(),
    )
    assert CertificateAuthority.from_pem(saved).to_pem() == saved


def test_an_organisation_is_not_overwritten(outcome: Outcome, organization: Path) -> None:
    with outcome.refuses(
        MaterialError, leaves=files(organization), match="there is an organisation here"
    ):
        generate_organization(SPEC, organization, now=NOW)


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        pytest.param(OrganizationSpec("My_MSP", "x"), "not an MSP id", id="MSP id"),
        pytest.param(
            OrganizationSpec("X", "x", users=(UserSpec("../Alice"),)), "not a name", id="path"
        ),
        pytest.param(
            OrganizationSpec("X", "x", peers=(NodeSpec("p"), NodeSpec("p"))), "twice", id="twice"
        ),
        *(
            pytest.param(OrganizationSpec("X", domain), "not a DNS domain", id=f"domain {domain!r}")
            for domain in ("", "a b", "ä.b", "a..b", "a.b.", "-a.b", "1.2.3.4", "a.b\n")
        ),
        *(
            pytest.param(
                OrganizationSpec("X", "x", peers=(NodeSpec("p", ("localhost", host)),)),
                "neither a DNS name nor an IP address",
                id=f"host {host!r}",
            )
            for host in ("", "a b", "hö", "1.2.3.999", "fe80::1%eth0", "a.*.b", "a" * 64, "a\n")
        ),
        pytest.param(OrganizationSpec("X", "a." * 30), "not a DNS domain", id="a dot too many"),
        pytest.param(
            OrganizationSpec("X", "a." * 29 + "a"), "has 65: choose a", id="a long domain"
        ),
        pytest.param(
            OrganizationSpec("X", "x", peers=(NodeSpec("p" * 63),)), "has 65", id="a long node"
        ),
        pytest.param(
            OrganizationSpec("X", "x", users=(UserSpec("u" * 63),)), "has 65", id="a long user"
        ),
    ],
)
def test_names_in_a_new_organisation_must_fit(
    outcome: Outcome, tmp_path: Path, spec: OrganizationSpec, problem: str
) -> None:
    with outcome.refuses(MaterialError, leaves=files(tmp_path), match=problem):
        generate_organization(spec, tmp_path / "new", now=NOW)
    assert not (tmp_path / "new").exists()


def test_names_that_just_fit_are_certified(tmp_path: Path) -> None:
    hosts = ("*.cdn_1.example", "xn--h-0fa", "::1", "10.0.0.1", "0x.a-b")
    nodes = (NodeSpec("p" * 62, hosts),)
    generate_organization(
        OrganizationSpec("X", "x", nodes, users=(UserSpec("u" * 62),)), tmp_path / "new", now=NOW
    )
    certificate = tmp_path / "new" / "peers" / nodes[0].name / "tls" / "server.crt"
    extensions = certificates.load_certificate(certificate.read_bytes()).extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(name.value) for name in names} >= set(hosts)


def test_a_key_is_found_among_others_or_missed(outcome: Outcome, organization: Path) -> None:
    """§14.6: a keystore file may have any name."""
    outcome.fault = "no private key in a keystore belongs to the certificate"
    keystore = organization / "peers/peer0/msp/keystore"
    (keystore / "priv_sk").rename(keystore / "zzz")
    (keystore / "aaa").write_bytes((organization / "peers/peer0/tls/server.key").read_bytes())
    (keystore / "bbb").write_text("no key", encoding="utf-8")
    signer = SigningIdentity.from_directory(organization / "peers/peer0/msp", "ClearingMSP")
    assert signer.msp_id == "ClearingMSP"
    (keystore / "zzz").unlink()
    with outcome.refuses(
        MaterialError, leaves=files(organization), match="no private key here belongs to"
    ):
        SigningIdentity.from_directory(organization / "peers/peer0/msp", "ClearingMSP")


def test_a_local_msp_has_one_certificate(outcome: Outcome, organization: Path) -> None:
    outcome.fault = "a local MSP has no certificate"
    with outcome.refuses(
        MaterialError, leaves=files(organization), match="expected one certificate"
    ):
        SigningIdentity.from_directory(organization / "msp", "ClearingMSP")


@pytest.mark.parametrize("key", [b"no key", b"-----BEGIN PRIVATE KEY-----\n"])
def test_an_unreadable_private_key_is_refused(
    outcome: Outcome, organization: Path, key: bytes
) -> None:
    certificate = (organization / "ca" / "ca.clearing.example-cert.pem").read_bytes()
    with outcome.refuses(CertificateError, leaves=files(organization), match="PEM private key"):
        SigningIdentity.from_pem("ClearingMSP", certificate, key)


def test_settings_of_other_tools_are_read(organization: Path) -> None:
    """§14.6: config.yaml."""
    settings = organization / "msp" / "config.yaml"
    settings.write_text(
        yaml.safe_dump({
            "Future": True,
            "NodeOUs": {"Enable": False},
            "OrganizationalUnitIdentifiers": [
                {
                    "Certificate": "cacerts/ca.clearing.example-cert.pem",
                    "OrganizationalUnitIdentifier": "desk",
                }
            ],
        }),
        encoding="utf-8",
    )  # fmt: skip
    config = fabric_config(organization / "msp")
    assert not config.HasField("fabric_node_ous")
    required = config.organizational_unit_identifiers
    assert [unit.organizational_unit_identifier for unit in required] == ["desk"]
    assert required[0].certificate == config.root_certs[0]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("config.yaml", "NodeOUs: [", "not a valid MSP configuration"),
        ("config.yaml", "NodeOUs: 7", "not a valid MSP configuration"),
        (
            "config.yaml",
            "{NodeOUs: {Enable: true, PeerOUIdentifier: "
            "{Certificate: gone.pem, OrganizationalUnitIdentifier: peer}}}",
            "ties OU 'peer' to this file",
        ),
        ("cacerts/notes.txt", "no certificate", "remove the file or repair it"),
    ],
)
def test_files_of_an_msp_that_cannot_be_read_are_named(
    outcome: Outcome, organization: Path, name: str, content: str, problem: str
) -> None:
    (organization / "msp" / name).write_text(content, encoding="utf-8")
    with outcome.refuses(MaterialError, leaves=files(organization), match=problem):
        fabric_config(organization / "msp")


def test_an_msp_needs_an_authority(outcome: Outcome, tmp_path: Path) -> None:
    outcome.fault = "an MSP has no certificate of an authority"
    with outcome.refuses(
        MaterialError, leaves=files(tmp_path), match="no CA certificate of ClearingMSP here"
    ):
        msp_config_from_directory(tmp_path, "ClearingMSP")


def test_only_elliptic_curve_keys_sign(outcome: Outcome, organization: Path) -> None:
    outcome.fault = "a private key is not an elliptic-curve key"
    certificate = (organization / "ca" / "ca.clearing.example-cert.pem").read_bytes()
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with outcome.refuses(
        CertificateError, leaves=files(organization), match="Ed25519PrivateKey: use an EC P-256 key"
    ):
        SigningIdentity.from_pem("ClearingMSP", certificate, pem)


def test_a_directory_without_settings_has_no_node_units(organization: Path) -> None:
    (organization / "msp" / "config.yaml").unlink()
    assert not fabric_config(organization / "msp").HasField("fabric_node_ous")


def test_units_without_a_certificate_admit_every_authority(organization: Path) -> None:
    """§14.6: Certificate is optional."""
    (organization / "msp" / "config.yaml").write_text(
        "NodeOUs: {Enable: true, AdminOUIdentifier: {OrganizationalUnitIdentifier: boss}}",
        encoding="utf-8",
    )
    units = fabric_config(organization / "msp").fabric_node_ous
    assert units.admin_ou_identifier.organizational_unit_identifier == "boss"
    assert units.admin_ou_identifier.certificate == b""
    assert not units.HasField("peer_ou_identifier")
