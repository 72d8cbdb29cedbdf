"""What processes cost: CPU time, memory and bytes on disk."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Usage:
    """What processes have used, by name.

    Attributes:
        cpu_s: CPU seconds so far.
        resident_bytes: Resident memory now.
        own_bytes: What of it is no page of a file, which the kernel could read again.
    """

    cpu_s: Mapping[str, float]
    resident_bytes: Mapping[str, int]
    own_bytes: Mapping[str, int]

    def cpu_ms_since(self, earlier: "Usage", transactions: int) -> dict[str, float]:
        """Return CPU milliseconds per transaction since ``earlier``, by process."""
        return {
            name: (cpu_s - earlier.cpu_s[name]) * 1e3 / max(1, transactions)
            for name, cpu_s in self.cpu_s.items()
        }


def usage(processes: Mapping[str, psutil.Process]) -> Usage:
    """Return what each process has used, its threads and the processes it started included."""
    cpu_s: dict[str, float] = {}
    resident: dict[str, int] = {}
    own: dict[str, int] = {}
    for name, process in processes.items():
        family = [process, *process.children(recursive=True)]
        times = [member.cpu_times() for member in family]
        cpu_s[name] = sum(each.user + each.system for each in times)
        memory = [member.memory_info() for member in family]
        resident[name] = sum(each.rss for each in memory)
        own[name] = sum(each.rss - each.shared for each in memory)
    return Usage(cpu_s, resident, own)


def bytes_on_disk(directory: Path) -> int:
    """Return the bytes that the files below ``directory`` occupy."""
    return sum(path.stat().st_blocks * 512 for path in directory.rglob("*") if path.is_file())
