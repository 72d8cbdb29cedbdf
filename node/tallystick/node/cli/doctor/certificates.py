"""Whether a certificate is believed, still valid, and says what the node is. Pure."""

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.cli.doctor.findings import Finding, failed, ok, warning
from tallystick.node.membership.certificates import (
    extension,
    load_certificate,
    organizational_units,
)
from tallystick.node.membership.errors import CertificateError, IdentityError
from tallystick.node.observability.certificates import WARNING_DAYS
from tallystick.protos.msp.identities_pb2 import SerializedIdentity

_CHECK: Final = "certificates"
_RENEW: Final = "tally crypto renew, or ask your CA, then restart the node"
_ANY: Final = ("0.0.0.0", "::")  # noqa: S104 - what addresses are compared with


@dataclass(frozen=True, slots=True)
class Expected:
    """What a certificate should be.

    Attributes:
        authorities: PEM of those that may have issued it; None if they cannot be read, of which
            something else is said.
        hosts: What it must be valid for; empty for identities.
        unit: The organizational unit of a node; empty for TLS.
    """

    authorities: bytes | None
    hosts: Sequence[str] = ()
    unit: str = ""


def judge_certificate(
    subject: str, pem: bytes, expected: Expected, now: datetime
) -> Iterator[Finding]:
    """Yield what is to say about the certificate in a file."""
    try:
        certificate = load_certificate(pem)
    except CertificateError as error:
        yield failed(_CHECK, subject, str(error), "put a PEM certificate in its place")
        return
    wrong = [
        *_dates(subject, certificate, now),
        *_issuer(subject, certificate, expected.authorities),
        *_hosts(subject, certificate, expected.hosts),
        *_unit(subject, certificate, expected.unit),
    ]
    if not wrong:
        end = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
        believed = "" if expected.authorities is None else "is believed, "
        yield ok(_CHECK, subject, f"{believed}says what it must, and is valid until {end}")
    yield from wrong


def judge_authorities(subject: str, pem: bytes, now: datetime) -> Iterator[Finding]:
    """Yield what is to say about the authorities in a file: of several, the last to end counts."""
    try:
        found = x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        advice = "put the PEM certificates of the authorities in its place"
        yield failed(_CHECK, subject, f"holds no authority that can be read: {error}", advice)
        return
    last = max(found, key=lambda each: each.not_valid_after_utc)
    wrong = list(_dates(subject, last, now))
    if not wrong:
        end = f"{last.not_valid_after_utc:%Y-%m-%d}"
        yield ok(_CHECK, subject, f"has an authority that is valid until {end}")
    yield from wrong


def _dates(subject: str, certificate: x509.Certificate, now: datetime) -> Iterator[Finding]:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < begin:
        text = f"is valid from {begin:%Y-%m-%d %H:%M} UTC on only"
        yield failed(_CHECK, subject, text, "check this machine's clock, or wait")
    elif now > end:
        yield failed(_CHECK, subject, f"expired on {end:%Y-%m-%d %H:%M} UTC", _RENEW)
    elif end - now <= timedelta(days=WARNING_DAYS):
        yield warning(_CHECK, subject, f"expires in {(end - now).days} days", _RENEW)


def _issuer(
    subject: str, certificate: x509.Certificate, authorities: bytes | None
) -> Iterator[Finding]:
    if authorities is None:
        return
    try:
        candidates = x509.load_pem_x509_certificates(authorities)
    except ValueError:
        candidates = []
    if not any(_issued(certificate, authority) for authority in candidates):
        issuer = certificate.issuer.rfc4514_string()
        yield failed(
            _CHECK,
            subject,
            f"was issued by {issuer}, which is not among the authorities beside it",
            "put the issuer's certificate among them, or take a certificate of theirs",
        )


def judge_member(
    subject: str, pem: bytes, msp_id: str, configs: Sequence[ChannelConfig]
) -> Iterator[Finding]:
    """Yield on which channels a node's certificate is of another organisation than it says.

    One that no member of a channel has issued is not judged: a configuration since may have brought
    its authority.

    Args:
        subject: The certificate's file.
        pem: What it holds.
        msp_id: The organisation that the node says it is of.
        configs: How the node's channels began.
    """
    for config in configs:
        owners = [other for other in config.msps.msp_ids if _stands_by(config, other, pem)]
        if owners and msp_id not in owners:
            channel, owner = config.channel_id, owners[0]
            yield failed(
                _CHECK,
                subject,
                f"is one of {owner} on channel {channel}, and msp.id in the settings is {msp_id}",
                f'set msp.id = "{owner}", or take a certificate that {msp_id} issued',
            )


def _stands_by(config: ChannelConfig, msp_id: str, pem: bytes) -> bool:
    identity = SerializedIdentity(mspid=msp_id, id_bytes=pem).SerializeToString()
    try:
        config.msps.endorser(identity)  # bytes behind the certificate do not matter here
    except IdentityError:
        return False
    return True


def _issued(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _hosts(subject: str, certificate: x509.Certificate, hosts: Sequence[str]) -> Iterator[Finding]:
    names = extension(certificate, x509.SubjectAlternativeName)
    dns = [] if names is None else names.get_values_for_type(x509.DNSName)
    addresses = [] if names is None else names.get_values_for_type(x509.IPAddress)
    valid_for = {*dns, *map(str, addresses)}
    for host in dict.fromkeys(hosts):
        if host not in _ANY and not valid_for & {host, _wildcard(host)}:
            yield failed(
                _CHECK,
                subject,
                f"is not valid for {host}, only for {', '.join(sorted(valid_for)) or 'no host'}",
                f"issue one with {host} as subject alternative name, or let the settings say a name"
                " that it has",
            )


def _wildcard(host: str) -> str:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return f"*.{host.partition('.')[2]}"
    return host


def _unit(subject: str, certificate: x509.Certificate, unit: str) -> Iterator[Finding]:
    units = organizational_units(certificate)
    if unit and unit not in units:
        yield failed(
            _CHECK,
            subject,
            f"has organizational units {', '.join(units) or 'none'}, and {unit} is not among them",
            f"take one that was issued for the role {unit}: policies such as 'OneMSP.{unit}' do not"
            " count others",
        )
