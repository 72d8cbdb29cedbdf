"""A gateway of which too much is asked keeps its pace, and tells everybody else to come again."""

import asyncio
from contextlib import AsyncExitStack
from itertools import pairwise
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
        fits, over = [await gateway_load(profile, FITS, SECONDS)], []
        for _ in range(ROUNDS):
            over.append(await gateway_load(profile, TOO_MANY, SECONDS))
            fits.append(await gateway_load(profile, FITS, SECONDS))

    for load in (*fits, *over):
        assert not load.failed, "whoever is not served is told so, before endorsement"
    assert not any(map(turned_away, fits))
    # A machine that is busy enough may let this process ask no faster than it is answered.
    assert sum(map(turned_away, over)) > TOO_MANY - AT_WORK - WAITING
    assert {reason for load in over for reason in load.refused} == {"RESOURCE_EXHAUSTED"}
    # Others may begin to use the machine at any moment: what is compared lies side by side.
    beside = [(one.per_second, other.per_second) for one, other in pairwise(fits)]
    held = [load.per_second / max(pair) for load, pair in zip(over, beside, strict=True)]
    assert median(held) > KEPT
    assert median(after / before for before, after in beside) > KEPT
    first, *later = (load.per_second for load in fits)
    assert max(later) > KEPT * first, "what was lost does not come back"


def turned_away(load: Load) -> int:
    return load.refused.total()
