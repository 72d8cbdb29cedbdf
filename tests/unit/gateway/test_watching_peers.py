"""How a gateway learns which peers answer, and how many blocks they have (wire.md §5.2)."""

import asyncio
from dataclasses import replace
from random import Random

import grpc
import pytest
from tests.unit.conftest import CHANNEL_ID, NOW_NS, ChannelMaterial
from tests.unit.gateway.conftest import DOWN, Said, Setting, refusal
from tests.unit.reluctant_signer import ReluctantSigner

from tallystick.node.endorsement.proposal import unpack
from tallystick.node.gateway import watch
from tallystick.node.gateway.endorsers import (
    Answer,
    EndorsingPeer,
    NextStep,
    PeerDirectory,
    Standing,
)
from tallystick.node.gateway.watch import Watcher, ask_heights, watch_peers
from tallystick.protos.common.ledger_pb2 import BlockchainInfo
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse, Response


def chain_of(height: int) -> ProposalResponse:
    """Return how a peer says that it has ``height`` blocks."""
    info = BlockchainInfo(height=height).SerializeToString()
    return ProposalResponse(response=Response(status=200, payload=info))


def watcher(material: ChannelMaterial, interval_s: float = 0.001) -> Watcher:
    return Watcher(material.client, lambda: NOW_NS, Random(1), interval_s)


def standing(directory: PeerDirectory, address: str) -> Standing:
    return next(directory.standing(peer) for peer in directory if peer.address == address)


@pytest.fixture
def directory(setting: Setting) -> PeerDirectory:
    """The own peer, which has three blocks, and one of B."""
    setting.add_peer("A", AssertionError("nobody asks the own peer"), local=True)
    setting.add_peer("B", chain_of(7))
    return PeerDirectory(setting.peers, local_msp_id="A", local_height=lambda: 3)


async def test_a_peer_tells_its_height(directory: PeerDirectory, setting: Setting) -> None:
    await ask_heights(CHANNEL_ID, directory, watcher(setting.material))
    assert standing(directory, "peer0.B") == Standing(height=7, is_down=False)


async def test_the_question_is_one_that_any_member_may_put_to_any_peer(setting: Setting) -> None:
    asked: list[SignedProposal] = []

    class Listening:
        async def process_proposal(self, proposal: SignedProposal) -> ProposalResponse:
            asked.append(proposal)
            return chain_of(1)

    peers = PeerDirectory([EndorsingPeer("B", "peer0.B", Listening())], local_msp_id="A")
    curious = watcher(setting.material)
    for _ in range(2):
        await ask_heights(CHANNEL_ID, peers, curious)
    first, second = (unpack(each) for each in asked)
    assert (first.channel_id, first.chaincode) == (CHANNEL_ID, "qscc")
    assert first.args == [b"GetChainInfo", CHANNEL_ID.encode()]
    assert first.creator == setting.material.client.identity
    assert first.transaction_id != second.transaction_id


@pytest.mark.parametrize(
    ("said", "is_down"),
    [
        pytest.param(DOWN, True, id="it cannot be reached"),
        pytest.param(refusal(500, "channel not found"), False, id="it is not on the channel"),
        pytest.param(
            ProposalResponse(response=Response(status=200, payload=b"\xff")),
            False,
            id="it answers something else",
        ),
    ],
)
async def test_the_height_stays_what_it_was_if(
    setting: Setting, said: Said, *, is_down: bool
) -> None:
    endorser = setting.add_peer("B", chain_of(7))
    directory = setting.directory
    await ask_heights(CHANNEL_ID, directory, watcher(setting.material))
    endorser.said = said
    await ask_heights(CHANNEL_ID, directory, watcher(setting.material))
    assert standing(directory, "peer0.B") == Standing(height=7, is_down=is_down)


async def test_a_peer_that_keeps_silent_does_not_keep_the_others_waiting(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "ANSWER_TIMEOUT_S", 0.01)
    setting.add_peer("B", None)
    setting.add_peer("C", chain_of(7))
    directory = setting.directory
    await ask_heights(CHANNEL_ID, directory, watcher(setting.material))
    assert standing(directory, "peer0.B").is_down
    assert standing(directory, "peer0.C").height == 7


async def test_peers_are_asked_again_and_again(setting: Setting) -> None:
    rounds = asyncio.Semaphore(0)

    class Returning:
        async def process_proposal(self, proposal: SignedProposal) -> ProposalResponse:
            assert proposal.signature
            rounds.release()
            return chain_of(9)

    peers = PeerDirectory([EndorsingPeer("B", "peer0.B", Returning())], local_msp_id="A")
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch_peers(CHANNEL_ID, peers, watcher(setting.material)))
        for _ in range(3):
            await rounds.acquire()
        watching.cancel()
    assert standing(peers, "peer0.B").height == 9


async def test_peers_are_asked_later_if_the_question_could_not_be_signed(
    setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    asked = asyncio.Event()

    class Answering:
        async def process_proposal(self, _: SignedProposal) -> ProposalResponse:
            asked.set()
            return chain_of(9)

    peers = PeerDirectory([EndorsingPeer("B", "peer0.B", Answering())], local_msp_id="A")
    reluctant = ReluctantSigner(setting.material.client, refusals=2)
    curious = replace(watcher(setting.material), signer=reluctant)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch_peers(CHANNEL_ID, peers, curious))
        await asked.wait()
        watching.cancel()
    assert caplog.text.count("the token was taken out") == 2


# --- what follows for the order in which they are asked ---


def ranked(*standings: Standing, local_height: int = 5) -> list[str]:
    """Return the order of the own peer, a colleague and two others, given what is known of them."""
    names = ("own", "colleague", "b", "c")
    peers = [
        EndorsingPeer(msp_id, name, None, local=name == "own")  # type: ignore[arg-type]
        for msp_id, name in zip("AABC", names, strict=True)
    ]
    directory = PeerDirectory(peers, local_msp_id="A", local_height=lambda: local_height)
    list(directory)  # whatever order it is in before it learns more
    for peer, known in zip(peers[1:], standings, strict=True):
        directory.note_height(peer, known.height)
        directory.note(_answer(peer, unreachable=known.is_down))
    return [peer.address for peer in directory]


def _answer(peer: EndorsingPeer, *, unreachable: bool) -> Answer:
    return Answer(peer, NextStep.USE, grpc.StatusCode.OK, unreachable=unreachable)


def test_the_own_organisation_comes_first_and_the_highest_of_it() -> None:
    up = Standing(5)
    assert ranked(up, Standing(6), Standing(7)) == ["own", "colleague", "c", "b"]
    assert ranked(Standing(6), up, up) == ["colleague", "own", "b", "c"]


def test_who_is_down_comes_last_even_in_the_own_organisation() -> None:
    assert ranked(Standing(9, is_down=True), Standing(1), Standing(2)) == [
        "own",
        "c",
        "b",
        "colleague",
    ]


def test_the_own_peer_overtakes_a_colleague_as_soon_as_it_has_more_blocks() -> None:
    own, colleague = (
        EndorsingPeer("A", name, None, local=name == "own")  # type: ignore[arg-type]
        for name in ("own", "colleague")
    )
    blocks = ["genesis"]
    directory = PeerDirectory([own, colleague], local_msp_id="A", local_height=lambda: len(blocks))
    directory.note_height(colleague, 2)
    assert list(directory) == [colleague, own]
    blocks.extend(("first", "second"))
    assert list(directory) == [own, colleague]


def test_peers_that_stay_keep_their_standing_and_those_that_leave_lose_it() -> None:
    stays, leaves = (
        EndorsingPeer("B", name, None)  # type: ignore[arg-type]
        for name in ("stays", "leaves")
    )
    directory = PeerDirectory([stays, leaves], local_msp_id="A")
    for peer in (stays, leaves):
        directory.note_height(peer, 4)
    directory.replace([stays])
    directory.replace([stays, leaves])
    assert (directory.standing(stays).height, directory.standing(leaves).height) == (4, 0)
