"""A client with many transactions under way hears of their commits from one stream of blocks."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
import pytest
from tests import virtual_time
from tests.unit.client.conftest import CHANNEL_ID, Client, FakePeer

from tallystick.client import Deadlines, Gateway
from tallystick.client.commit import Commit
from tallystick.client.commit_listener import LISTENS_AGAIN_AFTER_S, MANY, UNNEEDED_BLOCKS
from tallystick.client.commit_status import CommitStatus
from tallystick.client.errors import CommitStatusError, RpcFailure
from tallystick.client.transaction import Transaction
from tallystick.protos.common.common_pb2 import Envelope, Status
from tallystick.protos.gateway import gateway_pb2
from tallystick.protos.peer.events_pb2 import DeliverResponse, FilteredBlock, FilteredTransaction
from tallystick.protos.peer.transaction_pb2 import TxValidationCode
from tallystick.wire.envelope import channel_header_of

VALID, STALE = TxValidationCode.VALID, TxValidationCode.MVCC_READ_CONFLICT
SECOND_COPY = TxValidationCode.DUPLICATE_TXID
LOST = RpcFailure(grpc.StatusCode.UNAVAILABLE, "connection lost")


@dataclass
class CommittingPeer(FakePeer):
    """Commits what a test says: ``CommitStatus`` waits for that, and blocks are delivered live.

    Attributes:
        committed: The verdicts.
        streamed: Blocks for the one stream that is open, or what it ends with.
        streams: How many were asked for.
        status_requests: Transactions that were asked about.
    """

    committed: dict[str, CommitStatus] = field(default_factory=dict)
    streamed: asyncio.Queue[DeliverResponse | RpcFailure] = field(default_factory=asyncio.Queue)
    streams: int = 0
    status_requests: list[str] = field(default_factory=list)
    height: int = 100
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def commit(self, *transaction_ids: str, code: TxValidationCode.ValueType = VALID) -> None:
        """Commit a block, and let everybody hear of it."""
        transactions = [
            FilteredTransaction(txid=each, tx_validation_code=code) for each in transaction_ids
        ]
        block = FilteredBlock(number=self.height, filtered_transactions=transactions)
        for each in transaction_ids:
            self.committed.setdefault(each, CommitStatus(each, code, self.height))
        self.height += 1
        self._changed.set()
        self._changed = asyncio.Event()
        if self.open_streams:
            await self.stream(DeliverResponse(filtered_block=block))

    async def stream(self, response: DeliverResponse | RpcFailure) -> None:
        """Put something on the open stream."""
        self.streamed.put_nowait(response)
        await settled()

    async def commit_status(
        self, request: gateway_pb2.SignedCommitStatusRequest
    ) -> gateway_pb2.CommitStatusResponse:
        transaction_id = gateway_pb2.CommitStatusRequest.FromString(request.request).transaction_id
        self.status_requests.append(transaction_id)
        while transaction_id not in self.committed:
            await self._changed.wait()
        status = self.committed[transaction_id]
        return gateway_pb2.CommitStatusResponse(
            result=TxValidationCode.ValueType(status.code), block_number=status.block_number
        )

    async def deliver_filtered(self, request: Envelope) -> AsyncGenerator[DeliverResponse, None]:
        assert channel_header_of(request).channel_id == CHANNEL_ID
        self.streams += 1
        async with self._stream(request):
            while True:
                response = await self.streamed.get()
                if isinstance(response, RpcFailure):
                    raise response
                yield response


async def settled() -> None:
    """Return when nobody has anything left to do but wait."""
    for _ in range(50):
        await asyncio.sleep(0)


async def endorsed(gateway: Gateway) -> Transaction:
    return await gateway.network(CHANNEL_ID).contract("token").new_proposal("transfer").endorse()


async def submitted(gateway: Gateway, count: int) -> list[Commit]:
    return [await (await endorsed(gateway)).submit() for _ in range(count)]


def ids(commits: Sequence[Commit]) -> list[str]:
    return [each.transaction_id for each in commits]


@asynccontextmanager
async def waiting(commits: Sequence[Commit]) -> AsyncIterator[list["asyncio.Task[CommitStatus]"]]:
    """Let somebody wait for each commit; behind the block, all have their verdicts."""
    async with asyncio.TaskGroup() as tasks:
        waits = [tasks.create_task(each.status()) for each in commits]
        await settled()
        yield waits


async def make_listen(gateway: Gateway, peer: CommittingPeer) -> None:
    """Wait for so many commits at once that the client listens from then on."""
    commits = await submitted(gateway, MANY)
    async with waiting(commits):
        await peer.commit(*ids(commits))
    peer.status_requests.clear()


@pytest.fixture
def peer() -> CommittingPeer:
    return CommittingPeer()


@pytest.fixture
async def gateway(peer: CommittingPeer, client: Client) -> AsyncIterator[Gateway]:
    async with client.gateway(peer) as gateway:
        yield gateway


async def test_one_stream_tells_what_became_of_many_transactions(
    peer: CommittingPeer, gateway: Gateway
) -> None:
    await make_listen(gateway, peer)

    good, bad = await submitted(gateway, 20), await submitted(gateway, 20)
    async with waiting([*good, *bad]) as waits:
        await peer.commit(*ids(good))
        await peer.commit(*ids(bad), code=STALE)

    assert [wait.result() for wait in waits] == [
        *(CommitStatus(each, VALID, 101) for each in ids(good)),
        *(CommitStatus(each, STALE, 102) for each in ids(bad)),
    ]
    assert (peer.streams, peer.status_requests) == (1, [])


async def test_a_verdict_that_came_before_anybody_asked_is_there(
    peer: CommittingPeer, gateway: Gateway
) -> None:
    await make_listen(gateway, peer)
    [commit] = await submitted(gateway, 1)
    await peer.commit(commit.transaction_id)

    assert await commit.status() == CommitStatus(commit.transaction_id, VALID, 101)
    assert peer.status_requests == []


async def test_few_commits_are_asked_for_one_by_one(peer: CommittingPeer, gateway: Gateway) -> None:
    commits = await submitted(gateway, MANY - 1)
    async with waiting(commits) as waits:
        await peer.commit(*ids(commits))

    assert [wait.result().transaction_id for wait in waits] == ids(commits)
    assert (peer.streams, peer.status_requests) == (0, ids(commits))


Happening = Callable[[CommittingPeer, str], Awaitable[None]]


@pytest.mark.parametrize(
    "happens",
    [
        pytest.param(lambda peer, _: peer.stream(LOST), id="the stream is lost"),
        pytest.param(
            lambda peer, _: peer.stream(DeliverResponse(status=Status.FORBIDDEN)),
            id="the peer ends it",
        ),
        pytest.param(
            lambda peer, transaction_id: peer.commit(transaction_id, code=SECOND_COPY),
            id="a second copy is committed",
        ),
    ],
)
async def test_what_blocks_do_not_tell_is_asked_for(
    peer: CommittingPeer, gateway: Gateway, happens: Happening
) -> None:
    await make_listen(gateway, peer)
    [commit] = await submitted(gateway, 1)
    peer.committed[commit.transaction_id] = first = CommitStatus(commit.transaction_id, STALE, 55)

    async with waiting([commit]) as [wait]:
        assert peer.status_requests == []
        await happens(peer, commit.transaction_id)

    assert wait.result() == first
    assert peer.status_requests == [commit.transaction_id]


async def test_a_transaction_that_may_be_committed_already_is_asked_for(
    peer: CommittingPeer, gateway: Gateway
) -> None:
    await make_listen(gateway, peer)
    transaction = await endorsed(gateway)
    await transaction.submit()
    await peer.commit(transaction.transaction_id)

    again = await transaction.submit()
    from_bytes = await gateway.transaction(transaction.to_bytes()).submit()

    assert (await again.status()).block_number == 101
    assert (await from_bytes.status()).block_number == 101
    assert peer.status_requests == [transaction.transaction_id] * 2


async def test_of_a_proposal_endorsed_twice_both_copies_have_the_verdict(
    peer: CommittingPeer, gateway: Gateway
) -> None:
    await make_listen(gateway, peer)
    proposal = gateway.network(CHANNEL_ID).contract("token").new_proposal("transfer")
    commits = [await (await proposal.endorse()).submit() for _ in range(2)]

    async with waiting(commits) as waits:
        await peer.commit(proposal.transaction_id)
        await peer.commit(proposal.transaction_id, code=SECOND_COPY)
        assert all(wait.done() for wait in waits)

    assert {wait.result() for wait in waits} == {CommitStatus(proposal.transaction_id, VALID, 101)}


def test_who_is_told_too_late_may_ask_again(client: Client) -> None:
    async def story() -> tuple[grpc.StatusCode, int]:
        peer = CommittingPeer()
        async with client.gateway(peer, Deadlines(commit_status_s=0.05)) as gateway:
            await make_listen(gateway, peer)
            [commit] = await submitted(gateway, 1)

            with pytest.raises(CommitStatusError, match=r"no answer within 0\.05 s") as caught:
                await commit.status()
            await peer.commit(commit.transaction_id)
            return caught.value.code, (await commit.status()).block_number

    assert virtual_time.run(story) == (grpc.StatusCode.DEADLINE_EXCEEDED, 101)


def test_a_verdict_that_a_halted_stream_does_not_bring_is_asked_for(client: Client) -> None:
    async def story() -> tuple[int, list[str], str]:
        peer = CommittingPeer()
        async with client.gateway(peer) as gateway:
            await make_listen(gateway, peer)
            [commit] = await submitted(gateway, 1)
            peer.committed[commit.transaction_id] = CommitStatus(commit.transaction_id, STALE, 101)
            status = await commit.status()
            return status.code, peer.status_requests, commit.transaction_id

    code, asked, transaction_id = virtual_time.run(story)
    assert (code, asked) == (STALE, [transaction_id])


async def test_listening_ends_when_no_transaction_needs_it(
    peer: CommittingPeer, gateway: Gateway
) -> None:
    await make_listen(gateway, peer)
    [needed] = await submitted(gateway, 1)
    await peer.commit(needed.transaction_id)
    await submitted(gateway, 1)  # nobody keeps the commit, so nobody can ask for it

    for _ in range(UNNEEDED_BLOCKS - 1):
        await peer.commit("somebody else's")
    still_open = peer.open_streams
    await peer.commit("somebody else's")

    assert (still_open, peer.open_streams) == (1, 0)
    await make_listen(gateway, peer)
    assert peer.streams == 2


def test_a_peer_that_ended_the_stream_is_asked_for_another_only_after_a_while(
    client: Client,
) -> None:
    async def story() -> list[int]:
        peer = CommittingPeer()
        async with client.gateway(peer) as gateway:
            streams: list[int] = []
            for pause_s in (0, LISTENS_AGAIN_AFTER_S / 2, LISTENS_AGAIN_AFTER_S / 2):
                await asyncio.sleep(pause_s)
                await make_listen(gateway, peer)
                if not streams:
                    await peer.stream(LOST)
                streams.append(peer.streams)
            return streams

    assert virtual_time.run(story) == [1, 1, 2]


async def test_who_cannot_sign_asks_with_the_signatures_that_others_made(
    peer: CommittingPeer, client: Client
) -> None:
    commits = await submitted(client.gateway(peer), MANY)
    async with Gateway.over(peer, identity=client.identity, options=client.options()) as offline:
        signed = [offline.commit(each.to_bytes()) for each in commits]
        for each in signed:
            each.add_signature(client.signer.sign_digest(each.digest))
        async with waiting(signed) as waits:
            await peer.commit(*ids(commits))

    assert [wait.result().transaction_id for wait in waits] == ids(commits)
    assert peer.streams == 0


async def test_closing_the_gateway_ends_the_stream_and_leaves_who_waits_to_the_connection(
    peer: CommittingPeer, client: Client
) -> None:
    gateway = client.gateway(peer)
    await make_listen(gateway, peer)
    [commit] = await submitted(gateway, 1)
    async with waiting([commit]):
        await gateway.close()
        await settled()
        asked = list(peer.status_requests)
        await peer.commit(commit.transaction_id)

    assert (peer.open_streams, asked) == (0, [commit.transaction_id])


async def test_many_who_wait_as_the_gateway_closes_make_it_listen_no_more(
    peer: CommittingPeer, client: Client
) -> None:
    gateway = client.gateway(peer)
    await make_listen(gateway, peer)
    commits = await submitted(gateway, MANY)
    async with waiting(commits):
        await gateway.close()
        await settled()
        streams = peer.streams
        await peer.commit(*ids(commits))

    assert (streams, peer.open_streams) == (1, 0)


async def test_closing_the_gateway_ends_the_connection_though_somebody_turns_to_a_new_channel(
    peer: CommittingPeer, client: Client
) -> None:
    gateway = client.gateway(peer)
    await make_listen(gateway, peer)
    async with asyncio.TaskGroup() as tasks:
        closing = tasks.create_task(gateway.close())
        await asyncio.sleep(0)
        elsewhere = gateway.network("elsewhere").contract("token").new_proposal("transfer")
        await (await elsewhere.endorse()).submit()
        await closing

    assert peer.is_closed
