"""Where two copies of a channel part."""

import shutil

import pytest
from tests.unit.repair.conftest import BLOCKS, MakePeer, rewrite

from tallystick.node.cli.main import main
from tallystick.node.repair.compare import Divergence, first_parting, folder_parting, state_parting
from tallystick.node.repair.folder import LedgerFolder, open_folder
from tallystick.protos.common.common_pb2 import COMMIT_HASH, TRANSACTIONS_FILTER, Block, Metadata


@pytest.fixture
async def other(make_peer: MakePeer) -> LedgerFolder:
    return await make_peer("other")


def judge_otherwise(blocks: list[Block]) -> None:
    """Let a peer judge a transaction of block 2 otherwise, as everything after it shows."""
    blocks[2].metadata.metadata[TRANSACTIONS_FILTER] = b"\x0b"
    for block in blocks[2:]:
        value = bytes(31) + bytes((block.header.number,))
        block.metadata.metadata[COMMIT_HASH] = Metadata(value=value).SerializeToString()


def write_otherwise(blocks: list[Block]) -> None:
    """Let a peer have another commit hash from block 3 on, and the same verdicts."""
    for block in blocks[3:]:
        value = bytes(31) + bytes((block.header.number,))
        block.metadata.metadata[COMMIT_HASH] = Metadata(value=value).SerializeToString()


def test_copies_of_one_chain_agree(peer: LedgerFolder, other: LedgerFolder) -> None:
    assert folder_parting(peer, other) == (None, (BLOCKS, BLOCKS))
    assert state_parting(peer, other) == ""


def test_a_peer_agrees_with_an_orderer_which_judges_nothing(
    peer: LedgerFolder, orderer: LedgerFolder
) -> None:
    assert folder_parting(peer, orderer) == (None, (BLOCKS, BLOCKS))


def test_a_shorter_copy_agrees_as_far_as_it_goes(peer: LedgerFolder, other: LedgerFolder) -> None:
    rewrite(other, lambda blocks: blocks.pop())
    assert folder_parting(peer, other) == (None, (BLOCKS, BLOCKS - 1))


def test_the_first_other_verdict_is_shown(peer: LedgerFolder, other: LedgerFolder) -> None:
    rewrite(other, judge_otherwise)
    parting, _ = folder_parting(peer, other)
    assert parting is not None
    assert parting.number == 2
    assert parting.lines[0].startswith("transaction 0 (")
    assert "MVCC_READ_CONFLICT in the second" in parting.lines[0]


def test_another_commit_hash_with_the_same_verdicts_is_shown(
    peer: LedgerFolder, other: LedgerFolder
) -> None:
    rewrite(other, write_otherwise)
    parting, heights = folder_parting(peer, other)
    assert parting is not None
    assert (parting.number, heights) == (3, (3, 3))
    assert "with the same verdicts" in parting.lines[0]


async def test_two_running_peers_are_searched_by_halving(
    peer: LedgerFolder, other: LedgerFolder
) -> None:
    rewrite(other, judge_otherwise)
    asked: list[int] = []
    chains = [list(peer.read()), list(other.read())]

    async def fetch(number: int) -> Block:
        asked.append(number)
        return chains[0][number]

    async def fetch_other(number: int) -> Block:
        return chains[1][number]

    parting = await first_parting(fetch, fetch_other, BLOCKS)
    assert isinstance(parting, Divergence)
    assert parting.number == 2
    assert len(asked) <= BLOCKS
    assert await first_parting(fetch, fetch, BLOCKS) is None
    assert await first_parting(fetch, fetch_other, 2) is None


@pytest.mark.parametrize(
    ("first", "second", "difference"),
    [
        ({}, {b"stoken\x00a": b"\x01\x00\x005"}, "missing in the first"),
        ({b"stoken\x00a": b"\x01\x00\x005"}, {}, "missing in the second"),
        (
            {b"stoken\x00a": b"\x01\x00\x005"},
            {b"stoken\x00a": b"\x02\x00\x005"},
            "in the second token/'a' is '5', written by block 2, transaction 0",
        ),
        ({b"stoken$$pcollection\x00a": b"\x01\x00\x005"}, {}, ""),
    ],
    ids=["only there", "only here", "another version", "private values are not for everybody"],
)
def test_the_first_other_row_is_shown(
    peer: LedgerFolder,
    other: LedgerFolder,
    first: dict[bytes, bytes],
    second: dict[bytes, bytes],
    difference: str,
) -> None:
    for folder, added in ((peer, first), (other, second)):
        with folder.opened() as store:
            store.write(added)
    found = state_parting(peer, other)
    assert difference in found
    assert bool(difference) == bool(found)


def test_what_was_not_compared_is_not_taken_for_the_same(
    peer: LedgerFolder, other: LedgerFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["ledger", "compare", str(peer.directory), str(other.directory)]
    assert main(arguments) == 0
    (other.store / "CURRENT").write_bytes(b"")
    assert main(arguments) == 1
    assert "the states were not compared" in capsys.readouterr().out


def test_a_copied_folder_is_a_ledger_too(peer: LedgerFolder) -> None:
    copy = open_folder(shutil.copytree(peer.directory, peer.directory.with_name("copy")))
    assert folder_parting(peer, copy) == (None, (BLOCKS, BLOCKS))
