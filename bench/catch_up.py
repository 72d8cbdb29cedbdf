"""``python -m bench.catch_up``: how fast a peer that was away catches up, against the commit rate.

A network commits a load; how fast, is measured. Then every peer stops, the data of one become the
copy that was taken before the load, and it starts again: it must fetch, verify, validate and commit
all that it lacks. Only the orderer runs beside it.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil

from bench.__main__ import topology
from bench.market import prepare_network
from bench.measure import measure
from bench.processes import usage
from bench.progress import progress
from bench.report import add_output, save
from tallystick.node.cluster.launcher import Launcher
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.node import Node
from tallystick.node.cluster.startup import running_network

LATE: Final = "TransferAgentMSP"
IN_FLIGHT: Final = 256
_POLL_INTERVAL_S: Final = 0.1
_TIMEOUT_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Missed:
    """What a network did while a peer was away.

    Attributes:
        workload: What the transactions did.
        blocks: In how many blocks.
        height: Of the chain in the end.
        per_second: How fast they were committed.
        load_average: Of the machine, when it ended.
    """

    workload: str
    blocks: int
    height: int
    per_second: float
    load_average: float


@dataclass(frozen=True, slots=True)
class CatchUp:
    """What the peer that was away did.

    Attributes:
        workload: What the transactions did.
        transactions: How many it lacked.
        blocks: In how many blocks.
        committed_per_second: How fast the running network had committed them.
        caught_up_per_second: How fast it committed them, once its ports were open.
        ratio: The second rate by the first.
        cpu_ms: CPU milliseconds for each transaction, by process.
        resident_mib: Resident memory of the peer in the end.
        load_average: Of the machine over the last minute, when the load ended and in the end: how
            much else it had to do.
    """

    workload: str
    transactions: int
    blocks: int
    committed_per_second: float
    caught_up_per_second: float
    ratio: float
    cpu_ms: dict[str, float]
    resident_mib: float
    load_average: tuple[float, float]


async def run(directory: Path, workload: str, seconds: float) -> CatchUp:
    """Return what a peer did that missed ``seconds`` of a load."""
    async with running_network(topology(), directory / "network", _say) as network:
        launcher, late = Launcher(network), network.peer_of(LATE)
        await prepare_network(network, holders=4 * IN_FLIGHT)
        data, kept = network.data_directory(late), directory / "before"
        await launcher.stop(late)
        shutil.copytree(data, kept)
        await launcher.restart(late)
        before = await progress(late)
        load = await measure(network, workload, in_flight=IN_FLIGHT, seconds=seconds)
        busy = psutil.getloadavg()[0]
        _say(f"{load.done} transactions committed, {load.per_second:.0f}/s")
        after = await progress(late)
        for node in network.nodes:
            if node.kind == "peer":
                await launcher.stop(node)
        shutil.rmtree(data)
        shutil.copytree(kept, data)
        blocks = after.height - before.height
        missed = Missed(workload, blocks, after.height, load.per_second, busy)
        return await _caught_up(network, late, missed)


async def _caught_up(network: Network, late: Node, missed: Missed) -> CatchUp:
    launcher = Launcher(network)
    await launcher.restart(late)
    nodes = {
        node.name: psutil.Process(pid)
        for node in network.nodes
        if (pid := launcher.pid(node)) is not None
    }
    used, first, begun = usage(nodes), await progress(late), time.perf_counter()
    async with asyncio.timeout(_TIMEOUT_S):
        while (now := await progress(late)).height < missed.height:  # noqa: ASYNC110 -- a process
            await asyncio.sleep(_POLL_INTERVAL_S)
    took, used_then = time.perf_counter() - begun, usage(nodes)
    done = now.transactions - first.transactions
    return CatchUp(
        workload=missed.workload,
        transactions=now.transactions,
        blocks=missed.blocks,
        committed_per_second=missed.per_second,
        caught_up_per_second=done / took,
        ratio=done / took / missed.per_second,
        cpu_ms=used_then.cpu_ms_since(used, done),
        resident_mib=used_then.resident_bytes[late.name] / 2**20,
        load_average=(missed.load_average, psutil.getloadavg()[0]),
    )


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> None:
    """Measure, print the ratio and write the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.catch_up", description=__doc__)
    parser.add_argument("--workload", choices=("transfer", "put"), default="transfer")
    parser.add_argument("--seconds", type=float, default=60.0, help="of load that it misses")
    parser.add_argument("--directory", type=Path, help="where all is kept; a temporary one if none")
    add_output(parser)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        directory = arguments.directory or Path(temporary)
        result = asyncio.run(run(directory, arguments.workload, arguments.seconds))
    output = save(asdict(result), arguments.output, "catch-up")
    _say(
        f"{result.transactions} transactions in {result.blocks} blocks: committed at"
        f" {result.committed_per_second:.0f}/s, caught up at {result.caught_up_per_second:.0f}/s:"
        f" {result.ratio:.1f} times as fast. Written to {output}"
    )


if __name__ == "__main__":
    main()
