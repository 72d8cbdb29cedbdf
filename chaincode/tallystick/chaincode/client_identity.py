"""Who signed the proposal, as far as a contract may care.

The endorser has verified the certificate before any contract runs; here it is only read.
Source: wire.md §9.4.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier
from google.protobuf.message import DecodeError
from pydantic import BaseModel

from tallystick.protos.msp.identities_pb2 import SerializedIdentity

# What is raised about a certificate beside ValueError, and about the message around it.
_UNREADABLE = (
    DecodeError,
    TypeError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
ATTRIBUTES_EXTENSION = ObjectIdentifier("1.2.3.4.5.6.7.8.1")


class _AttributesExtension(BaseModel):
    attrs: dict[str, str]


class ClientIdentity:
    """The certificate of a client and the organisation that vouches for it.

    Attributes:
        msp_id: The organisation's MSP id.
        id: ``x509::subject::issuer`` with both names as RFC 4514 writes them.
        attributes: What the organisation's certificate authority says of the client, by name.
        common_name: CN of the subject; empty when it has none.
        organizational_units: OUs of the subject, in the certificate's order.
    """

    __slots__ = (
        "attributes",
        "certificate",
        "common_name",
        "id",
        "msp_id",
        "organizational_units",
    )

    def __init__(self, msp_id: str, certificate: x509.Certificate) -> None:
        subject, issuer = certificate.subject, certificate.issuer
        self.msp_id = msp_id
        self.certificate = certificate
        self.id = f"x509::{subject.rfc4514_string()}::{issuer.rfc4514_string()}"
        self.common_name = next(iter(_values(subject, NameOID.COMMON_NAME)), "")
        self.organizational_units = _values(subject, NameOID.ORGANIZATIONAL_UNIT_NAME)
        self.attributes: Mapping[str, str] = MappingProxyType(_attributes(certificate))

    @staticmethod
    def of(creator: bytes) -> "ClientIdentity":
        """Return the client whose ``SerializedIdentity`` bytes these are; parsed once per identity.

        Raises:
            ValueError: The bytes hold no X.509 certificate, or its attributes extension is not JSON
                of the form ``{"attrs": {"name": "value"}}``.
        """
        return _parse(creator)

    def __repr__(self) -> str:
        return f"ClientIdentity({self.msp_id!r}, {self.id!r})"


@lru_cache(maxsize=1024)
def _parse(creator: bytes) -> ClientIdentity:
    try:
        identity = SerializedIdentity.FromString(creator)
        return ClientIdentity(identity.mspid, x509.load_pem_x509_certificate(identity.id_bytes))
    except _UNREADABLE as error:
        raise ValueError(f"not an identity with an X.509 certificate: {error}") from error


def _values(name: x509.Name, oid: ObjectIdentifier) -> tuple[str, ...]:
    return tuple(str(attribute.value) for attribute in name.get_attributes_for_oid(oid))


def _attributes(certificate: x509.Certificate) -> dict[str, str]:
    try:
        extension = certificate.extensions.get_extension_for_oid(ATTRIBUTES_EXTENSION)
    except x509.ExtensionNotFound:
        return {}
    assert isinstance(extension.value, x509.UnrecognizedExtension)
    return _AttributesExtension.model_validate_json(extension.value.value).attrs
