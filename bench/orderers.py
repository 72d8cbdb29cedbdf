"""``python -m bench.orderers``: throughput of three orderers around etcd against that of one.

Two networks of this machine run side by side, alike but for how many orderers they have. Each load
runs on them in turn, so that whatever disturbs the machine disturbs both; the median counts.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.market import prepare_network
from bench.measure import Measurement, measure
from bench.report import add_output, save
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.orderers import with_orderers
from tallystick.node.cluster.ports import on_free_ports
from tallystick.node.cluster.startup import running_network
from tallystick.node.cluster.topology import ChaincodeTopology, Topology, default_topology

WORKLOADS = ("transfer", "put")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the rounds of one workload show; medians.

    Attributes:
        solo_per_second: Operations that ended well, with one orderer.
        shared_per_second: Likewise with three.
        ratio: Shared by solo, the median of the rounds' ratios.
        solo_cpu_ms: CPU time of all processes for each operation, etcd's among them.
        shared_cpu_ms: Likewise.
    """

    workload: str
    in_flight: int
    solo_per_second: float
    shared_per_second: float
    ratio: float
    solo_cpu_ms: float
    shared_cpu_ms: float


def topology(orderers: int) -> Topology:
    """Return the default network with a plain contract, and so many orderers."""
    default = default_topology()
    plain = ChaincodeTopology(
        name="keyvalue",
        entry="bench.keyvalue:KeyValueContract",
        endorsement=default.channel.endorsement,
    )
    chosen = default.model_copy(update={"chaincodes": (*default.chaincodes, plain)})
    return on_free_ports(with_orderers(chosen, orderers))


async def run(arguments: argparse.Namespace) -> list[tuple[int, Measurement]]:
    """Return a measurement for each workload, round and network, with its number of orderers."""
    measurements: list[tuple[int, Measurement]] = []
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        networks = {
            count: await _network(stack, directory / str(count), count, 4 * arguments.in_flight)
            for count in (1, 3)
        }
        for workload in arguments.workloads:
            for _ in range(arguments.rounds):
                for count, network in networks.items():
                    measured = await measure(
                        network, workload, in_flight=arguments.in_flight, seconds=arguments.seconds
                    )
                    _say(
                        f"{workload:9} {count} orderers: {measured.per_second:7.1f}/s,"
                        f" {measured.cpu_ms_total:6.2f} CPU ms, {measured.failed} failed"
                    )
                    measurements.append((count, measured))
    return measurements


async def _network(stack: AsyncExitStack, directory: Path, orderers: int, holders: int) -> Network:
    network = await stack.enter_async_context(running_network(topology(orderers), directory, _say))
    await prepare_network(network, holders=holders)
    return network


def compare(measurements: list[tuple[int, Measurement]], workload: str) -> Comparison:
    """Return what the rounds of one workload show."""
    solo, shared = (
        [each for count, each in measurements if (count, each.workload) == (wanted, workload)]
        for wanted in (1, 3)
    )
    ratios = [three.per_second / one.per_second for one, three in zip(solo, shared, strict=True)]
    return Comparison(
        workload=workload,
        in_flight=solo[0].in_flight,
        solo_per_second=statistics.median(each.per_second for each in solo),
        shared_per_second=statistics.median(each.per_second for each in shared),
        ratio=statistics.median(ratios),
        solo_cpu_ms=statistics.median(each.cpu_ms_total for each in solo),
        shared_cpu_ms=statistics.median(each.cpu_ms_total for each in shared),
    )


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> None:
    """Measure, print the comparisons and write the results as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.orderers", description=__doc__)
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=WORKLOADS)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3, help="of both networks, in turn")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each measurement")
    add_output(parser)
    arguments = parser.parse_args()
    measurements = asyncio.run(run(arguments))
    comparisons = [compare(measurements, workload) for workload in arguments.workloads]
    figures = {
        "comparisons": [asdict(each) for each in comparisons],
        "measurements": [{"orderers": count, **asdict(each)} for count, each in measurements],
    }
    output = save(figures, arguments.output, "orderers")
    for each in comparisons:
        sys.stdout.write(
            f"{each.workload:9} {each.in_flight} in flight: one orderer"
            f" {each.solo_per_second:.0f}/s, three {each.shared_per_second:.0f}/s:"
            f" {each.ratio:.0%}; CPU ms {each.solo_cpu_ms:.2f}, {each.shared_cpu_ms:.2f}\n"
        )
    sys.stdout.write(f"Written to {output}\n")


if __name__ == "__main__":
    main()
