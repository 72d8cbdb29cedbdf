"""What happens to one node of a network, what people see of it, and how it comes back."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import pytest
from tests.scenarios.crash_load import Load
from tests.scenarios.crash_network import CHAINCODE, RunningNetwork
from tests.scenarios.faults.conftest import Outcome
from tests.scenarios.orderer_network import leader, under_load

from tallystick.client.errors import GatewayError
from tallystick.node.cluster.node import Node

pytestmark = [
    pytest.mark.slow,
    pytest.mark.cluster,
    pytest.mark.asyncio(loop_scope="module"),
]

BY_ITSELF = "nothing; it catches up by itself once it runs again"


@asynccontextmanager
async def audited(network: RunningNetwork) -> AsyncIterator[Load]:
    """Run a load; afterwards all peers agree, and have all that its clients were told."""
    async with under_load(network) as load:
        await load.more_commits(20)
        yield load
        await load.more_commits(20)
    tips = await network.tips()
    assert len(set(tips.values())) == 1, f"the peers differ: {tips}"
    for peer in network.peers:
        channel = network.gateways[peer.name].network()
        for transaction_id in list(load.acknowledged)[-200:]:
            status = await channel.commit(transaction_id).status()
            assert status.transaction_id == transaction_id


async def refusal(network: RunningNetwork, peer: Node) -> str:
    """Return how a peer fails that should."""
    contract = network.gateways[peer.name].network().contract(CHAINCODE)
    with pytest.raises(GatewayError) as failed:
        await contract.submit("write", "refused", "text")
    return str(failed.value)


async def test_a_killed_peer_fails_its_own_clients_only_and_comes_back(
    network: RunningNetwork, outcome: Outcome
) -> None:
    victim = network.peers[0]
    async with audited(network) as load:
        await network.kill(victim)
        seen = await refusal(network, victim)
        assert "UNAVAILABLE" in seen
        await load.more_commits(50)
        await network.start(victim)
    outcome("kill -9 of a peer", seen, to_do=f"start it; then {BY_ITSELF}")


async def test_a_hanging_orderer_that_leads_is_replaced_and_asked_no_more(
    network: RunningNetwork, outcome: Outcome
) -> None:
    async with audited(network) as load:
        victim = await leader(network)
        stopped_s = monotonic()
        os.kill(network.pid(victim), signal.SIGSTOP)
        try:
            while await leader(network) == victim:  # noqa: ASYNC110 -- etcd is asked
                await asyncio.sleep(0.1)
            acknowledged = len(load.acknowledged)
            while len(load.acknowledged) < acknowledged + 5:  # noqa: ASYNC110 -- clients are told
                await asyncio.sleep(0.05)
        finally:
            os.kill(network.pid(victim), signal.SIGCONT)
        silence_s = load.longest_silence_s(stopped_s - 0.1, monotonic())
        assert silence_s < 10.0, "half a minute, if nobody else were asked"
    outcome(
        "SIGSTOP of the orderer that leads",
        f"submissions wait {silence_s:.1f} s and are answered",
        to_do=BY_ITSELF,
    )
