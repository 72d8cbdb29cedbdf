"""Whole orderers that share an etcd in memory: real blocks, signatures and configurations."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from simulation.etcd import Cluster, EtcdConnection
from tests.unit.conftest import CHANNEL_ID, NOW_NS, ChannelMaterial
from tests.unit.ordering.etcd.fake import new_cluster

from tallystick.node.channel.config import BatchParameters, ChannelConfig
from tallystick.node.channel.config_delta import compute_update
from tallystick.node.channel.config_edits import with_batch
from tallystick.node.channel.config_signing import unsigned_update, with_signature
from tallystick.node.deliver.verification import verify_block
from tallystick.node.ledger.disk import MachineDisk
from tallystick.node.orderer import OrdererNode
from tallystick.node.orderer_channel import OrdererEnvironment, Sharing
from tallystick.node.ordering.etcd.fellows import UnreachableFellowError
from tallystick.node.ordering.etcd.retention import Retention
from tallystick.node.ordering.etcd.session import Session
from tallystick.node.ordering.etcd.shared import Candidate, SharedOrdering
from tallystick.node.settings import MspSettings, OrdererSettings
from tallystick.node.transport.ports import LOCAL_CALLER
from tallystick.protos.common.common_pb2 import Block, BlockHeader, Status
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse
from tallystick.wire.hashing import block_header_hash

NAMES = ("one.example:7050", "two.example:7050")
PROMPT = BatchParameters(timeout_s=0.01)
PATIENCE_S = 60.0
TTL_S = 60
"""Nobody is to lose the lead here, however busy the machine is."""


@dataclass
class Pair:
    """Two orderers in one process."""

    material: ChannelMaterial
    directory: Path
    cluster: Cluster = field(default_factory=new_cluster)
    retention: Retention = field(default_factory=Retention)
    nodes: dict[str, OrdererNode] = field(default_factory=dict)

    def node(self, name: str) -> OrdererNode:
        msp = self.material.directory / "orderer" / "orderers" / "orderer0" / "msp"
        settings = OrdererSettings(
            listen_address=name,
            data_directory=self.directory / name,
            store="sqlite",
            msp=MspSettings(id="OrdererMSP", directory=msp),
            tls=None,
        )
        nonces = count()
        etcd = EtcdConnection(self.cluster, name)
        session, candidate = Session(etcd, TTL_S), Candidate(name, "OrdererMSP", name.encode())
        shared = SharedOrdering(etcd, session, candidate, retention=self.retention)

        def fellows(_: Callable[[], ChannelConfig]) -> "Direct":
            return Direct(self.nodes)

        environment = OrdererEnvironment(
            clock=lambda: NOW_NS,
            new_nonce=lambda: next(nonces).to_bytes(24, "big"),
            sharing=Sharing(shared, fellows),
        )
        genesis = self.material.genesis(PROMPT)
        return OrdererNode(settings, self.material.orderer, [genesis], environment)

    @property
    def follower(self) -> OrdererNode:
        (found,) = [node for name, node in self.nodes.items() if name != self.leading]
        return found

    @property
    def leading(self) -> str:
        (value,) = [
            record.value for key, record in self.cluster.records.items() if key.endswith(b"/leader")
        ]
        return next(name for name in NAMES if name.encode() in value)

    async def blocks(self, node: OrdererNode, height: int) -> list[Block]:
        source = node.channels[CHANNEL_ID].source
        async with asyncio.timeout(PATIENCE_S):
            await source.watch.wait_for(height)
        return [Block.FromString(source.read(number)) for number in range(height)]


class Direct:
    """Calls the service of another orderer in this process."""

    def __init__(self, nodes: dict[str, OrdererNode]) -> None:
        self._nodes = nodes

    async def forward(self, address: str, envelope: bytes) -> BroadcastResponse:
        async def only() -> AsyncIterator[bytes]:
            yield envelope

        async for answer in self._nodes[address].forwarded(only(), LOCAL_CALLER):
            return BroadcastResponse.FromString(answer)
        raise UnreachableFellowError("no answer")

    async def reaches(self, address: str) -> bool:
        return address in self._nodes

    def let_go(self, address: str) -> None:
        raise AssertionError(f"{address} answers everything")

    async def heights(self) -> Mapping[str, int | None]:
        return {
            name: node.channels[CHANNEL_ID].source.watch.height
            for name, node in self._nodes.items()
        }

    async def blocks(self, last: BlockHeader) -> AsyncGenerator[Block, None]:
        for node in self._nodes.values():
            yield Block.FromString(node.channels[CHANNEL_ID].source.read(last.number + 1))


@asynccontextmanager
async def running(pair: Pair) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE_S):
        for name in NAMES:
            pair.nodes[name] = await stack.enter_async_context(pair.node(name))
        while True:
            if not any(node.health_checks["ordering"]() for node in pair.nodes.values()):
                break
            await asyncio.sleep(0.01)
        yield pair


@pytest.fixture
def pair(tmp_path: Path, channel_material: ChannelMaterial) -> Pair:
    return Pair(channel_material, tmp_path)


async def test_both_deliver_the_same_verifiable_blocks_whoever_took_the_envelopes(
    pair: Pair,
) -> None:
    async with running(pair):
        for number, node in enumerate([*pair.nodes.values()] * 2):
            response = await node.connection().broadcast(pair.material.envelope(b"%d" % number))
            assert response.status == Status.SUCCESS
        chains = [await pair.blocks(node, 5) for node in pair.nodes.values()]
        for genesis, *blocks in chains:
            last = genesis
            for block in blocks:
                verify_block(block, last.header, pair.material.config(PROMPT))
                last = block
        hashes = [[block_header_hash(block.header) for block in blocks] for blocks in chains]
        assert hashes[0] == hashes[1]


async def test_what_is_refused_by_the_leader_is_refused_with_its_words(pair: Pair) -> None:
    async with running(pair):
        forged = pair.material.envelope(signer=pair.material.stranger)
        response = await pair.follower.connection().broadcast(forged)
        assert response.status == Status.FORBIDDEN
        assert "permission denied" in response.info


async def test_a_new_configuration_is_in_force_at_every_orderer(pair: Pair) -> None:
    async with running(pair):
        nonces = count()
        before = pair.follower.channels[CHANNEL_ID].config
        wanted = with_batch(before.config, BatchParameters(timeout_s=0.01, max_message_count=2))
        update = with_signature(
            unsigned_update(compute_update(CHANNEL_ID, before.config, wanted)),
            pair.material.administrator,
            new_nonce=lambda: next(nonces).to_bytes(24, "big"),
            now_ns=NOW_NS,
        )
        response = await pair.follower.connection().broadcast(update.SerializeToString())
        assert response.status == Status.SUCCESS
        for node in pair.nodes.values():
            await pair.blocks(node, 2)
            assert node.channels[CHANNEL_ID].config.sequence == 1
            assert node.channels[CHANNEL_ID].config.batch.max_message_count == 2


async def test_an_orderer_that_is_not_the_leader_takes_nothing_that_is_forwarded(
    pair: Pair,
) -> None:
    async with running(pair):
        follower = next(name for name, node in pair.nodes.items() if node is pair.follower)
        response = await Direct(pair.nodes).forward(follower, pair.material.envelope())
        assert response.status == Status.SERVICE_UNAVAILABLE
        assert "does not lead" in response.info


async def test_no_block_is_read_to_find_out_how_far_the_log_is_trimmed(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There may be ten thousand of them, and meanwhile a leader could not keep its lease."""
    pair.retention = Retention(every_blocks=2)
    read: list[Path] = []
    read_at = MachineDisk.read_at

    def reading(disk: MachineDisk, path: Path, start: int, length: int) -> bytes:
        read.append(path)
        return read_at(disk, path, start, length)

    async with running(pair):
        monkeypatch.setattr(MachineDisk, "read_at", reading)
        async with asyncio.timeout(PATIENCE_S):
            while not pair.cluster.compacted:
                response = await pair.follower.connection().broadcast(pair.material.envelope())
                assert response.status == Status.SUCCESS
        assert read == []
