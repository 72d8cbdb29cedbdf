"""Where delivered blocks come from."""

import asyncio
import logging
from typing import Final, Protocol

from tallystick.node.deliver.height import HeightWatch
from tallystick.node.deliver.responses import RESPONSES, BlockForm
from tallystick.node.ledger.block_store import CorruptBlockError

CACHED_BLOCKS: Final = 8
MAX_CACHED_RESPONSE_BYTES: Final = 8 * 1024 * 1024
INSPECTION_SHARE: Final = 0.1
"""Of the node's time, while it looks through its blocks."""

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

    def __init__(self, reader: BlockReader, watch: HeightWatch) -> None:
        self._reader = reader
        self._watch = watch
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
        """Read every block that is there now, beside other work, until one is found damaged.

        So a node names after its start what its disk has done to a block, long before somebody
        asks for it. It ends when the watch is closed.
        """
        now_s = asyncio.get_running_loop().time
        for number in range(self.first_block, self._watch.height):
            if self._watch.is_closed:
                return
            began_s = now_s()
            try:
                self.read(number)
            except CorruptBlockError:
                return
            await asyncio.sleep((now_s() - began_s) * (1 / INSPECTION_SHARE - 1))
