"""Ledgers without their first blocks: begun with a snapshot, or pruned behind one."""

import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.scenarios.outcome import Outcome, files
from tests.unit.conftest import CHANNEL_ID
from tests.unit.repair.conftest import BLOCKS, MakePeer, commit, rewrite

from tallystick.node.cli.main import main
from tallystick.node.ledger.block_store import BlockNotFoundError
from tallystick.node.ledger.chain_start import (
    START,
    DamagedStartError,
    pruned_headers,
    read_start,
)
from tallystick.node.ledger.committed import transaction_id_of_entry
from tallystick.node.ledger.config_record import config_record
from tallystick.node.ledger.head import Head
from tallystick.node.ledger.ledger import Ledger
from tallystick.node.ledger.replay import StateLostError
from tallystick.node.ledger.segments import SegmentFiles
from tallystick.node.ledger.snapshot_export import SnapshotSource, write_snapshot
from tallystick.node.ledger.snapshot_file import SnapshotDamagedError
from tallystick.node.ledger.snapshot_import import import_snapshot
from tallystick.node.process import DataInUseError, holding
from tallystick.node.repair import prune as pruning
from tallystick.node.repair.compare import NothingToCompareError, folder_parting, state_parting
from tallystick.node.repair.export import ExportRefusedError, blocks_between, check_range
from tallystick.node.repair.folder import (
    LedgerFolder,
    LostStartError,
    WrongBlockError,
    open_folder,
)
from tallystick.node.repair.prune import OrdererKeepsBlocksError, Pruned, prune
from tallystick.node.repair.rebuild import rebuild
from tallystick.node.repair.snapshot import (
    ForeignSnapshotError,
    NoSnapshotError,
    fitting_snapshot,
)
from tallystick.node.repair.verify import Findings, checked, verify_deep
from tallystick.node.runtime.collections import blocks_to_live
from tallystick.protos.common.common_pb2 import Block
from tallystick.wire.hashing import block_header_hash

LAST = 2
"""The last block in the snapshot."""
FIRST = LAST + 1


def take_snapshot(
    folder: LedgerFolder, target: Path, change: Callable[[Head], Head] = lambda head: head
) -> Path:
    with folder.opened() as store, closing(Ledger.open(folder.blocks, store)) as ledger:
        moment = ledger.moment()
        moment = moment._replace(head=change(moment.head))
        write_snapshot(SnapshotSource(CHANNEL_ID, moment, config_record(ledger), {}), target)
    return target


@pytest.fixture
async def short(chain: list[Block], tmp_path: Path) -> LedgerFolder:
    """Return a ledger that ends where the snapshot does."""
    directory = tmp_path / "short" / "channels" / CHANNEL_ID
    directory.mkdir(parents=True)
    await commit(directory, chain[:FIRST])
    return open_folder(directory)


@pytest.fixture
def snapshot(short: LedgerFolder, tmp_path: Path) -> Path:
    return take_snapshot(short, tmp_path / "snapshots" / str(LAST))


@pytest.fixture
async def joined(snapshot: Path, chain: list[Block], tmp_path: Path) -> LedgerFolder:
    directory = tmp_path / "joined" / "channels" / CHANNEL_ID
    import_snapshot(snapshot, directory, "leveldb", blocks_to_live)
    await commit(directory, chain)
    return open_folder(directory)


@pytest.fixture
async def pruned(make_peer: MakePeer, snapshot: Path) -> LedgerFolder:
    folder = await make_peer("pruned")
    assert prune(folder, snapshot) == Pruned(FIRST, headers=FIRST, freed_bytes=0)
    return folder


@pytest.fixture(params=["joined", "pruned"])
def later(request: pytest.FixtureRequest) -> LedgerFolder:
    folder: LedgerFolder = request.getfixturevalue(request.param)
    return folder


def verify(folder: LedgerFolder) -> Findings:
    findings = Findings()
    assert len(list(checked(folder, findings))) == findings.blocks
    return findings


def test_what_is_left_is_in_order(later: LedgerFolder) -> None:
    findings = verify(later)
    assert (findings.first_block, findings.blocks) == (FIRST, BLOCKS - FIRST)
    assert bool(findings.headers) == (read_start(later.blocks).location.offset > 0)


def test_a_forged_block_is_found_though_the_first_ones_are_gone(joined: LedgerFolder) -> None:
    rewrite(joined, lambda blocks: blocks[1].data.data.append(b"forged"))
    with pytest.raises(WrongBlockError, match="its data hash is not that of its data") as wrong:
        verify(joined)
    assert wrong.value.number == FIRST + 1


async def test_all_is_done_again_on_top_of_the_snapshot(
    outcome: Outcome, later: LedgerFolder, snapshot: Path, tmp_path: Path
) -> None:
    findings = Findings()
    with outcome.refuses(
        NoSnapshotError, leaves=files(later.blocks, "block"), match=f"snapshot after block {LAST}"
    ):
        await verify_deep(later, tmp_path / "none", findings)
    await verify_deep(later, tmp_path / "scratch", findings, snapshot)
    assert (findings.blocks, findings.notes) == (BLOCKS - FIRST, [])
    outcome.keep("a ledger without its first blocks is verified, and no snapshot is named")


async def test_a_whole_ledger_can_be_judged_from_a_snapshot_on(
    peer: LedgerFolder, snapshot: Path, tmp_path: Path
) -> None:
    findings = Findings()
    await verify_deep(peer, tmp_path / "scratch", findings, snapshot)
    assert (findings.blocks, findings.notes) == (BLOCKS, [])


def test_it_agrees_with_a_ledger_that_has_all_blocks(
    later: LedgerFolder, peer: LedgerFolder
) -> None:
    assert folder_parting(later, peer) == (None, (BLOCKS, BLOCKS))
    assert state_parting(later, peer) == ""
    assert [block.header.number for block in blocks_between(later, 0, None)] == [3, 4]


def test_it_agrees_with_no_ledger_that_ends_before_its_first_block(
    later: LedgerFolder, short: LedgerFolder
) -> None:
    assert folder_parting(later, short) == (None, (BLOCKS, FIRST))
    rewrite(short, lambda blocks: blocks.pop())
    with pytest.raises(NothingToCompareError, match=r" has blocks 3 to 4, .* has blocks 0 to 1;"):
        folder_parting(later, short)


def test_it_gives_only_blocks_that_it_has(later: LedgerFolder) -> None:
    check_range(later, 0, FIRST)
    with pytest.raises(ExportRefusedError, match="begins with block 3, behind --last 2: name a"):
        check_range(later, 0, LAST)


def test_a_lost_store_is_made_from_the_snapshot_and_what_follows(
    outcome: Outcome, later: LedgerFolder, peer: LedgerFolder, snapshot: Path, chain: list[Block]
) -> None:
    shutil.rmtree(later.store)
    with outcome.refuses(
        NoSnapshotError, leaves=files(later.blocks, "block"), match="name with --snapshot"
    ):
        rebuild(later)
    assert rebuild(later, snapshot=snapshot).blocks == BLOCKS
    assert state_parting(later, peer) == ""
    with later.opened() as store, closing(Ledger.open(later.blocks, store)) as ledger:
        for block in chain[1:]:
            assert ledger.transaction_exists(transaction_id_of_entry(block.data.data[0]))
    outcome.keep("a lost store is to be made again without the first blocks or a snapshot")


def test_without_its_store_such_a_ledger_does_not_open_and_says_how(
    outcome: Outcome, later: LedgerFolder
) -> None:
    outcome.fault = "the state store of a pruned ledger is lost"
    shutil.rmtree(later.store)
    later.store.mkdir()
    with (
        outcome.refuses(
            StateLostError,
            leaves=files(later.blocks, "block"),
            match="tally ledger rebuild --snapshot",
        ),
        later.opened() as store,
    ):
        Ledger.open(later.blocks, store)


def test_a_beginning_that_was_lost_with_the_blocks_is_not_taken_for_block_0(
    outcome: Outcome, joined: LedgerFolder
) -> None:
    outcome.fault = "all block files of a ledger that began with a snapshot are lost"
    for path in joined.blocks.iterdir():
        path.unlink()
    for refused in (verify, lambda folder: rebuild(folder, 0)):
        with outcome.refuses(
            LostStartError,
            leaves=files(joined.blocks, "block"),
            match="join the channel again with a snapshot",
        ):
            refused(joined)
    assert joined.store.is_dir()


def test_a_ledger_behind_whose_snapshot_no_block_came_yet_is_in_order(
    snapshot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "begun" / "channels" / CHANNEL_ID
    import_snapshot(snapshot, directory, "leveldb", blocks_to_live)
    assert main(["ledger", "verify", str(directory)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("0 blocks")
    assert "last block" not in said
    assert rebuild(open_folder(directory), snapshot=snapshot).blocks == FIRST


async def test_blocks_after_the_snapshot_can_be_set_aside_and_come_again(
    outcome: Outcome, later: LedgerFolder, snapshot: Path, chain: list[Block]
) -> None:
    with outcome.refuses(
        ForeignSnapshotError, leaves=files(later.blocks, "block"), match=f"includes block {LAST}"
    ):
        rebuild(later, LAST, snapshot)
    result = rebuild(later, FIRST + 1, snapshot)
    assert (result.blocks, len(result.set_aside)) == (FIRST + 1, 1)
    await commit(later.directory, chain)
    assert verify(later).blocks == BLOCKS - FIRST
    outcome.keep("blocks are to be fetched again that the snapshot includes")


def test_a_pruned_ledger_knows_the_hashes_and_ids_of_what_is_gone(
    outcome: Outcome, pruned: LedgerFolder, chain: list[Block]
) -> None:
    assert list(pruned_headers(pruned.blocks)) == [block.header for block in chain[:FIRST]]
    with pruned.opened() as store, closing(Ledger.open(pruned.blocks, store)) as ledger:
        gone = transaction_id_of_entry(chain[LAST].data.data[0])
        assert ledger.transaction_exists(gone)
        with outcome.refuses(
            BlockNotFoundError,
            leaves=files(pruned.blocks, "block"),
            match=f"begin with block {FIRST}",
        ):
            ledger.transaction(gone)
        with outcome.refuses(
            BlockNotFoundError,
            leaves=files(pruned.blocks, "block"),
            match=f"block {LAST} is not here",
        ):
            ledger.block_by_hash(block_header_hash(chain[LAST].header))
        assert ledger.block(FIRST).header == chain[FIRST].header
        assert config_record(ledger).version.block_number == 0
    outcome.keep("a block or a transaction is asked for that was pruned")


def test_files_are_deleted_once_nothing_in_them_is_needed(
    peer: LedgerFolder, snapshot: Path
) -> None:
    blocks = list(peer.read())
    for path in peer.blocks.iterdir():
        path.unlink()
    with closing(SegmentFiles(peer.blocks, segment_bytes=1)) as files:
        for block in blocks:
            files.append(block.SerializeToString())
    rebuild(peer)
    sizes = [path.stat().st_size for path in sorted(peer.blocks.glob("*.blocks"))]
    assert prune(peer, snapshot) == Pruned(FIRST, headers=FIRST, freed_bytes=sum(sizes[:FIRST]))
    left = sorted(path.name for path in peer.blocks.glob("*.blocks"))
    assert left == ["000003.blocks", "000004.blocks"]
    assert verify(peer).blocks == BLOCKS - FIRST


@pytest.mark.parametrize(
    "step", ["write_pruned_headers", "sync_tree", "write_start", "files_before"]
)
def test_a_crash_on_the_way_loses_nothing_and_the_same_command_does_the_rest(
    peer: LedgerFolder, snapshot: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(pruning, step, crash)
        with pytest.raises(SystemExit):
            prune(peer, snapshot)
    findings = verify(peer)
    assert findings.first_block + findings.blocks == BLOCKS
    assert prune(peer, snapshot).first_block == FIRST
    assert verify(peer).headers == FIRST


def test_what_was_pruned_once_can_be_pruned_further(
    outcome: Outcome, pruned: LedgerFolder, tmp_path: Path
) -> None:
    with outcome.refuses(
        ForeignSnapshotError,
        leaves=files(pruned.blocks, "block"),
        match=f"no block follows its last one, {BLOCKS - 1}, yet; start the node, let one more",
    ):
        prune(pruned, take_snapshot(pruned, tmp_path / "last"))
    assert verify(pruned).headers == FIRST
    outcome.keep("a ledger is to be pruned with the snapshot after its last block")


def other_commit_hash(folder: LedgerFolder, tmp_path: Path) -> Path:
    return take_snapshot(
        folder, tmp_path / "other", lambda head: replace(head, commit_hash=bytes(32))
    )


def other_block(folder: LedgerFolder, tmp_path: Path) -> Path:
    return take_snapshot(
        folder, tmp_path / "other", lambda head: replace(head, block_hash=bytes(32))
    )


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        pytest.param(other_commit_hash, "its commit hash of block 2", id="another outcome"),
        pytest.param(other_block, "its header hash of block 2", id="another chain"),
    ],
)
def test_a_snapshot_of_something_else_prunes_nothing(
    peer: LedgerFolder,
    short: LedgerFolder,
    tmp_path: Path,
    make: Callable[[LedgerFolder, Path], Path],
    problem: str,
) -> None:
    with pytest.raises(ForeignSnapshotError, match=problem):
        prune(peer, make(short, tmp_path))
    assert verify(peer).blocks == BLOCKS


def test_a_snapshot_of_a_block_that_is_not_here_is_refused(
    outcome: Outcome, short: LedgerFolder, peer: LedgerFolder, tmp_path: Path
) -> None:
    with outcome.refuses(
        ForeignSnapshotError,
        leaves=files(peer.blocks, "block"),
        match="block 4, which it ends with, is not here",
    ):
        fitting_snapshot(short, take_snapshot(peer, tmp_path / "later"))


def test_a_torn_snapshot_prunes_nothing(
    outcome: Outcome, peer: LedgerFolder, snapshot: Path
) -> None:
    outcome.fault = "a ledger is to be pruned with a snapshot that is damaged"
    state = snapshot / "public_state.data"
    content = state.read_bytes()
    state.unlink()
    state.write_bytes(content[:-1])
    with outcome.refuses(
        SnapshotDamagedError, leaves=files(peer.blocks, "block"), match="public_state"
    ):
        prune(peer, snapshot)
    assert verify(peer).blocks == BLOCKS


def test_neither_a_running_peer_nor_an_orderer_is_pruned(
    outcome: Outcome, peer: LedgerFolder, orderer: LedgerFolder, snapshot: Path
) -> None:
    outcome.fault = "the ledger of a running peer, or of an orderer, is to be pruned"
    with (
        holding(peer.directory.parent.parent),
        outcome.refuses(DataInUseError, leaves=files(peer.blocks, "block")),
    ):
        prune(peer, snapshot)
    with outcome.refuses(
        OrdererKeepsBlocksError, leaves=files(peer.blocks, "block"), match="keeps every block"
    ):
        prune(orderer, snapshot)
    assert (verify(peer).blocks, verify(orderer).blocks) == (BLOCKS, BLOCKS)


def test_damage_to_what_is_known_of_earlier_blocks_is_found(
    outcome: Outcome, pruned: LedgerFolder
) -> None:
    outcome.fault = "what a pruned ledger keeps of its earlier blocks is damaged"
    headers = pruned.blocks / "pruned.headers"
    content = headers.read_bytes()
    headers.write_bytes(content[:40] + bytes((content[40] ^ 1,)) + content[41:])
    with outcome.refuses(
        DamagedStartError, leaves=files(pruned.blocks, "block"), match=r"pruned\.headers is damaged"
    ):
        verify(pruned)
    (pruned.blocks / START).write_text("{")
    with outcome.refuses(
        DamagedStartError, leaves=files(pruned.blocks, "block"), match=r"start\.json is damaged"
    ):
        verify(pruned)
