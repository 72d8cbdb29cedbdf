"""The node's own certificates: when they end, and a warning long before."""

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509

from tallystick.node.settings import NodeSettings, OrdererSettings

WARNING_DAYS: Final = 30
"""So long before its end, a certificate is worth a warning each day."""

_DAY_S: Final = 24 * 60 * 60.0
_NS_PER_S: Final = 1_000_000_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """A certificate that this node shows to others, or one that stands above it.

    Attributes:
        use: ``msp``, ``tls``, ``etcd`` or ``admin``, with ``-ca`` for an authority.
        path: Its file.
        ends_at: The last moment at which it is valid.
        subject: Whom it names; an authority and its successor have the same.
    """

    use: str
    path: Path
    ends_at: datetime
    subject: str = ""

    @property
    def is_authority(self) -> bool:
        """Whether it stands above the node's own."""
        return self.use.endswith("-ca")


def moment_of(now_ns: int) -> datetime:
    """Return the second in which ``now_ns``, nanoseconds since the epoch, is."""
    return datetime.fromtimestamp(now_ns // _NS_PER_S, UTC)


def own_certificates(settings: NodeSettings) -> Iterator[OwnCertificate]:
    """Yield the certificates that a node's settings name; files that hold none are left out.

    One that serves two uses comes once, with the first of them. That a file is unreadable, who
    needs it says when it is read.
    """
    uses: dict[Path, str] = {}
    for use, place in _places(settings):
        for path in sorted(place.iterdir()) if place.is_dir() else [place]:
            uses.setdefault(path, use)
    for path, use in uses.items():
        yield from _certificates(use, path)


def _places(settings: NodeSettings) -> Iterator[tuple[str, Path]]:
    """Yield the uses of certificates, and the file or folder of each."""
    msp = settings.msp.directory
    yield "msp", msp / "signcerts"
    yield "msp-ca", msp / "cacerts"
    yield "msp-ca", msp / "intermediatecerts"
    if settings.tls is not None:
        yield "tls", settings.tls.certificate
        yield "tls-ca", settings.tls.root_certificates
    if isinstance(settings, OrdererSettings):
        if settings.etcd is not None:
            yield "etcd", settings.etcd.certificate
            yield "etcd-ca", settings.etcd.root_certificates
        if settings.admin is not None:
            yield "admin", settings.admin.certificate


def ends_of_files(certificates: Sequence[OwnCertificate]) -> Iterator[tuple[str, str, float]]:
    """Yield the use, the file and the end, in seconds since the epoch, once for each file.

    The file is its folder and its name: an MSP has two folders for authorities. Of several
    certificates in a file the first to end counts, but no authority whose successor, of the same
    name, is in the file too: while authorities are replaced both are trusted, and the node has read
    the old one even after it was dropped.
    """
    ends: dict[tuple[str, str], dict[str, datetime]] = {}
    for each in certificates:
        names = ends.setdefault((each.use, f"{each.path.parent.name}/{each.path.name}"), {})
        known = names.get(each.subject, each.ends_at)
        names[each.subject] = (max if each.is_authority else min)(known, each.ends_at)
    for (use, file), names in ends.items():
        yield use, file, min(names.values()).timestamp()


def warnings(certificates: Sequence[OwnCertificate], now: datetime) -> Iterator[str]:
    """Yield what to say about each certificate that ends within ``WARNING_DAYS`` or has ended."""
    for each in certificates:
        if each.ends_at - now <= timedelta(days=WARNING_DAYS):
            yield _about(each, now)


def expiry_check(
    certificates: Sequence[OwnCertificate], clock: Callable[[], int]
) -> Callable[[], str]:
    """Return a health check: which of the node's own certificates have ended by ``clock``.

    Others refuse the node from then on, for some of what it does at once, for some of it as soon as
    a connection breaks. The place of an authority that has ended another one may have taken.
    """

    def check() -> str:
        now = moment_of(clock())
        ended = (each for each in certificates if each.ends_at < now and not each.is_authority)
        return "; ".join(_about(each, now) for each in ended)

    return check


def _about(certificate: OwnCertificate, now: datetime) -> str:
    left = certificate.ends_at - now
    when = "has expired" if left < timedelta(0) else f"expires in {left.days} days"
    return (
        f"the certificate {certificate.path} ({certificate.use}) {when}, on"
        f" {certificate.ends_at:%Y-%m-%d %H:%M} UTC:"
        " renew it ('tally crypto renew', or your CA) and restart this node"
    )


async def warn_of_expiry(
    certificates: Sequence[OwnCertificate],
    clock: Callable[[], int],
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    """Log a warning now, once a day and when one ends, of certificates that end soon; without end.

    Args:
        certificates: Those that the node works with, as they were when it started.
        clock: Returns now, nanoseconds since the epoch.
        sleep: Waits for some seconds.
    """
    while True:
        now = moment_of(clock())
        for text in warnings(certificates, now):
            _log.warning("%s", text)
        left_s = [(each.ends_at - now).total_seconds() for each in certificates]
        # The second that it names is still within a certificate's life.
        await sleep(min([_DAY_S, *(each + 1 for each in left_s if each >= 0)]))


def _certificates(use: str, path: Path) -> Iterator[OwnCertificate]:
    try:
        found = [
            OwnCertificate(use, path, each.not_valid_after_utc, each.subject.rfc4514_string())
            for each in x509.load_pem_x509_certificates(path.read_bytes())
        ]
    except (OSError, ValueError):
        return
    yield from found
