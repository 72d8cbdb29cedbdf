import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from tests.scenarios.outcome import Outcome, State, files

from tallystick.node import durable
from tallystick.node.durable import sync
from tallystick.node.ledger import segments as segments_module
from tallystick.node.ledger.block_store import (
    BlockNotFoundError,
    BlockOutOfOrderError,
    BlockStore,
    BrokenChainError,
    CorruptBlockError,
)
from tallystick.node.ledger.chain_start import DamagedStartError
from tallystick.node.ledger.disk import MACHINE_DISK, MachineDisk
from tallystick.node.ledger.key_value_store import StoreKind
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.segments import MissingFileError, cut_records
from tallystick.protos.common.common_pb2 import Block, BlockData, BlockHeader
from tallystick.wire.hashing import block_data_hash, block_header_hash

SEGMENT_BYTES = 400


@pytest.fixture
def index() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def store(tmp_path: Path, index: MemoryStore) -> Iterator[BlockStore]:
    with closing(BlockStore(tmp_path, index, segment_bytes=SEGMENT_BYTES)) as opened:
        yield opened


def next_block(store: BlockStore, entry: bytes = b"entry") -> Block:
    header = BlockHeader(
        number=store.height,
        previous_hash=store.last_hash,
        data_hash=block_data_hash([entry]),
    )
    return Block(header=header, data=BlockData(data=[entry]))


def filled(store: BlockStore, count: int) -> list[Block]:
    blocks = []
    for _ in range(count):
        blocks.append(next_block(store))
        store.append(blocks[-1])
        store.sync()
    return blocks


def assert_content(store: BlockStore, blocks: list[Block]) -> None:
    assert [store.read(number) for number in range(store.height)] == blocks
    assert store.last_hash == block_header_hash(blocks[-1].header)
    for block in blocks:
        assert store.number_of(block_header_hash(block.header)) == block.header.number


def test_a_new_store_awaits_block_0(store: BlockStore) -> None:
    assert (store.height, store.last_hash) == (0, b"")
    with pytest.raises(BlockNotFoundError):
        store.read(0)


def test_a_block_can_be_read_before_it_is_synced(store: BlockStore) -> None:
    block = next_block(store)
    store.append(block)
    assert store.read(0) == block
    assert store.read_bytes(0) == block.SerializeToString()
    assert store.number_of(store.last_hash) == 0


def test_blocks_fill_one_file_after_the_other(store: BlockStore, tmp_path: Path) -> None:
    blocks = filled(store, 12)
    assert_content(store, blocks)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files[:2] == ["000000.blocks", "000001.blocks"]
    assert all(path.stat().st_size <= SEGMENT_BYTES for path in tmp_path.iterdir())


def test_a_block_larger_than_a_file_gets_a_file_of_its_own(store: BlockStore) -> None:
    filled(store, 1)
    large = next_block(store, b"x" * 2 * SEGMENT_BYTES)
    store.append(large)
    filled(store, 1)
    assert store.read(1) == large


@pytest.mark.parametrize("number", [-1, 2, 2**64 - 1])
def test_there_are_no_blocks_beyond_the_height(store: BlockStore, number: int) -> None:
    filled(store, 2)
    for ask in (store.read, store.size_bytes):
        with pytest.raises(BlockNotFoundError) as failure:
            ask(number)
        assert (failure.value.number, failure.value.height) == (number, 2)


def test_the_size_of_a_block_is_known_without_its_file(store: BlockStore, tmp_path: Path) -> None:
    blocks = filled(store, 12)
    for path in tmp_path.iterdir():
        path.rename(path.with_suffix(".moved"))
    assert [store.size_bytes(n) for n in range(12)] == [block.ByteSize() for block in blocks]


@pytest.mark.parametrize("number", [0, 2, 9])
def test_a_block_out_of_order_is_not_appended(
    outcome: Outcome, store: BlockStore, number: int
) -> None:
    blocks = filled(store, 1)
    block = next_block(store)
    block.header.number = number
    with outcome.refuses(
        BlockOutOfOrderError,
        leaves=State("the store has the blocks it had", lambda: (store.height, store.last_hash)),
    ) as failure:
        store.append(block)
    assert (failure.value.expected, failure.value.received) == (1, number)
    assert_content(store, blocks)


def test_a_block_of_another_chain_is_not_appended(outcome: Outcome, store: BlockStore) -> None:
    filled(store, 1)
    block = next_block(store)
    block.header.previous_hash = b"\x01"
    with outcome.refuses(
        BrokenChainError,
        leaves=State("the store has the blocks it had", lambda: (store.height, store.last_hash)),
    ) as failure:
        store.append(block)
    assert (failure.value.number, failure.value.received) == (1, b"\x01")


def test_the_index_never_runs_ahead_of_the_disk(store: BlockStore, index: MemoryStore) -> None:
    filled(store, 1)
    assert list(index.range(b"", b"")) == []
    filled(store, 1)
    assert index.get(b"mindexed") == b"\x01"


def test_an_owner_can_write_the_index_entries_in_a_batch_of_its_own(
    store: BlockStore, index: MemoryStore
) -> None:
    blocks = filled(store, 1)
    index.write(store.index_entries())
    store.index_written()
    assert store.index_entries() == {}
    assert_content(store, blocks)


class FullIndex(MemoryStore):
    """An index on a disk that is full."""

    full = True

    def write(self, batch: Mapping[bytes, bytes | None]) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().write(batch)


def test_a_block_is_found_although_the_disk_had_no_room_for_its_index_entries(
    outcome: Outcome, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    index = FullIndex()
    store = BlockStore(tmp_path, index)
    blocks = filled(store, 1)
    with outcome.refuses(
        OSError,
        match="No space left",
        leaves=State("the store has the blocks it had", lambda: (store.height, store.read(0))),
    ):
        store.append(next_block(store))
    assert_content(store, blocks)
    store.close()
    assert "ends before block 0, which is on the disk" in caplog.text
    index.full = False
    with closing(BlockStore(tmp_path, index)) as reopened:
        assert_content(reopened, blocks + filled(reopened, 1))


@pytest.mark.parametrize("indexed", [0, 1, 5, 12])
def test_opening_completes_the_index(tmp_path: Path, indexed: int) -> None:
    index = MemoryStore()
    with closing(BlockStore(tmp_path, index, segment_bytes=SEGMENT_BYTES)) as store:
        blocks = filled(store, indexed)
    with closing(BlockStore(tmp_path, MemoryStore(), segment_bytes=SEGMENT_BYTES)) as store:
        blocks += filled(store, 12 - indexed)
    with closing(BlockStore(tmp_path, index, segment_bytes=SEGMENT_BYTES)) as store:
        assert_content(store, blocks)
        assert index.get(b"mindexed") == b"\x0c"
        assert_content(store, blocks + filled(store, 3))


def test_opening_reads_only_what_follows_the_last_indexed_block(tmp_path: Path) -> None:
    class CountingDisk(MachineDisk):
        bytes_read = 0

        def read(self, path: Path, start: int = 0) -> bytes:
            content = super().read(path, start)
            self.bytes_read += len(content)
            return content

    index, disk = MemoryStore(), CountingDisk()
    with closing(BlockStore(tmp_path, index)) as store:
        filled(store, 12)
    with closing(BlockStore(tmp_path, index, disk=disk)) as store:
        assert (store.height, disk.bytes_read) == (12, 0)
    with closing(BlockStore(tmp_path, MemoryStore())) as store:
        after = filled(store, 1)[0]
    with closing(BlockStore(tmp_path, index, disk=disk)) as store:
        assert store.height == 13
        assert after.ByteSize() < disk.bytes_read < 2 * after.ByteSize()


def test_a_crash_right_after_a_new_file_was_begun_costs_nothing(tmp_path: Path) -> None:
    with closing(BlockStore(tmp_path, MemoryStore())) as store:
        blocks = filled(store, 2)
    (tmp_path / "000001.blocks").touch()
    with closing(BlockStore(tmp_path, MemoryStore())) as store:
        assert_content(store, blocks + filled(store, 2))


def test_a_block_file_is_missing(outcome: Outcome, tmp_path: Path) -> None:
    with closing(BlockStore(tmp_path, MemoryStore(), segment_bytes=1)) as store:
        filled(store, 3)
    (tmp_path / "000001.blocks").unlink()
    with outcome.refuses(MissingFileError, leaves=files(tmp_path, "block")) as failure:
        BlockStore(tmp_path, MemoryStore(), segment_bytes=1)
    assert failure.value.path == tmp_path / "000001.blocks"


def test_a_block_file_is_that_of_another_chain(outcome: Outcome, tmp_path: Path) -> None:
    with closing(BlockStore(tmp_path / "other", MemoryStore(), segment_bytes=1)) as store:
        store.append(next_block(store, b"another genesis"))
        filled(store, 1)
    with closing(BlockStore(tmp_path / "ours", MemoryStore(), segment_bytes=1)) as store:
        filled(store, 2)
    (tmp_path / "other" / "000001.blocks").replace(tmp_path / "ours" / "000001.blocks")
    with outcome.refuses(
        CorruptBlockError, leaves=files(tmp_path, "block"), match="block 1 is lost"
    ):
        BlockStore(tmp_path / "ours", MemoryStore(), segment_bytes=1)


def test_a_damaged_block_is_noticed_when_it_is_read(
    outcome: Outcome, store: BlockStore, tmp_path: Path
) -> None:
    filled(store, 1)
    path = tmp_path / "000000.blocks"
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")
    with outcome.refuses(CorruptBlockError, leaves=files(tmp_path, "block")) as failure:
        store.read(0)
    assert (failure.value.number, failure.value.path, failure.value.offset) == (0, path, 0)
    path.unlink()
    with outcome.refuses(
        CorruptBlockError, leaves=files(tmp_path, "block"), match="block 0 is lost"
    ):
        store.read(0)


@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES])
def test_a_block_that_the_disk_does_not_give_back_is_lost_in_the_words_of_the_system(
    store: BlockStore, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    filled(store, 1)

    def refuse(*_: object) -> bytes:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "pread", refuse)
    problem = rf"block 0 is lost: .*000000\.blocks cannot be read at byte 0 \({os.strerror(code)}\)"
    with pytest.raises(CorruptBlockError, match=problem):
        store.read(0)


@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES])
def test_a_block_file_that_cannot_be_read_at_the_start_is_named(
    outcome: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    with closing(BlockStore(tmp_path, MemoryStore(), segment_bytes=1)) as store:
        filled(store, 2)
    readable = MachineDisk.read

    def read(disk: MachineDisk, path: Path, start: int = 0) -> bytes:
        if path.name == "000001.blocks":
            raise OSError(code, os.strerror(code))  # of a read, which names no file
        return readable(disk, path, start)

    monkeypatch.setattr(MachineDisk, "read", read)
    problem = (
        rf"block 1 is lost: {tmp_path}/000001\.blocks cannot be read .*\({os.strerror(code)}\)"
    )
    with outcome.refuses(
        CorruptBlockError, leaves=files(tmp_path, "block"), match=rf"{problem}: check its disk"
    ):
        BlockStore(tmp_path, MemoryStore(), segment_bytes=1)


@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES])
def test_what_says_where_the_blocks_begin_must_be_readable(
    outcome: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def read(_disk: MachineDisk, path: Path, _start: int = 0) -> bytes:
        assert path.name == "start.json"
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(MachineDisk, "read", read)
    problem = rf"start\.json cannot be read \({os.strerror(code)}\): restore it"
    with outcome.refuses(DamagedStartError, leaves=files(tmp_path, "block"), match=problem):
        BlockStore(tmp_path, MemoryStore())


def test_a_full_disk_leaves_the_store_as_it_was(
    store: BlockStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = filled(store, 2)
    path = tmp_path / "000000.blocks"
    before = path.read_bytes()
    written: list[int] = []
    real_write = os.write

    def write_a_little(file: int, data: memoryview) -> int:
        if written:
            raise OSError(28, "No space left on device")
        written.append(real_write(file, data[:20]))
        return written[0]

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", write_a_little)
        with pytest.raises(OSError, match="No space"):
            store.append(next_block(store))

    assert written == [20]
    assert path.read_bytes() == before
    assert_content(store, blocks + filled(store, 1))


def test_a_long_chain_is_indexed_in_several_batches(
    tmp_path: Path, index: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.node.ledger.block_store._INDEX_BATCH_BLOCKS", 4)
    with closing(BlockStore(tmp_path, MemoryStore(), segment_bytes=SEGMENT_BYTES)) as store:
        blocks = filled(store, 10)
    with closing(BlockStore(tmp_path, index, segment_bytes=SEGMENT_BYTES)) as store:
        assert_content(store, blocks)


def test_a_torn_block_may_hold_what_looks_like_the_start_of_a_record(tmp_path: Path) -> None:
    with closing(BlockStore(tmp_path, MemoryStore())) as store:
        blocks = filled(store, 1)
        store.append(next_block(store, b"TLY\x01" * 50))
    path = tmp_path / "000000.blocks"
    path.write_bytes(path.read_bytes()[:-1])
    with closing(BlockStore(tmp_path, MemoryStore())) as store:
        assert_content(store, blocks)


def test_what_is_moved_aside_has_a_durable_name_before_it_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(BlockStore(tmp_path, MemoryStore())) as store:
        filled(store, 2)
    path = tmp_path / "000000.blocks"
    size_bytes, at_syncs = path.stat().st_size, []

    def recording(synced: Path) -> None:
        at_syncs.append((synced == tmp_path, path.stat().st_size))
        sync(synced)

    monkeypatch.setattr(segments_module, "sync", recording)
    (aside,) = cut_records(tmp_path, 1)
    assert path.stat().st_size + aside.stat().st_size == size_bytes
    assert at_syncs[:2] == [(False, size_bytes), (True, size_bytes)]


def test_the_names_of_new_folders_are_durable_and_those_that_are_there_cost_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(durable, "sync", synced.append)
    channel = tmp_path / "channels" / "securities"
    MACHINE_DISK.make_directory(channel / "blocks")
    assert synced == [tmp_path, tmp_path / "channels", channel]
    MACHINE_DISK.make_directory(channel / "blocks")
    MACHINE_DISK.make_directory(channel / "snapshots")
    assert synced[3:] == [channel]


@pytest.mark.parametrize("kind", ["leveldb", "sqlite"])
def test_a_store_that_is_opened_first_makes_the_names_of_its_channel_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: StoreKind
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(durable, "sync", synced.append)
    MACHINE_DISK.open_store(kind, tmp_path / "channels" / "securities" / "index").close()
    assert synced[:2] == [tmp_path, tmp_path / "channels"]
