"""One measurement: a load on a running network, and what it cost."""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.processes import Usage, bytes_on_disk, usage
from tallystick.node.cluster.launcher import Launcher
from tallystick.node.cluster.network import Network

LOAD = "load"


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one run did and cost.

    Attributes:
        cpu_ms: CPU milliseconds for each thing done, by process; the load process included.
        resident_mib: Resident memory of each node after the run.
        disk_bytes: Bytes on disk for each thing done, over all nodes.
    """

    workload: str
    in_flight: int
    done: int
    failed: Mapping[str, int]
    per_second: float
    latency_p50_ms: float
    latency_p95_ms: float
    latency_p99_ms: float
    cpu_ms: Mapping[str, float]
    resident_mib: Mapping[str, float]
    disk_bytes: float
    cpu_ms_total: float = field(init=False)

    def __post_init__(self) -> None:
        """Add up what the processes used."""
        object.__setattr__(self, "cpu_ms_total", sum(self.cpu_ms.values()))


async def measure(
    network: Network, workload: str, *, in_flight: int, seconds: float
) -> Measurement:
    """Run one load from a process of its own; its warm-up is not on the meters."""
    launcher = Launcher(network)
    nodes = {node.name: psutil.Process(launcher.pid(node)) for node in network.nodes}
    load = await asyncio.create_subprocess_exec(
        *_command(network.directory, workload, in_flight, seconds),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert load.stdin is not None
    assert load.stdout is not None
    if await load.stdout.readline() != b"warm\n":
        raise RuntimeError(f"the load process failed while warming up ({workload})")
    before, disk_before = usage(nodes), bytes_on_disk(network.directory / "data")
    load.stdin.write(b"go\n")
    await load.stdin.drain()
    line = await load.stdout.readline()
    after, disk_after = usage(nodes), bytes_on_disk(network.directory / "data")
    if await load.wait() != 0:
        raise RuntimeError(f"the load process failed ({workload})")
    return _measurement(json.loads(line), before, after, disk_after - disk_before)


def _measurement(
    result: dict[str, object], before: Usage, after: Usage, disk_bytes: int
) -> Measurement:
    done = int(str(result["done"]))
    cpu_ms = after.cpu_ms_since(before, done)
    cpu_ms[LOAD] = float(str(result.pop("cpu_s"))) * 1e3 / max(1, done)
    result.pop("seconds")
    return Measurement(
        **result,  # type: ignore[arg-type]  # the load process writes exactly these fields
        cpu_ms=cpu_ms,
        resident_mib={name: size / 2**20 for name, size in after.resident_bytes.items()},
        disk_bytes=disk_bytes / max(1, done),
    )


def _command(directory: Path, workload: str, in_flight: int, seconds: float) -> list[str]:
    return [
        sys.executable,
        "-m",
        "bench.load",
        *("--network", str(directory)),
        *("--workload", workload),
        *("--in-flight", str(in_flight)),
        *("--seconds", str(seconds)),
    ]
