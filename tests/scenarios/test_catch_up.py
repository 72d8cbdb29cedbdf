"""Nodes that are stopped and started again, while the others go on."""

import asyncio
from pathlib import Path
from typing import Final

import grpc
import pytest
from tests.scenarios.crash_network import CHAINCODE, RunningNetwork, running_network

from tallystick.client.contract import Contract
from tallystick.client.errors import EventStreamError, SubmitError
from tallystick.client.event_stream import EventStream
from tallystick.node.cluster.node import Node
from tallystick.protos.common.common_pb2 import Block

NOTES: Final = 10
RETURN_TIMEOUT_S: Final = 30.0


def notes(network: RunningNetwork, peer: Node) -> Contract:
    return network.gateways[peer.name].network().contract(CHAINCODE)


async def write_notes(network: RunningNetwork, peer: Node, prefix: str) -> list[str]:
    """Commit some transactions at once through one peer; return the keys that they wrote."""
    keys = [f"{prefix}-{number}" for number in range(NOTES)]
    async with asyncio.TaskGroup() as submissions:
        for key in keys:
            submissions.create_task(notes(network, peer).submit("write", key, f"text of {key}"))
    return keys


async def read_notes(network: RunningNetwork, peer: Node, keys: list[str]) -> list[str]:
    """Return what one peer itself, and nobody in its place, says of some keys."""
    own = [peer.member.msp_id]
    answers = [
        await notes(network, peer).evaluate("read", key, endorsing_organizations=own)
        for key in keys
    ]
    return [answer.decode() for answer in answers]


async def blocks_until_the_end(stream: EventStream[Block]) -> tuple[int, grpc.StatusCode]:
    """Return how many blocks came before the peer ended the stream, and what it said then."""
    count = 0
    while True:
        try:
            await anext(stream)
        except EventStreamError as end:
            return count, end.code
        count += 1


async def is_unavailable(contract: Contract) -> bool:
    """Return whether a transaction fails because nobody orders it."""
    with pytest.raises(SubmitError) as refusal:
        await contract.submit("write", "never", "text")
    return refusal.value.code is grpc.StatusCode.UNAVAILABLE


@pytest.mark.cluster
async def test_a_stopped_peer_catches_up_and_answers_as_the_others_do(tmp_path: Path) -> None:
    async with running_network(tmp_path / "network") as network:
        stopped, second, third = network.peers
        keys = await write_notes(network, stopped, "before")

        events = network.gateways[stopped.name].network().block_events(start_block=0)
        async with events, asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(blocks_until_the_end(events))
            keys += await write_notes(network, second, "during")
            assert await network.stop(stopped) == 0, "within its grace period"
        count, end = listening.result()
        assert count > 1
        assert end is grpc.StatusCode.UNAVAILABLE
        for peer in (second, third):
            keys += await write_notes(network, peer, f"without-through-{peer.name}")

        await network.start(stopped)
        assert len(set((await network.tips()).values())) == 1
        for peer in network.peers:
            assert await read_notes(network, peer, keys) == [f"text of {key}" for key in keys]
        await write_notes(network, stopped, "after")


@pytest.mark.cluster
@pytest.mark.slow
async def test_peers_go_on_when_the_orderer_returns(tmp_path: Path) -> None:
    async with running_network(tmp_path / "network") as network:
        keys = await write_notes(network, network.peers[0], "before")
        assert await network.stop(network.orderer) == 0, "within its grace period"
        contracts = [notes(network, peer) for peer in network.peers]
        assert all(await asyncio.gather(*map(is_unavailable, contracts)))
        for peer in network.peers:
            assert await read_notes(network, peer, keys) == [f"text of {key}" for key in keys]

        await network.start(network.orderer)
        async with asyncio.timeout(RETURN_TIMEOUT_S):  # and nobody has to try twice
            for peer in network.peers:
                await write_notes(network, peer, f"after-through-{peer.name}")
        assert len(set((await network.tips()).values())) == 1
        for peer in network.peers:
            assert await read_notes(network, peer, ["never"]) == [""]
