"""What ``tally ledger verify`` says of ledgers that somebody or something has damaged."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.scenarios.outcome import Outcome, files
from tests.unit.repair.conftest import BLOCKS, rewrite

from tallystick.node.cli.main import main
from tallystick.node.ledger.disk import MachineDisk
from tallystick.node.ledger.segments import TornRecordError, read_records
from tallystick.node.repair.folder import (
    EmptyLedgerError,
    LaterStartError,
    LedgerFolder,
    NoLedgerError,
    WrongBlockError,
    open_folder,
)
from tallystick.node.repair.rebuild import rebuild
from tallystick.node.repair.verify import Findings, WrongStateError, checked, verify_deep
from tallystick.protos.common.common_pb2 import (
    COMMIT_HASH,
    SIGNATURES,
    TRANSACTIONS_FILTER,
    Block,
    Metadata,
)
from tallystick.wire.hashing import block_header_hash

WRONG = 3
"""The block that is made wrong."""


def verify(folder: LedgerFolder) -> Findings:
    findings = Findings()
    for _ in checked(folder, findings):
        assert findings.blocks
    return findings


async def deep(folder: LedgerFolder, scratch: Path) -> Findings:
    findings = Findings()
    await verify_deep(folder, scratch, findings)
    return findings


@pytest.mark.parametrize("kind", ["peer", "orderer"])
def test_a_good_ledger_is_in_order(kind: str, request: pytest.FixtureRequest) -> None:
    folder: LedgerFolder = request.getfixturevalue(kind)
    findings = verify(folder)
    last = list(folder.read())[-1]
    assert (findings.blocks, findings.transactions) == (BLOCKS, BLOCKS)
    assert findings.last_hash == block_header_hash(last.header)
    assert bool(findings.commit_hash) == folder.is_peer


async def test_doing_all_again_gives_what_a_good_ledger_records(
    peer: LedgerFolder, tmp_path: Path
) -> None:
    findings = await deep(peer, tmp_path / "scratch")
    assert (findings.blocks, findings.notes) == (BLOCKS, [])


def other_data(blocks: list[Block]) -> None:
    blocks[WRONG].data.data[0] += b"x"


def other_signature(blocks: list[Block]) -> None:
    metadata = Metadata.FromString(blocks[WRONG].metadata.metadata[SIGNATURES])
    metadata.signatures[0].signature = b"forged"
    blocks[WRONG].metadata.metadata[SIGNATURES] = metadata.SerializeToString()


def left_out(blocks: list[Block]) -> None:
    del blocks[WRONG]


def other_past(blocks: list[Block]) -> None:
    blocks[WRONG].header.previous_hash = bytes(32)


@pytest.mark.parametrize(
    ("forge", "problem"),
    [
        (other_data, "data hash"),
        (other_signature, "/Channel/Orderer/BlockValidation"),
        (left_out, "block 3 was due"),
        (other_past, "does not follow block 2"),
    ],
)
def test_the_first_forged_block_is_named_with_what_is_wrong_and_what_to_do(
    outcome: Outcome, peer: LedgerFolder, forge: Callable[[list[Block]], None], problem: str
) -> None:
    outcome.fault = "blocks are forged in a ledger at rest"
    rewrite(peer, forge)
    with outcome.refuses(
        WrongBlockError, leaves=files(peer.blocks, "block"), match=problem
    ) as wrong:
        verify(peer)
    assert "`tally ledger rebuild --from" in str(wrong.value)


def test_an_orderers_wrong_block_is_not_for_setting_aside(
    outcome: Outcome, orderer: LedgerFolder
) -> None:
    outcome.fault = "a block of an orderer's ledger is wrong"
    rewrite(orderer, other_data)
    with outcome.refuses(
        WrongBlockError, leaves=files(orderer.blocks, "block"), match="from a backup"
    ) as wrong:
        verify(orderer)
    assert wrong.value.number == WRONG


def other_flag(blocks: list[Block]) -> None:
    blocks[WRONG].metadata.metadata[TRANSACTIONS_FILTER] = bytes(1)


def other_commit_hash(blocks: list[Block]) -> None:
    value = Metadata(value=bytes(32)).SerializeToString()
    blocks[WRONG].metadata.metadata[COMMIT_HASH] = value


@pytest.mark.parametrize(
    ("forge", "problem"),
    [(other_flag, "records VALID for transaction 0"), (other_commit_hash, "commit hash 0000")],
)
async def test_only_doing_all_again_finds_what_no_orderer_signs(
    outcome: Outcome,
    peer: LedgerFolder,
    tmp_path: Path,
    forge: Callable[[list[Block]], None],
    problem: str,
) -> None:
    outcome.fault = "what no orderer signs is changed in a block: flags, or the commit hash"
    rewrite(peer, forge)
    assert verify(peer).blocks == BLOCKS
    with outcome.refuses(
        WrongBlockError, leaves=files(peer.blocks, "block"), match=problem
    ) as wrong:
        await deep(peer, tmp_path / "scratch")
    assert wrong.value.number == WRONG


async def test_a_row_that_no_block_wrote_is_found(
    outcome: Outcome, peer: LedgerFolder, tmp_path: Path
) -> None:
    outcome.fault = "the state store has a row that no block wrote"
    with peer.opened() as store:
        store.write({b"stoken\x00alice": b"\x03\x00\x001000"})
    with outcome.refuses(
        WrongStateError, leaves=files(peer.blocks, "block"), match="token/'alice' is '1000'"
    ):
        await deep(peer, tmp_path / "scratch")


async def test_without_the_store_the_rest_is_checked_and_it_is_said(
    peer: LedgerFolder, tmp_path: Path
) -> None:
    with peer.opened():
        findings = await deep(peer, tmp_path / "scratch")
    (note,) = findings.notes
    assert note.startswith("the state was not compared")
    assert "stop that one first" in note


def test_a_damaged_byte_is_found_and_the_block_named(outcome: Outcome, peer: LedgerFolder) -> None:
    outcome.fault = "a byte of a block file is changed while the node is stopped"
    (path,) = peer.blocks.iterdir()
    data = bytearray(path.read_bytes())
    data[len(data) - 2000] ^= 1
    path.write_bytes(data)
    with outcome.refuses(
        WrongBlockError, leaves=files(peer.blocks, "block"), match=f"{path} is damaged at byte"
    ):
        verify(peer)


def test_a_block_cut_short_by_a_crash_is_told_from_damage(
    outcome: Outcome, peer: LedgerFolder
) -> None:
    outcome.fault = "a crash has cut the last block of a file short"
    (path,) = peer.blocks.iterdir()
    shutil.rmtree(peer.store)  # which otherwise knows that the block was whole
    path.write_bytes(path.read_bytes()[:-1])
    with outcome.refuses(
        TornRecordError,
        leaves=files(peer.blocks, "block"),
        match="start the node, which removes the rest",
    ):
        verify(peer)


@pytest.mark.parametrize(
    ("bytes_left", "problem"),
    [(-1, r"000000\.blocks ends at byte \d+, in the middle of it"), (0, "blocks ends before it")],
)
def test_a_file_that_lost_blocks_that_were_whole_is_damaged(
    outcome: Outcome, peer: LedgerFolder, bytes_left: int, problem: str
) -> None:
    """Started, the node would refuse: its store has them."""
    outcome.fault = "a block file has lost blocks at its end that were whole"
    _, end, _ = list(read_records(peer.blocks))[-1]
    (path,) = peer.blocks.iterdir()
    path.write_bytes(path.read_bytes()[: bytes_left or end])
    with outcome.refuses(
        WrongBlockError, leaves=files(peer.blocks, "block"), match=problem
    ) as wrong:
        verify(peer)
    assert wrong.value.number == BLOCKS - 1
    assert f"rebuild --from {BLOCKS - 1}" in str(wrong.value)


def test_a_file_that_the_disk_does_not_give_back_is_named_with_the_block_that_it_begins_with(
    outcome: Outcome, peer: LedgerFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome.fault = "the disk does not give a block file back"

    def read(_disk: MachineDisk, path: Path, _start: int = 0) -> bytes:
        if path.suffix == ".blocks":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        raise FileNotFoundError

    monkeypatch.setattr(MachineDisk, "read", read)
    problem = r"000000\.blocks cannot be read at byte 0 \(Input/output error\): check its disk"
    with outcome.refuses(
        WrongBlockError, leaves=files(peer.blocks, "block"), match=problem
    ) as wrong:
        verify(peer)
    assert wrong.value.number == 0


def test_a_missing_file_is_named_with_the_block_that_it_began_with(
    outcome: Outcome, peer: LedgerFolder
) -> None:
    outcome.fault = "a block file is missing when a ledger is verified"
    (path,) = peer.blocks.iterdir()
    path.rename(path.with_name("000001.blocks"))
    with outcome.refuses(
        WrongBlockError, leaves=files(peer.blocks, "block"), match=r"000000\.blocks is missing"
    ) as wrong:
        verify(peer)
    assert wrong.value.number == 0


def test_a_ledger_that_begins_later_is_refused_with_the_reason(
    outcome: Outcome, peer: LedgerFolder
) -> None:
    outcome.fault = "a ledger begins with a later block and does not know the earlier ones"
    rewrite(peer, lambda blocks: blocks.pop(0))
    with outcome.refuses(
        LaterStartError, leaves=files(peer.blocks, "block"), match="begins at block 1"
    ):
        verify(peer)


def test_a_ledger_without_a_block_is_not_in_order(outcome: Outcome, peer: LedgerFolder) -> None:
    outcome.fault = "a ledger without any block is verified"
    rebuild(peer, 0)
    with outcome.refuses(
        EmptyLedgerError, leaves=files(peer.blocks, "block"), match="no block in .*start the node"
    ):
        verify(peer)


def test_lost_block_files_are_named_with_how_the_node_begins_anew(
    outcome: Outcome, peer: LedgerFolder
) -> None:
    outcome.fault = "all block files are lost when a ledger is verified"
    for path in peer.blocks.iterdir():
        path.unlink()
    with outcome.refuses(
        WrongBlockError,
        leaves=files(peer.blocks, "block"),
        match=r"--from 0` sets all blocks aside; the node then begins anew with the channel's",
    ):
        verify(peer)


def test_a_snapshot_that_would_not_be_looked_at_is_refused(
    peer: LedgerFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["ledger", "verify", str(peer.directory), "--snapshot", str(tmp_path / "none")]
    assert main(command) == 1
    assert "--snapshot has no effect without --deep: add --deep" in capsys.readouterr().err


def test_another_folder_is_no_ledger(outcome: Outcome, tmp_path: Path) -> None:
    outcome.fault = "a folder that is no ledger is to be verified"
    with outcome.refuses(
        NoLedgerError, leaves=files(tmp_path), match="name the folder of one channel"
    ):
        open_folder(tmp_path)
