"""Orderers on a virtual clock, which deliver what they have, unless they hang."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from random import Random

from tests.unit.conftest import NOW_NS, ChannelMaterial
from tests.unit.reluctant_signer import ReluctantSigner

from tallystick.node.deliver.puller import BlockPuller, PullerEnvironment
from tallystick.node.transport.backoff import Backoff
from tallystick.node.transport.ports import OrdererUnreachableError
from tallystick.protos.common.common_pb2 import Block, Envelope, Payload, Status
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse, DeliverResponse, SeekInfo

NAMES = ("o1", "o2", "o3")

Story = Callable[["Network"], Awaitable[None]]


def seek_of(envelope: bytes) -> SeekInfo:
    return SeekInfo.FromString(Payload.FromString(Envelope.FromString(envelope).payload).data)


@dataclass
class LiveOrderer:
    """Has the first blocks of a chain.

    Attributes:
        endpoint: Its name.
        chain: The whole chain; what lies beyond ``height`` is still to come.
        height: How many blocks it has.
        hangs: Whether it sends nothing, not even what it has.
    is_away: Whether it cannot be reached.
        line_s: How long a whole block is on its way.
        forge: Changes what it sends.
        follows: At which block somebody began to follow it.
        ranges: Which blocks it was asked for that it might have.
        sent: The whole blocks that it has sent.
        headers: Of which block somebody asked it for the header.
    """

    endpoint: str
    chain: list[Block]
    height: int = 1
    hangs: bool = False
    is_away: bool = False
    line_s: float = 0.0
    forge: Callable[[Block], object] = lambda _: None
    follows: list[int] = field(default_factory=list)
    ranges: list[tuple[int, int]] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    headers: list[int] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def broadcast(self, envelope: bytes) -> BroadcastResponse:
        raise AssertionError(f"nobody orders anything, not even {envelope!r}")

    def set(
        self,
        *,
        height: int | None = None,
        hangs: bool | None = None,
        is_away: bool | None = None,
    ) -> None:
        """Let something be otherwise from now on."""
        self.height = self.height if height is None else height
        self.hangs = self.hangs if hangs is None else hangs
        self.is_away = self.is_away if is_away is None else is_away
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def deliver(self, seek_envelope: bytes) -> AsyncGenerator[DeliverResponse, None]:
        seek = seek_of(seek_envelope)
        self._answer()
        if seek.start.HasField("newest"):
            while self.hangs:
                await self._change()
            yield DeliverResponse(block=Block(header=self.chain[self.height - 1].header))
            return
        start, stop = seek.start.specified.number, seek.stop.specified.number
        is_header = seek.content_type == SeekInfo.HEADER_WITH_SIG
        waits = seek.behavior == SeekInfo.BLOCK_UNTIL_READY
        if waits:
            (self.headers if is_header else self.follows).append(start)
        else:
            self.ranges.append((start, stop))
        for number in range(start, stop + 1):
            while self.hangs or (waits and number >= self.height):
                await self._change()
            if number >= self.height:
                yield DeliverResponse(status=Status.NOT_FOUND)
                return
            block = Block.FromString(self.chain[number].SerializeToString())
            if is_header:
                block.ClearField("data")
            else:
                await asyncio.sleep(self.line_s)
                self.sent.append(number)
            self.forge(block)
            yield DeliverResponse(block=block)
        yield DeliverResponse(status=Status.SUCCESS)

    async def _change(self) -> None:
        await self._news.wait()
        self._answer()

    def _answer(self) -> None:
        if self.is_away:
            raise OrdererUnreachableError(self.endpoint, "nobody there")


class Network:
    """Three orderers, and a peer that follows them."""

    def __init__(self, material: ChannelMaterial, chain: list[Block]) -> None:
        self.orderers = [LiveOrderer(name, chain) for name in NAMES]
        self.signer = ReluctantSigner(material.peer)
        self.came: list[Block] = []
        self.came_s: list[float] = []
        config = material.config()
        self._genesis = material.genesis()
        self._puller = BlockPuller(
            lambda: self.orderers,
            signer=self.signer,
            config=lambda: config,
            environment=PullerEnvironment(lambda: NOW_NS, Backoff(Random(1)), asyncio.sleep),
        )

    async def follow(self) -> None:
        """Note when each block comes."""
        async with aclosing(self._puller.blocks(self._genesis.header)) as blocks:
            async for block in blocks:
                assert block.header.number == len(self.came_s) + 1
                self.came.append(block)
                self.came_s.append(now_s())

    def fault(self) -> str:
        """Return what the peer says is wrong."""
        return self._puller.fault()

    def ordered(self, number: int, by: Sequence[LiveOrderer] | None = None) -> float:
        """Let some orderers, or all, have blocks up to ``number``; return when that is."""
        for each in self.orderers if by is None else by:
            each.set(height=number + 1)
        return now_s()

    @property
    def changes(self) -> int:
        """How often the peer has turned to an orderer."""
        return sum(len(each.follows) for each in self.orderers)


def now_s() -> float:
    return asyncio.get_running_loop().time()
