"""Where a chaincode serves or registers, read from the environment as Fabric's builders set it."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tallystick.chaincode.shim.errors import ShimSettingsError

Environment = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS material, all PEM; what is empty is not used.

    Attributes:
        roots: Authorities of the other side. A server with some demands certificates of its peers.
        certificate: One's own.
        private_key: Its key.
    """

    roots: bytes = b""
    certificate: bytes = b""
    private_key: bytes = b""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """A chaincode that peers dial; without ``tls`` it serves in the clear.

    Attributes:
        address: ``host:port`` to listen on.
    """

    address: str
    tls: Tls | None = None

    @classmethod
    def read(cls, address: str, environment: Environment) -> "ServerSettings":
        """Return the settings for an address, with the TLS files that the environment names.

        Raises:
            ShimSettingsError: A file cannot be read, or a key lacks its certificate.
        """
        if _is_true(environment.get("CHAINCODE_TLS_DISABLED", "")):
            return cls(address)
        key = _file(environment, "CHAINCODE_TLS_KEY", "CORE_CHAINCODE_TLS_KEY_FILE")
        certificate = _file(environment, "CHAINCODE_TLS_CERT", "CORE_CHAINCODE_TLS_CERT_FILE")
        roots = _file(
            environment, "CHAINCODE_TLS_CLIENT_CACERT", "CORE_CHAINCODE_TLS_CLIENT_CACERT_FILE"
        )
        if not (key or certificate or roots):
            return cls(address)
        if not (key and certificate):
            raise ShimSettingsError("TLS needs both CHAINCODE_TLS_KEY and CHAINCODE_TLS_CERT")
        return cls(address, Tls(roots, certificate, key))


@dataclass(frozen=True, slots=True)
class PeerSettings:
    """A peer that the chaincode dials; without ``tls`` in the clear.

    Attributes:
        address: ``host:port`` where the peer listens for chaincode.
    """

    address: str
    tls: Tls | None = None

    @classmethod
    def read(cls, address: str, environment: Environment) -> "PeerSettings":
        """Return the settings for an address, with the TLS files that the environment names.

        Raises:
            ShimSettingsError: A file cannot be read, is not base64 where Fabric writes it so, or
                nothing says which peers to trust.
        """
        if not _is_true(environment.get("CORE_PEER_TLS_ENABLED", "")):
            return cls(address)
        roots = _file(environment, "CORE_PEER_TLS_ROOTCERT_FILE")
        if not roots:
            raise ShimSettingsError("TLS needs CORE_PEER_TLS_ROOTCERT_FILE")
        certificate = _client_file(environment, "CORE_TLS_CLIENT_CERT")
        private_key = _client_file(environment, "CORE_TLS_CLIENT_KEY")
        if bool(certificate) != bool(private_key):
            raise ShimSettingsError("a client certificate needs its key, and a key its certificate")
        return cls(address, Tls(roots, certificate, private_key))


def _file(environment: Environment, *names: str) -> bytes:
    """Return the content of the file that the first of these variables names; empty if none."""
    for name in names:
        if path := environment.get(name):
            try:
                return Path(path).read_bytes()
            except OSError as error:
                raise ShimSettingsError(
                    f"{path} of {name} cannot be read: {error.strerror}"
                ) from error
    return b""


def _client_file(environment: Environment, name: str) -> bytes:
    """Return PEM from ``…_FILE``, or from ``…_PATH``, where Fabric wraps it in base64."""
    if pem := _file(environment, f"{name}_FILE"):
        return pem
    wrapped = _file(environment, f"{name}_PATH")
    try:
        return base64.b64decode(b"".join(wrapped.split()), validate=True)
    except binascii.Error as error:
        raise ShimSettingsError(f"the file of {name}_PATH does not hold base64: {error}") from error


def _is_true(text: str) -> bool:
    return text.lower() in ("1", "t", "true")
