"""``python -m bench``: measures a cluster on this machine and writes the figures down."""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from bench import floor
from bench.market import WORKLOADS, prepare_network
from bench.measure import Measurement, measure
from bench.report import add_output, save
from bench.table import render
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.startup import running_network
from tallystick.node.cluster.topology import ChaincodeTopology, Topology, default_topology

ALL_THREE = "AND('ATSMSP.peer', 'ClearingMSP.peer', 'TransferAgentMSP.peer')"
IN_FLIGHT = (1, 16, 64, 256)


def topology() -> Topology:
    """Return the default network, with transfers endorsed by all three and a plain contract."""
    default = default_topology()
    chaincodes = [
        chaincode.model_copy(update={"endorsement": ALL_THREE})
        if chaincode.name == "token"
        else chaincode
        for chaincode in default.chaincodes
    ]
    plain = ChaincodeTopology(
        name="keyvalue", entry="bench.keyvalue:KeyValueContract", endorsement=ALL_THREE
    )
    return default.model_copy(update={"chaincodes": (*chaincodes, plain)})


def time_from_nothing() -> float:
    """Return the seconds that one command takes from an empty folder to a committed transaction."""
    tally = [sys.executable, "-m", "tallystick.node.cli", "cluster"]
    with tempfile.TemporaryDirectory() as directory:
        network = ["--network", f"{directory}/network"]
        start = time.perf_counter()
        subprocess.run([*tally, "up", *network], check=True, stdout=subprocess.DEVNULL)  # noqa: S603
        took = time.perf_counter() - start
        subprocess.run([*tally, "down", *network], check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    return took


async def run(arguments: argparse.Namespace) -> list[Measurement]:
    """Return one measurement for each workload and number in flight."""
    with tempfile.TemporaryDirectory() as directory:
        async with running_network(topology(), Path(directory) / "network", _say) as network:
            holders = 4 * max(arguments.in_flight)
            await prepare_network(network, holders=holders)
            _say(f"{holders} holders are ready")
            return [
                await _measured(network, workload, in_flight, arguments.seconds)
                for workload in arguments.workloads
                for in_flight in arguments.in_flight
            ]


async def _measured(network: Network, workload: str, in_flight: int, seconds: float) -> Measurement:
    measurement = await measure(network, workload, in_flight=in_flight, seconds=seconds)
    _say(
        f"{workload:9} {in_flight:4} in flight: {measurement.per_second:8.1f}/s,"
        f" {measurement.cpu_ms_total:6.2f} CPU ms each"
    )
    return measurement


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> None:
    """Measure, print a table and write the results as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=WORKLOADS)
    parser.add_argument("--in-flight", nargs="+", type=int, default=IN_FLIGHT)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement")
    add_output(parser)
    arguments = parser.parse_args()
    startup_s = time_from_nothing()
    lowest = floor.measure()
    measurements = asyncio.run(run(arguments))
    figures = {
        "startup_s": startup_s,
        "floor": {**asdict(lowest), "per_transfer_ms": lowest.per_transfer_ms},
        "measurements": [asdict(each) for each in measurements],
    }
    output = save(figures, arguments.output)
    sys.stdout.write(render(measurements, lowest, startup_s) + f"\nWritten to {output}\n")


if __name__ == "__main__":
    main()
