"""Where delivered blocks come from."""

from typing import Final, Protocol

from tallystick.node.deliver.height import HeightWatch
from tallystick.node.deliver.responses import RESPONSES, BlockForm

CACHED_BLOCKS: Final = 8
MAX_CACHED_RESPONSE_BYTES: Final = 8 * 1024 * 1024


class BlockReader(Protocol):
    """Whatever stores blocks."""

    def read_bytes(self, number: int) -> bytes:
        """Return the encoded block; ``number`` is below the height."""


class BlockSource:
    """The blocks of one chain, encoded for delivery.

    Several readers want the same new block at the same time, so the responses that carry the
    newest few are kept: a new block is read and encoded once per form. Readers that catch up read
    the store and leave the cache alone.
    """

    def __init__(self, reader: BlockReader, watch: HeightWatch) -> None:
        self._reader = reader
        self._watch = watch
        self._newest: dict[tuple[int, BlockForm], bytes] = {}

    @property
    def watch(self) -> HeightWatch:
        """The height up to which blocks can be read."""
        return self._watch

    def read(self, number: int) -> bytes:
        """Return the encoded block."""
        return self._reader.read_bytes(number)

    def response(self, number: int, form: BlockForm) -> bytes:
        """Return the encoded response that carries block ``number`` in ``form``."""
        kept = self._newest.get((number, form))
        if kept is not None:
            return kept
        response = RESPONSES[form](self._reader.read_bytes(number))
        oldest = self._watch.height - CACHED_BLOCKS
        if number >= oldest and len(response) <= MAX_CACHED_RESPONSE_BYTES:
            self._newest = {key: kept for key, kept in self._newest.items() if key[0] >= oldest}
            self._newest[number, form] = response
        return response
