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
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, fields
from pathlib import Path
from random import Random

import psutil

from bench.market import BROKER
from bench.measure import LOAD
from bench.orderers import topology
from bench.processes import usage
from bench.report import add_output, save
from tallystick.client import NO_RETRY, ClientOptions, Gateway
from tallystick.client.contract import Contract
from tallystick.client.errors import CommitError, EndorseError, TransactionError
from tallystick.node.cluster.launcher import Launcher
from tallystick.node.cluster.startup import running_network
from tallystick.node.memory import settle_memory

IN_FLIGHT = (64, 256, 1_000, 5_000)
CALLS_ON_A_CONNECTION = 500
"""A server lets one connection have 1,000 calls open; what is more would wait in the client."""
BEGINS, ENDS = "counting", "counted"
"""What the load process writes when the counted time begins and ends: the meters are read then."""


@dataclass(slots=True)
class Load:
    """What came of one load.

    Attributes:
        in_flight: How many wanted something all the time.
        seconds: How long transactions were counted.
        committed: Valid transactions in that time.
        per_second: The same, for each second.
        cpu_ms: CPU milliseconds for each of them, by process; the load's own included.
        refused: Turned away before endorsement, by status.
        failed: Everything else that went wrong, by what it was.
    """

    in_flight: int
    seconds: float = 0.0
    committed: int = 0
    per_second: float = 0.0
    cpu_ms: dict[str, float] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)

    def figures(self) -> dict[str, object]:
        """Return what JSON can hold."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def _unheard(_moment: str) -> None:
    """Nobody reads the meters."""


async def load(
    contracts: Sequence[Contract],
    in_flight: int,
    seconds: float,
    say: Callable[[str], None] = _unheard,
) -> Load:
    """Return what came of ``in_flight`` places that put values for some seconds.

    A place that is busy when the time is over finishes what it has begun; that is not counted, but
    what fails then is. The first moments, in which all begin at once, are not counted either.

    Args:
        contracts: Those of several connections; each place has one of them.
        in_flight: How many want something all the time.
        seconds: How long transactions are counted.
        say: Told when that time begins and when it ends.
    """
    result = Load(in_flight)
    random = Random(in_flight)  # noqa: S311 - spreads attempts, keeps no secret
    counting = over = False

    async def keep_busy(place: int) -> None:
        times = 0
        contract = contracts[place % len(contracts)]
        while not over:
            key = f"{os.getpid()}-{in_flight}-{place}-{times}"
            times += 1
            if await _put(contract, key, result, random) and counting:
                result.committed += 1

    async with asyncio.TaskGroup() as group:
        for place in range(in_flight):
            group.create_task(keep_busy(place))
        await asyncio.sleep(0)  # until all have begun, which takes seconds for thousands
        await asyncio.sleep(seconds / 2)
        begun_s, cpu_s, counting = time.perf_counter(), time.process_time(), True
        say(BEGINS)
        await asyncio.sleep(seconds)
        counting, over = False, True
        say(ENDS)
        result.seconds = time.perf_counter() - begun_s
        cpu_s = time.process_time() - cpu_s
    result.per_second = result.committed / result.seconds
    result.cpu_ms[LOAD] = cpu_s * 1e3 / max(1, result.committed)
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


async def gateway_load(
    profile: Path, in_flight: int, seconds: float, say: Callable[[str], None] = _unheard
) -> Load:
    """Return what came of one load at the gateway that a client profile names."""
    options = ClientOptions(busy_retry=NO_RETRY)
    async with AsyncExitStack() as stack:
        contracts = []
        for _ in range(-(-in_flight // CALLS_ON_A_CONNECTION)):
            gateway = await stack.enter_async_context(await Gateway.from_profile(profile, options))
            contracts.append(gateway.network().contract("keyvalue"))
        return await load(contracts, in_flight, seconds, say)


async def run(in_flight: Sequence[int], seconds: float) -> list[Load]:
    """Return what came of each load on one network, each from a process of its own."""
    loads: list[Load] = []
    with tempfile.TemporaryDirectory() as directory:
        async with running_network(topology(1), Path(directory), _say) as network:
            profile = network.directory / "profiles" / f"{BROKER}.json"
            launcher = Launcher(network)
            nodes = {node.name: psutil.Process(launcher.pid(node)) for node in network.nodes}
            for count in in_flight:
                result = await _in_a_process(profile, count, seconds, nodes)
                _say(_line(result))
                loads.append(result)
    return loads


async def _in_a_process(
    profile: Path, in_flight: int, seconds: float, nodes: Mapping[str, psutil.Process]
) -> Load:
    arguments = ["--profile", profile, "--in-flight", in_flight, "--seconds", seconds]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.overload",
        *map(str, arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    meters = []
    for moment in (BEGINS, ENDS):
        if await process.stdout.readline() != f"{moment}\n".encode():
            raise RuntimeError(f"the load process failed with {in_flight} in flight")
        meters.append(usage(nodes))
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the load process failed with {in_flight} in flight")
    document = json.loads(output)
    for name in ("refused", "failed"):
        document[name] = Counter(document[name])
    before, after = meters
    document["cpu_ms"] |= after.cpu_ms_since(before, document["committed"])
    return Load(**document)


def _line(result: Load) -> str:
    cpu_ms = ", ".join(f"{name} {cost:.2f}" for name, cost in sorted(result.cpu_ms.items()))
    return (
        f"{result.in_flight:5} in flight: {result.per_second:6.1f}/s, CPU ms"
        f" {sum(result.cpu_ms.values()):.2f} ({cpu_ms}),"
        f" refused {dict(result.refused)}, failed {dict(result.failed)}"
    )


def ratios(loads: Sequence[Load]) -> dict[int, float]:
    """Return the throughput of each load as a part of the best, by calls in flight."""
    best = max(each.per_second for each in loads)
    return {each.in_flight: each.per_second / best for each in loads}


def _tell(moment: str) -> None:
    sys.stdout.write(f"{moment}\n")
    sys.stdout.flush()


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
        settle_memory()  # it stands for thousands of clients, none of which has so much to collect
        only = asyncio.run(
            gateway_load(arguments.profile, arguments.in_flight[0], arguments.seconds, _tell)
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
