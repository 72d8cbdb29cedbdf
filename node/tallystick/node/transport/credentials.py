"""TLS material in the form that gRPC wants. TLS 1.2 is the oldest version that gRPC offers."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
from cryptography import x509

from tallystick.node.errors import LedgerError
from tallystick.node.settings import TlsSettings
from tallystick.node.transport.key_pairs import UnusableKeyError, belongs_to, public_key_in
from tallystick.wire.hashing import sha256


class TlsMaterialError(LedgerError):
    """Certificates or a key cannot be used for TLS."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A TLS certificate chain and its private key, both PEM."""

    certificate: bytes
    private_key: bytes

    @classmethod
    def load(cls, settings: TlsSettings) -> "KeyPair":
        """Return the node's own certificate and key.

        Raises:
            TlsMaterialError: A file cannot be read or does not hold what it should, or the key is
                that of another certificate.
        """
        pair = cls(_read(settings.certificate), _read(settings.private_key))
        _check_pair(pair, settings)
        return pair


@dataclass(frozen=True, slots=True)
class ServerTls:
    """What a server shows, and what it asks of clients.

    Attributes:
        key_pair: The server's own.
        client_roots: PEM certificates of the authorities that clients' certificates may come from.
        requires_client_certificate: Whether a client without a certificate is turned away.
        channel_roots: Returns more such authorities. It is asked at every new connection, in a
            thread of gRPC's, so that what a channel says holds from its configuration block on.
    """

    key_pair: KeyPair
    client_roots: bytes = b""
    requires_client_certificate: bool = False
    channel_roots: Callable[[], bytes] = bytes

    @classmethod
    def load(cls, settings: TlsSettings, channel_roots: Callable[[], bytes] = bytes) -> "ServerTls":
        """Return what ``settings`` configure, and trust besides what ``channel_roots`` returns.

        Raises:
            TlsMaterialError: A file cannot be read or used.
        """
        return cls(
            key_pair=KeyPair.load(settings),
            client_roots=b"".join(map(_read_roots, settings.client_root_certificates)),
            requires_client_certificate=settings.client_certificate_required,
            channel_roots=channel_roots,
        )

    def credentials(self) -> grpc.ServerCredentials:
        """Return the credentials for a listening port.

        Raises:
            TlsMaterialError: Client certificates are required, but nothing says whose to trust.
        """
        if self.requires_client_certificate and not self.client_roots:
            raise TlsMaterialError(
                "client certificates are required, but no authority is trusted to issue them;"
                " give client root certificates"
            )
        if not self.requires_client_certificate:
            return grpc.ssl_server_credentials([self._shown])
        roots = self._trusted()
        return grpc.dynamic_ssl_server_credentials(
            self._configuration(roots),
            self._changes(roots),  # type: ignore[arg-type]  # None is for no change, says gRPC
            require_client_authentication=True,
        )

    @property
    def _shown(self) -> tuple[bytes, bytes]:
        return self.key_pair.private_key, self.key_pair.certificate

    def _trusted(self) -> bytes:
        return self.client_roots + self.channel_roots()

    def _configuration(self, roots: bytes) -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration([self._shown], root_certificates=roots)

    def _changes(self, roots: bytes) -> Callable[[], grpc.ServerCertificateConfiguration | None]:
        """Return what gRPC asks at each new connection: for another configuration, if there is one.

        To put one in the place of another frees the old one, which a connection that begins in
        another thread may be about to use: then gRPC (1.85) ends the process. Done for each, a few
        hundred strangers with any certificate stopped a node. So it is done only for what changed.
        """

        def change() -> grpc.ServerCertificateConfiguration | None:
            nonlocal roots
            if (trusted := self._trusted()) == roots:
                return None
            roots = trusted
            return self._configuration(roots)

        return change


@dataclass(frozen=True, slots=True)
class ClientTls:
    """Which servers a client trusts, and what it shows of itself.

    Attributes:
        server_roots: PEM certificates of the authorities that servers' certificates come from.
        key_pair: The client's own, for servers that require one.
    """

    server_roots: bytes
    key_pair: KeyPair | None = None

    @classmethod
    def load(cls, settings: TlsSettings) -> "ClientTls":
        """Return how a node with these settings connects to others.

        The node's certificate also serves as its client certificate.

        Raises:
            TlsMaterialError: A file cannot be read or used.
        """
        return cls(_read_roots(settings.root_certificates), KeyPair.load(settings))

    def trusting(self, more_roots: bytes) -> "ClientTls":
        """Return the same with more authorities, such as those in a channel configuration.

        Args:
            more_roots: PEM certificates.
        """
        return replace(self, server_roots=self.server_roots + more_roots)

    def credentials(self) -> grpc.ChannelCredentials:
        """Return the credentials for a channel."""
        if self.key_pair is None:
            return grpc.ssl_channel_credentials(root_certificates=self.server_roots)
        return grpc.ssl_channel_credentials(
            root_certificates=self.server_roots,
            private_key=self.key_pair.private_key,
            certificate_chain=self.key_pair.certificate,
        )

    @property
    def certificate_hash(self) -> bytes:
        """What ties a signed request to this connection; empty without a client certificate."""
        return b"" if self.key_pair is None else certificate_hash(self.key_pair.certificate)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TlsMaterialError(f"{path} cannot be read: {error.strerror}") from error


def _read_roots(path: Path) -> bytes:
    pem = _read(path)
    _certificates(path, pem, "name the PEM certificates of the authorities")
    return pem


def _check_pair(pair: KeyPair, settings: TlsSettings) -> None:
    """Raise TlsMaterialError unless gRPC can use the pair: it would not say what is wrong."""
    leaf, *_ = _certificates(
        settings.certificate,
        pair.certificate,
        "name the PEM of the node's certificate, followed by those of intermediate authorities",
    )
    try:
        public_key = public_key_in(pair.private_key)
    except UnusableKeyError as error:
        raise TlsMaterialError(
            f"{settings.private_key} holds no private key that can be used for TLS; name the PEM"
            f" of an unencrypted key: {error}"
        ) from error
    if not belongs_to(public_key, leaf):
        raise TlsMaterialError(
            f"the key {settings.private_key} belongs to another certificate than"
            f" {settings.certificate}; name key and certificate of one issue, or renew both: tally"
            " crypto renew"
        )


def _certificates(path: Path, pem: bytes, advice: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise TlsMaterialError(
            f"{path} holds no certificates that can be used for TLS; {advice}: {error}"
        ) from error


def certificate_hash(certificate_pem: bytes) -> bytes:
    """Return the SHA-256 of the DER form of the first certificate in ``certificate_pem``.

    Raises:
        TlsMaterialError: There is no PEM certificate.

    Source: wire.md §1, mTLS binding.
    """
    footer = ssl.PEM_FOOTER.encode()
    first, found, _ = certificate_pem.partition(footer)
    try:
        return sha256(ssl.PEM_cert_to_DER_cert((first + found).decode("ascii").strip()))
    except ValueError as error:
        raise TlsMaterialError(f"not a PEM certificate: {error}") from error
