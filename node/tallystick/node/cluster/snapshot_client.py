"""An administrator's requests for ledger snapshots at one peer.

Source: wire.md §8.1; hyperledger/fabric internal/peer/snapshot.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import grpc

from tallystick.node.cluster.peer_client import PeerClient, PeerRefusedError
from tallystick.protos.common.common_pb2 import SignatureHeader
from tallystick.protos.peer.snapshot_pb2 import (
    SignedSnapshotRequest,
    SnapshotQuery,
    SnapshotRequest,
)
from tallystick.protos.peer.snapshot_pb2_grpc import SnapshotStub

_ATTEMPTS: Final = 20
_PAST: Final = "cannot be less than the last committed block number"
_MADE: Final = "snapshot already generated"
_POLL_INTERVAL_S: Final = 0.1

AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True, slots=True)
class SnapshotClient:
    """An administrator at one peer.

    Attributes:
        peer: The same administrator at the same peer.
        stub: The way to the service.
    """

    peer: PeerClient
    stub: SnapshotStub

    async def take(self, channel_id: str) -> int:
        """Ask for a snapshot after the last block; return that block's number once it was made.

        Raises:
            PeerRefusedError: The peer refuses, or commits blocks faster than it can be asked, or
                has made none.
        """
        number = await self._request_newest(channel_id)
        while number in await self.pending(channel_id):  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(_POLL_INTERVAL_S)
        await self._check_made(channel_id, number)
        return number

    async def _check_made(self, channel_id: str, number: int) -> None:
        """Raise unless a snapshot is there: asked for it again, the peer says so.

        One that could not be made is no longer asked for either, and only the peer's log says why.
        Number 0 stands for the last block: on a channel that went on from its first one meanwhile,
        this asks for a newer snapshot, and raises.
        """
        try:
            await self.request(channel_id, number)
        except PeerRefusedError as error:
            if _MADE in error.reason:
                return
            fate = f"asked again, it says {error.reason!r}"
        else:
            fate = "it dropped the request, and tries once more now"
        raise PeerRefusedError(
            self.peer.msp_id,
            f"make the snapshot after block {number}",
            f"{fate}; its log says why, and what is in its snapshots/completed is whole",
        )

    async def _request_newest(self, channel_id: str, attempts: int = _ATTEMPTS) -> int:
        number = await self.peer.height(channel_id) - 1
        try:
            await self.request(channel_id, number)
        except PeerRefusedError as error:
            if _PAST not in error.reason or attempts == 1:
                raise
            return await self._request_newest(channel_id, attempts - 1)
        return number

    async def request(self, channel_id: str, block_number: int) -> None:
        """Ask for a snapshot after a block.

        Raises:
            PeerRefusedError: The block is past, or one is asked for already.
        """
        signed = self._signed(self._request(channel_id, block_number))
        await self._answer("take a snapshot", self.stub.Generate(signed))

    async def cancel(self, channel_id: str, block_number: int) -> None:
        """Withdraw a request.

        Raises:
            PeerRefusedError: There is none, or the snapshot is being made.
        """
        signed = self._signed(self._request(channel_id, block_number))
        await self._answer("withdraw the request", self.stub.Cancel(signed))

    async def pending(self, channel_id: str) -> Sequence[int]:
        """Return the blocks after which a snapshot is asked for and not there yet, in order.

        Raises:
            PeerRefusedError: The peer is not on the channel, or cannot be reached.
        """
        query = SnapshotQuery(signature_header=self._header(), channel_id=channel_id)
        answer = self.stub.QueryPendings(self._signed(query))
        return list((await self._answer("tell what is asked for", answer)).block_numbers)

    def _request(self, channel_id: str, block_number: int) -> SnapshotRequest:
        return SnapshotRequest(
            signature_header=self._header(), channel_id=channel_id, block_number=block_number
        )

    def _header(self) -> SignatureHeader:
        return SignatureHeader(creator=self.peer.signer.identity, nonce=self.peer.source.nonce())

    def _signed(self, request: SnapshotRequest | SnapshotQuery) -> SignedSnapshotRequest:
        encoded = request.SerializeToString()
        return SignedSnapshotRequest(request=encoded, signature=self.peer.signer.sign(encoded))

    async def _answer(self, what: str, call: Awaitable[AnswerT]) -> AnswerT:
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise PeerRefusedError(self.peer.msp_id, what, error.details() or "") from error
