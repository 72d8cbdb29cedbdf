"""A gateway of which too much is asked keeps its pace, and tells everybody else to come again."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median

import pytest
from bench.market import BROKER
from bench.orderers import topology
from bench.overload import Load, gateway_load
from tests.scenarios.crash_network import running_network

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

AT_WORK = 16
WAITING = 16
LIMITS = f"""
[gateway]
max_concurrent_calls = {AT_WORK}
max_waiting_calls = {WAITING}
"""
FITS = AT_WORK
TOO_MANY = 12 * (AT_WORK + WAITING)
ROUNDS = 3
SECONDS = 4.0
TIMEOUT_S = 300
KEPT = 0.6
"""What `python -m bench.overload` shows on a quiet machine is 0.9; here other tests may run."""


async def test_with_too_much_to_do_throughput_holds_and_who_is_turned_away_is_told(
    tmp_path: Path,
) -> None:
    async with (
        AsyncExitStack() as stack,
        running_network(tmp_path / "network", topology(1), peer_settings=LIMITS) as network,
    ):
        profile = network.network.profile(BROKER)
        await stack.enter_async_context(asyncio.timeout(TIMEOUT_S))
        before = [await gateway_load(profile, FITS, SECONDS) for _ in range(ROUNDS)]
        over, after = [], []
        for _ in range(ROUNDS):
            over.append(await gateway_load(profile, TOO_MANY, SECONDS))
            after.append(await gateway_load(profile, FITS, SECONDS))

    for load in (*before, *over, *after):
        assert not load.failed, "whoever is not served is told so, before endorsement"
    assert not any(turned_away(load) for load in (*before, *after))
    # A machine that is busy enough may let this process ask no faster than it is answered.
    assert sum(map(turned_away, over)) > TOO_MANY - AT_WORK - WAITING
    assert {reason for load in over for reason in load.refused} == {"RESOURCE_EXHAUSTED"}
    best = max(pace(before), pace(after))
    assert pace(over) > KEPT * best
    assert pace(after) > KEPT * best


def pace(loads: Sequence[Load]) -> float:
    """Return how many were committed in a second, in the median: others work in bursts, too."""
    return median(load.per_second for load in loads)


def turned_away(load: Load) -> int:
    return load.refused.total()
