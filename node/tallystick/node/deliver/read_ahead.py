"""Reading blocks ahead of whoever commits them, so that they can be prepared meanwhile."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from tallystick.node.deliver.responses import is_config_block
from tallystick.node.transport.tasks import supervised_tasks
from tallystick.protos.common.common_pb2 import Block

MAX_AHEAD_BYTES: Final = 16 * 1024 * 1024
MAX_AHEAD_BLOCKS: Final = 64
_FAR_BEHIND: Final = 0.5
_PREPARED_AT_ONCE: Final = 2


class Preparation(Protocol):
    """What can be done for a block before its turn comes."""

    async def run(self) -> None:
        """Do it; whoever takes the block does not wait for that."""


PreparationT = TypeVar("PreparationT", bound=Preparation)


@dataclass(frozen=True, slots=True)
class ReadBlock(Generic[PreparationT]):
    """A block whose turn it is.

    Attributes:
        block: The block.
        preparation: What may have been done for it; None unless many waited when it came.
    """

    block: Block
    preparation: PreparationT | None


class ReadAhead(Generic[PreparationT]):
    """Some blocks that were read and not yet taken, in order.

    At most ``MAX_AHEAD_BLOCKS`` wait, of ``MAX_AHEAD_BYTES`` together unless one alone is larger.
    When half as many wait, the taker is far behind, and further ones are prepared while others are
    committed before them. Nothing is read beyond a config block before the next block is asked for:
    it changes by which rules its successors are to be believed.
    """

    def __init__(
        self, blocks: AsyncGenerator[Block, None], prepare: Callable[[Block], PreparationT]
    ) -> None:
        """Read ``blocks``; ``prepare`` returns what can be done for one."""
        self._blocks = blocks
        self._prepare = prepare
        self._ready: deque[ReadBlock[PreparationT]] = deque()
        self._sizes: deque[int] = deque()
        self._unprepared: asyncio.Queue[PreparationT] = asyncio.Queue()
        self._changed = asyncio.Event()
        self._asked = 0

    async def taken(self) -> AsyncGenerator[ReadBlock[PreparationT], None]:
        """Yield the blocks, without end."""
        while True:
            self._asked += 1
            self._changed.set()
            while not self._ready:
                await self._wait()
            taken = self._ready.popleft()
            self._sizes.popleft()
            self._changed.set()
            yield taken

    async def read(self) -> None:
        """Read as far ahead as the limits allow."""
        number = 0
        async for block in self._blocks:
            number += 1
            self._add(block)
            while self._fullness() >= 1 or (is_config_block(block) and self._asked <= number):
                await self._wait()

    async def work(self) -> None:
        """Prepare what waits, one block after the other."""
        while True:
            preparation = await self._unprepared.get()
            await preparation.run()

    def _add(self, block: Block) -> None:
        preparation = None
        if self._fullness() >= _FAR_BEHIND:
            preparation = self._prepare(block)
            self._unprepared.put_nowait(preparation)
        self._ready.append(ReadBlock(block, preparation))
        self._sizes.append(block.ByteSize())
        self._changed.set()

    def _fullness(self) -> float:
        return max(len(self._ready) / MAX_AHEAD_BLOCKS, sum(self._sizes) / MAX_AHEAD_BYTES)

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()


@asynccontextmanager
async def read_ahead(
    blocks: AsyncGenerator[Block, None], prepare: Callable[[Block], PreparationT]
) -> AsyncIterator[AsyncIterator[ReadBlock[PreparationT]]]:
    """Yield the ``blocks`` in order, and prepare those that wait, two at a time.

    What ``blocks`` raises ends the block of code, and is raised there.
    """
    ahead = ReadAhead(blocks, prepare)
    async with (
        aclosing(blocks),
        aclosing(ahead.taken()) as taken,
        supervised_tasks() as tasks,
    ):
        beside = [tasks.create_task(ahead.read())]
        beside += [tasks.create_task(ahead.work()) for _ in range(_PREPARED_AT_ONCE)]
        yield taken
        for task in beside:
            task.cancel()
