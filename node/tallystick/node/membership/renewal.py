"""New certificates in the directory of an organisation, from its own authorities.

Beside what `material` writes there, these remain while authorities are replaced::

    ca.former/ tlsca.former/           the old authorities, with their keys
    msp/{cacerts,tlscacerts}/          …-former-cert.pem beside the new authority: both are trusted
    …/tls/ca.crt                       likewise, both

and ``former-cert.pem`` in the directory of whose certificate was renewed, to be revoked or not.
Every step can be taken again after it was interrupted, by a crash of the machine too: what replaces
something is on the disk before it does.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from tallystick.node.durable import replace_file, sync
from tallystick.node.membership import certificates
from tallystick.node.membership import directory as layout
from tallystick.node.membership.ca import (
    CertificateAuthority,
    CertificateRequest,
    KeyPair,
    Purpose,
)
from tallystick.node.membership.errors import MaterialError
from tallystick.node.membership.material import (
    KEY_FILE,
    node_unit_settings,
    write_authority,
    write_private,
)

FORMER_CERTIFICATE: Final = "former-cert.pem"
_SUFFIX: Final = "-cert.pem"
_FORMER_SUFFIX: Final = "-former-cert.pem"
_AUTHORITIES: Final = (
    ("ca", layout.CA_CERTIFICATES),
    ("tlsca", layout.TLS_CA_CERTIFICATES),
)
"""The directory of each authority, and where an MSP lists it."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A node or a user with certificates.

    Attributes:
        path: Its directory.
        name: Common name of its certificates, such as ``peer0.clearing.example``.
    """

    path: Path
    name: str

    @property
    def signing(self) -> Path:
        """The certificate that it signs with."""
        return _only(self.path / "msp" / "signcerts", "*.pem")

    @property
    def tls(self) -> Path:
        """Its TLS certificate; the key beside it ends in ``.key``."""
        server = self.path / "tls" / "server.crt"
        return server if server.exists() else server.with_name("client.crt")


class OrganizationDirectory:
    """The directory of an organisation that has the keys of its authorities."""

    def __init__(self, path: Path) -> None:
        """Work in ``path``, which is called as the MSP is."""
        self._path = path
        self._msp_id = path.name

    def holders(self) -> list[Holder]:
        """Return every node and user with certificates here, in the order of their directories."""
        found = []
        for kind in ("orderers", "peers", "users"):
            for msp in sorted((self._path / kind).glob("*/msp")):
                certificate = _load(_only(msp / "signcerts", "*.pem"))
                found.append(Holder(msp.parent, certificates.common_name(certificate)))
        return found

    def holder(self, name: str) -> Holder:
        """Return the node or user with this common name.

        Raises:
            MaterialError: There is none.
        """
        holders = self.holders()
        for holder in holders:
            if holder.name == name:
                return holder
        known = ", ".join(each.name for each in holders)
        raise MaterialError(name, f"{self._msp_id} has no such node or user, only {known}")

    def renew(self, holder: Holder, *, now: datetime) -> x509.Certificate:
        """Give ``holder`` new keys and certificates, for signatures and TLS, and return the former.

        They say what the old ones say. Programs that run keep the old ones until they start again.

        Raises:
            MaterialError: A file is missing, or this directory has no authority that could issue.
            CertificateError: One cannot be read.
        """
        former = holder.signing.read_bytes()
        old = certificates.load_certificate(former)
        signing = CertificateRequest(
            certificates.common_name(old),
            certificates.organizational_units(old),
            attributes=certificates.attributes(old),
        )
        tls = CertificateRequest(
            certificates.common_name(old), hosts=_hosts(_load(holder.tls)), purpose=Purpose.TLS
        )
        pairs = [
            self._authority(kind).issue(request, now=now)
            for (kind, _), request in zip(_AUTHORITIES, (signing, tls), strict=True)
        ]
        replace_file(holder.path / FORMER_CERTIFICATE, [former])
        for kind, listed in _AUTHORITIES:
            issuer = self._certificate(kind)
            replace_file(holder.path / "msp" / listed / issuer.name, [issuer.read_bytes()])
        _replace_pair(holder.signing, holder.path / "msp" / "keystore" / KEY_FILE, pairs[0])
        _replace_pair(holder.tls, holder.tls.with_suffix(".key"), pairs[1])
        return old

    def add_authorities(self, *, now: datetime) -> None:
        """Make a new CA and a new TLS CA, which issue from now on; the old ones stay trusted.

        Where there are former authorities already, only what was interrupted is completed.

        Args:
            now: Timezone-aware.

        Raises:
            MaterialError: An authority or its key is missing.
        """
        for kind, _ in _AUTHORITIES:
            self._succeed(kind, now)
        for kind, listed in _AUTHORITIES:
            new, old = self._certificate(kind), self._certificate(_former(kind))
            definition = self._path / "msp" / listed
            replace_file(definition / _former_name(new), [old.read_bytes()])
            # Tied to one authority, the units of the other one's certificates would not count.
            self._define(node_unit_settings())
            replace_file(definition / new.name, [new.read_bytes()])
        self._trust(self._certificate("tlsca"), self._certificate(_former("tlsca")))

    def drop_former(self) -> None:
        """Trust the new authorities only, and delete the old ones with their keys.

        Raises:
            MaterialError: A certificate of the old ones is still in use here, or there are none.
        """
        if not any((self._path / _former(kind)).exists() for kind, _ in _AUTHORITIES):
            raise MaterialError(str(self._path), f"{self._msp_id} has no former authority to drop")
        self._check_renewed()
        for kind, listed in _AUTHORITIES:
            new = self._certificate(kind)
            (self._path / "msp" / listed / _former_name(new)).unlink(missing_ok=True)
        pinned = f"{layout.CA_CERTIFICATES}/{self._certificate('ca').name}"
        self._define(node_unit_settings(pinned))
        self._trust(self._certificate("tlsca"))
        for kind, _ in _AUTHORITIES:
            former = self._path / _former(kind)
            for file in former.glob("*"):
                file.unlink()
            former.rmdir()

    def revocation_list(self, certificate: x509.Certificate, *, now: datetime) -> bytes:
        """Return the PEM revocation list that names one certificate, signed by its issuer.

        Raises:
            MaterialError: None of the authorities here has issued it.
        """
        for kind in ("ca", _former("ca")):
            if (self._path / kind).exists() and _issued(self._authority(kind), certificate):
                return self._authority(kind).revoke([certificate], now=now)
        raise MaterialError(
            str(self._path / "ca"),
            f"this authority has not issued {certificates.describe(certificate)}; name another"
            " organisation with --as",
        )

    def _succeed(self, kind: str, now: datetime) -> None:
        """Make the present authority the former one, and a new one the present one."""
        present, former = self._path / kind, self._path / _former(kind)
        if not former.exists():
            self._authority(kind)  # must be complete before it is moved
            present.rename(former)
            sync(self._path)
        if present.exists():
            return
        name = _only(former, f"*{_SUFFIX}").name.removesuffix(_SUFFIX)
        issuer = _load(former / f"{name}{_SUFFIX}")
        authority = CertificateAuthority.create(
            certificates.common_name(issuer), certificates.organization(issuer), now=now
        )
        draft = self._path / f"{kind}.draft"
        write_authority(draft, name, authority)
        draft.rename(present)
        sync(self._path)

    def _check_renewed(self) -> None:
        for holder in self.holders():
            in_use = (holder.signing, holder.tls)
            for (kind, _), path in zip(_AUTHORITIES, in_use, strict=True):
                if not _issued(self._authority(kind), _load(path)):
                    raise MaterialError(
                        str(path),
                        f"{holder.name} still has a certificate of the old authority: renew it"
                        f" with `tally crypto renew {self._msp_id} {holder.name}`, and start the"
                        " node or program again",
                    )

    def _trust(self, *authorities: Path) -> None:
        """Let all nodes and users here trust TLS certificates of these."""
        bundle = b"".join(path.read_bytes() for path in authorities)
        for holder in self.holders():
            replace_file(holder.path / "tls" / "ca.crt", [bundle])

    def _define(self, settings: str) -> None:
        replace_file(self._path / "msp" / layout.SETTINGS_FILE, [settings.encode()])

    def _authority(self, kind: str) -> CertificateAuthority:
        certificate = self._certificate(kind)
        return CertificateAuthority.from_pem(
            KeyPair(certificate.read_bytes(), _read_key(certificate.with_name(KEY_FILE)))
        )

    def _certificate(self, kind: str) -> Path:
        return _only(self._path / kind, f"*{_SUFFIX}")


def _former(kind: str) -> str:
    return f"{kind}.former"


def _former_name(certificate: Path) -> str:
    return f"{certificate.name.removesuffix(_SUFFIX)}{_FORMER_SUFFIX}"


def _issued(authority: CertificateAuthority, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority.certificate)
    except (InvalidSignature, TypeError, ValueError):
        return False
    return True


def _hosts(certificate: x509.Certificate) -> tuple[str, ...]:
    names = certificates.extension(certificate, x509.SubjectAlternativeName)
    return () if names is None else tuple(str(name.value) for name in names)


def _replace_pair(certificate: Path, key: Path, pair: KeyPair) -> None:
    """Replace the key first: with the old certificate left, the renewal can begin again."""
    write_private(key, pair.key_pem)
    replace_file(certificate, [pair.certificate_pem])


def _load(path: Path) -> x509.Certificate:
    try:
        return certificates.load_certificate(path.read_bytes())
    except OSError as error:
        raise MaterialError(str(path), f"it cannot be read: {error.strerror}") from error


def _read_key(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise MaterialError(
            str(path),
            f"the authority's key cannot be read: {error.strerror}; an authority elsewhere must"
            " issue, and its certificates be put in place of the old ones",
        ) from error


def _only(directory: Path, pattern: str) -> Path:
    found = sorted(directory.glob(pattern))
    if len(found) != 1:
        raise MaterialError(
            str(directory), f"expected one certificate ({pattern}), found {len(found)}"
        )
    return found[0]
