"""An administrator waits for all peers of the organisation, not only for the first one."""

from collections.abc import Callable
from dataclasses import dataclass, field

import grpc
import pytest
from google.protobuf.message import Message
from tests.unit.client.conftest import (
    CHANNEL_ID,
    NOW_NS,
    Authorities,
    Client,
    FakePeer,
    authorities,
    client,
)
from tests.unit.gateway.conftest import rpc_failure

from tallystick.node.cli import channel
from tallystick.node.cli.main import main
from tallystick.node.cluster import administrator as module
from tallystick.node.cluster.administrator import Administrator, Landed, PeerBehindError
from tallystick.node.cluster.peer_client import PeerRefusedError, Source
from tallystick.node.endorsement.proposal import unpack
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.node.transport.ports import EndorserConnection
from tallystick.protos.common.ledger_pb2 import BlockchainInfo
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse, Response
from tallystick.protos.peer.query_pb2 import (
    ChannelInfo,
    ChannelQueryResponse,
    JoinBySnapshotStatus,
)

__all__ = ["authorities", "client"]

LANDED = Landed(7, "t1")


@dataclass
class GrowingPeer:
    """A peer with one more block each time that it is asked, up to a limit."""

    height: int
    limit: int = 100
    asked: list[tuple[str, bytes]] = field(default_factory=list)

    async def process_proposal(self, proposal: SignedProposal) -> ProposalResponse:
        question = unpack(proposal)
        self.asked.append((question.channel_id, question.args[0]))
        info = BlockchainInfo(height=self.height).SerializeToString()
        self.height = min(self.height + 1, self.limit)
        return ProposalResponse(response=Response(status=200, payload=info))


@dataclass
class PeerBeforeSnapshot:
    """A peer that is on a channel already, or joins it from the snapshot that it is shown."""

    is_on_it: bool

    async def process_proposal(self, proposal: SignedProposal) -> ProposalResponse:
        match unpack(proposal).args[0]:
            case b"GetChannels":
                channels = [ChannelInfo(channel_id=CHANNEL_ID)] * self.is_on_it
                answer: Message = ChannelQueryResponse(channels=channels)
            case b"JoinChainBySnapshot" if self.is_on_it:
                refusal = f"ledger [{CHANNEL_ID}] already exists with state [ACTIVE]"
                return ProposalResponse(response=Response(status=500, message=refusal))
            case _:
                self.is_on_it = True
                answer = JoinBySnapshotStatus()
        payload = answer.SerializeToString()
        return ProposalResponse(response=Response(status=200, payload=payload))


class StoppedPeer:
    """A peer that cannot be reached."""

    async def process_proposal(self, proposal: SignedProposal) -> ProposalResponse:
        assert proposal.signature
        raise rpc_failure(grpc.StatusCode.UNAVAILABLE, "connection refused")


AdministratorOf = Callable[..., Administrator]


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_INTERVAL_S", 0.001)
    monkeypatch.setattr(module, "CATCH_UP_S", 0.05)


@pytest.fixture
def administrator_of(client: Client, authorities: Authorities) -> AdministratorOf:
    """Return what makes the administrator of an organisation with these peers."""
    user, nonces = authorities.user, iter(range(1_000_000))

    def administrator(*peers: EndorserConnection) -> Administrator:
        return Administrator(
            msp_id="ATSMSP",
            signer=SigningIdentity.from_pem("ATSMSP", user.certificate_pem, user.key_pem),
            endorsers=peers,
            gateway=client.gateway(FakePeer()),
            source=Source(lambda: NOW_NS, lambda: next(nonces).to_bytes(24, "big")),
        )

    return administrator


async def test_every_peer_must_have_the_block(administrator_of: AdministratorOf) -> None:
    first, second = GrowingPeer(8), GrowingPeer(3)
    await administrator_of(first, second).wait_for(CHANNEL_ID, LANDED)
    assert first.asked == [(CHANNEL_ID, b"GetChainInfo")]
    assert len(second.asked) == 6
    assert second.height > LANDED.block_number + 1


async def test_a_peer_that_does_not_get_on_is_named(administrator_of: AdministratorOf) -> None:
    waiting = administrator_of(GrowingPeer(8), GrowingPeer(3, limit=7))
    with pytest.raises(
        PeerBehindError, match="a peer of ATSMSP did not get block 7 within"
    ) as told:
        await waiting.wait_for(CHANNEL_ID, LANDED)
    assert (told.value.msp_id, told.value.block_number) == ("ATSMSP", 7)


async def test_a_peer_that_has_stopped_is_not_waited_for(administrator_of: AdministratorOf) -> None:
    waiting = administrator_of(GrowingPeer(8), StoppedPeer())
    with pytest.raises(PeerRefusedError, match="did not tell how many blocks it has: connection"):
        await waiting.wait_for(CHANNEL_ID, LANDED)


@pytest.mark.parametrize(
    ("on_it", "told"),
    [
        ((False,), "the peer of ATSMSP joined from the snapshot in taken"),
        ((True, False), "the peer of ATSMSP joined from the snapshot in taken"),
        (
            (True, True),
            "the peer of ATSMSP is on the channel already: nothing was taken from taken",
        ),
    ],
    ids=["it joins", "another one is on it", "both are on it"],
)
def test_who_joins_from_a_snapshot_is_told_whether_anything_was_taken(
    administrator_of: AdministratorOf,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    on_it: tuple[bool, ...],
    told: str,
) -> None:
    administrator = administrator_of(*map(PeerBeforeSnapshot, on_it))

    async def found(*_: object) -> tuple[Administrator, None]:
        return administrator, None

    monkeypatch.setattr(channel, "administrator_of", found)
    assert main(("channel", "join", "--snapshot", "taken", "--as", "ATSMSP")) == 0
    assert capsys.readouterr().out == f"{told}\n"
