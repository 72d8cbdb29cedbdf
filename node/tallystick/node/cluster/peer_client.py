"""Calls of one peer by its administrator: what concerns a peer alone goes through no gateway.

Source: wire.md §8.2.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import grpc

from tallystick.node.errors import LedgerError
from tallystick.node.transport.ports import EndorserConnection
from tallystick.protos.common.ledger_pb2 import BlockchainInfo
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.query_pb2 import ChannelQueryResponse
from tallystick.wire.envelope import ProposalArguments, build_proposal
from tallystick.wire.signing import Signer

LIFECYCLE: Final = "_lifecycle"
CONFIGURATION: Final = "cscc"
QUERY: Final = "qscc"
_SUCCESS: Final = 200
_WORDS: Final = {
    "InstallChaincode": "install the package",
    "QueryInstalledChaincodes": "tell what is installed",
    "JoinChain": "join the channel",
    "JoinChainBySnapshot": "begin to join from the snapshot",
    "JoinBySnapshotStatus": "tell whether it is joining",
    "GetChannels": "tell its channels",
    "GetChainInfo": "tell how many blocks it has",
}


class PeerRefusedError(LedgerError):
    """A peer did not do what its administrator asked.

    Attributes:
        msp_id: The peer's organisation.
        reason: The peer's words, or the transport's.
    """

    def __init__(self, msp_id: str, function: str, reason: str) -> None:
        super().__init__(f"the peer of {msp_id} did not {_WORDS.get(function, function)}: {reason}")
        self.msp_id = msp_id
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Source:
    """Where a client's proposals to a peer's own chaincodes take time and chance from.

    Attributes:
        now_ns: The time, in nanoseconds since the epoch.
        nonce: Draws a nonce; no two may be equal.
    """

    now_ns: Callable[[], int]
    nonce: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class PeerClient:
    """An administrator at one peer.

    Attributes:
        msp_id: The organisation of both.
        signer: The administrator's identity and key.
        connection: The way to the peer.
        source: Time and chance.
    """

    msp_id: str
    signer: Signer
    connection: EndorserConnection
    source: Source

    async def call(
        self, chaincode: str, function: str, *arguments: bytes, channel_id: str = ""
    ) -> bytes:
        """Return what the peer answers; nothing of it becomes a transaction.

        Raises:
            PeerRefusedError: It refuses, or cannot be reached.
        """
        built = build_proposal(
            ProposalArguments(channel_id, chaincode, [function.encode(), *arguments]),
            creator=self.signer.identity,
            nonce=self.source.nonce(),
            timestamp_ns=self.source.now_ns(),
        )
        signed = SignedProposal(
            proposal_bytes=built.proposal_bytes, signature=self.signer.sign(built.proposal_bytes)
        )
        try:
            response = (await self.connection.process_proposal(signed)).response
        except grpc.aio.AioRpcError as error:
            raise PeerRefusedError(self.msp_id, function, error.details() or "") from error
        if response.status != _SUCCESS:
            raise PeerRefusedError(self.msp_id, function, response.message)
        return response.payload

    async def channels(self) -> Sequence[str]:
        """Return the ids of the peer's channels."""
        answer = await self.call(CONFIGURATION, "GetChannels")
        return [entry.channel_id for entry in ChannelQueryResponse.FromString(answer).channels]

    async def height(self, channel_id: str) -> int:
        """Return how many blocks of a channel the peer has.

        Raises:
            PeerRefusedError: It is not on the channel, or cannot be reached.
        """
        answer = await self.call(QUERY, "GetChainInfo", channel_id.encode(), channel_id=channel_id)
        return BlockchainInfo.FromString(answer).height
