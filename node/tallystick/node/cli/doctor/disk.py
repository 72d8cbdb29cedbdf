"""Whether the disk of a node will do. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tallystick.node.cli.doctor.findings import Finding, failed, ok, warning

SLOW_SYNC_S: Final = 0.05
"""Each block waits for two of them."""
_CHECK: Final = "disk"
_MIB: Final = 1024 * 1024
_FEW_FILES: Final = 1_000


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """What was measured.

    Attributes:
        free_bytes: What its user may still write.
        free_files: How many files may still be made; None where that has no limit.
        problem: Why a file could not be written; empty if it could.
        sync_s: How long a small file took to reach the disk.
    """

    free_bytes: int
    free_files: int | None
    problem: str
    sync_s: float


def judge_disk(subject: str, facts: DiskFacts, min_free_bytes: int) -> Iterator[Finding]:
    """Yield what is to say about the disk of a folder."""
    free = f"{facts.free_bytes // _MIB} MiB are free"
    if facts.free_bytes < min_free_bytes:
        need = f"{min_free_bytes // _MIB} MiB"
        advice = "make room: a node whose disk is full stops"
        yield failed(_CHECK, subject, f"{free}, and {need} are asked for", advice)
    elif facts.free_bytes < 2 * min_free_bytes:
        yield warning(_CHECK, subject, free, "make room before it is half as much")
    else:
        yield ok(_CHECK, subject, free)
    if facts.free_files is not None and facts.free_files < _FEW_FILES:
        text = f"only {facts.free_files} more files can be made"
        yield failed(_CHECK, subject, text, "delete small files, or use a disk with more inodes")
    if facts.problem:
        advice = "let the node's user own the folder: chown -R; remount a disk that is read-only"
        yield failed(_CHECK, subject, f"cannot be written: {facts.problem}", advice)
    elif facts.sync_s > SLOW_SYNC_S:
        text = f"a small file takes {facts.sync_s * 1000:.0f} ms to reach the disk"
        yield warning(_CHECK, subject, text, "use a local SSD: every block waits for that, twice")
    else:
        yield ok(_CHECK, subject, f"a small file reaches it in {facts.sync_s * 1000:.1f} ms")
