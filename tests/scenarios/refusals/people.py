"""Who uses the network of the refusal scenarios, and who only tries to."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from tallystick.node.cluster.material import generate_material
from tallystick.node.cluster.topology import Topology
from tallystick.node.membership.ca import CertificateAuthority, CertificateRequest, KeyPair
from tallystick.node.membership.certificates import load_certificate
from tallystick.node.membership.material import OrganizationSpec, UserSpec, generate_organization
from tallystick.node.membership.signing_identity import SigningIdentity

NOW: Final = datetime(2026, 8, 1, 12, tzinfo=UTC)
NOW_NS: Final = int(NOW.timestamp()) * 1_000_000_000
FOUNDED: Final = NOW - timedelta(days=30)
FOUNDED_NS: Final = int(FOUNDED.timestamp()) * 1_000_000_000

CLEARING: Final = "ClearingMSP"
BANK: Final = "BankMSP"
ORDERER: Final = "OrdererMSP"
STRANGER: Final = "StrangerMSP"


@dataclass(frozen=True, slots=True)
class People:
    """Identities, by what they are to the channel.

    Attributes:
        directory: What cryptogen would have written, and the revocation list of one organisation.
        client: May propose, submit and read.
        colleague: Likewise, of the same organisation.
        admin: Administers the peer of that organisation.
        clearing_peer: Endorses for that organisation.
        bank_peer: Endorses for the other one.
        expired: A client whose certificate ran out yesterday.
        revoked: A client whom the revocation list in the channel's configuration names.
        revoked_peer: A peer whom it names.
        orderer: Of the organisation that orders, which neither writes nor reads as a member.
        stranger: Of an organisation that is not on the channel.
    """

    directory: Path
    client: SigningIdentity
    colleague: SigningIdentity
    admin: SigningIdentity
    clearing_peer: SigningIdentity
    bank_peer: SigningIdentity
    expired: SigningIdentity
    revoked: SigningIdentity
    revoked_peer: SigningIdentity
    orderer: SigningIdentity
    stranger: SigningIdentity


def found(topology: Topology, directory: Path) -> People:
    """Certify everybody, a month ago, and revoke whom the network must no longer trust."""
    generate_material(topology, directory, now_ns=FOUNDED_NS)
    stranger = OrganizationSpec(STRANGER, "stranger.example", users=(UserSpec("client"),))
    generate_organization(stranger, directory / STRANGER, now=FOUNDED)
    authority = _authority(directory / CLEARING / "ca")
    revoked, revoked_peer = _issue(authority, "client"), _issue(authority, "peer")
    _revoke(authority, directory / CLEARING / "msp", revoked, revoked_peer)

    def member(msp_id: str, path: str) -> SigningIdentity:
        return SigningIdentity.from_directory(directory / msp_id / path / "msp", msp_id)

    return People(
        directory=directory,
        client=member(CLEARING, "users/client"),
        colleague=_identity(_issue(authority, "client")),
        admin=member(CLEARING, "users/admin"),
        clearing_peer=member(CLEARING, "peers/peer0"),
        bank_peer=member(BANK, "peers/peer0"),
        expired=_identity(_issue(authority, "client", lifetime=timedelta(days=29))),
        revoked=_identity(revoked),
        revoked_peer=_identity(revoked_peer),
        orderer=member(ORDERER, "orderers/orderer0"),
        stranger=member(STRANGER, "users/client"),
    )


def _authority(directory: Path) -> CertificateAuthority:
    (certificate,) = directory.glob("*.pem")
    key = directory / "priv_sk"
    return CertificateAuthority.from_pem(KeyPair(certificate.read_bytes(), key.read_bytes()))


def _issue(
    authority: CertificateAuthority, role: str, lifetime: timedelta = timedelta(days=365)
) -> KeyPair:
    request = CertificateRequest(f"{role}.example", (role,), lifetime=lifetime)
    return authority.issue(request, now=FOUNDED)


def _identity(pair: KeyPair) -> SigningIdentity:
    return SigningIdentity.from_pem(CLEARING, pair.certificate_pem, pair.key_pem)


def _revoke(authority: CertificateAuthority, msp: Path, *pairs: KeyPair) -> None:
    certificates = [load_certificate(pair.certificate_pem) for pair in pairs]
    (msp / "crls").mkdir()
    (msp / "crls" / "revoked.pem").write_bytes(authority.revoke(certificates, now=NOW))
