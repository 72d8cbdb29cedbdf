"""Orderers to follow, as tests write them."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

import pytest
from tests.unit.conftest import CHANNEL_ID, NOW_NS, ChannelMaterial
from tests.unit.deliver.live import Network, Story, seek_of
from tests.unit.reluctant_signer import ReluctantSigner
from tests.virtual_time import run

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.config_edits import with_orderer_endpoints
from tallystick.node.channel.genesis import Endpoint
from tallystick.node.deliver.puller import BlockPuller, PullerEnvironment
from tallystick.node.ledger.block_store import BlockStore
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ordering.block_writer import BlockWriter
from tallystick.node.transport.backoff import Backoff
from tallystick.node.transport.ports import OrdererUnreachableError
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse, DeliverResponse

SILENCE = DeliverResponse()
LENGTH = 40


@dataclass
class ScriptedOrderer:
    """Delivers what its script says, one part per connection; then nobody is there.

    SILENCE in a script means that nothing more comes, and the stream stays open. Who asks for the
    newest block is told nothing.
    """

    endpoint: str
    script: list[list[DeliverResponse]]
    seeks: list[bytes] = field(default_factory=list)
    speak: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.speak.set()

    async def broadcast(self, envelope: bytes) -> BroadcastResponse:
        raise AssertionError(f"a puller broadcasts nothing, not even {envelope!r}")

    async def deliver(self, seek_envelope: bytes) -> AsyncGenerator[DeliverResponse, None]:
        if seek_of(seek_envelope).start.HasField("newest"):
            return
        self.seeks.append(seek_envelope)
        if not self.script:
            raise OrdererUnreachableError(self.endpoint, "nobody there")
        await self.speak.wait()
        for response in self.script.pop(0):
            if response is SILENCE:
                await asyncio.Event().wait()
            yield response

    def starts(self) -> list[int]:
        return [seek_of(envelope).start.specified.number for envelope in self.seeks]


@dataclass
class Delays:
    """Records sleeps instead of sleeping, and lets something happen meanwhile."""

    slept_s: list[float] = field(default_factory=list)
    meanwhile: Callable[[], object] = field(default=lambda: None)

    async def sleep(self, delay_s: float) -> None:
        self.slept_s.append(delay_s)
        self.meanwhile()
        await asyncio.sleep(0)


@pytest.fixture
async def blocks(channel_material: ChannelMaterial, tmp_path: Path) -> list[Block]:
    store = BlockStore(tmp_path, MemoryStore())
    store.append(channel_material.genesis())
    nonces = count()
    writer = BlockWriter(
        store, channel_material.orderer, new_nonce=lambda: next(nonces).to_bytes(24, "big")
    )
    written = [await writer.write([channel_material.envelope(b"%d" % n)]) for n in range(3)]
    store.close()
    return [channel_material.genesis(), *written]


def carrying(*blocks: Block) -> list[DeliverResponse]:
    return [DeliverResponse(block=block) for block in blocks]


@dataclass
class Pulling:
    """A puller and what is around it.

    Attributes:
        material: Keys of the channel.
        orderers: By the addresses at which the channel names them.
        config: The configuration in force.
        patience_s: See `PullerEnvironment`.
        delays: Its sleeps.
        signer: Who asks.
        puller: The puller, once blocks have been asked for.
        fetched: How often the orderers were asked for.
        unreadable: How often a file about them cannot be read when they are asked for.
    """

    material: ChannelMaterial
    orderers: Sequence[ScriptedOrderer]
    config: ChannelConfig
    patience_s: float = 5.0
    delays: Delays = field(default_factory=Delays)
    signer: ReluctantSigner = field(init=False)
    puller: BlockPuller = field(init=False)
    fetched: int = 0
    unreadable: int = 0

    def __post_init__(self) -> None:
        self.signer = ReluctantSigner(self.material.peer)

    def named(self) -> Sequence[ScriptedOrderer]:
        """Return the orderers that the channel names, in its order."""
        self.fetched += 1
        if self.unreadable:
            self.unreadable -= 1
            raise FileNotFoundError(2, "No such file or directory", "roots.pem")
        known = {f"{orderer.endpoint}:7050": orderer for orderer in self.orderers}
        return [known[endpoint] for endpoint in self.config.orderer_endpoints]

    def rename(self, *endpoints: str) -> None:
        """Let a new configuration, which names these orderers, be in force."""
        places = [Endpoint(endpoint, 7050) for endpoint in endpoints]
        changed = with_orderer_endpoints(CHANNEL_ID, self.config.config, "OrdererMSP", places)
        self.config = ChannelConfig.from_config(CHANNEL_ID, changed)

    async def blocks(self, wanted: int) -> AsyncGenerator[Block, None]:
        """Yield the first blocks that arrive."""
        puller = self.puller = BlockPuller(
            self.named,
            signer=self.signer,
            config=lambda: self.config,
            environment=PullerEnvironment(
                clock=lambda: NOW_NS,
                backoff=Backoff(Random(7)),
                sleep=self.delays.sleep,
                patience_s=self.patience_s,
            ),
            tls_certificate_hash=b"hash",
        )
        last = self.material.genesis().header
        async with asyncio.timeout(5), aclosing(puller.blocks(last)) as stream:
            for _ in range(wanted):
                yield await anext(stream)

    async def pull(self, wanted: int) -> list[Block]:
        """Return the first blocks that arrive."""
        return [block async for block in self.blocks(wanted)]


@pytest.fixture
def pulling(channel_material: ChannelMaterial) -> Callable[..., Pulling]:
    """Return what makes a puller of some orderers, all of which the channel names."""

    def make(*orderers: ScriptedOrderer, patience_s: float = 5.0) -> Pulling:
        made = Pulling(channel_material, orderers, channel_material.config(), patience_s)
        made.rename(*(orderer.endpoint for orderer in orderers))
        return made

    return make


@pytest.fixture
async def chain(channel_material: ChannelMaterial, tmp_path: Path) -> list[Block]:
    store = BlockStore(tmp_path, MemoryStore())
    store.append(channel_material.genesis())
    nonces = count()
    writer = BlockWriter(
        store, channel_material.orderer, new_nonce=lambda: next(nonces).to_bytes(24, "big")
    )
    envelope = channel_material.envelope(b"one")
    written = [await writer.write([envelope]) for _ in range(LENGTH - 1)]
    store.close()
    return [channel_material.genesis(), *written]


@pytest.fixture
def told(channel_material: ChannelMaterial, chain: list[Block]) -> Callable[[Story], Network]:
    """Let a story happen; return the network as it is then."""

    def tell(story: Story) -> Network:
        network = Network(channel_material, chain)

        async def whole() -> None:
            async with asyncio.TaskGroup() as tasks:
                following = tasks.create_task(network.follow())
                await story(network)
                following.cancel()

        run(whole, within_s=1e6)
        return network

    return tell
