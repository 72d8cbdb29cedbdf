"""A whole orderer: in process, behind gRPC with TLS, restarted, and drained."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from tests.scenarios.outcome import Outcome, files
from tests.unit.conftest import CHANNEL_ID, NOW_NS, OLDEST, ChannelMaterial, at

from tallystick.node.channel.config import BatchParameters
from tallystick.node.channel.config_delta import compute_update
from tallystick.node.channel.config_edits import with_batch
from tallystick.node.channel.config_signing import unsigned_update, with_signature
from tallystick.node.deliver.verification import verify_block
from tallystick.node.ledger.views import OtherKindOfDataError
from tallystick.node.orderer import OrdererNode
from tallystick.node.orderer_channel import OrdererEnvironment
from tallystick.node.orderer_program import run_orderer, serving_orderer
from tallystick.node.process import BlockFileError, GenesisMismatchError, load_block
from tallystick.node.settings import MspSettings, OrdererSettings, QueueSettings, TlsSettings
from tallystick.node.transport.channels import ChannelPool
from tallystick.node.transport.credentials import ClientTls
from tallystick.node.transport.open_calls import OpenCalls
from tallystick.node.transport.ports import OrdererConnection, OrdererUnreachableError
from tallystick.node.transport.remote import RemoteOrderer
from tallystick.node.transport.tasks import supervised_tasks
from tallystick.protos.common.common_pb2 import Block, Status
from tallystick.protos.orderer.ab_pb2 import SeekInfo
from tallystick.wire.envelope import FOREVER_BLOCK_NUMBER

ONE_BY_ONE = BatchParameters(max_message_count=1)
FOREVER = at(FOREVER_BLOCK_NUMBER)


@dataclass
class Site:
    """Where an orderer is installed: it can be started there again and again."""

    material: ChannelMaterial
    directory: Path
    batch: BatchParameters = ONE_BY_ONE
    queue: QueueSettings = field(default_factory=QueueSettings)

    @property
    def settings(self) -> OrdererSettings:
        tls = self.material.directory / "orderer" / "orderers" / "orderer0" / "tls"
        return OrdererSettings(
            listen_address="127.0.0.1:0",
            data_directory=self.directory,
            store="sqlite",
            genesis_blocks=(self.directory / "genesis.block",),
            msp=MspSettings(
                id="OrdererMSP",
                directory=self.material.directory / "orderer" / "orderers" / "orderer0" / "msp",
            ),
            tls=TlsSettings(
                certificate=tls / "server.crt",
                private_key=tls / "server.key",
                root_certificates=tls / "ca.crt",
            ),
            queue=self.queue,
        )

    def node(self, genesis: Block | None = None) -> OrdererNode:
        nonces = count()
        return OrdererNode(
            self.settings,
            self.material.orderer,
            [genesis or self.material.genesis(self.batch)],
            OrdererEnvironment(
                clock=lambda: NOW_NS, new_nonce=lambda: next(nonces).to_bytes(24, "big")
            ),
        )

    def envelope(self, data: bytes) -> bytes:
        return self.material.envelope(data)

    def seek(self) -> bytes:
        return self.material.seek(SeekInfo(start=OLDEST, stop=FOREVER))


@pytest.fixture
def site(tmp_path: Path, channel_material: ChannelMaterial) -> Site:
    return Site(channel_material, tmp_path)


@asynccontextmanager
async def remote(site: Site, node: OrdererNode) -> AsyncIterator[RemoteOrderer]:
    """Reach ``node`` over gRPC with TLS, as another process would."""
    assert site.settings.tls is not None
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(serving_orderer(node, site.settings, OpenCalls()))
        pool = await stack.enter_async_context(ChannelPool())
        tasks = await stack.enter_async_context(supervised_tasks())
        tls = ClientTls(site.settings.tls.root_certificates.read_bytes())
        channel = pool.channel(f"localhost:{port}", tls)
        orderer = RemoteOrderer(channel, endpoint=f"localhost:{port}", tasks=tasks)
        yield await stack.enter_async_context(orderer)


async def entries(connection: OrdererConnection, site: Site, blocks: int) -> list[bytes]:
    """The data of the first ``blocks`` blocks after genesis, each block verified."""
    config = site.material.config(site.batch)
    found: list[bytes] = []
    async with asyncio.timeout(10), aclosing(connection.deliver(site.seek())) as responses:
        last = (await anext(responses)).block
        while last.header.number < blocks:
            block = (await anext(responses)).block
            verify_block(block, last.header, config)
            found += block.data.data
            last = block
    return found


async def test_envelopes_become_verifiable_blocks_in_process(site: Site) -> None:
    async with site.node() as node:
        connection = node.connection()
        envelopes = [site.envelope(b"%d" % index) for index in range(3)]
        for envelope in envelopes:
            assert (await connection.broadcast(envelope)).status == Status.SUCCESS
        assert await entries(connection, site, blocks=3) == envelopes


async def test_envelopes_become_verifiable_blocks_over_tls(site: Site) -> None:
    async with site.node() as node, remote(site, node) as connection:
        envelopes = [site.envelope(b"%d" % index) for index in range(20)]
        async with asyncio.TaskGroup() as tasks:
            answers = [tasks.create_task(connection.broadcast(one)) for one in envelopes]
        assert {answer.result().status for answer in answers} == {Status.SUCCESS}
        assert await entries(connection, site, blocks=20) == envelopes


async def test_a_refusal_does_not_take_the_envelopes_behind_it_along(site: Site) -> None:  # §7.1
    async with site.node() as node, remote(site, node) as connection:
        forged = site.material.envelope(signer=site.material.stranger)
        envelopes = [site.envelope(b"1"), forged, site.envelope(b"2"), forged, site.envelope(b"3")]
        async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
            answers = [tasks.create_task(connection.broadcast(one)) for one in envelopes]
        statuses = [answer.result().status for answer in answers]
        assert statuses == [
            Status.SUCCESS, Status.FORBIDDEN, Status.SUCCESS, Status.FORBIDDEN, Status.SUCCESS,
        ]  # fmt: skip
        assert await entries(connection, site, blocks=3) == envelopes[::2]


async def test_an_envelope_beyond_the_channels_limit_is_refused_but_fits_the_transport(
    site: Site,
) -> None:  # §1, §7.1
    async with site.node() as node, remote(site, node) as connection:
        answer = await connection.broadcast(site.envelope(bytes(11 * 1024 * 1024)))
        assert answer.status == Status.BAD_REQUEST
        assert "exceeds maximum allowed 10485760 bytes" in answer.info
        assert (await connection.broadcast(site.envelope(b"small"))).status == Status.SUCCESS


async def test_a_client_in_the_clear_cannot_talk_to_a_server_with_tls(site: Site) -> None:
    async with site.node() as node, AsyncExitStack() as stack:
        port = await stack.enter_async_context(serving_orderer(node, site.settings, OpenCalls()))
        pool = await stack.enter_async_context(ChannelPool())
        tasks = await stack.enter_async_context(supervised_tasks())
        channel = pool.channel(f"localhost:{port}", None)
        orderer = RemoteOrderer(channel, endpoint="clear", tasks=tasks, connect_timeout_s=0.05)
        with pytest.raises(OrdererUnreachableError, match="clear"):
            await orderer.broadcast(site.envelope(b"1"))
        with pytest.raises(OrdererUnreachableError, match="clear"):
            await anext(orderer.deliver(site.seek()))


async def test_an_orderer_that_cannot_keep_up_says_so(site: Site) -> None:
    site.queue = QueueSettings(max_envelopes=1)
    async with site.node() as node:
        connection = node.connection()
        accepted, refused = await asyncio.gather(  # both before the chain has its turn
            connection.broadcast(site.envelope(b"1")), connection.broadcast(site.envelope(b"2"))
        )
        assert accepted.status == Status.SUCCESS
        assert refused.status == Status.SERVICE_UNAVAILABLE
        assert "try again" in refused.info


async def test_a_restarted_orderer_continues_its_chain(site: Site) -> None:
    first, second = site.envelope(b"1"), site.envelope(b"2")
    async with site.node() as node:
        await node.connection().broadcast(first)
    async with site.node() as node:
        assert node.channels["securities"].chain.height == 2
        await node.connection().broadcast(second)
        assert await entries(node.connection(), site, blocks=2) == [first, second]


async def test_a_data_directory_of_another_channel_is_refused(outcome: Outcome, site: Site) -> None:
    async with site.node():
        pass
    other = site.material.genesis(BatchParameters(timeout_s=1.0))
    with outcome.refuses(
        GenesisMismatchError,
        leaves=files(site.directory / "channels" / "securities" / "blocks", "block"),
        match="another genesis block",
    ):
        async with site.node(other):
            pass


async def test_an_orderer_does_not_start_with_the_data_of_a_peer(
    outcome: Outcome, site: Site
) -> None:
    (site.directory / "channels" / "securities" / "store").mkdir(parents=True)
    with outcome.refuses(
        OtherKindOfDataError,
        leaves=files(site.directory),
        match=r"channels/securities is the data .* 'store' .* name another data_directory",
    ):
        async with site.node():
            pass
    assert not (site.directory / "channels" / "securities" / "index").exists()


async def test_draining_writes_what_was_accepted_and_then_ends_the_streams(site: Site) -> None:
    site.batch = BatchParameters(timeout_s=3600.0)  # only the drain can cut this batch
    async with site.node() as node, remote(site, node) as connection:
        envelope = site.envelope(b"1")
        async with (
            asyncio.timeout(10),
            aclosing(connection.deliver(site.seek())) as responses,
            asyncio.TaskGroup() as tasks,
        ):
            assert (await anext(responses)).block.header.number == 0
            answer = tasks.create_task(node.connection().broadcast(envelope))
            for _ in range(10):  # until it is queued: all of this happens in one thread
                await asyncio.sleep(0)
            await node.drain()
            assert (await answer).status == Status.SUCCESS
            assert list((await anext(responses)).block.data.data) == [envelope]
            assert (await anext(responses)).status == Status.SERVICE_UNAVAILABLE
        late = await connection.broadcast(site.envelope(b"2"))
        assert late.status == Status.SERVICE_UNAVAILABLE
        assert "shutting down" in late.info
        assert node.health_checks["ordering"]() == "the orderer is shutting down"


async def test_a_chain_that_cannot_write_takes_the_orderer_down(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    async def run_and_broadcast() -> None:
        async with site.node() as node:
            await node.connection().broadcast(site.envelope(b"1"))
            await asyncio.Event().wait()

    monkeypatch.setattr("tallystick.node.ordering.block_writer.BlockWriter.write", full_disk)
    with pytest.raises(OSError, match="No space left"):
        async with asyncio.timeout(10):
            await run_and_broadcast()


@pytest.fixture
def unchanged_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("unchanged_logging")
async def test_a_signal_stops_the_process_gracefully(site: Site) -> None:
    (site.directory / "genesis.block").write_bytes(site.material.genesis().SerializeToString())
    ports: list[int] = []

    def stop_at_once(port: int) -> None:
        ports.append(port)
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)

    async with asyncio.timeout(10):
        await run_orderer(site.settings, on_ready=stop_at_once)
    assert ports[0] > 0


def test_the_file_of_a_first_block_holds_none(outcome: Outcome, tmp_path: Path) -> None:
    with outcome.refuses(
        BlockFileError, leaves=files(tmp_path), match=r"missing\.block holds no block"
    ):
        load_block(tmp_path / "missing.block")


async def test_a_restarted_orderer_continues_under_the_configuration_of_its_last_config_block(
    site: Site,
) -> None:
    """wire.md §7.1, §7.3."""
    nonces = count()
    earlier = site.envelope(b"earlier")
    async with site.node() as node:
        connection = node.connection()
        before = node.channels[CHANNEL_ID].config
        wanted = with_batch(before.config, BatchParameters(max_message_count=2))
        update = with_signature(
            unsigned_update(compute_update(CHANNEL_ID, before.config, wanted)),
            site.material.administrator,
            new_nonce=lambda: next(nonces).to_bytes(24, "big"),
            now_ns=NOW_NS,
        )
        await asyncio.gather(*map(connection.broadcast, (earlier, update.SerializeToString())))
    async with site.node() as node:
        assert node.channels[CHANNEL_ID].config.sequence == 1
        connection = node.connection()
        after = [site.envelope(b"%d" % index) for index in range(2)]
        await asyncio.gather(*(connection.broadcast(envelope) for envelope in after))
        first, _, *rest = await entries(connection, site, blocks=3)
        assert [first, *rest] == [earlier, *after]
