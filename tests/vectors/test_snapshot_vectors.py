"""Snapshots of the recorded channel: Fabric's to the byte, and good to go on from (wire.md §13)."""

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.scenarios.outcome import Outcome, files
from tests.vectors.recording import FOLDER, begun, flags_of, recorded_blocks, undecided

from tallystick.node.committer import ChannelStorage, PeerChannel, open_channel
from tallystick.node.ledger.block_store import BlockNotFoundError
from tallystick.node.ledger.committed import recorded_commit_hash, transaction_id_of_entry
from tallystick.node.ledger.config_record import config_record
from tallystick.node.ledger.key_value_store import open_store
from tallystick.node.ledger.snapshot_export import SnapshotSource, write_snapshot
from tallystick.node.ledger.snapshot_file import SnapshotDamagedError
from tallystick.node.ledger.snapshot_import import (
    BLOCKS,
    STORE,
    LedgerPresentError,
    import_snapshot,
)
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.observability.metrics import PeerMetrics
from tallystick.node.runtime.collection_history import collection_history, fabric_key
from tallystick.node.runtime.collections import blocks_to_live
from tallystick.protos.peer.collection_pb2 import CollectionConfigPackage

CHANNEL = "meeting"
SPLIT = 20
"""The last block in the snapshot that another peer goes on from."""
ALL_BLOCKS = list(recorded_blocks())


def source_of(channel: PeerChannel) -> SnapshotSource:
    moment = channel.ledger.moment()
    history = collection_history(channel.ledger, moment.store)
    return SnapshotSource(CHANNEL, moment, config_record(channel.ledger), history)


async def committed(channel: PeerChannel, first: int, last: int) -> None:
    for block in ALL_BLOCKS[first : last + 1]:
        await channel.commit(undecided(block))


@pytest.fixture
async def channel(tmp_path: Path) -> AsyncIterator[PeerChannel]:
    channel = await begun(ALL_BLOCKS[0], tmp_path / "whole", "OneMSP")
    await committed(channel, 1, SPLIT)
    yield channel
    channel.ledger.close()


@pytest.fixture
def snapshot(channel: PeerChannel, tmp_path: Path) -> Path:
    folder = tmp_path / "snapshots" / str(SPLIT)
    write_snapshot(source_of(channel), folder)
    return folder


@pytest.fixture
async def joined(snapshot: Path, tmp_path: Path) -> AsyncIterator[PeerChannel]:
    folder = tmp_path / "joined"
    import_snapshot(snapshot, folder, "sqlite", blocks_to_live)
    with open_store("sqlite", folder / STORE) as store:
        channel = await open_channel(
            CHANNEL,
            ChannelStorage(folder / BLOCKS, store),
            msp_id="TwoMSP",
            checker=SignatureChecker(),
            metrics=PeerMetrics(),
        )
        yield channel
        channel.ledger.close()


async def test_the_files_of_the_state_are_those_that_a_peer_of_fabric_wrote(
    channel: PeerChannel, tmp_path: Path
) -> None:
    await committed(channel, SPLIT + 1, len(ALL_BLOCKS) - 1)
    folder = tmp_path / "last"
    metadata = write_snapshot(source_of(channel), folder)
    for recorded in (FOLDER / "snapshot").iterdir():
        assert (folder / recorded.name).read_bytes() == recorded.read_bytes(), recorded.name
    assert metadata.commit_hash == recorded_commit_hash(ALL_BLOCKS[-1])


async def test_a_peer_that_joins_commits_the_next_blocks_to_the_same_outcome(
    joined: PeerChannel,
) -> None:
    for block in ALL_BLOCKS[SPLIT + 1 :]:
        await joined.commit(undecided(block))
        number = block.header.number
        assert flags_of(joined.ledger.block(number)) == flags_of(block), f"flags of block {number}"
        assert joined.ledger.last_commit_hash() == recorded_commit_hash(block), f"block {number}"


async def test_a_snapshot_of_a_peer_that_joined_is_the_same_as_of_one_that_has_all_blocks(
    channel: PeerChannel, joined: PeerChannel, tmp_path: Path
) -> None:
    for each in (channel, joined):
        await committed(each, SPLIT + 1, len(ALL_BLOCKS) - 1)
    whole = write_snapshot(source_of(channel), tmp_path / "a")
    assert write_snapshot(source_of(joined), tmp_path / "b") == whole
    assert len(whole.file_hashes) == 8, "collections were defined, so every file is there"


def test_the_history_of_collections_has_each_definition_under_fabrics_key(
    channel: PeerChannel,
) -> None:
    history = collection_history(channel.ledger, channel.ledger.moment().store)
    (key,) = history
    number = 2**64 - 1 - int.from_bytes(key[-8:], "big")
    assert key == fabric_key("probe", number)
    names = [
        each.static_collection_config.name
        for each in CollectionConfigPackage.FromString(history[key]).config
    ]
    assert {"shared", "brief"} <= set(names)


async def test_what_was_before_is_known_by_id_and_told_apart_from_what_is_here(
    joined: PeerChannel,
) -> None:
    old = transaction_id_of_entry(ALL_BLOCKS[SPLIT].data.data[0])
    assert joined.ledger.transaction_exists(old)
    assert joined.ledger.transaction(old) is None
    with pytest.raises(BlockNotFoundError, match=f"begin with block {SPLIT + 1}"):
        joined.ledger.block(SPLIT)
    info = joined.ledger.info()
    assert info.bootstrappingSnapshotInfo.lastBlockInSnapshot == SPLIT


@pytest.mark.parametrize(
    "name",
    [
        "public_state.data",
        "private_state_hashes.data",
        "txids.metadata",
        "_snapshot_signable_metadata.json",
    ],
)
@pytest.mark.parametrize("damage", ["altered", "torn", "gone"])
def test_a_damaged_snapshot_is_refused_with_nothing_written(
    outcome: Outcome, snapshot: Path, tmp_path: Path, name: str, damage: str
) -> None:
    file = snapshot / name
    content = file.read_bytes()
    file.unlink()
    if damage != "gone":
        middle = len(content) // 2
        altered = bytes((content[middle] ^ 1,))
        rest = altered + content[middle + 1 :] if damage == "altered" else b""
        file.write_bytes(content[:middle] + rest)
    with outcome.refuses(SnapshotDamagedError, leaves=files(tmp_path)):
        import_snapshot(snapshot, tmp_path / "new" / CHANNEL, "sqlite", blocks_to_live)
    assert not list((tmp_path / "new").glob("**/*"))


def test_a_snapshot_that_names_other_files_is_refused(
    outcome: Outcome, snapshot: Path, tmp_path: Path
) -> None:
    path = snapshot / "_snapshot_signable_metadata.json"
    document = json.loads(path.read_bytes())
    document["snapshot_files_raw_hashes"]["../../secret"] = "0" * 64
    path.unlink()
    path.write_bytes(json.dumps(document, indent=4).encode())
    with outcome.refuses(SnapshotDamagedError, leaves=files(tmp_path)):
        import_snapshot(snapshot, tmp_path / "new", "sqlite", blocks_to_live)
    assert not (tmp_path / "new").exists()


def test_a_snapshot_is_to_be_joined_where_a_ledger_is_already(
    outcome: Outcome, snapshot: Path, tmp_path: Path
) -> None:
    place = tmp_path / "new"
    place.mkdir()
    (place / "blocks").touch()
    with outcome.refuses(LedgerPresentError, leaves=files(tmp_path)):
        import_snapshot(snapshot, place, "sqlite", blocks_to_live)
    assert [each.name for each in place.iterdir()] == ["blocks"]


def test_a_snapshot_that_failed_half_way_leaves_nothing(
    channel: PeerChannel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, content: bytes) -> int:
        raise OSError(28, f"{self}: no space for {len(content)} bytes")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="no space"):
        write_snapshot(source_of(channel), tmp_path / "failed" / "1")
    assert not list((tmp_path / "failed").iterdir())
    shutil.rmtree(tmp_path / "failed")
