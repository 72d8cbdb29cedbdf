"""The certificate authorities of one MSP, and the chain from a certificate to one of its roots.

Rules and their strictness are those of Go's ``crypto/x509``, at one second into the certificate's
life: an expired certificate keeps its chain. Source: wire.md §14.5.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from tallystick.node.membership import certificates
from tallystick.node.membership.certificates import describe, to_der
from tallystick.node.membership.errors import CertificateError
from tallystick.wire.hashing import sha256

Chain = tuple[x509.Certificate, ...]

_FIRST_SECOND: Final = timedelta(seconds=1)
# CAs that certify each other have a chain for each order of them. Go, and so Fabric, stops here.
_MAX_SIGNATURE_CHECKS: Final = 100
# An extension that says it is critical must be understood, or the certificate does not count.
_UNDERSTOOD: Final = frozenset({
    ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.CERTIFICATE_POLICIES,
    ExtensionOID.CRL_DISTRIBUTION_POINTS,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.NAME_CONSTRAINTS,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.SUBJECT_KEY_IDENTIFIER,
})  # fmt: skip
# Go asks for serverAuth when it is not told what a certificate is for, and Fabric does not tell it.
_USAGES: Final = frozenset({
    ExtendedKeyUsageOID.SERVER_AUTH,
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
})  # fmt: skip


class CertificateAuthorities:
    """Root and intermediate CAs, checked and in canonical form.

    Attributes:
        roots: Trusted for themselves.
        intermediates: Trusted because a chain leads from them to a root.
    """

    def __init__(
        self, roots: Iterable[x509.Certificate], intermediates: Iterable[x509.Certificate] = ()
    ) -> None:
        """Check every authority.

        Raises:
            CertificateError: One is no CA, or an intermediate does not lead to a root.
        """
        self._use(tuple(roots), tuple(intermediates))
        for authority in self.roots + self.intermediates:
            _check_authority(authority)
        # Chains are compared by bytes, so the authorities themselves must be in canonical form.
        self._use(
            tuple(map(self._canonical, self.roots)), tuple(map(self._canonical, self.intermediates))
        )
        self._inner_nodes = frozenset(
            to_der(above) for child in self.intermediates for above in self.chain(child)[1:]
        )

    def chain(self, certificate: x509.Certificate) -> Chain:
        """Return the only chain from ``certificate``, which comes first, to a root.

        Raises:
            CertificateError: There is no chain, or more than one: then it is unclear who vouches.
        """
        if to_der(certificate) in self._root_bytes:
            return (certificate,)
        _check_extensions(certificate)
        found = [
            chain
            for chain in self._chains((certificate,), iter(range(_MAX_SIGNATURE_CHECKS)))
            if all(map(_usable_for_identities, chain))
        ]
        if len(found) != 1:
            issuer = certificate.issuer.rfc4514_string()
            raise CertificateError(
                f"{describe(certificate)} has {len(found)} chains to a root of this MSP where "
                f"exactly one is needed; its issuer is {issuer}"
            )
        return found[0]

    def is_leaf(self, authority: x509.Certificate) -> bool:
        """Return whether no intermediate CA stands below ``authority``: only such CAs issue."""
        return to_der(authority) not in self._inner_nodes

    def certifiers_of(self, authority: x509.Certificate) -> bytes:
        """Return the certifiers identifier of the identities that ``authority`` issues.

        Raises:
            CertificateError: It is not a CA of this MSP, or not one that issues identities.
        """
        chain = self.chain(authority)
        authority = self._canonical(authority)
        if authority in self.roots:
            return certifiers_identifier((authority,))
        if authority not in self.intermediates:
            raise CertificateError(f"{describe(authority)} is not a CA of this MSP: list it as one")
        if not self.is_leaf(authority):
            raise CertificateError(f"{describe(authority)} has CAs below it: name one of those")
        return certifiers_identifier((authority, *chain[1:]))

    def _use(self, roots: Chain, intermediates: Chain) -> None:
        self.roots = roots
        self.intermediates = intermediates
        self._root_bytes = frozenset(map(to_der, roots))
        self._by_subject: dict[x509.Name, dict[bytes, x509.Certificate]] = {}
        for authority in roots + intermediates:
            self._by_subject.setdefault(authority.subject, {})[to_der(authority)] = authority

    def _canonical(self, authority: x509.Certificate) -> x509.Certificate:
        chain = self.chain(authority)
        return certificates.canonical_certificate(authority, chain[min(1, len(chain) - 1)])

    def _chains(self, below: Chain, checks: Iterator[int]) -> Iterator[Chain]:
        """Yield every chain that continues ``below`` to a root; ``checks`` are what it may cost."""
        child = below[-1]
        for encoded, authority in self._by_subject.get(child.issuer, {}).items():
            if authority in below or not _may_issue(authority, below):
                continue
            if next(checks, None) is None:
                return
            if not _signed_by(child, authority):
                continue
            if encoded in self._root_bytes:
                yield (*below, authority)
            else:
                yield from self._chains((*below, authority), checks)


def certifiers_identifier(issuers: Iterable[x509.Certificate]) -> bytes:
    """Return the hash of the CA certificates above an identity, issuer first, root last."""
    return sha256(b"".join(map(to_der, issuers)))


def _signed_by(child: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        child.verify_directly_issued_by(authority)
    except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
        return False
    return True


def _may_issue(authority: x509.Certificate, below: Chain) -> bool:
    """Return whether ``authority`` could stand above ``below`` when the first of them was made."""
    moment = below[0].not_valid_before_utc + _FIRST_SECOND
    if not authority.not_valid_before_utc <= moment <= authority.not_valid_after_utc:
        return False
    constraints = certificates.extension(authority, x509.BasicConstraints)
    assert constraints is not None  # every authority was checked
    return constraints.path_length is None or len(below) - 1 <= constraints.path_length


def _usable_for_identities(certificate: x509.Certificate) -> bool:
    usage = certificates.extension(certificate, x509.ExtendedKeyUsage)
    return usage is None or not _USAGES.isdisjoint(usage)


def _check_extensions(certificate: x509.Certificate) -> None:
    for extension in certificate.extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD:
            raise CertificateError(
                f"{describe(certificate)} has critical extension {extension.oid.dotted_string}, "
                "which nobody here understands"
            )


def _check_authority(authority: x509.Certificate) -> None:
    """Raise CertificateError unless ``authority`` has what every CA of an MSP must have."""
    try:
        authority.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateError(f"{describe(authority)} has no key for checks: {error}") from error
    if not certificates.is_ca(authority):
        raise CertificateError(f"{describe(authority)} is no CA: its CA flag is not set")
    usage = certificates.extension(authority, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        raise CertificateError(f"{describe(authority)} may not sign certificates: its key usage")
    if certificates.subject_key_identifier(authority) is None:
        raise CertificateError(f"{describe(authority)} lacks a subject key identifier")
    if certificates.extension(authority, x509.NameConstraints) is not None:
        raise CertificateError(
            f"{describe(authority)} has name constraints, which are not supported: "
            "issue a CA certificate without them"
        )
