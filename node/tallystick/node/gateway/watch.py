"""Asks the other peers of a channel how far they are, so that the best are asked first.

Fabric's peers gossip their heights. Ours ask ``qscc`` for them, as any member of the channel may:
the question is signed by the peer, and every Fabric peer answers it too. See ADR 18.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError

from tallystick.node.gateway.endorsers import EndorsingPeer, NextStep, PeerDirectory, ask
from tallystick.node.membership.errors import SigningFailedError
from tallystick.protos.common.ledger_pb2 import BlockchainInfo
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.wire.envelope import ProposalArguments, build_proposal
from tallystick.wire.signing import Signer
from tallystick.wire.txid import NONCE_SIZE

ANSWER_TIMEOUT_S: Final = 3.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who asks, and how often.

    Attributes:
        signer: The peer's identity and key.
        clock: Now, in nanoseconds since the epoch.
        random: Draws nonces. They need to differ, not to be secret: nothing of this is ordered.
        interval_s: Between two questions to a peer.
    """

    signer: Signer
    clock: Callable[[], int]
    random: random.Random
    interval_s: float


async def watch_peers(channel_id: str, peers: PeerDirectory, watcher: Watcher) -> None:
    """Keep the standings of ``peers`` fresh until cancelled.

    A peer that does not answer is asked last until it answers again. While the question cannot be
    signed, nobody is asked and the standings stay what they are.
    """
    while True:
        await asyncio.sleep(watcher.interval_s)
        try:
            await ask_heights(channel_id, peers, watcher)
        except SigningFailedError as error:
            _log.warning(
                "channel %s: the other peers are not asked how far they are, and are again in "
                "%g s: %s",
                channel_id,
                watcher.interval_s,
                error,
            )


async def ask_heights(channel_id: str, peers: PeerDirectory, watcher: Watcher) -> None:
    """Ask each peer but the own one for its height, all at once, and note what they say.

    Raises:
        SigningFailedError: The question could not be signed.
    """
    question = _question(channel_id, watcher)
    async with asyncio.TaskGroup() as asking:
        for peer in peers:
            if not peer.local:
                asking.create_task(_ask_height(peer, question, peers))


async def _ask_height(peer: EndorsingPeer, question: SignedProposal, peers: PeerDirectory) -> None:
    answer = await ask(peer, question, timeout_s=ANSWER_TIMEOUT_S)
    peers.note(answer)
    if answer.step is not NextStep.USE or answer.response is None:
        return  # it is not on the channel yet, or does not know this peer: its height stays
    try:
        info = BlockchainInfo.FromString(answer.response.response.payload)
    except DecodeError:
        return
    peers.note_height(peer, info.height)


def _question(channel_id: str, watcher: Watcher) -> SignedProposal:
    arguments = ProposalArguments(channel_id, "qscc", [b"GetChainInfo", channel_id.encode()])
    built = build_proposal(
        arguments,
        creator=watcher.signer.identity,
        nonce=watcher.random.randbytes(NONCE_SIZE),
        timestamp_ns=watcher.clock(),
    )
    signature = watcher.signer.sign(built.proposal_bytes)
    return SignedProposal(proposal_bytes=built.proposal_bytes, signature=signature)
