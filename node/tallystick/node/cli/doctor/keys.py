"""Whether a private key is readable by its owner only, and is that of its certificate. Pure."""

from collections.abc import Iterator
from typing import Final

from tallystick.node.cli.doctor.findings import Finding, failed, ok
from tallystick.node.membership.certificates import load_certificate
from tallystick.node.membership.errors import CertificateError
from tallystick.node.transport.key_pairs import UnusableKeyError, belongs_to, public_key_in

_CHECK: Final = "keys"
_OTHERS: Final = 0o077


def judge_mode(subject: str, mode: int) -> Iterator[Finding]:
    """Yield what is to say about the permissions of a file with a secret, if it is too open."""
    if mode & _OTHERS:
        yield failed(
            _CHECK,
            subject,
            f"others than its owner may use it (mode {mode & 0o777:04o})",
            f"chmod 600 {subject}; if others could log in here, issue a new key",
        )


def judge_key(subject: str, key: bytes, mode: int, certificate: bytes) -> Iterator[Finding]:
    """Yield what is to say about a key.

    Args:
        subject: Its file.
        key: Its PEM.
        mode: The permissions of the file.
        certificate: PEM of the certificate that it should belong to.
    """
    yield from judge_mode(subject, mode)
    try:
        public = public_key_in(key)
    except UnusableKeyError as error:
        advice = "put the PEM of an unencrypted key in its place"
        yield failed(_CHECK, subject, f"holds no key that can be read: {error}", advice)
        return
    try:
        certified = load_certificate(certificate)
    except CertificateError:
        return  # said of the certificate
    if not belongs_to(public, certified):
        yield failed(
            _CHECK,
            subject,
            "belongs to another certificate",
            "put key and certificate of one issue beside each other, or renew both:"
            " tally crypto renew",
        )
    elif not mode & _OTHERS:
        yield ok(_CHECK, subject, "belongs to its certificate, and to its owner only")
