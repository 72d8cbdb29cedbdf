"""Orderers around an etcd cluster in memory."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from simulation.coverage import Coverage
from simulation.etcd import Cluster, EtcdConnection
from tests.unit.conftest import CHANNEL_ID
from tests.virtual_time import run

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.membership.errors import SigningFailedError
from tallystick.node.ordering.admission import Admitted, Refused, Submission
from tallystick.node.ordering.chain import Answer, unavailable
from tallystick.node.ordering.etcd.chain import EtcdChain
from tallystick.node.ordering.etcd.copying import Copyist, LocalCopy
from tallystick.node.ordering.etcd.fellows import UnreachableFellowError
from tallystick.node.ordering.etcd.keys import LogKeys
from tallystick.node.ordering.etcd.log import OrderedLog
from tallystick.node.ordering.etcd.retention import Retention
from tallystick.node.ordering.etcd.session import Session
from tallystick.node.ordering.etcd.shared import Candidate, SharedOrdering
from tallystick.node.ordering.sequencer import QueueLimits
from tallystick.node.policies.evaluate import SignedData
from tallystick.protos.common.common_pb2 import (
    Block,
    BlockData,
    BlockHeader,
    Envelope,
    Status,
)
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse
from tallystick.protos.tallystick.ordered_log_pb2 import Leader
from tallystick.wire.hashing import block_data_hash, block_header_hash

Story = Callable[["Orderers"], Awaitable[None]]

TTL_S = 2
NO_ANSWER = unavailable("killed before it answered")
GENESIS = Block(header=BlockHeader(number=0, data_hash=b"genesis"))
KEYS = LogKeys("test", CHANNEL_ID, block_header_hash(GENESIS.header))


def new_cluster() -> Cluster:
    """Return a cluster whose clients ask again as long as their answers are lost."""
    return Cluster(Random(0), Coverage(), giving_up=0.0)


def _set_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass
class MemoryBlocks:
    """The blocks of one orderer, which survive it.

    Attributes:
        blocks: All of them.
        signs: Whether the orderer's key signs new ones.
        answers: Set while its disk does.
    """

    blocks: list[Block] = field(default_factory=lambda: [GENESIS])
    signs: bool = True
    answers: asyncio.Event = field(default_factory=_set_event)

    @property
    def height(self) -> int:
        return len(self.blocks)

    @property
    def last_hash(self) -> bytes:
        return block_header_hash(self.blocks[-1].header)

    async def write(self, envelopes: Sequence[bytes]) -> Block:
        if not self.signs:
            raise SigningFailedError("the token was taken out")
        await self.answers.wait()
        header = BlockHeader(
            number=self.height,
            previous_hash=self.last_hash,
            data_hash=block_data_hash(envelopes),
        )
        self.blocks.append(Block(header=header, data=BlockData(data=envelopes)))
        return self.blocks[-1]

    async def write_config(self, envelope: bytes) -> Block:
        return await self.write([envelope])

    @property
    def entries(self) -> list[bytes]:
        return [entry for block in self.blocks[1:] for entry in block.data.data]

    @property
    def hashes(self) -> list[bytes]:
        return [block_header_hash(block.header) for block in self.blocks]


@dataclass
class OpenRules:
    """Lets everything in, under a configuration that does not change."""

    config: ChannelConfig

    def admit(self, submission: Submission) -> Admitted | Refused:
        return Admitted(submission.envelope, submission.size_bytes, self.config.sequence)

    def admit_again(self, admitted: Admitted) -> Admitted | Refused:
        return admitted

    def adopt(self, config: ChannelConfig) -> None:
        self.config = config


class FakeFellows:
    """Reaches the orderers of a network, by their addresses."""

    def __init__(self, network: "Mapping[str, Orderer]", own: str) -> None:
        self._network = network
        self._own = own
        self._given_up: dict[str, asyncio.Event] = {}

    async def reaches(self, address: str) -> bool:
        other = self._network.get(address)
        return other is not None and other.is_reachable

    def let_go(self, address: str) -> None:
        self._given_up.pop(address, asyncio.Event()).set()

    def _let_go(self, address: str) -> asyncio.Event:
        return self._given_up.setdefault(address, asyncio.Event())

    async def forward(self, address: str, envelope: bytes) -> BroadcastResponse:
        other = self._network.get(address)
        if other is None or other.chain is None or not other.is_reachable:
            raise UnreachableFellowError(f"{address} does not answer")
        if other.hangs:
            await self._let_go(address).wait()
            raise UnreachableFellowError(f"{address} does not answer")
        answer = await other.answer(other.chain.order_here(submission(envelope)))
        if answer is None:
            return BroadcastResponse(status=Status.SUCCESS)
        if answer == NO_ANSWER:
            raise UnreachableFellowError(answer.info)
        return BroadcastResponse(status=answer.status, info=answer.info)

    async def heights(self) -> Mapping[str, int | None]:
        return {
            name: (each.says or each.memory.height) if each.answers else None
            for name, each in self._network.items()
            if name != self._own
        }

    async def blocks(self, last: BlockHeader) -> AsyncGenerator[Block, None]:
        number = last.number + 1
        while True:
            others = [each for name, each in self._network.items() if name != self._own]
            found = next(
                (each for each in others if each.delivers and each.memory.height > number), None
            )
            if found is None:
                await asyncio.sleep(0.1)
                continue
            yield found.memory.blocks[number]
            number += 1


@dataclass
class Orderer:
    """One orderer, which can be stopped and started.

    Attributes:
        address: Where it says that it takes what is forwarded; by its name unless set.
        configs: By height, the configuration that comes into force with it.
    """

    name: str
    etcd: EtcdConnection
    network: "dict[str, Orderer]"
    config: ChannelConfig
    keys: LogKeys = KEYS
    msp_id: str = "OrdererMSP"
    address: str = ""
    starts: int = 0
    configs: dict[int, ChannelConfig] = field(default_factory=dict)
    memory: MemoryBlocks = field(default_factory=MemoryBlocks)
    retention: Retention = field(default_factory=Retention)
    begin_at: dict[str, int] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    says: int | None = None
    chain: EtcdChain | None = None
    is_reachable: bool = True
    hangs: bool = False
    is_silent: bool = False
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> EtcdChain:
        self.starts += 1
        session = Session(self.etcd, TTL_S)
        shared = SharedOrdering(
            etcd=self.etcd,
            session=session,
            candidate=Candidate(
                self.address or self.name,
                self.msp_id,
                f"{self.name} {self.starts}".encode(),
                self.begin_at,
                self.ignored,
            ),
            retention=self.retention,
        )
        rules = OpenRules(self.config)

        def adopt(height: int) -> None:
            rules.adopt(self.configs.get(height, rules.config))

        local = LocalCopy(
            copyist=Copyist(self.memory, rules, adopt),
            block=self.memory.blocks.__getitem__,
            size_of=lambda number: self.memory.blocks[number].ByteSize(),
            rules=rules,
            orderers=self.network.keys,
        )
        fellows = FakeFellows(self.network, self.name)
        chain = EtcdChain(shared, local, fellows, keys=self.keys, limits=QueueLimits())
        loop = asyncio.get_running_loop()
        self.chain = chain
        self.tasks = [loop.create_task(session.run()), loop.create_task(chain.run())]
        return chain

    async def kill(self) -> None:
        """End it at once; only its blocks stay."""
        self.chain = None
        for task in self.tasks:
            task.cancel()
        await asyncio.wait(self.tasks)

    async def drain(self) -> None:
        """Stop it as an operator does."""
        assert self.chain is not None
        self.chain.drain()
        await self.tasks[1]
        await self.kill()

    async def order(self, name: str) -> Refused | None:
        assert self.chain is not None
        await asyncio.sleep(0)  # it may have been started just now
        return await self.answer(self.chain.order(submission(envelope(name))))

    async def answer(self, answer: Answer) -> Refused | None:
        """Return an answer of this orderer, or that none comes, since it was killed."""
        asked = self.chain
        while self.chain is asked:
            done, _ = await asyncio.wait([answer], timeout=0.05)
            if done and not answer.cancelled():
                return answer.result()
        return NO_ANSWER

    @property
    def answers(self) -> bool:
        """Whether other orderers get answers from it."""
        return self.chain is not None and self.is_reachable and not self.hangs

    @property
    def delivers(self) -> bool:
        """Whether other orderers get blocks from it."""
        return self.answers and not self.is_silent

    @property
    def problem(self) -> str:
        assert self.chain is not None
        return self.chain.problem


class Orderers:
    """Some orderers of one channel around one cluster."""

    def __init__(
        self,
        config: ChannelConfig,
        count: int = 3,
        *,
        retention: Retention | None = None,
        cluster: Cluster | None = None,
        channel_id: str = CHANNEL_ID,
    ) -> None:
        self.cluster = cluster or new_cluster()
        self.keys = LogKeys("test", channel_id, KEYS.genesis_hash)
        self.all: dict[str, Orderer] = {}
        for index in range(count):
            name = f"orderer{index}:7050"
            etcd = EtcdConnection(self.cluster, name)
            self.all[name] = Orderer(
                name, etcd, self.all, config, self.keys, retention=retention or Retention()
            )

    async def start(self) -> None:
        for each in self.all.values():
            each.start()
        await self.leader()

    async def stop(self) -> None:
        for each in self.all.values():
            if each.chain is not None:
                await each.kill()

    def snapshot(self) -> Cluster:
        """Return a cluster of its own that begins with what this one holds."""
        begun = self.cluster.begun_anew(Random(0), Coverage())
        begun.id = self.cluster.id + 1
        return begun

    async def restart_on(self, cluster: Cluster, *names: str) -> None:
        """Stop all orderers, and start some of them around another cluster."""
        await self.stop()
        self.cluster = cluster
        for each in self.all.values():
            each.etcd = EtcdConnection(cluster, each.name)
        for name in names:
            self.all[name].start()

    async def leader(self) -> Orderer:
        """Return who leads, as soon as somebody does and knows it."""
        while True:
            record = self.cluster.records.get(self.keys.leader)
            if record is not None:
                found = self.all[Leader.FromString(record.value).address]
                if found.chain is not None and not found.problem:
                    return found
            await asyncio.sleep(0.01)

    async def followers(self) -> list[Orderer]:
        leader = await self.leader()
        return [each for each in self.all.values() if each is not leader]

    async def level(self) -> None:
        """Return once all that run have every block of the log."""
        newest = await OrderedLog(EtcdConnection(self.cluster, "nobody"), self.keys).newest() or 0
        while True:
            running = [each for each in self.all.values() if each.chain is not None]
            if all(each.memory.height > newest for each in running):
                return
            await asyncio.sleep(0.01)

    def check_no_fork(self) -> list[bytes]:
        """Fail unless all chains begin alike; return the entries of the longest."""
        longest = max((each.memory for each in self.all.values()), key=lambda each: each.height)
        for each in self.all.values():
            assert each.memory.hashes == longest.hashes[: each.memory.height], each.name
        return longest.entries


def envelope(name: str) -> bytes:
    return Envelope(payload=name.encode(), signature=b"signed").SerializeToString()


def submission(content: bytes, *, header_type: int = 3) -> Submission:
    signed = SignedData(b"", b"", b"")
    return Submission(content, len(content), CHANNEL_ID, header_type, signed)


def quick(config: ChannelConfig, **changes: object) -> ChannelConfig:
    """Return a configuration with other limits for batches."""
    return replace(config, batch=replace(config.batch, **changes))  # type: ignore[arg-type]


def ordered_by(config: ChannelConfig, *msp_ids: str) -> ChannelConfig:
    """Return a configuration whose orderers are of other organisations."""
    organization = config.orderers[0]
    named = [replace(organization, group=msp_id, msp_id=msp_id) for msp_id in msp_ids]
    return replace(config, orderers=tuple(named))


def told(
    config: ChannelConfig, story: Story, count: int = 3, retention: Retention | None = None
) -> None:
    """Let a story happen to some orderers; afterwards their chains are alike."""

    async def whole() -> None:
        orderers = Orderers(config, count, retention=retention)
        await orderers.start()
        await story(orderers)
        await orderers.stop()
        orderers.check_no_fork()

    run(whole)
