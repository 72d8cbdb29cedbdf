"""Where two copies of a channel part."""

import shutil
from collections.abc import Sequence
from contextlib import AsyncExitStack

import pytest
from tests.scenarios.outcome import files
from tests.unit.repair.conftest import BLOCKS, MakePeer, rewrite

from tallystick.node.cli import ledger
from tallystick.node.cli.main import main
from tallystick.node.repair.compare import (
    Divergence,
    first_parting,
    folder_parting,
    state_parting,
)
from tallystick.node.repair.folder import LedgerFolder, open_folder
from tallystick.protos.common.common_pb2 import (
    COMMIT_HASH,
    TRANSACTIONS_FILTER,
    Block,
    BlockMetadata,
    BlockMetadataIndex,
    Metadata,
)
from tallystick.protos.common.ledger_pb2 import BlockchainInfo


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


def test_a_folder_without_blocks_agrees_with_nothing(
    peer: LedgerFolder, other: LedgerFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    rewrite(other, lambda blocks: blocks.clear())
    before = files(peer.directory).read()
    assert main(["ledger", "compare", str(other.directory), str(peer.directory)]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == (
        f"tally: nothing was compared, for no block is in both: {other.directory} has no blocks,"
        f" {peer.directory} has blocks 0 to 4; compare again once both have one, or name another\n"
    )
    assert files(peer.directory).read() == before


@pytest.mark.parametrize("second", [".", "link"])
def test_a_folder_is_not_compared_with_itself(
    peer: LedgerFolder, second: str, capsys: pytest.CaptureFixture[str]
) -> None:
    link = peer.directory.with_name("link")
    link.symlink_to(peer.directory)
    named = link if second == "link" else peer.directory
    assert main(["ledger", "compare", str(peer.directory), str(named)]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"{named} is named twice: name two folders" in shown.err


@pytest.mark.parametrize("words", [("--as", "ATSMSP"), ()], ids=["named", "by default"])
def test_a_peer_is_not_compared_with_itself(
    words: Sequence[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ledger, "member_of", lambda _: "ATSMSP")
    assert main(["ledger", "compare", *words, "--with", "ATSMSP"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "ATSMSP is named twice" in shown.err


@pytest.mark.parametrize(
    ("members", "code", "says"),
    [
        pytest.param(
            {"ATSMSP": range(10), "ClearingMSP": range(10, 12)},
            1,
            "ATSMSP has blocks 0 to 9, ClearingMSP has blocks 10 to 11;",
            id="the one ends before the other begins",
        ),
        pytest.param(
            {"ATSMSP": range(1), "ClearingMSP": range(1, 1)},
            1,
            "ATSMSP has block 0, ClearingMSP has no blocks;",
            id="only a snapshot",
        ),
        pytest.param(
            {"ATSMSP": range(10), "ClearingMSP": range(9, 10)},
            0,
            "the first 10 blocks agree",
            id="one in common",
        ),
    ],
)
def test_running_peers_agree_only_in_blocks_that_both_have(
    members: dict[str, range],
    code: int,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def connect(_: object) -> AsyncExitStack:
        return AsyncExitStack()

    async def info(_: object, msp_id: str) -> BlockchainInfo:
        told = BlockchainInfo(height=members[msp_id].stop)
        if first := members[msp_id].start:
            told.bootstrappingSnapshotInfo.lastBlockInSnapshot = first - 1
        return told

    async def fetch(_: int) -> Block:
        return Block(metadata=BlockMetadata(metadata=[b""] * len(BlockMetadataIndex.keys())))

    monkeypatch.setattr(ledger, "connect", connect)
    monkeypatch.setattr(ledger, "channel_of", lambda *_: None)
    monkeypatch.setattr(ledger, "_info", info)
    monkeypatch.setattr(ledger, "_fetcher", lambda *_: fetch)
    pair = ("--as", "ATSMSP", "--with", "ClearingMSP", "--profile", "profile.json")
    assert main(["ledger", "compare", *pair]) == code
    shown = capsys.readouterr()
    assert says in (shown.err if code else shown.out)
