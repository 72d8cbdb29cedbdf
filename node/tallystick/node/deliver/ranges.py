"""Fetching what a node lacks from several orderers at once, when that is much.

In rounds: the next blocks are divided among the orderers, more for those that were faster the last
time. They are then verified in order, each on the one before, and handed on; whoever commits them
has read ahead, and goes on meanwhile. Who sends what is not to be trusted is asked no more, and the
others give what is missing.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.deliver.requests import SeekRequests
from tallystick.node.deliver.seek import BlockRange
from tallystick.node.deliver.verification import Previous, UntrustedBlockError, verify_block
from tallystick.node.membership.errors import SigningFailedError
from tallystick.node.transport.ports import OrdererConnection, OrdererUnreachableError
from tallystick.protos.common.common_pb2 import Block
from tallystick.wire.errors import WireError

FAR_BEHIND_BLOCKS: Final = 16
"""From so many missing blocks on, several orderers are asked."""
ROUND_BLOCKS: Final = 96
MAX_RANGE_BYTES: Final = 8 * 1024 * 1024
"""What one orderer may send in one round; a block that goes beyond is its last."""
STALL_S: Final = 2.0
"""How long it may take for one block while others can be asked."""

_log = logging.getLogger(__name__)


def gaps(first: int, last: int, present: Callable[[int], bool]) -> list[BlockRange]:
    """Return the ranges of numbers from ``first`` to ``last`` that are not present, in order."""
    found: list[BlockRange] = []
    for number in range(first, last + 1):
        if present(number):
            continue
        if found and found[-1].stop == number - 1:
            found[-1] = BlockRange(found[-1].start, number)
        else:
            found.append(BlockRange(number, number))
    return found


def shares(missing: BlockRange, speeds: Sequence[float]) -> list[BlockRange]:
    """Divide ``missing`` by the speeds of those who give it; the last ones may get nothing.

    Each gets one block at least, as long as there are any.
    """
    count = missing.stop - missing.start + 1
    divided: list[BlockRange] = []
    start = missing.start
    for place, speed in enumerate(speeds):
        if start > missing.stop:
            break
        size = max(1, round(count * speed / sum(speeds)))
        is_last = place == len(speeds) - 1
        stop = missing.stop if is_last else min(missing.stop, start + size - 1)
        divided.append(BlockRange(start, stop))
        start = stop + 1
    return divided


@dataclass(slots=True)
class _Source:
    """An orderer that is asked.

    Attributes:
        orderer: The orderer.
        speed: Blocks per second, the last time that it was asked.
        received: What it has sent and nobody has taken yet, by number.
        is_done: Whether it is asked no more.
    """

    orderer: OrdererConnection
    speed: float = 1.0
    received: dict[int, Block] = field(default_factory=dict)
    is_done: bool = False


class RangeFetch:
    """The blocks that a node lacks, from several orderers."""

    def __init__(
        self,
        orderers: Callable[[], Sequence[OrdererConnection]],
        requests: SeekRequests,
        config: Callable[[], ChannelConfig],
    ) -> None:
        """Fetch from ``orderers``, asked for anew in each round as the configuration is."""
        self._orderers = orderers
        self._requests = requests
        self._config = config
        self._sources: dict[str, _Source] = {}

    async def blocks(self, last: Previous, stop: int) -> AsyncGenerator[Block, None]:
        """Yield the blocks after ``last`` up to number ``stop``, each verified, in order.

        It ends early when nobody gives the next one. As with `BlockPuller.blocks`, a block must be
        committed before the next one is asked for if it brings another configuration.
        """
        while last.number < stop and (sources := self._usable()):
            await self._fill(sources, last.number + 1, min(stop, last.number + ROUND_BLOCKS))
            while (source := self._holder(last.number + 1)) is not None:
                block = source.received.pop(last.number + 1)
                try:
                    verify_block(block, last, self._config())
                except UntrustedBlockError as error:
                    _leave(source, logging.WARNING, str(error))
                    break
                last = block.header
                yield block

    def _usable(self) -> list[_Source]:
        named = {orderer.endpoint: orderer for orderer in self._orderers()}
        for endpoint in set(self._sources) - set(named):
            _leave(self._sources[endpoint], logging.INFO, "the channel has other orderers now")
        for endpoint, orderer in named.items():
            self._sources.setdefault(endpoint, _Source(orderer))
        return [source for source in self._sources.values() if not source.is_done]

    def _holder(self, number: int) -> _Source | None:
        held = (source for source in self._sources.values() if number in source.received)
        return next(held, None)

    async def _fill(self, sources: Sequence[_Source], first: int, last: int) -> None:
        """Ask for the first range of blocks that is missing, all sources at once."""
        missing = gaps(first, last, lambda number: self._holder(number) is not None)
        if not missing or missing[0].start != first:
            return  # the next one is there: it is handed on first
        ranges = shares(missing[0], [source.speed for source in sources])
        async with asyncio.TaskGroup() as tasks:
            for source, wanted in zip(sources, ranges, strict=False):
                tasks.create_task(self._fetch(source, wanted))

    async def _fetch(self, source: _Source, wanted: BlockRange) -> None:
        began_s = _now_s()
        try:
            received = await self._receive(source, wanted)
        except TimeoutError:
            _leave(source, logging.INFO, f"it sent nothing for {STALL_S:g} s", keep=True)
        except (OrdererUnreachableError, SigningFailedError) as error:
            _leave(source, logging.INFO, str(error), keep=True)
        except (UntrustedBlockError, WireError) as error:
            _leave(source, logging.WARNING, str(error))
        else:
            source.speed = max(1.0, received / max(1e-3, _now_s() - began_s))
            if not received:
                _leave(source, logging.INFO, f"it has no block {wanted.start}", keep=True)

    async def _receive(self, source: _Source, wanted: BlockRange) -> int:
        """Return how many blocks have come, one after the other."""
        size, expected = 0, wanted.start
        request = self._requests.those_between(wanted.start, wanted.stop)
        async with aclosing(source.orderer.deliver(request)) as responses:
            while expected <= wanted.stop and size < MAX_RANGE_BYTES:
                async with asyncio.timeout(STALL_S):
                    response = await anext(responses, None)
                if response is None or response.WhichOneof("Type") != "block":
                    break
                if response.block.header.number != expected:
                    raise UntrustedBlockError(
                        response.block.header.number, f"block {expected} was due"
                    )
                source.received[expected] = response.block
                size += response.block.ByteSize()
                expected += 1
        return expected - wanted.start


def _leave(source: _Source, level: int, reason: str, *, keep: bool = False) -> None:
    """Ask a source no more; what it has sent counts no more either, unless it is kept."""
    source.is_done = True
    if not keep:
        source.received.clear()
    _log.log(level, "fetches no more from orderer %s: %s", source.orderer.endpoint, reason)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
