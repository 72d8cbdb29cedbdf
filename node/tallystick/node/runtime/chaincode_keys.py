"""Who may register as which chaincode: certificates that a peer issues, one for each package.

The peer has an authority of its own for this, as Fabric's peers have, and trusts nothing else on
the port where chaincode registers. It writes key and certificate of each package that registers by
itself to a folder; whoever starts the chaincode gives it that folder, or copies it to where the
chaincode runs. A certificate counts for the one package that it was issued for.
"""

import base64
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tallystick.node.membership.ca import (
    CertificateAuthority,
    CertificateRequest,
    KeyPair,
    Purpose,
)
from tallystick.node.transport.credentials import certificate_hash

_NANOSECONDS: Final = 1_000_000_000
_AUTHORITY: Final = "authority"
_CERTIFICATE: Final = "client.crt"
_KEY: Final = "client.key"
_COMMON_NAME_CHARACTERS: Final = 64


class ChaincodeKeys:
    """The folder of these certificates. Calls block, and make what is not there yet.

    Args:
        directory: For its owner only, since it holds keys.
        clock: Now, in nanoseconds since the epoch.
    """

    def __init__(self, directory: Path, clock: Callable[[], int]) -> None:
        self._directory = directory
        self._clock = clock
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = directory / _AUTHORITY
        if not (folder / _KEY).exists():
            authority = CertificateAuthority.create("chaincode", "chaincode", now=self._now())
            _write_pair(folder, authority.to_pem())
        self._authority = CertificateAuthority.from_pem(_read_pair(folder))

    @property
    def roots(self) -> bytes:
        """The certificate of the authority, PEM."""
        return self._authority.to_pem().certificate_pem

    def issue(self, package_id: str) -> Path:
        """Return the folder of a package, with its key and certificate."""
        folder = self._folder(package_id)
        if not (folder / _KEY).exists():
            request = CertificateRequest(package_id[:_COMMON_NAME_CHARACTERS], purpose=Purpose.TLS)
            _write_pair(folder, self._authority.issue(request, now=self._now()))
        return folder

    def is_for(self, package_id: str, tls_certificate_hash: bytes) -> bool:
        """Return whether a certificate is the one that was issued for a package."""
        path = self._folder(package_id) / _CERTIFICATE
        return path.is_file() and certificate_hash(path.read_bytes()) == tls_certificate_hash

    def _folder(self, package_id: str) -> Path:
        label, _, digest = package_id.rpartition(":")
        return self._directory / f"{Path(label).name}.{Path(digest).name}"

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock() / _NANOSECONDS, UTC)


def write_environment(folder: Path, variables: dict[str, str]) -> None:
    """Write what a chaincode's environment needs, besides its key, beside its key."""
    lines = {
        **variables,
        "CORE_TLS_CLIENT_CERT_FILE": str(folder / _CERTIFICATE),
        "CORE_TLS_CLIENT_KEY_FILE": str(folder / _KEY),
        # Fabric's shims read these two, which hold base64 of PEM.
        "CORE_TLS_CLIENT_CERT_PATH": str(folder / f"{_CERTIFICATE}.base64"),
        "CORE_TLS_CLIENT_KEY_PATH": str(folder / f"{_KEY}.base64"),
    }
    text = "".join(f"{name}={value}\n" for name, value in lines.items())
    (folder / "chaincode.env").write_text(text, encoding="utf-8")


def _write_pair(folder: Path, pair: KeyPair) -> None:
    folder.mkdir(exist_ok=True, mode=0o700)
    for name, content in ((_CERTIFICATE, pair.certificate_pem), (_KEY, pair.key_pem)):
        _write(folder / f"{name}.base64", base64.b64encode(content))
        _write(folder / name, content)  # the key comes last: its presence says that all is there


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(f"{path.name}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.replace(path)


def _read_pair(folder: Path) -> KeyPair:
    return KeyPair((folder / _CERTIFICATE).read_bytes(), (folder / _KEY).read_bytes())
