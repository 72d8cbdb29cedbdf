"""What happens to one node of a network, what people see of it, and how it comes back."""

import asyncio
import os
import shutil
import signal
from time import monotonic

import pytest
from tests.scenarios.crash_network import RunningNetwork
from tests.scenarios.faults.audit import PATIENCE_S, Log, audited, ledger_folder, refusal
from tests.scenarios.orderer_network import another_leader_than, leader
from tests.scenarios.outcome import Outcome

pytestmark = [
    pytest.mark.slow,
    pytest.mark.cluster,
    pytest.mark.asyncio(loop_scope="module"),
]


async def test_a_killed_peer_fails_its_own_clients_only_and_comes_back(
    network: RunningNetwork, outcome: Outcome
) -> None:
    victim = network.peers[0]
    async with audited(network, outcome) as load:
        await network.kill(victim)
        seen = await refusal(network, victim)
        assert "UNAVAILABLE" in seen
        outcome.saw(seen)
        await load.more_commits(50)
        await outcome.awaits("start it", network.start(victim))
    outcome.keep("kill -9 of a peer")


async def test_a_hanging_orderer_that_leads_is_replaced_and_asked_no_more(
    network: RunningNetwork, outcome: Outcome
) -> None:
    async with audited(network, outcome) as load:
        victim = await leader(network)
        stopped_s = monotonic()
        os.kill(network.pid(victim), signal.SIGSTOP)
        try:
            await another_leader_than(victim, network)
            enough = len(load.acknowledged) + 5
            async with asyncio.timeout(PATIENCE_S):
                while len(load.acknowledged) < enough:  # noqa: ASYNC110 -- clients are told
                    await asyncio.sleep(0.05)
        finally:
            os.kill(network.pid(victim), signal.SIGCONT)
        silence_s = load.longest_silence_s(stopped_s - 0.1, monotonic())
        assert silence_s < 10.0, "half a minute, if nobody else were asked"
    outcome.saw(f"submissions wait {silence_s:.1f} s and are answered")
    outcome.keep("SIGSTOP of the orderer that leads")


async def test_a_deleted_state_store_is_made_again_from_the_blocks(
    network: RunningNetwork, outcome: Outcome
) -> None:
    victim = network.peers[1]
    async with audited(network, outcome):  # in the end, the commit hashes are compared
        assert await network.stop(victim) == 0
        log = Log(network, victim)
        shutil.rmtree(ledger_folder(network, victim) / "store")
        await outcome.awaits("start it", network.start(victim))
        outcome.saw(log.line("WARNING", "the store of", "was made anew from"))
        await network.height(victim)
    outcome.keep("the state store of a peer is deleted")
