"""Identities for tests: real certificates of organisations that exist only in the test."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from pydantic_core import to_json

from tallystick.chaincode.client_identity import ATTRIBUTES_EXTENSION, ClientIdentity
from tallystick.wire.identities import serialize_identity

_NOT_BEFORE = datetime(2020, 1, 1, tzinfo=UTC)
_NOT_AFTER = datetime(2120, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Client:
    """A member of an organisation.

    Attributes:
        creator: ``SerializedIdentity`` bytes, as they stand in a proposal.
    """

    name: str
    msp_id: str
    creator: bytes

    @property
    def identity(self) -> ClientIdentity:
        """What a contract sees of this client."""
        return ClientIdentity.of(self.creator)


def make_client(
    msp_id: str,
    name: str = "client",
    *,
    attributes: Mapping[str, str] | None = None,
    organizational_unit: str = "client",
) -> Client:
    """Return a client with a new key and a certificate that carries ``attributes``."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(
            x509.Name(
                [
                    x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, organizational_unit),
                    x509.NameAttribute(NameOID.COMMON_NAME, name),
                ]
            )
        )
        .issuer_name(_issuer_name(msp_id))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_NOT_BEFORE)
        .not_valid_after(_NOT_AFTER)
    )
    if attributes:
        value = to_json({"attrs": dict(attributes)})
        extension = x509.UnrecognizedExtension(ATTRIBUTES_EXTENSION, value)
        builder = builder.add_extension(extension, critical=False)
    certificate = builder.sign(_issuer_key(msp_id), SHA256())
    pem = certificate.public_bytes(Encoding.PEM)
    return Client(name, msp_id, serialize_identity(msp_id, pem))


def _issuer_name(msp_id: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"ca.{msp_id}")])


@cache
def _issuer_key(msp_id: str) -> ec.EllipticCurvePrivateKey:  # noqa: ARG001 -- one key per MSP
    return ec.generate_private_key(ec.SECP256R1())
