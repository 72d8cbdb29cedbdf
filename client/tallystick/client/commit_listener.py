"""Hears from one stream of blocks what a peer is else asked about each transaction."""

import asyncio
import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias
from weakref import WeakValueDictionary

from tallystick.client.commit_status import CommitStatus
from tallystick.client.errors import ClientError
from tallystick.client.event_stream import EventStream
from tallystick.protos.peer.events_pb2 import FilteredBlock
from tallystick.protos.peer.transaction_pb2 import TxValidationCode

MANY: Final = 8
"""Whoever waits for so many answers of one channel listens to its blocks instead."""

UNNEEDED_BLOCKS: Final = 16
"""So many blocks in a row that no transaction waited for end the listening."""

LISTENS_AGAIN_AFTER_S: Final = 60
"""How long a peer that ended the stream is asked about each transaction: it may refuse others."""

LISTENS_FOR_S: Final = 10
"""Then a transaction is asked about: a stream that has come to a halt must not cost its verdict."""

Expected: TypeAlias = asyncio.Future[CommitStatus | None]
"""The verdict on a transaction; None if the peer has to be asked for it."""

_log = logging.getLogger(__name__)


class CommitListener:
    """Tells a client what became of its transactions on one channel, while it has many under way.

    One signature and one stream then stand for as many signed requests as there are transactions.
    A verdict that the blocks do not tell, for whatever reason, is asked for as if nobody listened.
    """

    def __init__(self) -> None:
        # Weak: a transaction that nobody waits for any more may never come.
        self._expected: WeakValueDictionary[str, Expected] = WeakValueDictionary()
        self._asking = 0
        self._listening: asyncio.Task[None] | None = None
        self._hears = False
        self._deaf_until_s = 0.0

    def expect(self, transaction_id: str) -> Expected | None:
        """Return the verdict on a new transaction, which is submitted next; None if none will come.

        It must be new: blocks that have passed are not heard. Of two copies, endorsed one by one,
        the first to be submitted is the new one.
        """
        if not self._hears or transaction_id in self._expected:
            return None
        expected: Expected = asyncio.get_running_loop().create_future()
        self._expected[transaction_id] = expected
        return expected

    @contextmanager
    def asking(self, blocks: Callable[[], EventStream[FilteredBlock]]) -> Iterator[None]:
        """Count one who asks the peer for a verdict; once many do, listen to ``blocks``."""
        loop = asyncio.get_running_loop()
        self._asking += 1
        if self._asking >= MANY and self._listening is None and loop.time() >= self._deaf_until_s:
            self._listening = loop.create_task(self._listen(blocks()), name="commits")
        try:
            yield
        finally:
            self._asking -= 1

    async def close(self) -> None:
        """Stop to listen, for good: whoever waits goes on to ask, however many they are."""
        self._deaf_until_s = math.inf
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])

    async def _listen(self, blocks: EventStream[FilteredBlock]) -> None:
        unneeded = 0
        try:
            async with blocks:
                async for block in blocks:
                    self._hears = True  # all that is submitted from now on is in a later block
                    unneeded = 0 if self._expected else unneeded + 1
                    self._hear(block)
                    if unneeded == UNNEEDED_BLOCKS:
                        break
        except ClientError as error:
            self._deaf_until_s = asyncio.get_running_loop().time() + LISTENS_AGAIN_AFTER_S
            _log.info("asks about each commit, for it cannot listen to blocks: %s", error)
        finally:
            self._listening, self._hears = None, False
            for expected in list(self._expected.values()):
                _tell(expected, None)
            self._expected.clear()

    def _hear(self, block: FilteredBlock) -> None:
        for transaction in block.filtered_transactions:
            expected = self._expected.pop(transaction.txid, None)
            if expected is not None:
                _tell(expected, _status(transaction.txid, transaction.tx_validation_code, block))


def _status(transaction_id: str, code: int, block: FilteredBlock) -> CommitStatus | None:
    """Return the verdict; None for a second copy: the verdict on the first one counts."""
    if code == TxValidationCode.DUPLICATE_TXID:
        return None
    return CommitStatus(transaction_id, code, block.number)


def _tell(expected: Expected, status: CommitStatus | None) -> None:
    if not expected.done():  # else whoever waited has given up
        expected.set_result(status)
