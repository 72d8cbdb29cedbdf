"""An orderer hangs, and its connections stand: whoever follows it finds another one."""

import asyncio
import os
import re
import signal
from time import monotonic
from typing import Final

import pytest
from tests.scenarios.crash_network import RunningNetwork
from tests.scenarios.faults.audit import audited, until
from tests.scenarios.orderer_network import another_leader_than, leader
from tests.scenarios.outcome import Outcome

from tallystick.node.cluster.node import Node

pytestmark = [
    pytest.mark.slow,
    pytest.mark.cluster,
    pytest.mark.asyncio(loop_scope="module"),
]

LEFT_WITHIN_S: Final = 20.0
"""The goal is 2 s on a machine that has nothing else to do; without witnesses it were 30."""
FOLLOWED: Final = re.compile(r"follows orderer ([\w.:-]+) from block")
LEFT: Final = re.compile(r"stopped following orderer .*, which .* has")
"""Another orderer's block is the reason, and no mere impatience."""


def log_of(network: RunningNetwork, node: Node) -> str:
    return network.network.log_file(node).read_text(encoding="utf-8")


def followed_by(network: RunningNetwork, peer: Node) -> Node:
    """Return the orderer that a peer has turned to last."""
    address = FOLLOWED.findall(log_of(network, peer))[-1]
    return next(node for node in network.orderers if node.address == address)


def left_since(network: RunningNetwork, peer: Node, start: int) -> str:
    """Return what a peer wrote when it left an orderer; empty if it has left none since."""
    found = LEFT.search(log_of(network, peer)[start:])
    return "" if found is None else found[0]


async def test_a_peer_leaves_a_hanging_orderer_as_soon_as_another_has_a_block(
    network: RunningNetwork, outcome: Outcome
) -> None:
    peer = network.peers[0]
    async with audited(network, outcome) as load:
        victim = followed_by(network, peer)
        before = len(log_of(network, peer))
        led = await leader(network) == victim
        os.kill(network.pid(victim), signal.SIGSTOP)
        try:
            if led:
                await another_leader_than(victim, network)
            began_s = monotonic()
            left = await until(lambda: left_since(network, peer, before))
            height = await network.height(peer)
            async with asyncio.timeout(LEFT_WITHIN_S):
                while await network.height(peer) <= height:  # noqa: ASYNC110 -- a peer is asked
                    await asyncio.sleep(0.05)
            took_s = monotonic() - began_s
            assert took_s < LEFT_WITHIN_S
            await load.more_commits(30)
        finally:
            os.kill(network.pid(victim), signal.SIGCONT)
    outcome.saw(f"the peer gets blocks again after {took_s:.1f} s", left)
    outcome.keep("SIGSTOP of the orderer that a peer follows")
