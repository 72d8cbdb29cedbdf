"""The node's own certificates: when they end, and a warning long before."""

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509

from tallystick.node.settings import NodeSettings

WARNING_DAYS: Final = 30
"""So long before its end, a certificate is worth a warning each day."""

_DAY_S: Final = 24 * 60 * 60.0
_NS_PER_S: Final = 1_000_000_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """A certificate that this node shows to others, or one that stands above it.

    Attributes:
        use: ``msp`` or ``tls``, with ``-ca`` for an authority.
        path: Its file.
        ends_at: The last moment at which it is valid.
    """

    use: str
    path: Path
    ends_at: datetime


def moment_of(now_ns: int) -> datetime:
    """Return the second in which ``now_ns``, nanoseconds since the epoch, is."""
    return datetime.fromtimestamp(now_ns // _NS_PER_S, UTC)


def own_certificates(settings: NodeSettings) -> Iterator[OwnCertificate]:
    """Yield the certificates that a node's settings name; files that hold none are left out.

    That a file is unreadable, who needs it says when it is read.
    """
    msp = settings.msp.directory
    places = [("msp", msp / "signcerts"), ("msp-ca", msp / "cacerts")]
    places += [("msp-ca", msp / "intermediatecerts")]
    if settings.tls is not None:
        places += [("tls", settings.tls.certificate), ("tls-ca", settings.tls.root_certificates)]
    for use, place in places:
        for path in sorted(place.iterdir()) if place.is_dir() else [place]:
            yield from _certificates(use, path)


def warnings(certificates: Sequence[OwnCertificate], now: datetime) -> Iterator[str]:
    """Yield what to say about each certificate that ends within ``WARNING_DAYS`` or has ended."""
    for each in certificates:
        left = each.ends_at - now
        if left > timedelta(days=WARNING_DAYS):
            continue
        when = "has expired" if left < timedelta(0) else f"expires in {left.days} days"
        end = f"{each.ends_at:%Y-%m-%d %H:%M} UTC"
        yield (
            f"the certificate {each.path} ({each.use}) {when}, on {end}:"
            " renew it ('tally crypto renew', or your CA) and restart this node"
        )


def expired(certificates: Sequence[OwnCertificate], now: datetime) -> str:
    """Return which of the node's own certificates nobody accepts any more; empty if all do.

    Of its authorities another one may have taken the place.
    """
    ended = [
        f"{each.path} ({each.use}) has expired, on {each.ends_at:%Y-%m-%d %H:%M} UTC"
        for each in certificates
        if each.ends_at < now and not each.use.endswith("-ca")
    ]
    return "; ".join(ended)


async def warn_of_expiry(
    certificates: Sequence[OwnCertificate],
    clock: Callable[[], int],
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    """Log a warning now and once a day for each certificate that ends soon, without end.

    Args:
        certificates: Those that the node works with, as they were when it started.
        clock: Returns now, nanoseconds since the epoch.
        sleep: Waits for some seconds.
    """
    while True:
        for text in warnings(certificates, moment_of(clock())):
            _log.warning("%s", text)
        await sleep(_DAY_S)


def _certificates(use: str, path: Path) -> Iterator[OwnCertificate]:
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError):
        return
    for certificate in found:
        yield OwnCertificate(use, path, certificate.not_valid_after_utc)
