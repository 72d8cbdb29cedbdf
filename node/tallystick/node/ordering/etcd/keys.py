"""Where things are in etcd. Pure.

::

    <prefix>/<channel>/<genesis>/leader                 who leads, under that orderer's lease
    <prefix>/<channel>/<genesis>/block/<number>         the content of a block, written once
    <prefix>/<channel>/<genesis>/part/<number>/<writing>/<index>   pieces of a large one
    <prefix>/<channel>/<genesis>/height/<orderer>       how many blocks an orderer has on its disk
    <prefix>/<channel>/<genesis>/compared               the cluster in which the log proved complete

``<genesis>`` is the beginning of the first block's hash: a channel that is begun anew under an old
name must not read the old one's log. Numbers are hexadecimal with sixteen digits, so that keys sort
as numbers do.
"""

import re
from dataclasses import dataclass
from typing import Final

from tallystick.node.ordering.etcd.port import KeyRange
from tallystick.node.ordering.etcd.records import UntrustedBatchError

_GENESIS_DIGITS: Final = 16
_NUMBER_DIGITS: Final = 16
_NUMBER: Final = re.compile(rb"[0-9a-f]{16}")
_SHOWN_BYTES: Final = 40


@dataclass(frozen=True, slots=True)
class LogKeys:
    """The keys of one channel.

    Attributes:
        prefix: What all keys of a network begin with.
        channel_id: The channel.
        genesis_hash: Header hash of its first block.
    """

    prefix: str
    channel_id: str
    genesis_hash: bytes

    @property
    def leader(self) -> bytes:
        """The key of whoever leads."""
        return self._key("leader")

    def block(self, number: int) -> bytes:
        """The key of a block's content."""
        return self._key("block", _digits(number))

    def blocks_from(self, number: int) -> KeyRange:
        """The contents of a block and all later ones."""
        return KeyRange(self.block(number), self._key("block0"))

    def blocks_before(self, number: int) -> KeyRange:
        """The contents of all blocks below a number."""
        return KeyRange(self.block(0), self.block(number))

    def part(self, number: int, writing: int, index: int) -> bytes:
        """The key of a piece of a block's content, of one attempt to write it."""
        return self._key("part", _digits(number), _digits(writing), _digits(index))

    def parts(self, number: int, writing: int, first: int, count: int) -> KeyRange:
        """The pieces from ``first`` on of a block's content that was cut into ``count``."""
        return KeyRange(self.part(number, writing, first), self.part(number, writing, count))

    def parts_before(self, number: int) -> KeyRange:
        """All pieces of all blocks below a number."""
        return KeyRange(self.part(0, 0, 0), self.part(number, 0, 0))

    def height(self, orderer: str) -> bytes:
        """The key of an orderer's height."""
        return self._key("height", orderer)

    @property
    def heights(self) -> KeyRange:
        """The heights of all orderers."""
        return KeyRange(self._key("height", ""), self._key("height0"))

    @property
    def compared(self) -> bytes:
        """The key of the id of the cluster in which all orderers were asked what they have."""
        return self._key("compared")

    def number_of(self, block_key: bytes) -> int:
        """Return the number of the block whose content is under a key.

        Raises:
            UntrustedBatchError: No orderer writes such a key.
        """
        name = block_key[len(self._key("block", "")) :]
        if not _NUMBER.fullmatch(name):
            shown = b"block/" + name[:_SHOWN_BYTES]
            raise UntrustedBatchError(None, f"its key {shown!r} is that of no block")
        return int(name, 16)

    def _key(self, *parts: str) -> bytes:
        genesis = self.genesis_hash.hex()[:_GENESIS_DIGITS]
        # "0" follows "/": a range that ends with it holds what begins with the same and "/".
        return "/".join((self.prefix, self.channel_id, genesis, *parts)).encode()


def _digits(number: int) -> str:
    return f"{number:0{_NUMBER_DIGITS}x}"
