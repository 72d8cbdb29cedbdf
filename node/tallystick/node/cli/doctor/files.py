"""Looks at a node's files: keys, certificates, disk and ledgers. It changes none of them."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from tallystick.node.cli.doctor.certificates import Expected, judge_authorities, judge_certificate
from tallystick.node.cli.doctor.disk import DiskFacts
from tallystick.node.cli.doctor.findings import Finding, failed
from tallystick.node.cli.doctor.keys import judge_key, judge_mode
from tallystick.node.cli.doctor.ledgers import BlockFiles, LedgerFacts
from tallystick.node.cli.doctor.probes import split
from tallystick.node.ledger.chain_start import ChainStart, DamagedStartError, read_start
from tallystick.node.ledger.segments import last_whole_payload, segment_paths
from tallystick.node.settings import NodeSettings, OrdererSettings, PeerSettings
from tallystick.protos.common.common_pb2 import Block, Envelope
from tallystick.wire.envelope import channel_header_of
from tallystick.wire.errors import WireError
from tallystick.wire.messages import decode, timestamp_to_ns

_SYNCED_BYTES: Final = 4096
_NANOSECONDS: Final = 1e9


def credentials(settings: PeerSettings | OrdererSettings, now: datetime) -> Iterator[Finding]:
    """Yield what is to say about the node's keys and certificates."""
    unit = "orderer" if isinstance(settings, OrdererSettings) else "peer"
    msp = settings.msp.directory
    authorities, unread = _joined(msp / "cacerts", msp / "intermediatecerts")
    yield from unread
    certificate, expected = _only(msp / "signcerts"), Expected(authorities, unit=unit)
    token = settings.msp.pkcs11
    if token is None:
        yield from _pair(certificate, _only(msp / "keystore"), expected, now)
    else:
        yield from _certificate(certificate, expected, now)
        if token.pin_file is not None:
            yield from _pin(token.pin_file)
    tls = settings.tls
    if tls is not None:
        addresses = [settings.advertised_address or settings.listen_address]
        hosts = [split(address)[0] for address in addresses]
        authorities, unread = _joined(tls.root_certificates)
        yield from unread
        expected = Expected(authorities, hosts)
        yield from _pair(tls.certificate, tls.private_key, expected, now)
    if isinstance(settings, OrdererSettings):
        yield from _credentials_of_orderer(settings, now)


def _credentials_of_orderer(settings: OrdererSettings, now: datetime) -> Iterator[Finding]:
    """Yield what is to say about the pairs that an orderer shows to etcd and to administrators.

    Who issued them, and for which hosts, is the matter of those who are shown them.
    """
    pairs = [
        (each.certificate, each.private_key)
        for each in (settings.tls, settings.etcd, settings.admin)
        if each is not None
    ]
    judged = pairs[:1] if settings.tls is not None else []
    for pair in dict.fromkeys(pairs):  # one may serve several uses
        if pair not in judged:
            yield from _pair(*pair, Expected(None), now)
    if settings.etcd is not None:
        roots = settings.etcd.root_certificates
        pem = _pem(roots)
        yield from [pem] if isinstance(pem, Finding) else judge_authorities(str(roots), pem, now)


def _certificate(certificate: Path, expected: Expected, now: datetime) -> Iterator[Finding]:
    pem = _pem(certificate)
    if isinstance(pem, Finding):
        yield pem
    else:
        yield from judge_certificate(str(certificate), pem, expected, now)


def _pin(path: Path) -> Iterator[Finding]:
    try:
        yield from judge_mode(str(path), path.stat().st_mode)
    except OSError as error:
        yield _unreadable("keys", path, error)


def _pair(certificate: Path, key: Path, expected: Expected, now: datetime) -> Iterator[Finding]:
    pem = _pem(certificate)
    if isinstance(pem, Finding):
        yield pem
        return
    yield from judge_certificate(str(certificate), pem, expected, now)
    try:
        secret, mode = key.read_bytes(), key.stat().st_mode
    except OSError as error:
        yield _unreadable("keys", key, error)
        return
    yield from judge_key(str(key), secret, mode, pem)


def _pem(certificate: Path) -> bytes | Finding:
    """Return what a certificate's file holds, or that it cannot be read."""
    try:
        return certificate.read_bytes()
    except OSError as error:
        return _unreadable("certificates", certificate, error)


def _unreadable(check: str, path: Path, error: OSError) -> Finding:
    advice = "correct the path in the settings, or run this as the node's user"
    return failed(check, str(path), f"cannot be read: {error.strerror}", advice)


def measure_disk(directory: Path) -> DiskFacts:
    """Return what the disk of a folder has room for, and how fast it syncs."""
    place = next(path for path in (directory, *directory.parents) if path.exists())
    files = os.statvfs(place)
    problem, seconds = "", 0.0
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".tally-doctor-") as file:
            begun = time.perf_counter()
            file.write(bytes(_SYNCED_BYTES))
            file.flush()
            os.fsync(file.fileno())
            seconds = time.perf_counter() - begun
    except OSError as error:
        problem = str(error.strerror)
    return DiskFacts(
        free_bytes=shutil.disk_usage(place).free,
        free_files=files.f_favail if files.f_files else None,
        problem=problem,
        sync_s=seconds,
    )


def look_at_ledgers(settings: NodeSettings, *, listening: bool) -> LedgerFacts:
    """Return what lies in the node's data directory."""
    data = settings.data_directory
    locks = [lock for lock in data.glob("channels/*/*/LOCK") if lock.is_file()]
    starts = {folder: _start(folder) for folder in sorted(data.glob("channels/[!.]*/blocks"))}
    joining = data.glob("channels/.*.joining")
    leftovers = [*data.rglob("*.draft"), *joining, *data.parent.glob(f"{data.name}.restoring")]
    return LedgerFacts(
        locked=any(map(_is_held, locks)) if locks else None,
        listening=listening,
        block_files=[
            BlockFiles(
                folder.parent.name,
                [int(path.stem) for path in segment_paths(folder)],
                start.location.segment,
            )
            for folder, start in starts.items()
            if isinstance(start, ChainStart)
        ],
        damaged=[str(start) for start in starts.values() if isinstance(start, DamagedStartError)],
        leftovers=sorted(map(str, leftovers)),
    )


def _start(folder: Path) -> ChainStart | DamagedStartError:
    try:
        return read_start(folder)
    except DamagedStartError as error:
        return error


def newest_transactions(settings: NodeSettings) -> Iterator[tuple[str, float]]:
    """Yield when the client of each channel's newest transaction says that it was made, in s.

    Read from the block files, which a node that runs may append to.
    """
    for folder in sorted(settings.data_directory.glob("channels/*/blocks")):
        files = [path for path in segment_paths(folder) if path.stat().st_size]
        payload = last_whole_payload(files[-1]) if files else None
        if payload is None:
            continue
        try:
            header = channel_header_of(decode(Envelope, decode(Block, payload).data.data[-1]))
        except WireError:
            continue  # an entry that no node could read either
        yield folder.parent.name, timestamp_to_ns(header.timestamp) / _NANOSECONDS


def _is_held(lock: Path) -> bool:
    """Return whether a process holds a lock of LevelDB, without waiting and without taking it."""
    try:
        descriptor = os.open(lock, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _only(directory: Path) -> Path:
    """Return the first file in a folder, or where one should be."""
    found = sorted(directory.glob("*"))
    return found[0] if found else directory


def _joined(*places: Path) -> tuple[bytes | None, Sequence[Finding]]:
    """Return what the files in some places hold together; None, and which, if some are unread."""
    files = [path for place in places for path in (place, *sorted(place.glob("*")))]
    read = [_pem(path) for path in files if path.is_file()]
    unread = [each for each in read if isinstance(each, Finding)]
    if unread:
        return None, unread
    return b"".join(each for each in read if isinstance(each, bytes)), []
