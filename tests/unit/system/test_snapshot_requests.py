"""Requests for ledger snapshots over gRPC (wire.md §8.1, §8.3, §13)."""

import asyncio
import errno
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import cast

import grpc
import pytest
from tests.scenarios.outcome import Outcome, State
from tests.unit.endorsement.conftest import Keys, World

from tallystick.node.cluster.peer_client import PeerClient, PeerRefusedError, Source
from tallystick.node.cluster.snapshot_client import SnapshotClient
from tallystick.node.ledger import snapshot_export
from tallystick.node.ledger.block_store import CorruptBlockError
from tallystick.node.ledger.key_value_store import KeyValueReader, KeyValueStore
from tallystick.node.ledger.ledger import Ledger
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.snapshot_export import SnapshotSource
from tallystick.node.ledger.state import VersionedValue
from tallystick.node.ledger.version import Version
from tallystick.node.system import snapshot_requests
from tallystick.node.system.snapshot_requests import SnapshotRequestError, SnapshotRequests
from tallystick.node.system.snapshots import SnapshotAccess, SnapshotService
from tallystick.node.transport.server import new_server, serving
from tallystick.protos.common.common_pb2 import Block, SignatureHeader
from tallystick.protos.common.ledger_pb2 import BlockchainInfo
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse, Response
from tallystick.protos.peer.snapshot_pb2 import (
    SignedSnapshotRequest,
    SnapshotQuery,
    SnapshotRequest,
)
from tallystick.protos.peer.snapshot_pb2_grpc import SnapshotStub, add_SnapshotServicer_to_server

CHANNEL = "trades"
LATER = 900


@dataclass
class Site:
    """A peer that takes requests, and somebody who makes them."""

    stub: SnapshotStub
    requests: SnapshotRequests
    store: KeyValueStore
    folder: Path
    keys: Keys
    last: int

    def signed(
        self, number: int, *, role: str = "admin", channel: str = CHANNEL
    ) -> SignedSnapshotRequest:
        signer = getattr(self.keys.organizations["OneMSP"], role)
        request = SnapshotRequest(
            signature_header=SignatureHeader(creator=signer.identity, nonce=b"n"),
            channel_id=channel,
            block_number=number,
        ).SerializeToString()
        return SignedSnapshotRequest(request=request, signature=signer.sign(request))

    def noted(self) -> tuple[list[int], list[str]]:
        """Return which snapshots are waited for, and which are made."""
        made = [each.name for each in self.folder.iterdir()] if self.folder.exists() else []
        return sorted(self.requests.pending), sorted(made)

    async def pending(self) -> list[int]:
        signer = self.keys.organizations["OneMSP"].admin
        query = SnapshotQuery(
            signature_header=SignatureHeader(creator=signer.identity, nonce=b"n"),
            channel_id=CHANNEL,
        ).SerializeToString()
        signed = SignedSnapshotRequest(request=query, signature=signer.sign(query))
        return list((await self.stub.QueryPendings(signed)).block_numbers)


def unchanged(site: Site) -> State:
    return State("the same snapshots are asked for and made", site.noted)


@pytest.fixture
async def site(world: World, keys: Keys, tmp_path: Path) -> AsyncIterator[Site]:
    peer, store, folder = world.one, MemoryStore(), tmp_path / "snapshots"
    requests = SnapshotRequests(CHANNEL, peer.ledger, store, folder)
    access = SnapshotAccess(peer.access, peer.checker, lambda: peer.now_ns)
    server = new_server()
    add_SnapshotServicer_to_server(SnapshotService({CHANNEL: requests}, access), server)
    async with (
        serving(server, "localhost:0", tls=None, grace_s=0) as port,
        grpc.aio.insecure_channel(f"localhost:{port}") as channel,
    ):
        yield Site(SnapshotStub(channel), requests, store, folder, keys, peer.ledger.height - 1)


async def test_the_last_block_is_meant_by_zero_and_its_snapshot_is_made(
    outcome: Outcome, site: Site
) -> None:
    await site.stub.Generate(site.signed(0))
    assert await site.pending() == [site.last]
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        making = tasks.create_task(site.requests.run())
        while site.requests.pending:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0.01)
        making.cancel()
    assert (site.folder / str(site.last) / "public_state.data").exists()
    with outcome.refuses(grpc.aio.AioRpcError, leaves=unchanged(site), match="already generated"):
        await site.stub.Generate(site.signed(0))
    outcome.keep("a snapshot is asked for that has been made")


async def test_nothing_reads_the_store_any_more_once_a_peer_has_stopped(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_begun, has_ended = Event(), Event()

    def slow_rows(store: KeyValueReader) -> Iterator[tuple[str, bytes, VersionedValue]]:  # noqa: ARG001
        has_begun.set()
        try:
            for number in range(300):
                time.sleep(0.01)
                yield "token", number.to_bytes(2), VersionedValue(b"", Version(0, 0))
        finally:
            has_ended.set()

    monkeypatch.setattr(snapshot_export, "state_rows", slow_rows)
    await site.stub.Generate(site.signed(0))
    async with asyncio.TaskGroup() as tasks:
        making = tasks.create_task(site.requests.run())
        await asyncio.to_thread(has_begun.wait, 10)
        making.cancel()
    assert has_ended.is_set()
    assert making.cancelled()
    assert not list(site.folder.iterdir())
    assert await site.pending() == [site.last], "the next start begins it again"


class LostBlocks:
    """A ledger whose blocks cannot be read back."""

    def __init__(self, ledger: Ledger) -> None:
        self.height = ledger.height
        self.moment = ledger.moment
        self.first_block = 0

    def last_config_block_number(self) -> int:
        return 0

    def block(self, number: int) -> Block:
        raise CorruptBlockError(number=number, path=Path("blocks"), offset=0)


async def test_a_snapshot_that_cannot_begin_is_dropped_and_ends_nothing(
    outcome: Outcome, site: Site, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await site.stub.Generate(site.signed(0))
    ledger = cast("Ledger", LostBlocks(world.one.ledger))
    requests = SnapshotRequests(CHANNEL, ledger, site.store, site.folder)
    requests.block_committed()
    assert not requests.pending
    assert f"no snapshot after block {site.last}: block 0 is lost" in caplog.text
    assert not SnapshotRequests(CHANNEL, ledger, site.store, site.folder).pending
    with outcome.refuses(
        SnapshotRequestError, leaves=unchanged(site), match="the peer's log says why"
    ):
        requests.submit(0)
    outcome.keep("a snapshot is asked for whose blocks cannot be read")


async def test_a_store_that_cannot_be_read_ends_the_snapshot_and_not_the_peer(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def damaged(*_: object) -> None:
        raise OSError(errno.EIO, "the LevelDB store cannot be read")

    monkeypatch.setattr(snapshot_export, "state_rows", damaged)
    await site.stub.Generate(site.signed(0))
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        making = tasks.create_task(site.requests.run())
        while site.requests.pending:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0.01)
        making.cancel()
    assert "the LevelDB store cannot be read; the request is dropped" in caplog.text


async def test_a_request_waits_survives_a_restart_and_can_be_withdrawn(
    outcome: Outcome, site: Site, world: World
) -> None:
    await site.stub.Generate(site.signed(LATER))
    with outcome.refuses(
        grpc.aio.AioRpcError, leaves=unchanged(site), match=f"duplicate .* block number {LATER}"
    ):
        await site.stub.Generate(site.signed(LATER))
    again = SnapshotRequests(CHANNEL, world.one.ledger, site.store, site.folder)
    assert list(again.pending) == [LATER]
    await site.stub.Cancel(site.signed(LATER))
    assert await site.pending() == []
    with outcome.refuses(
        grpc.aio.AioRpcError, leaves=unchanged(site), match="no snapshot request exists"
    ):
        await site.stub.Cancel(site.signed(LATER))
    outcome.keep("a snapshot is asked for twice, or withdrawn twice")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        pytest.param({"role": "client"}, "PERMISSION_DENIED", id="not an administrator"),
        pytest.param({"signature": b"forged"}, "PERMISSION_DENIED", id="not signed"),
        pytest.param({"channel": "elsewhere"}, "NOT_FOUND", id="another channel"),
        pytest.param({"channel": ""}, "INVALID_ARGUMENT", id="no channel"),
        pytest.param({"request": b"\xff"}, "INVALID_ARGUMENT", id="no request"),
    ],
)
async def test_who_may_not_ask_is_refused_and_nothing_is_noted(
    outcome: Outcome, site: Site, given: dict[str, str | bytes], code: str
) -> None:
    signed = site.signed(
        LATER, role=str(given.get("role", "admin")), channel=str(given.get("channel", CHANNEL))
    )
    for name in ("request", "signature"):
        setattr(signed, name, given.get(name, getattr(signed, name)))
    with outcome.refuses(grpc.aio.AioRpcError, leaves=unchanged(site)) as refusal:
        await site.stub.Generate(signed)
    assert refusal.value.code().name == code
    assert await site.pending() == []
    outcome.keep("a snapshot is asked for by somebody who may not, or unreadably")


@dataclass
class Heights:
    """A peer that tells how many blocks its ledger has."""

    ledger: Ledger

    async def process_proposal(self, proposal: SignedProposal) -> ProposalResponse:  # noqa: ARG002
        payload = BlockchainInfo(height=self.ledger.height).SerializeToString()
        return ProposalResponse(response=Response(status=200, payload=payload))


@asynccontextmanager
async def waiting_client(site: Site, world: World) -> AsyncIterator[SnapshotClient]:
    """Yield an administrator who waits for snapshots, while they are made."""
    signer = site.keys.organizations["OneMSP"].admin
    source = Source(lambda: world.one.now_ns, lambda: b"n")
    peer = PeerClient("OneMSP", signer, Heights(world.one.ledger), source)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        making = tasks.create_task(site.requests.run())
        yield SnapshotClient(peer, site.stub)
        making.cancel()


async def test_who_waits_for_a_snapshot_is_told_of_one_that_is_there(
    site: Site, world: World
) -> None:
    async with waiting_client(site, world) as client:
        number = await client.take(CHANNEL)
        assert (site.folder / str(number) / "public_state.data").exists()


async def test_who_waits_for_a_snapshot_is_told_when_the_ledger_has_gone_on_meanwhile(
    site: Site, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = Event()

    def slow(source: SnapshotSource, folder: Path, check_stop: Callable[[], None]) -> None:
        assert goes_on.wait(10)
        snapshot_export.write_snapshot(source, folder, check_stop)

    monkeypatch.setattr(snapshot_requests, "write_snapshot", slow)
    await world.approve("OneMSP")  # the first block has number 0, which stands for the last one
    async with waiting_client(site, world) as client, asyncio.TaskGroup() as tasks:
        taken = tasks.create_task(client.take(CHANNEL))
        while not site.requests.pending:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0.01)
        await world.approve("TwoMSP")
        assert world.one.ledger.height == site.last + 3
        goes_on.set()
        assert await taken == site.last + 1


async def test_who_waits_for_a_snapshot_that_cannot_be_made_is_told_so(
    site: Site, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOTDIR, "Not a directory")

    monkeypatch.setattr(snapshot_requests, "write_snapshot", fail)
    async with waiting_client(site, world) as client:
        words = f"did not make the snapshot after block {site.last}: it dropped the request.*log"
        with pytest.raises(PeerRefusedError, match=words):
            await client.take(CHANNEL)
