"""New certificates from an organisation's own authorities, and new authorities."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from tests.scenarios.outcome import Outcome, files

from tallystick.node.membership import certificates
from tallystick.node.membership.directory import msp_config_from_directory
from tallystick.node.membership.errors import IdentityError, MaterialError
from tallystick.node.membership.identity import NodeRole
from tallystick.node.membership.material import (
    NodeSpec,
    OrganizationSpec,
    UserSpec,
    generate_organization,
)
from tallystick.node.membership.msp import Msp
from tallystick.node.membership.registry import MspRegistry
from tallystick.node.membership.renewal import FORMER_CERTIFICATE, OrganizationDirectory
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.node.transport.credentials import KeyPair
from tallystick.protos.msp.msp_config_pb2 import FabricMSPConfig

MSP_ID = "ClearingMSP"
PEER = "peer0.clearing.example"
ALICE = "Alice@clearing.example"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=300)
SPEC = OrganizationSpec(
    MSP_ID,
    "clearing.example",
    peers=(NodeSpec("peer0", ("127.0.0.1", "localhost")),),
    orderers=(NodeSpec("orderer0"),),
    users=(UserSpec("Admin", NodeRole.ADMIN), UserSpec("Alice", attributes={"desk": "7"})),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    generate_organization(SPEC, tmp_path / MSP_ID, now=NOW)
    return tmp_path / MSP_ID


@pytest.fixture
def directory(path: Path) -> OrganizationDirectory:
    return OrganizationDirectory(path)


def definition(msp: Path) -> FabricMSPConfig:
    return FabricMSPConfig.FromString(msp_config_from_directory(msp, MSP_ID).config)


def members(path: Path) -> MspRegistry:
    """Return the organisation as its folder for channels defines it."""
    return MspRegistry([Msp(definition(path / "msp"))])


def renew_all(directory: OrganizationDirectory) -> None:
    for holder in directory.holders():
        directory.renew(holder, now=LATER)


def load(path: Path) -> x509.Certificate:
    return certificates.load_certificate(path.read_bytes())


def test_everybody_with_certificates_is_found(directory: OrganizationDirectory) -> None:
    names = [holder.name for holder in directory.holders()]
    assert names == ["orderer0.clearing.example", PEER, "Admin@clearing.example", ALICE]
    with pytest.raises(MaterialError, match=r"peer9: ClearingMSP has no such node or user, only"):
        directory.holder("peer9")


def test_renewed_certificates_say_what_the_old_ones_said(
    path: Path, directory: OrganizationDirectory
) -> None:
    alice, peer = directory.holder(ALICE), directory.holder(PEER)
    old, old_tls = load(alice.signing), load(peer.tls)
    former = [directory.renew(holder, now=LATER) for holder in (alice, peer)]
    assert former[0] == old == load(alice.path / FORMER_CERTIFICATE)
    new = load(alice.signing)
    assert new.public_key() != old.public_key()
    assert new.not_valid_after_utc - old.not_valid_after_utc == LATER - NOW
    signer = SigningIdentity.from_directory(alice.path / "msp", MSP_ID)
    identity = members(path).identity(signer.identity)
    assert identity.roles == {NodeRole.CLIENT}
    assert identity.attributes == {"desk": "7"}
    assert identity.common_name == ALICE
    names = x509.SubjectAlternativeName
    assert certificates.extension(load(peer.tls), names) == certificates.extension(old_tls, names)


def test_renewed_keys_fit_and_are_for_their_owners_eyes(
    path: Path, directory: OrganizationDirectory
) -> None:
    renew_all(directory)
    for key in [*path.rglob("priv_sk"), *path.rglob("*.key")]:
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    for holder in directory.holders():
        SigningIdentity.from_directory(holder.path / "msp", MSP_ID)  # raises if they do not fit
        pair = KeyPair(holder.tls.read_bytes(), holder.tls.with_suffix(".key").read_bytes())
        SigningIdentity.from_pem(MSP_ID, pair.certificate, pair.private_key)
    assert not [*path.rglob("*.draft")]


def test_new_authorities_stand_beside_the_old_ones(
    path: Path, directory: OrganizationDirectory
) -> None:
    before = definition(path / "msp")
    old = SigningIdentity.from_directory(directory.holder(PEER).path / "msp", MSP_ID)
    directory.add_authorities(now=LATER)
    between = definition(path / "msp")
    assert set(before.root_certs) < set(between.root_certs)
    assert set(before.tls_root_certs) < set(between.tls_root_certs)
    directory.renew(directory.holder(PEER), now=LATER)
    new = SigningIdentity.from_directory(directory.holder(PEER).path / "msp", MSP_ID)
    for signer in (old, new):
        assert members(path).identity(signer.identity).roles == {NodeRole.PEER}
    trusted = (path / "users/Alice/tls/ca.crt").read_bytes()
    assert all(pem.strip() in trusted for pem in between.tls_root_certs)


def test_who_is_renewed_trusts_the_new_authority_in_its_own_house(
    path: Path, directory: OrganizationDirectory
) -> None:
    directory.add_authorities(now=LATER)
    renew_all(directory)
    local = definition(path / "peers/peer0/msp")
    assert list(local.root_certs) == [(path / "ca/ca.clearing.example-cert.pem").read_bytes()]
    own = SigningIdentity.from_directory(path / "peers/peer0/msp", MSP_ID)
    assert MspRegistry([Msp(local)]).identity(own.identity).roles == {NodeRole.PEER}


def test_former_authorities_are_dropped_once_nobody_needs_them(
    outcome: Outcome, path: Path, directory: OrganizationDirectory
) -> None:
    old = SigningIdentity.from_directory(path / "users/Alice/msp", MSP_ID)
    directory.add_authorities(now=LATER)
    with outcome.refuses(
        MaterialError, leaves=files(path), match=r"still has a certificate of the old authority"
    ):
        directory.drop_former()
    renew_all(directory)
    directory.drop_former()
    after = definition(path / "msp")
    assert len(after.root_certs) == len(after.tls_root_certs) == 1
    assert after == definition(path / "users/Alice/msp")
    assert after.fabric_node_ous.peer_ou_identifier.certificate == after.root_certs[0]
    assert (path / "users/Alice/tls/ca.crt").read_bytes() == after.tls_root_certs[0]
    assert not [*path.glob("*.former")]
    with outcome.refuses(IdentityError, leaves=files(path)):
        members(path).identity(old.identity)
    with outcome.refuses(
        MaterialError, leaves=files(path), match="has no former authority to drop"
    ):
        directory.drop_former()


@pytest.mark.parametrize("moved", ["ca", "tlsca"])
def test_an_interrupted_change_of_authorities_is_completed(
    path: Path, directory: OrganizationDirectory, moved: str
) -> None:
    (path / moved).rename(path / f"{moved}.former")
    directory.add_authorities(now=LATER)
    once = definition(path / "msp")
    directory.add_authorities(now=LATER)
    assert definition(path / "msp") == once
    assert len(once.root_certs) == len(once.tls_root_certs) == 2


def test_who_issued_a_certificate_revokes_it(
    outcome: Outcome, path: Path, directory: OrganizationDirectory
) -> None:
    old = load(directory.holder(ALICE).signing)
    directory.add_authorities(now=LATER)
    directory.renew(directory.holder(ALICE), now=LATER)
    for certificate in (old, load(directory.holder(ALICE).signing)):
        found = certificates.load_revocation_list(directory.revocation_list(certificate, now=LATER))
        assert [entry.serial_number for entry in found] == [certificate.serial_number]
    with outcome.refuses(
        MaterialError, leaves=files(path), match="this authority has not issued CN=peer0"
    ):
        directory.revocation_list(load(directory.holder(PEER).tls), now=LATER)


def test_without_its_key_an_authority_issues_nothing(
    outcome: Outcome, path: Path, directory: OrganizationDirectory
) -> None:
    (path / "ca" / "priv_sk").unlink()
    with outcome.refuses(
        MaterialError, leaves=files(path), match="an authority elsewhere must issue"
    ):
        directory.renew(directory.holder(PEER), now=LATER)
