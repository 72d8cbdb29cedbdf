"""Block files cut or damaged at any byte: what was kept whole comes back, and nothing else."""

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.node.ledger.block_store import BlockStore, CorruptBlockError
from tallystick.node.ledger.memory import MemoryStore
from tallystick.protos.common.common_pb2 import Block, BlockData, BlockHeader
from tallystick.wire.hashing import block_data_hash

ENTRIES = st.lists(st.binary(max_size=40), min_size=1, max_size=3)
CHAINS = st.lists(ENTRIES, min_size=1, max_size=6)
SEGMENT_BYTES = 256
LIMITS = settings(max_examples=60, deadline=None)


@contextmanager
def kept_blocks(chain: list[list[bytes]]) -> Iterator[tuple[Path, list[bytes], list[int]]]:
    """Yield a directory with these blocks, their bytes, and the end of each in its file."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        store = BlockStore(directory, MemoryStore(), segment_bytes=SEGMENT_BYTES)
        ends = []
        with closing(store):
            for entries in chain:
                append(store, entries)
                ends.append(last_file(directory).stat().st_size)
            blocks = [store.read_bytes(number) for number in range(store.height)]
        yield directory, blocks, ends


def append(store: BlockStore, entries: list[bytes]) -> None:
    header = BlockHeader(
        number=store.height,
        previous_hash=store.last_hash,
        data_hash=block_data_hash(entries),
    )
    store.append(Block(header=header, data=BlockData(data=entries)))


def last_file(directory: Path) -> Path:
    return max(directory.iterdir())


@contextmanager
def reopened(directory: Path) -> Iterator[BlockStore]:
    with closing(BlockStore(directory, MemoryStore(), segment_bytes=SEGMENT_BYTES)) as store:
        yield store


def content(directory: Path) -> list[bytes]:
    with reopened(directory) as store:
        return [store.read_bytes(number) for number in range(store.height)]


def files_of(ends: list[int]) -> list[int]:
    """Return the number of the file that has each block: ends go up within a file."""
    files = [0]
    for before, end in pairwise(ends):
        files.append(files[-1] + (end <= before))
    return files


@LIMITS
@given(chain=CHAINS, data=st.data())
def test_a_cut_tail_costs_the_blocks_that_it_cuts(
    chain: list[list[bytes]], data: st.DataObject
) -> None:
    with kept_blocks(chain) as (directory, blocks, ends):
        path = last_file(directory)
        size = data.draw(st.integers(0, path.stat().st_size), label="bytes left")
        path.write_bytes(path.read_bytes()[:size])
        files = files_of(ends)
        whole = sum(file < files[-1] or end <= size for file, end in zip(files, ends, strict=True))
        assert content(directory) == blocks[:whole]

        with reopened(directory) as store:
            append(store, [b"a block after the crash"])
        assert content(directory)[:-1] == blocks[:whole]


@LIMITS
@given(chain=CHAINS, garbage=st.binary(min_size=1, max_size=30))
def test_garbage_after_the_last_block_costs_nothing(
    chain: list[list[bytes]], garbage: bytes
) -> None:
    with kept_blocks(chain) as (directory, blocks, _):
        with last_file(directory).open("ab") as file:
            file.write(garbage)
        assert content(directory) == blocks


@LIMITS
@given(chain=CHAINS, data=st.data())
def test_a_damaged_byte_costs_the_last_block_or_is_reported(
    chain: list[list[bytes]], data: st.DataObject
) -> None:
    with kept_blocks(chain) as (directory, blocks, ends):
        paths = sorted(directory.iterdir())
        file = data.draw(st.integers(0, len(paths) - 1), label="file")
        damaged = bytearray(paths[file].read_bytes())
        position = data.draw(st.integers(0, len(damaged) - 1), label="position")
        damaged[position] ^= data.draw(st.integers(1, 255), label="change")
        paths[file].write_bytes(damaged)

        victim = next(
            number
            for number, (its_file, end) in enumerate(zip(files_of(ends), ends, strict=True))
            if its_file == file and position < end
        )
        if victim == len(blocks) - 1:
            assert content(directory) == blocks[:-1]
        else:
            with pytest.raises(CorruptBlockError) as failure:
                content(directory)
            assert (failure.value.number, failure.value.path) == (victim, paths[file])
            assert f"block {victim} is lost" in str(failure.value)
            assert str(paths[file]) in str(failure.value)


@LIMITS
@given(chain=CHAINS, data=st.data())
def test_a_block_that_the_index_knows_is_never_given_up_in_silence(
    chain: list[list[bytes]], data: st.DataObject
) -> None:
    with kept_blocks(chain) as (directory, blocks, _):
        index = MemoryStore()
        BlockStore(directory, index, segment_bytes=SEGMENT_BYTES).close()
        path = last_file(directory)
        size = data.draw(st.integers(0, path.stat().st_size - 1), label="bytes left")
        path.write_bytes(path.read_bytes()[:size])
        with pytest.raises(CorruptBlockError) as failure:
            BlockStore(directory, index, segment_bytes=SEGMENT_BYTES)
        assert failure.value.number == len(blocks) - 1
