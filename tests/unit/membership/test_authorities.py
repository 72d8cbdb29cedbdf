from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tallystick.node.membership.authorities import CertificateAuthorities, certifiers_identifier
from tallystick.node.membership.ca import CertificateAuthority, CertificateRequest
from tallystick.node.membership.certificates import (
    canonical_certificate,
    load_certificate,
    parse_certificate,
    to_der,
)
from tallystick.node.membership.errors import CertificateError
from tallystick.wire.hashing import sha256

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CA_FLAG = x509.BasicConstraints(ca=True, path_length=None)
NO_CA_FLAG = x509.BasicConstraints(ca=False, path_length=None)
IDENTIFIER = x509.SubjectKeyIdentifier(b"ski")
NO_CERTIFICATE_SIGNING = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
NAME_CONSTRAINTS = x509.NameConstraints([x509.DNSName("example.com")], None)


def root_with(
    *extensions: x509.ExtensionType,
    serial: int = 7,
    key: ec.EllipticCurvePrivateKey | None = None,
) -> CertificateAuthority:
    """Return a self-signed certificate with these extensions alone."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca")])
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=serial,
        not_valid_before=NOW,
        not_valid_after=NOW + timedelta(days=1),
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    certificate = builder.sign(key, SHA256())
    return CertificateAuthority(canonical_certificate(certificate, certificate), key)


def issued_by(authority: CertificateAuthority, now: datetime = NOW) -> x509.Certificate:
    return load_certificate(authority.issue(CertificateRequest("user"), now=now).certificate_pem)


@pytest.mark.parametrize(
    ("extensions", "problem"),
    [
        pytest.param((IDENTIFIER,), "CA flag is not set", id="no constraints at all"),
        pytest.param((NO_CA_FLAG, IDENTIFIER), "CA flag is not set", id="CA flag off"),
        pytest.param((CA_FLAG, IDENTIFIER, NO_CERTIFICATE_SIGNING), "key usage", id="key usage"),
        pytest.param((CA_FLAG,), "lacks a subject key identifier", id="no SKI"),
        pytest.param((CA_FLAG, IDENTIFIER, NAME_CONSTRAINTS), "name constraints", id="names"),
    ],
)
def test_an_authority_must_be_fit_to_be_one(
    extensions: tuple[x509.ExtensionType, ...], problem: str
) -> None:
    """§14.5: CA flag, keyCertSign, SubjectKeyIdentifier."""
    with pytest.raises(CertificateError, match=problem):
        CertificateAuthorities([root_with(*extensions).certificate])


def test_a_chain_leads_over_the_intermediates_to_the_root() -> None:
    root = CertificateAuthority.create("root", "org", now=NOW)
    upper = root.create_intermediate("upper", now=NOW)
    lower = upper.create_intermediate("lower", now=NOW)
    authorities = CertificateAuthorities([root.certificate], [lower.certificate, upper.certificate])
    user = issued_by(lower)
    assert authorities.chain(user) == (
        user, lower.certificate, upper.certificate, root.certificate,
    )  # fmt: skip
    assert [authorities.is_leaf(ca.certificate) for ca in (root, upper, lower)] == [
        False,
        False,
        True,
    ]


def test_an_intermediate_must_lead_to_a_root() -> None:
    stranger = CertificateAuthority.create("stranger", "org", now=NOW)
    root = CertificateAuthority.create("root", "org", now=NOW)
    orphan = stranger.create_intermediate("orphan", now=NOW)
    with pytest.raises(CertificateError, match="has 0 chains to a root"):
        CertificateAuthorities([root.certificate], [orphan.certificate])


def test_two_chains_are_as_bad_as_none() -> None:
    """§14.5: exactly one chain."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "renewed")])
    roots = []
    for serial_number in (1, 2):
        builder = x509.CertificateBuilder(
            name, name, key.public_key(), serial_number, NOW, NOW + timedelta(days=1)
        )
        for extension in (CA_FLAG, IDENTIFIER):
            builder = builder.add_extension(extension, critical=False)
        roots.append(builder.sign(key, SHA256()))
    user = issued_by(CertificateAuthority(roots[0], key), now=NOW + timedelta(hours=1))
    assert len(CertificateAuthorities(roots[:1]).chain(user)) == 2
    with pytest.raises(CertificateError, match="has 2 chains to a root"):
        CertificateAuthorities(roots).chain(user)


def test_authorities_that_certify_each_other_cost_no_more_than_a_hundred_checks() -> None:
    """Go's crypto/x509 has this limit; the chains of these 24 authorities are 24 factorial."""
    key = ec.generate_private_key(ec.SECP256R1())
    alike = [root_with(CA_FLAG, IDENTIFIER, serial=serial, key=key) for serial in range(1, 25)]
    root = CertificateAuthority.create("root", "org", now=NOW)
    with pytest.raises(CertificateError, match="0 chains"):
        CertificateAuthorities([root.certificate], [each.certificate for each in alike])


def test_an_authority_must_have_a_key_of_a_known_kind() -> None:
    known = root_with(CA_FLAG, IDENTIFIER).certificate.public_bytes(Encoding.DER)
    curve = bytes.fromhex("06082a8648ce3d030107")
    assert known.count(curve) == 1
    unknown = parse_certificate(known.replace(curve, bytes.fromhex("06082a8648ce3d030177")))
    with pytest.raises(CertificateError, match="no key for checks"):
        CertificateAuthorities([unknown])


def test_a_path_length_limits_how_many_authorities_stand_below() -> None:
    root = root_with(x509.BasicConstraints(ca=True, path_length=0), IDENTIFIER)
    later = NOW + timedelta(hours=1)
    authorities = CertificateAuthorities([root.certificate])
    assert len(authorities.chain(issued_by(root, later))) == 2
    below = root.create_intermediate("below", now=later)
    below_user = issued_by(below, later)
    assert authorities.chain(below.certificate) == (below.certificate, root.certificate)
    with pytest.raises(CertificateError, match="has 0 chains"):
        CertificateAuthorities([root.certificate], [below.certificate]).chain(below_user)


def test_the_authority_must_have_been_valid_when_the_certificate_was_made() -> None:
    """§14.5: chains are built at one second after NotBefore."""
    root = root_with(CA_FLAG, IDENTIFIER)
    authorities = CertificateAuthorities([root.certificate])
    assert authorities.chain(issued_by(root, NOW + timedelta(hours=23)))
    with pytest.raises(CertificateError, match="has 0 chains"):
        authorities.chain(issued_by(root, NOW + timedelta(days=2)))


def test_an_authority_with_others_below_it_certifies_no_identities() -> None:
    root = CertificateAuthority.create("root", "org", now=NOW)
    below = root.create_intermediate("below", now=NOW)
    authorities = CertificateAuthorities([root.certificate], [below.certificate])
    assert authorities.certifiers_of(below.certificate) != authorities.certifiers_of(
        root.certificate
    )
    stranger = CertificateAuthority.create("stranger", "org", now=NOW)
    with pytest.raises(CertificateError, match="has 0 chains"):
        authorities.certifiers_of(stranger.certificate)


def test_a_unit_is_tied_only_to_authorities_that_issue_identities() -> None:
    """§14.5: certifiers identifier of a NodeOU."""
    root = CertificateAuthority.create("root", "org", now=NOW)
    upper = root.create_intermediate("upper", now=NOW)
    lower = upper.create_intermediate("lower", now=NOW)
    authorities = CertificateAuthorities([root.certificate], [lower.certificate, upper.certificate])
    with pytest.raises(CertificateError, match="has CAs below it: name one of those"):
        authorities.certifiers_of(upper.certificate)
    with pytest.raises(CertificateError, match="is not a CA of this MSP: list it as one"):
        authorities.certifiers_of(lower.create_intermediate("unlisted", now=NOW).certificate)


def test_an_identifier_hashes_the_authorities_above() -> None:
    """§14.5: SHA-256 of the DER of the chain above the identity, issuer first."""
    root = CertificateAuthority.create("root", "org", now=NOW)
    below = root.create_intermediate("below", now=NOW)
    authorities = CertificateAuthorities([root.certificate], [below.certificate])
    certifiers = sha256(to_der(below.certificate) + to_der(root.certificate))
    assert authorities.certifiers_of(below.certificate) == certifiers
    assert certifiers_identifier(authorities.chain(issued_by(below))[1:]) == certifiers
