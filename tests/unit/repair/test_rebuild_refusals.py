"""What ``tally ledger rebuild`` refuses, before it has changed anything."""

import pytest
from tests.scenarios.outcome import Outcome, files
from tests.unit.repair.conftest import BLOCKS

from tallystick.node.cli.main import main
from tallystick.node.ledger.key_value_store import open_store
from tallystick.node.ledger.segments import cut_records, read_records
from tallystick.node.ledger.views import OtherKindOfStoreError, TwoStoresError
from tallystick.node.repair.folder import (
    EmptyLedgerError,
    LedgerFolder,
    WrongBlockError,
    open_folder,
)
from tallystick.node.repair.rebuild import BlockNotHereError, rebuild


def test_a_store_of_another_kind_is_not_made_beside_the_one_that_is_there(
    outcome: Outcome, peer: LedgerFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome.fault = "a store of another kind than the one that is there is to be made"
    with outcome.refuses(
        OtherKindOfStoreError,
        leaves=files(peer.directory),
        match="of kind leveldb, and --store sqlite is only for a folder whose store is lost",
    ):
        open_folder(peer.directory, "sqlite")
    assert main(["ledger", "rebuild", str(peer.directory), "--store", "sqlite"]) == 1
    assert "leave --store away" in capsys.readouterr().err


def test_the_kind_of_the_store_that_is_there_may_be_named(peer: LedgerFolder) -> None:
    assert main(["ledger", "rebuild", str(peer.directory), "--store", "leveldb"]) == 0
    assert open_folder(peer.directory).kind == "leveldb"


def test_where_two_kinds_of_store_are_nobody_guesses_which_counts(
    outcome: Outcome, peer: LedgerFolder
) -> None:
    outcome.fault = "a ledger is to be repaired whose folder holds stores of two kinds"
    open_store("sqlite", peer.store).close()
    with outcome.refuses(
        TwoStoresError,
        leaves=files(peer.directory),
        match="two kinds, leveldb and sqlite.*move the files of the other one away",
    ):
        open_folder(peer.directory)


@pytest.mark.parametrize("number", [BLOCKS, 999])
def test_a_block_that_was_never_here_is_not_set_aside(
    outcome: Outcome, peer: LedgerFolder, number: int
) -> None:
    outcome.fault = "blocks are to be set aside from one on that a ledger does not have"
    with outcome.refuses(
        BlockNotHereError,
        leaves=files(peer.blocks, "block"),
        match=f"block {number} is not here: the ledger ends with block {BLOCKS - 1}",
    ):
        rebuild(peer, number)


def test_after_a_cut_and_a_crash_that_left_no_store_in_place_the_same_command_goes_on(
    peer: LedgerFolder,
) -> None:
    cut_records(peer.blocks, 2)
    peer.store.rename(peer.directory / "store.old")
    assert rebuild(peer, 2).blocks == 2
    assert not (peer.directory / "store.old").exists()


@pytest.mark.parametrize("left", ["no file", "whole blocks", "a part of one"])
def test_a_store_that_knows_of_lost_blocks_is_not_replaced_by_one_without_them(
    outcome: Outcome, peer: LedgerFolder, left: str
) -> None:
    outcome.fault = "a store is to be rebuilt from fewer blocks than it has"
    places = [offset for _, offset, _ in read_records(peer.blocks)]
    (path,) = peer.blocks.iterdir()
    content = path.read_bytes()
    if left == "no file":
        path.unlink()
    else:
        path.write_bytes(content[: places[3] + (100 if left == "a part of one" else 0)])
    first_lost = 0 if left == "no file" else 3
    with outcome.refuses(
        WrongBlockError,
        leaves=files(peer.blocks, "block"),
        match=rf"block {first_lost} is wrong: .*ends .*\n.*--from {first_lost}`",
    ):
        rebuild(peer)
    assert peer.known_height() == BLOCKS
    assert rebuild(peer, first_lost).blocks == first_lost


def test_a_block_cut_short_that_the_store_never_had_is_no_loss(peer: LedgerFolder) -> None:
    (path,) = peer.blocks.iterdir()
    content = path.read_bytes()
    path.write_bytes(content + b"TLY\x01torn")
    assert rebuild(peer).blocks == BLOCKS
    assert path.read_bytes() == content


@pytest.mark.parametrize("number", [None, 0])
def test_a_ledger_without_a_block_is_not_rebuilt(
    outcome: Outcome, peer: LedgerFolder, number: int | None
) -> None:
    outcome.fault = "a ledger without any block is to be rebuilt"
    rebuild(peer, 0)
    with outcome.refuses(
        EmptyLedgerError if number is None else BlockNotHereError,
        leaves=files(peer.blocks, "block"),
        match="there is no block in" if number is None else "the ledger has no block",
    ):
        rebuild(peer, number)
