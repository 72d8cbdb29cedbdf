"""``python -m bench.in_process``: what this software itself costs for each operation.

Three peers and one orderer in one process, in memory, without gRPC, TLS and disk; the client is on
the meter too. Rounds are short and many, and the cheapest of them counts beside the median: so the
figures hold still on a machine that has other work.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Sequence

from bench.__main__ import topology
from bench.load import Operation, operation
from bench.market import BROKER, prepare
from bench.report import add_output, save
from tallystick.node.memory import settle_memory
from tallystick.node.testing.local_network import LocalNetwork

WORKLOADS = ("query", "put", "transfer", "ruled")
IN_FLIGHT = 32
OPERATIONS_EACH = 2  # of each place in a round


async def measure(workloads: Sequence[str], rounds: int) -> dict[str, list[float]]:
    """Return, by workload, CPU milliseconds of one operation in each round."""
    costs: dict[str, list[float]] = {workload: [] for workload in workloads}
    async with LocalNetwork(topology()) as network:
        broker, agent = network.gateway(BROKER), network.gateway("TransferAgentMSP")
        channel = network.channel_id
        await prepare(broker, agent, channel=channel, holders=4 * IN_FLIGHT)
        operations = {each: operation(broker.network(channel), each) for each in workloads}
        settle_memory()
        for number in range(-1, rounds):
            for workload, costs_of_rounds in costs.items():
                cost_ms = await _round(operations[workload], number * OPERATIONS_EACH)
                if number >= 0:  # the first is for warming up
                    costs_of_rounds.append(cost_ms)
    return costs


async def _round(operation: Operation, first: int) -> float:
    async def keep_busy(place: int) -> None:
        for times in range(first, first + OPERATIONS_EACH):
            await operation(place, times)

    start = time.process_time()
    async with asyncio.TaskGroup() as places:
        for place in range(IN_FLIGHT):
            places.create_task(keep_busy(place))
    return (time.process_time() - start) * 1e3 / (IN_FLIGHT * OPERATIONS_EACH)


def main() -> None:
    """Measure, print and write the results as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.in_process", description=__doc__)
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=WORKLOADS)
    parser.add_argument("--rounds", type=int, default=30)
    add_output(parser)
    arguments = parser.parse_args()
    costs = asyncio.run(measure(arguments.workloads, arguments.rounds))
    output = save({"in_flight": IN_FLIGHT, "cpu_ms": costs}, arguments.output, "in-process")
    for workload, each in costs.items():
        sys.stdout.write(
            f"{workload:9} {min(each):6.3f} CPU ms at best, {statistics.median(each):6.3f} median\n"
        )
    sys.stdout.write(f"Written to {output}\n")


if __name__ == "__main__":
    main()
