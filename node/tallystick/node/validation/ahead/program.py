"""``python -m``: reads blocks from standard input, answers with their good signatures.

Each message has its length before it. The end of the input ends the program: then whoever started
it is gone, however that came.
"""

import signal
import sys
from typing import BinaryIO

from google.protobuf.message import DecodeError

from tallystick.node.validation.ahead.framing import LENGTH
from tallystick.node.validation.ahead.signatures import good_signatures
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.tallystick.checked_signatures_pb2 import CheckedSignatures


def answer(blocks: BinaryIO, answers: BinaryIO) -> None:
    """Answer each block until there are no more."""
    while len(length := blocks.read(LENGTH.size)) == LENGTH.size:
        encoded = _checked(blocks.read(*LENGTH.unpack(length))).SerializeToString()
        answers.write(LENGTH.pack(len(encoded)) + encoded)
        answers.flush()


def _checked(block: bytes) -> CheckedSignatures:
    try:
        return good_signatures(Block.FromString(block))
    except DecodeError:
        return CheckedSignatures()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the peer as well
    answer(sys.stdin.buffer, sys.stdout.buffer)
