"""Asking one of Fabric's peers directly: to endorse, for private values, for its state."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import grpc
from tests.fabric.foundation import CHANNEL
from tests.fabric.real_nodes import RealPeer

from tallystick.protos.ledger.rwset.rwset_pb2 import TxPvtReadWriteSet
from tallystick.protos.orderer.ab_pb2 import SeekNewest, SeekPosition, SeekSpecified
from tallystick.protos.peer.events_pb2_grpc import DeliverStub
from tallystick.protos.peer.peer_pb2_grpc import EndorserStub
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse
from tallystick.wire.envelope import build_deliver_seek
from tallystick.wire.signing import Signer

SNAPSHOT_FILES: Final = (
    *("public_state.data", "public_state.metadata"),
    *("private_state_hashes.data", "private_state_hashes.metadata"),
)


@asynccontextmanager
async def connected(peer: RealPeer) -> AsyncIterator[grpc.aio.Channel]:
    """Connect to a peer for the length of the block."""
    roots = peer.foundation.tls_root(peer.msp_id).read_bytes()
    async with grpc.aio.secure_channel(
        peer.address, grpc.ssl_channel_credentials(roots)
    ) as channel:
        yield channel


async def propose(peer: RealPeer, proposed: bytes, client: Signer) -> ProposalResponse:
    """Send a proposal to one peer and return its answer."""
    signed = SignedProposal(proposal_bytes=proposed, signature=client.sign(proposed))
    async with connected(peer) as channel:
        return await EndorserStub(channel).ProcessProposal(signed)


async def private_sets(peer: RealPeer, client: Signer) -> list[tuple[int, int, TxPvtReadWriteSet]]:
    """Return what private values a peer holds: with block and place of their transaction."""
    seek = build_deliver_seek(
        CHANNEL,
        SeekPosition(specified=SeekSpecified(number=0)),
        SeekPosition(newest=SeekNewest()),
        signer=client,
        timestamp_ns=time.time_ns(),  # noqa: TID251 - real peers have real clocks
    )
    found = []
    async with connected(peer) as channel:
        stream = DeliverStub(channel).DeliverWithPrivateData(iter([seek]))
        async for response in stream:
            if response.HasField("status"):
                assert response.status == 200, response
                break
            block = response.block_and_private_data
            for index, private in sorted(block.private_data_map.items()):
                found.append((block.block.header.number, index, private))
    return found


async def snapshot(peer: RealPeer, height: int, target: Path) -> None:
    """Have a peer write down its state after its last block, and copy that to ``target``."""
    await peer.tool(
        "snapshot", "submitrequest", "-c", CHANNEL, "--peerAddress", peer.address,
        "--tlsRootCertFile", str(peer.foundation.tls_root(peer.msp_id)),
    )  # fmt: skip
    written = peer.directory / "snapshots" / "completed" / CHANNEL / str(height - 1)
    async with asyncio.timeout(60):
        while not written.is_dir():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
    target.mkdir(exist_ok=True)  # noqa: ASYNC240 - nothing else runs any more
    for name in SNAPSHOT_FILES:
        shutil.copyfile(written / name, target / name)
