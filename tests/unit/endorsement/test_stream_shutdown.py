"""What becomes of an open stream of proposals when its peer stops."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from unittest.mock import MagicMock

import pytest

from tallystick.node.peer import PeerNode
from tallystick.node.peer_program import serving_peer
from tallystick.node.settings import ConnectionSettings, MspSettings, PeerSettings
from tallystick.node.transport.channels import ChannelPool
from tallystick.node.transport.open_calls import OpenCalls
from tallystick.node.transport.proposals import StreamingEndorser
from tallystick.node.transport.tasks import supervised_tasks
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse

SETTINGS = PeerSettings(
    listen_address="127.0.0.1:0",
    data_directory=Path("data"),
    msp=MspSettings(id="OneMSP", directory=Path("msp")),
    tls=None,
    connections=ConnectionSettings(shutdown_grace_s=60),
)


async def repeat(signed: SignedProposal) -> ProposalResponse:
    return ProposalResponse(payload=signed.proposal_bytes)


def node() -> PeerNode:
    fake = MagicMock(channels={}, endorser=SimpleNamespace(process=repeat))
    return cast("PeerNode", fake)


async def answer_one_and_fail(endorsers: asyncio.TaskGroup, pool: ChannelPool) -> None:
    async with serving_peer(node(), SETTINGS, OpenCalls()) as port:
        endorser = StreamingEndorser(pool.channel(f"127.0.0.1:{port}", None), endorsers)
        asked = SignedProposal(proposal_bytes=b"before")
        assert (await endorser.process_proposal(asked)).payload == b"before"
        raise OSError("no disk")


async def test_a_peer_that_fails_keeps_no_stream_open_for_its_grace() -> None:
    async with asyncio.timeout(30), ChannelPool() as pool, supervised_tasks() as tasks:
        with pytest.raises(OSError, match="no disk"):
            await answer_one_and_fail(tasks, pool)
