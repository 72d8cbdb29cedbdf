"""A ledger killed at any point of a commit, against one that was never killed."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from tests.scenarios.outcome import Outcome, files

from tallystick.node.ledger import keyspace
from tallystick.node.ledger.block_store import BlockStore
from tallystick.node.ledger.ledger import Ledger
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.replay import ReplayMismatchError
from tallystick.node.ledger.state import UpdateBatch, state_entries
from tallystick.node.ledger.version import Version

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.unit.ledger.conftest import Chain

    from tallystick.node.ledger.ledger import CommittableBlock

MVCC_READ_CONFLICT = 11
BLOCKS = 5
PRIVATE_NAMESPACE = b"sbasic$$pcoll\x00"


class KilledError(BaseException):
    """The process ends here. Not an Exception: nothing may handle it."""


class KilledBeforeSync(BlockStore):
    """A block store whose process is killed when the last block is written but not synced."""

    def sync(self) -> None:
        if self.height == BLOCKS:
            raise KilledError
        super().sync()


class KilledAfterSync(BlockStore):
    """A block store whose process is killed when the last block is synced."""

    def sync(self) -> None:
        super().sync()
        if self.height == BLOCKS:
            raise KilledError


class KilledStore(MemoryStore):
    """A store whose process is killed when it is to apply the batch of the last block."""

    def write(self, batch: Mapping[bytes, bytes | None]) -> None:
        if b"mhead" in batch and batch[b"mhead"][:1] == bytes((BLOCKS,)):  # type: ignore[index]
            raise KilledError
        super().write(batch)


def next_block(ledger: Ledger, chain: Chain) -> CommittableBlock:
    """Return a block that depends on the number alone, with one case of everything."""
    number = ledger.height
    if number in {0, 3}:
        return chain.config(ledger)
    return chain.committable(
        ledger,
        chain.transaction(f"t{number}", {"hot": b"%d" % number, f"k{number}": b"v"}),
        chain.transaction(f"u{number}", {"hot": None}, code=MVCC_READ_CONFLICT),
        chain.transaction(f"t{number - 1}", {"hot": b"again"}, code=9),
        chain.transaction(f"v{number}", {f"k{number - 1}": None}, guards=["hot"]),
        chain.transaction(f"w{number}", private={"p": b"%d" % number, f"p{number - 1}": None}),
    )


async def commit_all(ledger: Ledger, chain: Chain) -> None:
    while ledger.height < BLOCKS:
        await ledger.commit(next_block(ledger, chain))


def content(ledger: Ledger, store: MemoryStore) -> tuple[list[bytes], dict[bytes, bytes]]:
    """Return every block and everything in the store."""
    blocks = [ledger.read_bytes(number) for number in range(ledger.height)]
    return blocks, dict(store.range(b"", b""))


@pytest.fixture
async def unharmed(tmp_path: Path, chain: Chain) -> tuple[list[bytes], dict[bytes, bytes]]:
    store = MemoryStore()
    with closing(Ledger.open(tmp_path / "unharmed", store)) as ledger:
        await commit_all(ledger, chain)
        return content(ledger, store)


async def kill(blocks: BlockStore, store: MemoryStore, chain: Chain) -> None:
    with pytest.raises(KilledError):
        await commit_all(Ledger(blocks, store), chain)


def survivor(store: MemoryStore) -> MemoryStore:
    """Return what a new process finds of a store."""
    copy = MemoryStore()
    copy.write(dict(store.range(b"", b"")))
    return copy


@pytest.mark.parametrize(
    ("blocks_type", "store_type"),
    [
        pytest.param(KilledBeforeSync, MemoryStore, id="block written, not synced"),
        pytest.param(KilledAfterSync, MemoryStore, id="block synced, no view written"),
        pytest.param(BlockStore, KilledStore, id="batch of the views refused"),
    ],
)
async def test_a_kill_after_the_block_is_written_costs_nothing(
    tmp_path: Path,
    chain: Chain,
    unharmed: tuple[list[bytes], dict[bytes, bytes]],
    blocks_type: type[BlockStore],
    store_type: type[MemoryStore],
) -> None:
    killed = store_type()
    await kill(blocks_type(tmp_path / "killed", killed), killed, chain)
    store = survivor(killed)
    with closing(Ledger.open(tmp_path / "killed", store)) as ledger:
        assert content(ledger, store) == unharmed


@pytest.mark.parametrize("kept", [0, 1, 11, 12, 13, -2, -1], ids=lambda kept: f"bytes {kept}")
async def test_a_half_written_block_is_committed_anew(
    tmp_path: Path, chain: Chain, unharmed: tuple[list[bytes], dict[bytes, bytes]], kept: int
) -> None:
    """``kept`` counts the bytes of the last record: from its start, or, if negative, its end."""
    killed = MemoryStore()
    blocks = KilledBeforeSync(tmp_path / "killed", killed)
    path = tmp_path / "killed" / "000000.blocks"
    ledger = Ledger(blocks, killed)
    while ledger.height < BLOCKS - 1:
        await ledger.commit(next_block(ledger, chain))
    start = path.stat().st_size
    await kill(blocks, killed, chain)
    record = path.read_bytes()[start:]
    with path.open("r+b") as file:
        file.truncate(start + len(record[:kept]))

    store = survivor(killed)
    with closing(Ledger.open(tmp_path / "killed", store)) as recovered:
        assert recovered.height == BLOCKS - 1
        await commit_all(recovered, chain)
        assert content(recovered, store) == unharmed


@pytest.mark.parametrize("savepoint", range(BLOCKS))
async def test_views_that_lost_their_latest_batches_catch_up(
    tmp_path: Path, chain: Chain, savepoint: int
) -> None:
    """From savepoint 0, where the whole store was lost, to the last block but one.

    Only private values may be missing: they are not in the blocks.
    """
    store = MemoryStore()
    with closing(Ledger.open(tmp_path, store)) as ledger:
        kept = survivor(store)
        while ledger.height < BLOCKS:
            await ledger.commit(next_block(ledger, chain))
            if ledger.height == savepoint:
                kept = survivor(store)
        blocks, expected = content(ledger, store)
    with closing(Ledger.open(tmp_path, kept)) as ledger:
        recovered_blocks, recovered = content(ledger, kept)
    assert recovered_blocks == blocks
    assert without_private(recovered) == without_private(expected)


async def test_commits_go_on_after_recovery(tmp_path: Path, chain: Chain) -> None:
    killed = MemoryStore()
    await kill(KilledAfterSync(tmp_path, killed), killed, chain)
    with closing(Ledger.open(tmp_path, survivor(killed))) as ledger:
        await ledger.commit(next_block(ledger, chain))
        assert ledger.height == BLOCKS + 1
        ledger.recover()
        assert ledger.height == BLOCKS + 1


async def test_a_disk_that_fails_to_sync_stops_the_ledger(tmp_path: Path, chain: Chain) -> None:
    class FailingDisk(BlockStore):
        def sync(self) -> None:
            if self.height:
                raise OSError(5, "Input/output error")

    ledger = Ledger(FailingDisk(tmp_path, MemoryStore()), MemoryStore())
    with pytest.raises(OSError, match="Input/output"):
        await ledger.commit(chain.config(ledger))
    assert ledger.height == 0


async def test_the_state_store_of_another_ledger_is_noticed(
    outcome: Outcome, tmp_path: Path, chain: Chain
) -> None:
    store = MemoryStore()
    with closing(Ledger.open(tmp_path, store)) as ledger:
        await ledger.commit(chain.config(ledger))
        await ledger.commit(chain.committable(ledger, chain.transaction("t1", {"k": b"v"})))
        kept = survivor(store)
        await ledger.commit(chain.committable(ledger, chain.transaction("t2", guards=["k"])))
    foreign = UpdateBatch()
    foreign.put("basic", "k", b"another value", Version(1, 0))
    kept.write(state_entries(foreign))
    with outcome.refuses(ReplayMismatchError, leaves=files(tmp_path, "block")) as failure:
        Ledger.open(tmp_path, kept)
    assert failure.value.number == 2


def without_private(pairs: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """Return the part of a store that follows from blocks: private values do not."""
    private = (PRIVATE_NAMESPACE, keyspace.PRIVATE_SET, keyspace.PRIVATE_KEY, keyspace.MISSING_SET)
    return {key: value for key, value in pairs.items() if not key.startswith(private)}
