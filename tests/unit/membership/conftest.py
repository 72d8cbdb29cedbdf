"""Organisations in the making: tests bend one rule at a time and see who is still accepted."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from tallystick.node.membership.ca import CertificateAuthority, CertificateRequest
from tallystick.node.membership.certificates import to_pem
from tallystick.node.membership.msp import Msp
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.protos.msp.msp_config_pb2 import (
    FabricMSPConfig,
    FabricNodeOUs,
    FabricOUIdentifier,
)
from tallystick.wire.identities import serialize_identity

NOW = datetime(2026, 1, 1, tzinfo=UTC)

CertificateKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey


@dataclass
class Party:
    """One organisation. Change ``config``, then ask for its ``msp``."""

    msp_id: str
    authority: CertificateAuthority
    config: FabricMSPConfig = field(default_factory=FabricMSPConfig)

    @property
    def now(self) -> datetime:
        """When everything here was certified."""
        return NOW

    @property
    def msp(self) -> Msp:
        return Msp(self.config)

    def member(
        self, *units: str, authority: CertificateAuthority | None = None, name: str = "someone"
    ) -> SigningIdentity:
        """Return a new member with these OUs, certified by the root CA unless told otherwise."""
        request = CertificateRequest(name, units)
        pair = (authority or self.authority).issue(request, now=NOW)
        return SigningIdentity.from_pem(self.msp_id, pair.certificate_pem, pair.key_pem)

    def odd_member(
        self,
        *extensions: tuple[x509.ExtensionType, bool],
        key: CertificateKey | None = None,
        lifetime: timedelta = timedelta(days=1),
    ) -> bytes:
        """Return a peer whose certificate no CA of ours would issue, as serialized identity."""
        ca = self.authority
        subject = x509.Name([
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "peer"),
            x509.NameAttribute(NameOID.COMMON_NAME, "odd"),
        ])  # fmt: skip
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca.certificate.subject)
            .public_key(key or ec.generate_private_key(ec.SECP256R1()).public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW)
            .not_valid_after(NOW + lifetime)
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        return serialize_identity(self.msp_id, to_pem(builder.sign(ca._key, SHA256())))


def unit(name: str, certificate: bytes = b"") -> FabricOUIdentifier:
    return FabricOUIdentifier(organizational_unit_identifier=name, certificate=certificate)


@pytest.fixture
def new_party() -> Callable[[str], Party]:
    """Return what makes an organisation: one root CA, node OUs on."""

    def make(msp_id: str) -> Party:
        authority = CertificateAuthority.create(f"ca.{msp_id}", msp_id, now=NOW)
        config = FabricMSPConfig(
            name=msp_id,
            root_certs=[authority.to_pem().certificate_pem],
            fabric_node_ous=FabricNodeOUs(
                enable=True,
                client_ou_identifier=unit("client"),
                peer_ou_identifier=unit("peer"),
                admin_ou_identifier=unit("admin"),
                orderer_ou_identifier=unit("orderer"),
            ),
        )
        return Party(msp_id, authority, config)

    return make


@pytest.fixture
def party(new_party: Callable[[str], Party]) -> Party:
    return new_party("ClearingMSP")
