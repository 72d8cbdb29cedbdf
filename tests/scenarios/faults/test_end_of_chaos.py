"""As soon as the last fault is over, whatever it was, every peer answers every client."""

from collections.abc import Awaitable, Callable
from random import Random

import pytest
from tests.scenarios.crash_network import RunningNetwork
from tests.scenarios.faults.chaos import COMMITS_BETWEEN, Chaos, chaos
from tests.scenarios.faults.registers import settled
from tests.scenarios.orderer_network import leader

pytestmark = [
    pytest.mark.slow,
    pytest.mark.cluster,
    pytest.mark.asyncio(loop_scope="module"),
]


async def a_peer_is_killed(made: Chaos) -> None:
    await made.kill(made.network.peers[0])


async def a_peer_hangs_and_is_killed(made: Chaos) -> None:
    await made.pause(made.network.peers[0])
    await made.kill(made.network.peers[0])


async def the_leader_is_killed(made: Chaos) -> None:
    await made.kill(await leader(made.network))


async def the_leader_hangs(made: Chaos) -> None:
    await made.pause(await leader(made.network))


@pytest.mark.parametrize(
    "fault", [a_peer_is_killed, a_peer_hangs_and_is_killed, the_leader_is_killed, the_leader_hangs]
)
async def test_clients_are_answered_as_soon_as_the_last_fault_is_over(
    fault: Callable[[Chaos], Awaitable[None]], network: RunningNetwork
) -> None:
    lines: list[str] = []
    async with chaos(network, Random(1), lines.append) as made:
        await made.load.more_commits(COMMITS_BETWEEN)
        await fault(made)

    await settled(made.registers)
    tips = await network.tips()
    assert len(set(tips.values())) == 1, f"the peers differ after {lines}: {tips}"
