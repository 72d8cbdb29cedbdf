"""``tally ledger rebuild``: the store made anew, whatever became of the old one."""

import shutil
from pathlib import Path

import pytest
from tests.scenarios.outcome import Outcome, files
from tests.unit.repair.conftest import BLOCKS, MakePeer, commit, rewrite

from tallystick.node.cli.main import main
from tallystick.node.ledger import segments
from tallystick.node.ledger.block_store import CorruptBlockError
from tallystick.node.ledger.key_value_store import StoreDamagedError
from tallystick.node.process import DataInUseError, holding
from tallystick.node.repair import rebuild as rebuilding
from tallystick.node.repair.compare import folder_parting, state_parting
from tallystick.node.repair.folder import LedgerFolder, NoStoreError, open_folder
from tallystick.node.repair.rebuild import OnlyCopyError, rebuild
from tallystick.protos.common.common_pb2 import Block


def rows_of(folder: LedgerFolder) -> dict[bytes, bytes]:
    with folder.opened() as store:
        return dict(store.range(b"", b""))


def test_the_rebuilt_store_has_every_row_of_the_old_one(peer: LedgerFolder) -> None:
    before = rows_of(peer)
    assert rebuild(peer).blocks == BLOCKS
    assert rows_of(peer) == before
    assert sorted(path.name for path in peer.directory.iterdir()) == ["blocks", "store"]


def test_a_lost_store_is_made_from_the_blocks(outcome: Outcome, peer: LedgerFolder) -> None:
    outcome.fault = "the state store of a ledger is lost"
    before = rows_of(peer)
    shutil.rmtree(peer.store)
    with (
        outcome.refuses(
            NoStoreError, leaves=files(peer.blocks, "block"), match="tally ledger rebuild"
        ),
        peer.opened(),
    ):
        pass
    rebuild(peer)
    assert rows_of(peer) == before


def test_a_damaged_store_is_replaced_and_that_is_said(peer: LedgerFolder) -> None:
    before = rows_of(peer)
    for path in peer.store.glob("MANIFEST*"):
        path.write_bytes(b"not a manifest")
    (note,) = rebuild(peer).notes
    assert note.startswith("nothing was taken from the old store")
    assert rows_of(peer) == before


def turn_a_bit(folder: LedgerFolder) -> None:
    """Turn a bit in the midst of the largest table of a store."""
    table = max(folder.store.glob("*.ldb"), key=lambda path: path.stat().st_size)
    content = bytearray(table.read_bytes())
    content[len(content) // 2] ^= 1
    table.write_bytes(content)


def test_a_store_with_a_turned_bit_is_never_taken_for_whole_and_is_replaced(
    peer: LedgerFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    before = rows_of(peer)
    with peer.opened():  # what the log held is in a table now
        pass
    turn_a_bit(peer)
    with pytest.raises(OSError, match=r"cannot be read .*tally ledger rebuild"):
        rows_of(peer)
    assert main(["ledger", "verify", "--deep", str(peer.directory)]) == 1
    assert "make the store anew with `tally ledger rebuild`" in capsys.readouterr().err
    assert main(["ledger", "rebuild", str(peer.directory)]) == 0
    assert f"shows {BLOCKS} blocks" in capsys.readouterr().out
    assert rows_of(peer) == before


def test_of_a_store_that_is_damaged_in_part_the_rest_is_kept(peer: LedgerFolder) -> None:
    rows = {b"p%06d" % number: bytes(100) for number in range(1_000)}
    with peer.opened() as store:
        store.write(rows)
    with peer.opened():
        pass
    turn_a_bit(peer)
    (note,) = rebuild(peer).notes
    assert note.startswith("not all of the old store could be read")
    kept = rows.keys() & rows_of(peer).keys()
    assert kept
    assert kept == set(sorted(rows)[: len(kept)])


def interrupt(*_: Path) -> None:
    raise KeyboardInterrupt


def test_a_store_whose_log_lost_a_page_is_made_anew_with_what_is_left_of_it(
    outcome: Outcome,
    peer: LedgerFolder,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outcome.fault = "power fails, and a page of the log of a store has not reached the disk"
    before = rows_of(peer)
    waiting = {b"p%06d" % number: bytes(1_000) for number in range(100)}
    with peer.opened() as store:
        for key, value in waiting.items():
            store.write({key: value})
    log = max(peer.store.glob("*.log"))
    content = bytearray(log.read_bytes())
    page = len(content) // 2 // 4096 * 4096
    content[page : page + 4096] = bytes(4096)
    log.write_bytes(content)
    with (
        outcome.refuses(
            StoreDamagedError,
            leaves=files(peer.blocks, "block"),
            match=r"it is damaged .*tally ledger rebuild",
        ),
        peer.opened(),
    ):
        pass
    assert main(["ledger", "verify", "--deep", str(peer.directory)]) == 1
    assert "it is damaged" in capsys.readouterr().err
    with monkeypatch.context() as interrupted:
        interrupted.setattr(rebuilding, "_swap", interrupt)
        with pytest.raises(KeyboardInterrupt):
            rebuild(peer)
    (note,) = rebuild(peer).notes
    assert note.startswith("not all of the old store could be read")
    after = rows_of(peer)
    assert {key: after[key] for key in after.keys() - waiting.keys()} == before
    assert {b"p000000", b"p000099"} < after.keys(), "of both sides of the page"
    assert sorted(path.name for path in peer.directory.iterdir()) == ["blocks", "store"]


def test_what_waits_for_its_transaction_is_kept(peer: LedgerFolder) -> None:
    with peer.opened() as store:
        store.write({b"pwaiting": b"private results"})
    rebuild(peer)
    assert rows_of(peer)[b"pwaiting"] == b"private results"


def test_nothing_is_done_while_the_node_runs(outcome: Outcome, peer: LedgerFolder) -> None:
    outcome.fault = "a ledger is to be repaired while its node runs"
    before = rows_of(peer)
    data = peer.directory.parent.parent
    with (
        holding(data),
        outcome.refuses(
            DataInUseError, leaves=files(peer.blocks, "block"), match="stop that node first"
        ),
    ):
        rebuild(peer)
    assert rows_of(peer) == before


@pytest.mark.parametrize("left", ["nothing in place", "an empty store in place"])
def test_a_crash_between_the_two_stores_loses_nothing(
    peer: LedgerFolder, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    with peer.opened() as store:
        store.write({b"pwaiting": b"private results"})
    before = rows_of(peer)

    def crash(path: Path, target: Path) -> Path:
        if path.name == "store.new":
            raise KeyboardInterrupt
        return rename(path, target)

    rename = Path.rename
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", crash)
        with pytest.raises(KeyboardInterrupt):
            rebuild(peer)
    assert not peer.store.exists()
    if left == "an empty store in place":
        peer.store.mkdir()
    rebuild(peer)
    assert rows_of(peer) == before
    assert not (peer.directory / "store.old").exists()


async def test_blocks_set_aside_are_committed_again(
    peer: LedgerFolder, make_peer: MakePeer, chain: list[Block]
) -> None:
    good = await make_peer("good")
    result = rebuild(peer, 2)
    assert result.blocks == 2
    assert [path.suffix for path in result.set_aside] == [".aside"]
    await commit(peer.directory, chain)
    assert folder_parting(peer, good) == (None, (BLOCKS, BLOCKS))
    assert state_parting(peer, good) == ""


async def test_a_peer_with_a_damaged_block_starts_after_what_its_message_says(
    outcome: Outcome, peer: LedgerFolder, chain: list[Block]
) -> None:
    outcome.fault = "a peer is started whose newest block is damaged"
    (path,) = peer.blocks.iterdir()
    data = bytearray(path.read_bytes())
    data[-500] ^= 1
    path.write_bytes(data)
    with outcome.refuses(
        CorruptBlockError,
        leaves=files(peer.blocks, "block"),
        match="`tally ledger verify` say how to go on",
    ):
        await commit(peer.directory, chain)
    rebuild(peer, BLOCKS - 1)
    await commit(peer.directory, chain)
    assert [block.header for block in peer.read()] == [block.header for block in chain]


async def test_a_peer_whose_store_was_lost_says_so_and_goes_on(
    peer: LedgerFolder, chain: list[Block], caplog: pytest.LogCaptureFixture
) -> None:
    before = rows_of(peer)
    shutil.rmtree(peer.store)
    await commit(peer.directory, chain)
    assert "`tally ledger rebuild` keeps what it has" in caplog.text
    assert rows_of(peer) == before


async def test_a_peer_whose_last_block_was_cut_short_before_it_was_kept_says_so_and_goes_on(
    peer: LedgerFolder, chain: list[Block], caplog: pytest.LogCaptureFixture
) -> None:
    rebuild(peer, BLOCKS - 1)
    (path,) = peer.blocks.glob("*.blocks")
    with path.open("ab") as file:
        file.write(b"TLY\x01torn")
    await commit(peer.directory, chain)
    assert "ended in the middle of a record" in caplog.text
    assert len(list(peer.read())) == BLOCKS


def test_files_behind_a_missing_one_are_set_aside(peer: LedgerFolder) -> None:
    (path,) = peer.blocks.iterdir()
    shutil.copy(path, path.with_name("000002.blocks"))
    result = rebuild(peer, BLOCKS)
    assert [each.name for each in result.set_aside] == ["000002.aside"]
    assert result.blocks == BLOCKS


def test_a_block_before_the_cut_must_be_good(outcome: Outcome, peer: LedgerFolder) -> None:
    outcome.fault = "a ledger is to be cut behind a block that is damaged"
    (path,) = peer.blocks.iterdir()
    content = path.read_bytes()
    path.write_bytes(b"X" + content[1:])
    with outcome.refuses(
        segments.CorruptRecordError, leaves=files(peer.blocks, "block"), match="at byte 0"
    ):
        rebuild(peer, 2)
    assert path.read_bytes() == b"X" + content[1:]


def test_an_orderers_index_is_made_anew_and_its_blocks_stay(
    outcome: Outcome, orderer: LedgerFolder
) -> None:
    outcome.fault = "blocks of an orderer are to be set aside"
    before = rows_of(orderer)
    assert rebuild(orderer).blocks == BLOCKS
    assert rows_of(orderer) == before
    with outcome.refuses(
        OnlyCopyError, leaves=files(orderer.blocks, "block"), match="may be nowhere else"
    ):
        rebuild(orderer, 2)
    assert len(list(orderer.read())) == BLOCKS


@pytest.mark.parametrize("begins_with", [b"", b"X"], ids=["whole", "damaged"])
def test_an_orderer_whose_index_was_lost_is_not_taken_for_a_peer(
    outcome: Outcome, orderer: LedgerFolder, begins_with: bytes
) -> None:
    """As a peer's, its blocks would be set aside, and it would order others in their place."""
    outcome.fault = "blocks of an orderer whose index is lost are to be set aside"
    shutil.rmtree(orderer.store)
    (path,) = orderer.blocks.iterdir()
    content = begins_with + path.read_bytes()[len(begins_with) :]
    path.write_bytes(content)
    found = open_folder(orderer.directory)
    assert "from a backup" in found.remedy(2)
    with outcome.refuses(
        OnlyCopyError, leaves=files(orderer.blocks, "block"), match="may be nowhere else"
    ):
        rebuild(found, 2)
    assert path.read_bytes() == content


def test_an_orderers_lost_index_is_made_anew(orderer: LedgerFolder) -> None:
    before = rows_of(orderer)
    shutil.rmtree(orderer.store)
    assert rebuild(open_folder(orderer.directory)).blocks == BLOCKS
    assert rows_of(orderer) == before


def test_a_peer_whose_store_was_lost_is_told_by_its_verdicts(peer: LedgerFolder) -> None:
    shutil.rmtree(peer.store)
    assert open_folder(peer.directory).is_peer


def test_a_lost_store_of_sqlite_is_made_anew_where_that_is_named(peer: LedgerFolder) -> None:
    before = rows_of(peer)
    shutil.rmtree(peer.store)
    assert main(["ledger", "rebuild", str(peer.directory), "--store", "sqlite"]) == 0
    made = open_folder(peer.directory)
    assert made.kind == "sqlite"
    assert rows_of(made) == before


def test_a_store_that_a_crash_left_beside_tells_its_kind(peer: LedgerFolder) -> None:
    """Between the moments when the old one goes aside and the new one takes its place."""
    shutil.rmtree(peer.store)
    rebuild(open_folder(peer.directory, "sqlite"))
    with open_folder(peer.directory).opened() as store:
        store.write({b"pwaiting": b"private results"})
    (peer.directory / "store").rename(peer.directory / "store.old")
    left = open_folder(peer.directory)
    rebuild(left)
    assert left.kind == "sqlite"
    assert rows_of(left)[b"pwaiting"] == b"private results"


def test_a_copy_kept_beside_the_block_files_is_passed_over(peer: LedgerFolder) -> None:
    (path,) = peer.blocks.iterdir()
    copies = [path.with_name(name) for name in ("backup.blocks", "000000-old.blocks")]
    for copy in copies:
        shutil.copy(path, copy)
    assert rebuild(peer, 2).blocks == 2
    assert all(copy.exists() for copy in copies)


def test_a_block_that_stays_and_is_none_stops_the_rebuilding_with_the_old_store_in_place(
    outcome: Outcome,
    peer: LedgerFolder,
) -> None:
    outcome.fault = "a store is to be rebuilt from blocks of which one is damaged"
    before = rows_of(peer)
    rewrite(peer, lambda blocks: blocks.pop(2))
    with outcome.refuses(CorruptBlockError, leaves=files(peer.blocks, "block")):
        rebuilding.rebuild(peer)
    assert rows_of(peer) == before
