"""Where delivered blocks come from."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, Protocol

from tallystick.node.deliver.height import HeightWatch, WatchClosedError
from tallystick.node.deliver.responses import RESPONSES, BlockForm
from tallystick.node.ledger.block_store import CorruptBlockError
from tallystick.node.ledger.inspection_record import InspectionRecord

CACHED_BLOCKS: Final = 8
MAX_CACHED_RESPONSE_BYTES: Final = 8 * 1024 * 1024
INSPECTION_SHARE: Final = 0.01
"""Of the node's time, at most: what it takes for looking through its blocks."""
INSPECTION_TURN_S: Final = 0.002
"""So long it reads before it rests, or one block: to rest costs more than to read a small one."""
INSPECTION_PAUSE_S: Final = 3_600.0
"""Between two rounds, so that a short chain is not read all the time."""
INSPECTION_STEP_BLOCKS: Final = 64
"""After so many blocks it is recorded how far the inspection has come."""

_log = logging.getLogger(__name__)


class BlockReader(Protocol):
    """Whatever stores blocks."""

    @property
    def first_block(self) -> int:
        """Number of the first block that is kept."""

    def read_bytes(self, number: int) -> bytes:
        """Return the encoded block; ``number`` is below the height.

        Raises:
            CorruptBlockError: It cannot be read back.
        """


class BlockSource:
    """The blocks of one chain, encoded for delivery.

    Several readers want the same new block at the same time, so the responses that carry the
    newest few are kept: a new block is read and encoded once per form. Readers that catch up read
    the store and leave the cache alone.

    Attributes:
        damage: What is wrong with a block that could not be read back; empty if none was found.
    """

    def __init__(self, reader: BlockReader, watch: HeightWatch, record: InspectionRecord) -> None:
        """Read from ``reader`` up to the height of ``watch``; ``record`` is of these blocks."""
        self._reader = reader
        self._watch = watch
        self._record = record
        self._newest: dict[tuple[int, BlockForm], bytes] = {}
        self.damage = ""

    @property
    def watch(self) -> HeightWatch:
        """The height up to which blocks can be read."""
        return self._watch

    @property
    def first_block(self) -> int:
        """Number of the first block that can be read."""
        return self._reader.first_block

    def read(self, number: int) -> bytes:
        """Return the encoded block.

        Raises:
            CorruptBlockError: It cannot be read back. That is logged, and kept as ``damage``.
        """
        try:
            return self._reader.read_bytes(number)
        except CorruptBlockError as error:
            if not self.damage:
                _log.error("%s", error)
                self.damage = str(error)
            raise

    def response(self, number: int, form: BlockForm) -> bytes:
        """Return the encoded response that carries block ``number`` in ``form``.

        Raises:
            CorruptBlockError: It cannot be read back.
        """
        kept = self._newest.get((number, form))
        if kept is not None:
            return kept
        response = RESPONSES[form](self.read(number))
        oldest = self._watch.height - CACHED_BLOCKS
        if number >= oldest and len(response) <= MAX_CACHED_RESPONSE_BYTES:
            self._newest = {key: kept for key, kept in self._newest.items() if key[0] >= oldest}
            self._newest[number, form] = response
        return response

    async def inspect(self) -> None:
        """Read all blocks, round after round, beside other work, until one is found damaged.

        So a node names what its disk has done to a block long before somebody asks for it. It goes
        on where it was when the node stopped, a damaged block first, so that a long chain does not
        make a start longer. It ends when the watch is closed.
        """
        with suppress(WatchClosedError):
            await self._watch.pause(0)  # a channel may be removed before this has begun
            while await self._inspect_each():
                await self._watch.pause(INSPECTION_PAUSE_S)

    async def _inspect_each(self) -> bool:
        """Read every block once, and return whether all are whole."""
        now_s = asyncio.get_running_loop().time
        read_s = 0.0
        for count, number in enumerate(self._round()):
            if count and count % INSPECTION_STEP_BLOCKS == 0:
                self._go_on_at(number)
            if count % INSPECTION_STEP_BLOCKS == 0 or read_s >= INSPECTION_TURN_S:
                await self._watch.pause(read_s * (1 / INSPECTION_SHARE - 1))
                read_s = 0.0
            began_s = now_s()
            try:
                self.read(number)
            except CorruptBlockError:
                self._go_on_at(number)
                return False
            read_s += now_s() - began_s
        return True

    def _go_on_at(self, number: int) -> None:
        try:
            self._record.go_on_at(number)
        except OSError as error:  # all that is lost is where to begin next time
            _log.warning("the inspection cannot note that it goes on at %d: %s", number, error)

    def _round(self) -> Iterator[int]:
        """Yield the numbers of all blocks, from where the last inspection was, round to there."""
        first, end = self.first_block, self._watch.height
        begin = self._record.next_block
        if not first <= begin < end:
            begin = first
        yield from range(begin, end)
        yield from range(first, begin)
