"""The load: one process that keeps so many transactions in flight for so many seconds.

Run as a module by the benchmark; prints one JSON document.
"""

import argparse
import asyncio
import json
import os
import resource
import statistics
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.market import BROKER, RULED, SECURITY, WORKLOADS, holder
from tallystick.client import NO_RETRY, ClientOptions, Gateway
from tallystick.client.errors import CommitError, TransactionError
from tallystick.client.network import Network
from tallystick.contracts.statements import UnitsSent

Operation = Callable[[int, int], Awaitable[object]]
"""Does one thing; told the place in flight and how many times that place has done it."""


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What one run did. Latencies are milliseconds from submit to commit status."""

    workload: str
    in_flight: int
    seconds: float
    done: int
    failed: dict[str, int]
    per_second: float
    latency_p50_ms: float
    latency_p95_ms: float
    latency_p99_ms: float
    cpu_s: float


async def run(gateway: Gateway, workload: str, *, in_flight: int, seconds: float) -> LoadResult:
    """Return what happened in ``seconds`` with ``in_flight`` places busy all the time."""
    operate = operation(gateway.network(), workload)
    latencies: list[float] = []
    failed: Counter[str] = Counter()
    clock = time.perf_counter
    cpu_start = _cpu_s()
    start = clock()
    end = start + seconds

    async def keep_busy(place: int) -> None:
        times = 0
        while (begun := clock()) < end:
            try:
                await operate(place, times)
                latencies.append(clock() - begun)
            except CommitError as error:
                failed[error.code_name] += 1
            except TransactionError as error:
                failed[type(error).__name__] += 1
            times += 1

    async with asyncio.TaskGroup() as group:
        for place in range(in_flight):
            group.create_task(keep_busy(place))
    took = clock() - start
    latencies.sort()
    return LoadResult(
        workload=workload,
        in_flight=in_flight,
        seconds=took,
        done=len(latencies),
        failed=dict(failed),
        per_second=len(latencies) / took,
        latency_p50_ms=_percentile(latencies, 50),
        latency_p95_ms=_percentile(latencies, 95),
        latency_p99_ms=_percentile(latencies, 99),
        cpu_s=_cpu_s() - cpu_start,
    )


def operation(network: Network, workload: str) -> Operation:
    """Return what a workload does again and again, on a channel that has been prepared."""
    token, keyvalue = network.contract("token"), network.contract("keyvalue")
    value = "x" * 100
    run_id = os.getpid()

    async def send(security: str, place: int, times: int) -> object:
        sender, receiver = _pair(place, times)
        sent = UnitsSent(security=security, sender=sender, receiver=receiver, quantity=1)
        return await token.submit("transfer", sent)

    async def transfer(place: int, times: int) -> object:
        return await send(SECURITY, place, times)

    async def ruled(place: int, times: int) -> object:
        return await send(RULED, place, times)

    async def put(place: int, times: int) -> object:
        return await keyvalue.submit("put", f"{run_id}-{place}-{times}", value)

    async def query(place: int, _times: int) -> object:
        return await token.evaluate("balance_of", SECURITY, holder(2 * place))

    async def hot(_place: int, _times: int) -> object:  # all want the same key
        return await keyvalue.submit("increment", "hot", retry=NO_RETRY)

    operations = {"transfer": transfer, "ruled": ruled, "put": put, "query": query, "hot": hot}
    return operations[workload]


def _pair(place: int, times: int) -> tuple[str, str]:
    """Return sender and receiver: each place has two pairs of its own, which it uses in turn.

    A pair rests for one transaction, so that all peers have committed its last transfer: peers at
    different heights would endorse different versions of the same rows.
    """
    pair = 2 * place + times % 2
    back = times // 2 % 2
    return holder(2 * pair + back), holder(2 * pair + 1 - back)


def _percentile(ordered: list[float], percent: int) -> float:
    """Return a percentile in milliseconds; 0 when nothing was measured."""
    if len(ordered) <= 1:
        return ordered[0] * 1e3 if ordered else 0.0
    return statistics.quantiles(ordered, n=100, method="inclusive")[percent - 1] * 1e3


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _main(arguments: argparse.Namespace) -> None:
    profile = Path(arguments.network) / "profiles" / f"{BROKER}.json"
    async with await Gateway.from_profile(profile, ClientOptions()) as gateway:
        await run(gateway, arguments.workload, in_flight=arguments.in_flight, seconds=0.5)
        sys.stdout.write("warm\n")
        sys.stdout.flush()
        sys.stdin.readline()  # the benchmark reads the meters, then says go
        result = await run(
            gateway,
            arguments.workload,
            in_flight=arguments.in_flight,
            seconds=arguments.seconds,
        )
        sys.stdout.write(json.dumps(asdict(result)) + "\n")


def main() -> None:
    """Run the load that the command line describes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", required=True, help="directory of a running network")
    parser.add_argument("--workload", required=True, choices=WORKLOADS)
    parser.add_argument("--in-flight", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()
