"""Certificates, keys, revocation lists, and what is said with them."""

from cryptography.hazmat.primitives.asymmetric import ec

from fuzz.context import channel, msp
from fuzz.target import Target
from tallystick.node.membership.certificates import (
    attributes,
    describe,
    load_certificate,
    load_revocation_list,
)
from tallystick.node.membership.errors import CertificateError, IdentityError, MspConfigError
from tallystick.node.membership.msp import Msp
from tallystick.node.membership.signing_identity import load_private_key
from tallystick.protos.msp.msp_config_pb2 import MSPConfig
from tallystick.wire.errors import WireError
from tallystick.wire.messages import decode
from tallystick.wire.signing import verify

KEY = ec.derive_private_key(1, ec.SECP256R1()).public_key()


def _identity(data: bytes) -> None:
    """As every message names its sender."""
    identity = msp().deserialize(data)
    msp().validate(identity)


def _endorser(data: bytes) -> None:
    """As transactions name those who endorsed them."""
    channel().msps.endorser(data)


def _certificate(data: bytes) -> None:
    certificate = load_certificate(data)
    describe(certificate)
    attributes(certificate)


def _signature(data: bytes) -> None:
    verify(KEY, data, b"message")


def _msp_config(data: bytes) -> None:
    """As a channel's configuration defines an organisation."""
    Msp.from_config(decode(MSPConfig, data), ed25519=True)


TARGETS = (
    Target("identity", _identity, (IdentityError,)),
    Target("endorser", _endorser, (IdentityError,)),
    Target("certificate", _certificate, (CertificateError,)),
    Target("revocation_list", load_revocation_list, (CertificateError,)),
    Target("private_key", load_private_key, (CertificateError,)),
    Target("signature", _signature, (WireError,)),
    Target("msp_config", _msp_config, (WireError, MspConfigError)),
)
