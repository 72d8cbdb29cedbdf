"""``python -m bench.isolation``: what a transaction costs more in a process of its contract's own.

Two networks of this machine run side by side, alike but for ``runtime`` in their peers' settings.
Each load runs on them in turn, so that whatever disturbs the machine disturbs both.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.market import prepare_network
from bench.measure import Measurement, measure
from bench.report import add_output, save
from tallystick.node.cluster.material import Founding
from tallystick.node.cluster.network import Network, create_network
from tallystick.node.cluster.ports import on_free_ports
from tallystick.node.cluster.startup import running_network, system_source
from tallystick.node.cluster.topology import ChaincodeTopology, Topology, default_topology

RUNTIMES = ("embedded", "process")
ENDORSERS = {"transfer": 2, "put": 2, "query": 1}
"""How many peers run the contract for one operation of each workload."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """CPU milliseconds of one operation, over all processes; medians of the rounds.

    Attributes:
        more_ms: What the isolated runtime costs more for each operation.
        more_per_endorsement_ms: The same for each peer that runs the contract.
        ratio: Isolated by embedded.
    """

    workload: str
    in_flight: int
    endorsers: int
    embedded_ms: float
    process_ms: float
    more_ms: float
    more_per_endorsement_ms: float
    ratio: float


def topology() -> Topology:
    """Return the default network, in which two of three endorse, with a plain contract too."""
    default = default_topology()
    plain = ChaincodeTopology(
        name="keyvalue",
        entry="bench.keyvalue:KeyValueContract",
        endorsement=default.channel.endorsement,
    )
    return on_free_ports(default.model_copy(update={"chaincodes": (*default.chaincodes, plain)}))


async def run(arguments: argparse.Namespace) -> list[tuple[str, Measurement]]:
    """Return a measurement for each workload, round and runtime, with the name of the runtime."""
    measurements: list[tuple[str, Measurement]] = []
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        networks = {
            runtime: await _network(stack, directory / runtime, runtime, 4 * arguments.in_flight)
            for runtime in RUNTIMES
        }
        for workload in arguments.workloads:
            for _ in range(arguments.rounds):
                for runtime, network in networks.items():
                    measured = await measure(
                        network, workload, in_flight=arguments.in_flight, seconds=arguments.seconds
                    )
                    cpu_ms = measured.cpu_ms_total
                    _say(f"{workload:9} {runtime:9} {cpu_ms:6.2f} CPU ms, {measured.failed}")
                    measurements.append((runtime, measured))
    return measurements


async def _network(stack: AsyncExitStack, directory: Path, runtime: str, holders: int) -> Network:
    source = system_source()
    created = create_network(topology(), directory, Founding(source.now_ns(), source.nonce()))
    for node in created.nodes:
        if node.kind == "peer":
            with created.settings_file(node).open("a") as settings:
                settings.write(f'\n[chaincode]\nruntime = "{runtime}"\n')
    network = await stack.enter_async_context(running_network(None, directory, _say))
    await prepare_network(network, holders=holders)
    return network


def compare(measurements: list[tuple[str, Measurement]], workload: str) -> Comparison:
    """Return what the rounds of one workload show."""
    embedded, isolated = (
        [each for runtime, each in measurements if (runtime, each.workload) == (wanted, workload)]
        for wanted in RUNTIMES
    )
    embedded_ms = statistics.median(each.cpu_ms_total for each in embedded)
    process_ms = statistics.median(each.cpu_ms_total for each in isolated)
    more_ms = process_ms - embedded_ms
    endorsers = ENDORSERS[workload]
    return Comparison(
        workload=workload,
        in_flight=embedded[0].in_flight,
        endorsers=endorsers,
        embedded_ms=embedded_ms,
        process_ms=process_ms,
        more_ms=more_ms,
        more_per_endorsement_ms=more_ms / endorsers,
        ratio=process_ms / embedded_ms,
    )


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> None:
    """Measure, print the comparisons and write the results as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.isolation", description=__doc__)
    parser.add_argument("--workloads", nargs="+", choices=ENDORSERS, default=tuple(ENDORSERS))
    parser.add_argument("--in-flight", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3, help="of both runtimes, in turn")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each measurement")
    add_output(parser)
    arguments = parser.parse_args()
    began = time.perf_counter()
    measurements = asyncio.run(run(arguments))
    comparisons = [compare(measurements, workload) for workload in arguments.workloads]
    figures = {
        "comparisons": [asdict(each) for each in comparisons],
        "measurements": [{"runtime": name, **asdict(each)} for name, each in measurements],
    }
    output = save(figures, arguments.output, "isolation")
    for each in comparisons:
        sys.stdout.write(
            f"{each.workload:9} {each.in_flight} in flight: embedded {each.embedded_ms:.2f},"
            f" process {each.process_ms:.2f} CPU ms: {each.more_ms:+.2f} ({each.ratio:.2f} times),"
            f" {each.more_per_endorsement_ms:+.2f} for each of {each.endorsers} endorsements\n"
        )
    sys.stdout.write(f"Written to {output} after {time.perf_counter() - began:.0f} s\n")


if __name__ == "__main__":
    main()
