"""Slow lines between all nodes, and one that is so slow that deadlines pass."""

import asyncio
from contextlib import suppress
from random import Random
from time import monotonic
from typing import Final

import pytest
from tests.scenarios.crash_network import CHAINCODE, RunningNetwork
from tests.scenarios.faults.audit import audited, refusal
from tests.scenarios.faults.slow_lines import Line, slowed, slowed_etcd
from tests.scenarios.outcome import Outcome

from tallystick.client.contract import Contract
from tallystick.client.errors import SubmitError
from tallystick.client.gateway import Gateway
from tallystick.client.options import ClientOptions, Deadlines

pytestmark = [
    pytest.mark.slow,
    pytest.mark.cluster,
    pytest.mark.asyncio(loop_scope="module"),
]

FAR: Final = Line(delay_s=0.1, bytes_per_s=250_000)
"""Between continents, 2 Mbit/s."""
HOPELESS_S: Final = 10.0
COMMITS: Final = 30
LARGE_BYTES: Final = 150_000
"""Of a note of random digits, and of a block with it in etcd: there twice, and in half the room."""
LARGE_NOTES: Final = 3
PATIENCE_S: Final = 300.0
PATIENT: Final = ClientOptions(
    deadlines=Deadlines(evaluate_s=60.0, endorse_s=60.0, submit_s=60.0, commit_status_s=60.0)
)
"""A large block takes as long as it takes, if others load the machine too."""


async def test_over_slow_lines_all_goes_on_only_slower(
    network: RunningNetwork, outcome: Outcome
) -> None:
    async with slowed(network, network.orderers, FAR):
        async with audited(network, outcome) as load:
            await load.more_commits(COMMITS)
        times_s = sorted(load.acknowledged.values())
        rate = len(times_s) / (times_s[-1] - times_s[0])
    assert rate > 1.0
    outcome.saw(f"{rate:.0f} transactions a second over lines of 100 ms and 2 Mbit/s each way")
    outcome.keep("every line to an orderer is slow")


async def test_blocks_of_a_real_size_are_ordered_over_slow_lines_to_etcd(
    network: RunningNetwork, outcome: Outcome
) -> None:
    peer = network.peers[0]
    profile = network.network.profile(peer.member.msp_id)
    async with (
        await Gateway.from_profile(profile, PATIENT, address=peer.address) as gateway,
        slowed_etcd(network, FAR),
        audited(network, outcome) as load,
    ):
        contract = gateway.network().contract(CHAINCODE)
        began_s = monotonic()
        for number in range(LARGE_NOTES):
            await submitted(contract, f"large-{number}")
        took_s = (monotonic() - began_s) / LARGE_NOTES
        await load.more_commits(COMMITS)
    assert took_s > LARGE_BYTES / FAR.bytes_per_s, "the line was slow"
    outcome.saw(f"a block of {LARGE_BYTES / 1e6:g} MB takes {took_s:.1f} s over such lines")
    outcome.keep("every orderer's line to etcd is slow")


async def submitted(contract: Contract, key: str) -> None:
    """Submit a large note until it is ordered: the lease may lapse, and another orderer lead."""
    note = Random(key).randbytes(LARGE_BYTES // 2).hex()
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(SubmitError):
                await contract.submit("write", key, note)
                return


async def test_a_line_that_is_too_slow_is_told_as_a_deadline_that_passed(
    network: RunningNetwork, outcome: Outcome
) -> None:
    far = network.peers[0]
    line = Line(delay_s=0.0, bytes_per_s=FAR.bytes_per_s)
    async with audited(network, outcome) as load, slowed(network, [far], line):
        await network.height(far)  # is known once the peer can be reached again
        line.delay_s = HOPELESS_S
        late = await refusal(network, far)
        assert "no answer within" in late
        outcome.saw(late)
        await outcome.awaits("ask a peer that answers", load.more_commits(COMMITS))
        line.delay_s = 0.0
    outcome.keep("the line to a peer is so slow that deadlines pass")
