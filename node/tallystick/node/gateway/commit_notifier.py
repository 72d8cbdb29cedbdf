"""Tells callers which code a transaction was committed with, now or as soon as it is."""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple, TypeAlias

from tallystick.node.errors import LedgerError


class CommitOutcome(NamedTuple):
    """The verdict on one transaction and the block that carries it."""

    code: int
    block_number: int


Expected: TypeAlias = asyncio.Future[CommitOutcome]
"""An outcome, mostly one that is still to come."""


class NotifierClosedError(LedgerError):
    """The peer is stopping, so nobody will learn of this commit from it."""

    def __init__(self) -> None:
        super().__init__("the peer is shutting down; ask another peer for the commit status")


class TooManyWaitersError(LedgerError):
    """More callers wait for commits than the peer admits."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} callers already wait for a commit; try again later")
        self.limit = limit


class CommitNotifier:
    """Waiting rooms by transaction id. A caller is answered once, from the ledger or from a block.

    The committer calls ``publish`` after a block is durable, in the same turn of the event loop in
    which the ledger begins to answer for it, so no commit falls between look-up and waiting.
    """

    def __init__(
        self, lookup: Callable[[str], CommitOutcome | None], *, max_waiters: int = 100_000
    ) -> None:
        self._lookup = lookup
        self._max_waiters = max_waiters
        self._waiting: dict[str, list[Expected]] = {}
        self._count = 0
        self._closed = False

    async def wait(self, transaction_id: str) -> CommitOutcome:
        """Return the outcome of ``transaction_id``, waiting for as long as the caller does.

        A transaction id that occurs twice on the ledger has the outcome of its first occurrence.

        Raises:
            NotifierClosedError: The peer stops.
            TooManyWaitersError: The limit on waiting callers is reached.

        Source: wire.md §5.5.
        """
        expected = self.expect(transaction_id)
        if not expected.done() and self._count >= self._max_waiters:
            expected.cancel()
            raise TooManyWaitersError(self._max_waiters)
        self._count += 1
        try:
            return await expected
        finally:
            self._count -= 1

    def expect(self, transaction_id: str) -> Expected:
        """Return what yields the outcome of a transaction: at once, if it is committed already.

        Whoever does not want it any more cancels it. If the peer stops, or has stopped, it raises
        NotifierClosedError.
        """
        expected: Expected = asyncio.get_running_loop().create_future()
        known = self._lookup(transaction_id)
        if known is not None:
            expected.set_result(known)
        elif self._closed:
            expected.set_exception(NotifierClosedError())
        else:
            self._waiting.setdefault(transaction_id, []).append(expected)
            expected.add_done_callback(partial(self._forget, transaction_id))
        return expected

    def publish(self, block_number: int, transactions: Iterable[tuple[str, int]]) -> None:
        """Answer everybody who waits for one of ``transactions``: (id, code) in block order."""
        if not self._waiting:
            return
        for transaction_id, code in transactions:
            for future in self._waiting.pop(transaction_id, ()):
                if not future.done():
                    future.set_result(CommitOutcome(code, block_number))

    def close(self) -> None:
        """Turn away everybody who waits, and whoever comes later."""
        self._closed = True
        for futures in self._waiting.values():
            for future in futures:
                if not future.done():
                    future.set_exception(NotifierClosedError())
        self._waiting.clear()

    def _forget(self, transaction_id: str, expected: Expected) -> None:
        waiting = self._waiting.get(transaction_id)
        if waiting is not None and expected in waiting:
            waiting.remove(expected)
            if not waiting:
                del self._waiting[transaction_id]
