"""Orderers on a virtual clock, which deliver what they have, unless they hang."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

from tests.unit.deliver.conftest import seek_of

from tallystick.protos.common.common_pb2 import Block, Status
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse, DeliverResponse, SeekInfo


@dataclass
class LiveOrderer:
    """Has the first blocks of a chain.

    Attributes:
        endpoint: Its name.
        chain: The whole chain; what lies beyond ``height`` is still to come.
        height: How many blocks it has.
        hangs: Whether it sends nothing, not even what it has.
        line_s: How long a whole block is on its way.
        forge: Changes what it sends.
        follows: At which block somebody began to follow it.
        headers: Of which block somebody asked it for the header.
    """

    endpoint: str
    chain: list[Block]
    height: int = 1
    hangs: bool = False
    line_s: float = 0.0
    forge: Callable[[Block], object] = lambda _: None
    follows: list[int] = field(default_factory=list)
    headers: list[int] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def broadcast(self, envelope: bytes) -> BroadcastResponse:
        raise AssertionError(f"nobody orders anything, not even {envelope!r}")

    def set(self, *, height: int | None = None, hangs: bool | None = None) -> None:
        """Let something be otherwise from now on."""
        self.height = self.height if height is None else height
        self.hangs = self.hangs if hangs is None else hangs
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def deliver(self, seek_envelope: bytes) -> AsyncGenerator[DeliverResponse, None]:
        seek = seek_of(seek_envelope)
        start, stop = seek.start.specified.number, seek.stop.specified.number
        is_header = seek.content_type == SeekInfo.HEADER_WITH_SIG
        (self.headers if is_header else self.follows).append(start)
        for number in range(start, stop + 1):
            while self.hangs or number >= self.height:
                await self._news.wait()
            block = Block.FromString(self.chain[number].SerializeToString())
            if is_header:
                block.ClearField("data")
            else:
                await asyncio.sleep(self.line_s)
            self.forge(block)
            yield DeliverResponse(block=block)
        yield DeliverResponse(status=Status.SUCCESS)
