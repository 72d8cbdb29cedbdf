"""``python -m bench.memory``: what nodes hold in memory while they commit a million transactions.

Three peers and an orderer, each a process of its own. Writes of 100 bytes under new keys enter
through the gateways of all three organisations in turn, each endorsed by one of them, so that every
peer endorses, submits, validates and commits. Resident memory is read at equal distances. With
``--page``, the run becomes a page with a plot.
"""

import argparse
import asyncio
import itertools
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from bench.memory_page import render
from bench.processes import usage
from bench.progress import progress
from bench.report import RESULTS, add_output, save
from tallystick.client import Gateway
from tallystick.client.contract import Contract
from tallystick.node.cluster.launcher import Launcher
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.ports import on_free_ports
from tallystick.node.cluster.startup import running_network
from tallystick.node.cluster.topology import ChaincodeTopology, Topology, default_topology

VALUE = "x" * 100
STORE_RESULT = RESULTS / "store-memory-two-cores.json"


@dataclass(frozen=True, slots=True)
class Sample:
    """What every node held at one moment.

    Attributes:
        transactions: Committed so far.
        blocks: In which they are, with those before the load.
        seconds: Since the load began.
        resident_mib: By node.
        own_mib: What of that is no page of a file, by node.
    """

    transactions: int
    blocks: int
    seconds: float
    resident_mib: Mapping[str, float]
    own_mib: Mapping[str, float]


def topology() -> Topology:
    """Return the default network's nodes with one contract, which any one organisation endorses."""
    default = default_topology()
    members = ", ".join(f"'{each.msp_id}.peer'" for each in default.organizations if each.peers)
    plain = ChaincodeTopology(
        name="keyvalue", entry="bench.keyvalue:KeyValueContract", endorsement=f"OR({members})"
    )
    return on_free_ports(default.model_copy(update={"chaincodes": (plain,)}))


async def run(arguments: argparse.Namespace) -> list[Sample]:
    """Return the samples of one run, the first of them taken before the load begins."""
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        network = await stack.enter_async_context(running_network(topology(), directory, _say))
        profiles = sorted((directory / "profiles").glob("*.json"))
        gateways = [
            await stack.enter_async_context(await Gateway.from_profile(profile))
            for profile in profiles
        ]
        contracts = [each.network().contract("keyvalue") for each in gateways]
        return await _measure(network, contracts, arguments)


async def _measure(
    network: Network, contracts: Sequence[Contract], arguments: argparse.Namespace
) -> list[Sample]:
    launcher = Launcher(network)
    nodes = {node.name: psutil.Process(launcher.pid(node)) for node in network.nodes}
    peer = next(node for node in network.nodes if node.kind == "peer")
    begun = time.perf_counter()
    samples: list[Sample] = []

    async def sample(transactions: int) -> None:
        blocks = (await progress(peer)).height
        used = usage(nodes)
        samples.append(
            Sample(
                transactions=transactions,
                blocks=blocks,
                seconds=round(time.perf_counter() - begun, 1),
                resident_mib=_mib(used.resident_bytes),
                own_mib=_mib(used.own_bytes),
            )
        )
        _say(f"{transactions} transactions: {samples[-1].resident_mib}")

    await sample(0)
    numbers = iter(range(arguments.transactions))
    distance = arguments.transactions // arguments.samples
    for count in range(distance, arguments.transactions + 1, distance):
        await _submit(contracts, itertools.islice(numbers, distance), arguments.in_flight)
        await sample(count)
    return samples


async def _submit(contracts: Sequence[Contract], numbers: Iterator[int], in_flight: int) -> None:
    """Return once all of these are committed; one that fails ends the run."""

    async def keep_busy() -> None:
        for number in numbers:
            await contracts[number % len(contracts)].submit("put", f"{number:012}", VALUE)

    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(keep_busy())


def _mib(sizes: Mapping[str, int]) -> dict[str, float]:
    return {name: round(size / 2**20, 1) for name, size in sizes.items()}


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> None:
    """Measure and write the samples as JSON, and the page if one is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--transactions", type=int, default=1_000_000)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--in-flight", type=int, default=128)
    parser.add_argument("--page", type=Path, help="Markdown with a plot of the run")
    add_output(parser)
    arguments = parser.parse_args()
    samples = [asdict(each) for each in asyncio.run(run(arguments))]
    output = save({"samples": samples}, arguments.output, "memory")
    if arguments.page:
        arguments.page.parent.mkdir(parents=True, exist_ok=True)
        arguments.page.write_text(render(output, STORE_RESULT))
    sys.stdout.write(f"Written to {output}\n")


if __name__ == "__main__":
    main()
