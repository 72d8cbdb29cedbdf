"""``python -m bench.overload``: whether a gateway keeps its pace when far too much is asked of it.

One network, one gateway, and one load after another, each with more calls in flight than the last.
A call in flight is somebody who wants one transaction committed, then the next. Whoever is turned
away comes back when the gateway says; the client library's own patience is turned off, so that
everything that is refused is seen here.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, fields
from pathlib import Path
from random import Random

from bench.market import BROKER
from bench.orderers import topology
from bench.report import add_output, save
from tallystick.client import NO_RETRY, ClientOptions, Gateway
from tallystick.client.contract import Contract
from tallystick.client.errors import CommitError, EndorseError, TransactionError
from tallystick.node.cluster.startup import running_network

IN_FLIGHT = (64, 256, 1_000, 5_000)
CALLS_ON_A_CONNECTION = 500
"""A server lets one connection have 1,000 calls open; what is more would wait in the client."""


@dataclass(slots=True)
class Load:
    """What came of one load.

    Attributes:
        in_flight: How many wanted something all the time.
        seconds: How long new transactions were begun and counted.
        committed: Valid transactions in that time.
        refused: Turned away before endorsement, by status.
        failed: Everything else that went wrong, by what it was.
    """

    in_flight: int
    seconds: float
    committed: int = 0
    per_second: float = 0.0
    refused: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)

    def figures(self) -> dict[str, object]:
        """Return what JSON can hold."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


async def load(contracts: Sequence[Contract], in_flight: int, seconds: float) -> Load:
    """Return what came of ``in_flight`` places that put values for some seconds.

    A place that is busy when the time is over finishes what it has begun; that is not counted, but
    what fails then is. The first moments, in which all begin at once, are not counted either.
    """
    result = Load(in_flight, seconds)
    clock = time.perf_counter
    random = Random(in_flight)  # noqa: S311 - spreads attempts, keeps no secret
    counted_from = clock() + seconds / 2
    end = counted_from + seconds

    async def keep_busy(place: int) -> None:
        times = 0
        contract = contracts[place % len(contracts)]
        while clock() < end:
            key = f"{os.getpid()}-{in_flight}-{place}-{times}"
            times += 1
            if await _put(contract, key, result, random) and counted_from <= clock() < end:
                result.committed += 1

    async with asyncio.TaskGroup() as group:
        for place in range(in_flight):
            group.create_task(keep_busy(place))
    result.per_second = result.committed / seconds
    return result


async def _put(contract: Contract, key: str, result: Load, random: Random) -> bool:
    try:
        await contract.submit("put", key, "x" * 100, retry=NO_RETRY)
    except EndorseError as error:
        if not error.is_busy:
            result.failed[f"EndorseError {error.code.name}"] += 1
            return False
        result.refused[error.code.name] += 1
        await asyncio.sleep((error.retry_after_s or 1.0) * random.uniform(1.0, 1.5))
        return False
    except CommitError as error:
        result.failed[error.code_name] += 1
        return False
    except TransactionError as error:
        code = getattr(error, "code", None)
        result.failed[f"{type(error).__name__} {getattr(code, 'name', '')}".strip()] += 1
        return False
    return True


async def gateway_load(profile: Path, in_flight: int, seconds: float) -> Load:
    """Return what came of one load at the gateway that a client profile names."""
    options = ClientOptions(busy_retry=NO_RETRY)
    async with AsyncExitStack() as stack:
        contracts = []
        for _ in range(-(-in_flight // CALLS_ON_A_CONNECTION)):
            gateway = await stack.enter_async_context(await Gateway.from_profile(profile, options))
            contracts.append(gateway.network().contract("keyvalue"))
        return await load(contracts, in_flight, seconds)


async def run(in_flight: Sequence[int], seconds: float) -> list[Load]:
    """Return what came of each load on one network, each from a process of its own."""
    loads: list[Load] = []
    with tempfile.TemporaryDirectory() as directory:
        async with running_network(topology(1), Path(directory), _say) as network:
            profile = network.directory / "profiles" / f"{BROKER}.json"
            for count in in_flight:
                result = await _in_a_process(profile, count, seconds)
                _say(
                    f"{count:5} in flight: {result.per_second:6.1f}/s,"
                    f" refused {dict(result.refused)}, failed {dict(result.failed)}"
                )
                loads.append(result)
    return loads


async def _in_a_process(profile: Path, in_flight: int, seconds: float) -> Load:
    arguments = ["--profile", profile, "--in-flight", in_flight, "--seconds", seconds]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.overload",
        *map(str, arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the load process failed with {in_flight} in flight")
    document = json.loads(output)
    for name in ("refused", "failed"):
        document[name] = Counter(document[name])
    return Load(**document)


def ratios(loads: Sequence[Load]) -> dict[int, float]:
    """Return the throughput of each load as a part of the best, by calls in flight."""
    best = max(each.per_second for each in loads)
    return {each.in_flight: each.per_second / best for each in loads}


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> None:
    """Measure, print the ratios and write the results as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.overload", description=__doc__)
    parser.add_argument("--in-flight", type=int, nargs="+", default=IN_FLIGHT)
    parser.add_argument("--seconds", type=float, default=20.0, help="counted of each load")
    parser.add_argument("--profile", type=Path, help="only this load, on a network that runs")
    add_output(parser)
    arguments = parser.parse_args()
    if arguments.profile is not None:
        only = asyncio.run(
            gateway_load(arguments.profile, arguments.in_flight[0], arguments.seconds)
        )
        sys.stdout.write(json.dumps(only.figures()) + "\n")
        return
    loads = asyncio.run(run(arguments.in_flight, arguments.seconds))
    of_best = ratios(loads)
    figures = {"loads": [{**each.figures(), "of_best": of_best[each.in_flight]} for each in loads]}
    output = save(figures, arguments.output, "overload")
    for each in loads:
        sys.stdout.write(
            f"{each.in_flight:5} in flight: {each.per_second:6.1f}/s,"
            f" {of_best[each.in_flight]:.0%} of the best;"
            f" refused {each.refused.total()}, failed {each.failed.total()}\n"
        )
    sys.stdout.write(f"Written to {output}\n")


if __name__ == "__main__":
    main()
