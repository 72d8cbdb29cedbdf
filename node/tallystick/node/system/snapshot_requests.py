"""Which snapshots of a ledger are asked for, and making them when their block has come.

Requests outlive a restart. Fabric holds up commits while it writes a snapshot; here the ledger's
store is pinned as it was after the block, a thread writes the files, and commits go on.
Source: hyperledger/fabric core/ledger/kvledger/snapshot_mgmt.go.
"""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tallystick.node.errors import LedgerError
from tallystick.node.ledger import keyspace
from tallystick.node.ledger.config_record import config_record
from tallystick.node.ledger.key_value_store import KeyValueStore
from tallystick.node.ledger.ledger import Ledger
from tallystick.node.ledger.snapshot_export import SnapshotSource, write_snapshot
from tallystick.node.ledger.stoppable import finish_in_thread
from tallystick.node.runtime.collection_history import collection_history
from tallystick.wire.errors import WireError

MAX_PENDING: Final = 100
"""How many requests of one channel may wait."""

_NUMBER_SIZE: Final = 8
_FAILURES: Final = (LedgerError, WireError, OSError)
_NOT_MADE: Final = "no snapshot after block %d: %s; the request is dropped, ask for one again"

_log = logging.getLogger(__name__)


class SnapshotRequestError(LedgerError):
    """A request for a snapshot cannot be met.

    Attributes:
        block_number: The block that it names.
    """

    def __init__(self, block_number: int, problem: str) -> None:
        super().__init__(problem)
        self.block_number = block_number


class SnapshotRequests:
    """The requests of one channel. ``run`` makes the snapshots; all else only takes notes."""

    def __init__(
        self, channel_id: str, ledger: Ledger, store: KeyValueStore, directory: Path
    ) -> None:
        """Make snapshots in ``directory``, each in a folder named by its block.

        Args:
            channel_id: The ledger's channel.
            ledger: What to make snapshots of.
            store: The ledger's store, which keeps the requests too.
            directory: Made when it is needed.
        """
        self._channel_id = channel_id
        self._ledger = ledger
        self._store = store
        self._directory = directory
        self._pending = set(_stored(store))
        self._due: asyncio.Queue[SnapshotSource] = asyncio.Queue()
        self._under_way: set[int] = set()

    @property
    def pending(self) -> Sequence[int]:
        """The blocks after which a snapshot is asked for and not there yet, in order."""
        return sorted(self._pending)

    def submit(self, block_number: int) -> None:
        """Ask for a snapshot of the ledger after a block; 0 stands for the last committed one.

        Raises:
            SnapshotRequestError: The block is past, or there is or will be such a snapshot already,
                or too many are asked for, or what it needs of the ledger cannot be read.
        """
        last = self._ledger.height - 1
        number = block_number or last
        # First: who waited for a snapshot asks so whether it was made, and the ledger goes on.
        if self._folder(number).exists():
            raise SnapshotRequestError(
                number, f"snapshot already generated for block number {number}"
            )
        if number < last:
            raise SnapshotRequestError(
                number,
                f"requested snapshot for block number {number} cannot be less than the last "
                f"committed block number {last}",
            )
        if number in self._pending:
            raise SnapshotRequestError(
                number, f"duplicate snapshot request for block number {number}"
            )
        if len(self._pending) >= MAX_PENDING:
            raise SnapshotRequestError(
                number, f"{MAX_PENDING} snapshots are asked for already; cancel some of them"
            )
        self._store.write({_row(number): b""})
        self._pending.add(number)
        if number == last and not self._begin(number):
            raise SnapshotRequestError(
                number, f"no snapshot can be made after block {number}: the peer's log says why"
            )

    def cancel(self, block_number: int) -> None:
        """Withdraw a request.

        Raises:
            SnapshotRequestError: There is no such request, or the snapshot is being made.
        """
        if block_number in self._under_way:
            raise SnapshotRequestError(
                block_number, "cannot cancel the snapshot request because it is under processing"
            )
        if block_number not in self._pending:
            raise SnapshotRequestError(
                block_number, f"no snapshot request exists for block number {block_number}"
            )
        self._forget(block_number)

    def block_committed(self) -> None:
        """Begin the snapshot that is asked for at this height; call it before the next commit."""
        last = self._ledger.height - 1
        if last in self._pending:
            self._begin(last)

    async def run(self) -> None:
        """Make the snapshots that are due, one after the other, without end.

        Who cancels it finds the store unused; a snapshot in the making is begun again by the next
        start, if no block has come by then.
        """
        self._resume()
        while True:
            source = await self._due.get()
            number = source.last_block
            try:
                await self._write(source)
            except _FAILURES as error:
                _log.error(_NOT_MADE, number, error)
            else:
                _log.info("wrote the snapshot after block %d: %s", number, self._folder(number))
            # The source pins what the store would otherwise give up.
            del source
            self._under_way.discard(number)
            self._forget(number)

    async def _write(self, source: SnapshotSource) -> None:
        folder = self._folder(source.last_block)
        await finish_in_thread(lambda check_stop: write_snapshot(source, folder, check_stop))

    def _resume(self) -> None:
        """Begin what a stop of the peer interrupted; give up what can no longer be made."""
        last = self._ledger.height - 1
        for number in self.pending:
            if number < last or self._folder(number).exists():
                if not self._folder(number).exists():
                    _log.warning("no snapshot after block %d: the ledger went on", number)
                self._forget(number)
        if last in self._pending and last not in self._under_way:
            self._begin(last)

    def _begin(self, last: int) -> bool:
        """Begin the snapshot after the last block; return False if that request is given up.

        A snapshot that cannot be made must not end the peer, which would meet the same request
        again at its next start.
        """
        try:
            source = SnapshotSource(
                self._channel_id,
                self._ledger.moment(),
                config_record(self._ledger),
                collection_history(self._ledger, self._store),
            )
        except _FAILURES as error:
            _log.error(_NOT_MADE, last, error)
            self._forget(last)
            return False
        self._under_way.add(last)
        self._due.put_nowait(source)
        return True

    def _forget(self, number: int) -> None:
        self._store.write({_row(number): None})
        self._pending.discard(number)

    def _folder(self, number: int) -> Path:
        return self._directory / str(number)


def _row(number: int) -> bytes:
    return keyspace.SNAPSHOT_REQUEST + number.to_bytes(_NUMBER_SIZE, "big")


def _stored(store: KeyValueStore) -> Sequence[int]:
    prefix = keyspace.SNAPSHOT_REQUEST
    rows = store.range(prefix, keyspace.end_of_prefix(prefix))
    return [int.from_bytes(key[len(prefix) :], "big") for key, _ in rows]
