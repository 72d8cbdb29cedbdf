"""The recorded channel with the private values that Fabric's peer had of it (wire.md §12, §13)."""

from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest
from tests.vectors.recording import (
    PRIVATE,
    begun,
    flags_of,
    notes,
    private_results,
    recorded_blocks,
    snapshot_rows,
    undecided,
)

from tallystick.node.committer import PeerChannel
from tallystick.node.ledger.committed import recorded_commit_hash, transaction_id_of_entry
from tallystick.node.ledger.private_data import private_sets
from tallystick.node.ledger.rwset_builder import ReadWriteSetBuilder
from tallystick.node.ledger.simulator import PrivateDataUnavailableError
from tallystick.node.ledger.state import PrivateSetId
from tallystick.node.ledger.version import Version
from tallystick.protos.common.common_pb2 import Block

CHAINCODE, COLLECTION = "probe", "shared"
(WRONG,) = [place for place, note in notes().items() if "another hash" in note]
HELD = private_results("before_purge")


def private_write(key: str, value: bytes) -> bytes:
    builder = ReadWriteSetBuilder()
    builder.add_private_write(CHAINCODE, COLLECTION, key, value)
    return builder.build()[1]


@pytest.fixture
def blocks() -> list[Block]:
    return list(recorded_blocks())


@pytest.fixture
async def channel(blocks: list[Block], tmp_path: Path) -> AsyncIterator[PeerChannel]:
    """The channel on a peer of ours to whom its endorsements left what they left to Fabric's."""
    channel = await begun(blocks[0], tmp_path, "OneMSP")
    waiting = {**HELD, WRONG: private_write("other", b"as simulated")}
    for previous, block in pairwise(blocks):
        for index, entry in enumerate(block.data.data):
            results = waiting.get((block.header.number, index))
            if results is not None:
                height = previous.header.number + 1
                channel.ledger.transient.save(
                    transaction_id_of_entry(entry), results, height=height
                )
        await channel.commit(undecided(block))
    yield channel
    channel.ledger.close()


async def test_private_values_change_neither_flags_nor_commit_hashes(
    blocks: list[Block], channel: PeerChannel
) -> None:
    for block in blocks[1:]:
        mine = channel.ledger.block(block.header.number)
        assert flags_of(mine) == flags_of(block)
        assert recorded_commit_hash(mine) == recorded_commit_hash(block) != b""


async def test_the_public_state_is_the_one_that_fabric_wrote_down(channel: PeerChannel) -> None:
    # Fabric keeps the channel's configuration in a row without namespace, we in its block alone.
    rows = [row for row in snapshot_rows("public_state") if row.namespace]
    state = channel.ledger.state

    for row in rows:
        found = state.get(row.namespace, row.key.decode())
        assert found is not None, row
        assert (found.value, found.metadata, found.version) == (
            row.value,
            row.metadata,
            row.version,
        )
    mine = sum(
        1 for namespace in {row.namespace for row in rows} for _ in state.range(namespace, "", "")
    )
    assert mine == len(rows) > 60, "no row beside them"


async def test_the_hashes_of_private_values_are_those_that_fabric_wrote_down(
    channel: PeerChannel,
) -> None:
    rows = list(snapshot_rows("private_state_hashes"))

    for row in rows:
        namespace, _, collection = row.namespace.partition("$$h")
        found = channel.ledger.state.get_hash(namespace, collection, row.key)
        assert found is not None, row
        assert (found.value, found.metadata, found.version) == (
            row.value,
            row.metadata,
            row.version,
        )
    assert {row.namespace for row in rows} >= {
        "probe$$hshared",
        "_lifecycle$$h_implicit_org_OneMSP",
    }


@pytest.mark.parametrize("answer", PRIVATE["answers"], ids=lambda answer: "-".join(answer["args"]))
async def test_a_private_value_is_there_or_missing_as_at_fabrics_peer(
    channel: PeerChannel, answer: dict[str, str | int | list[str]]
) -> None:
    assert isinstance(answer["args"], list)
    _, collection, key = answer["args"]
    simulator = channel.ledger.simulator("any")

    if answer["status"] == 200:
        assert (simulator.get_private(CHAINCODE, collection, key) or b"").decode() == (
            answer["payload"]
        )
        return
    with pytest.raises(PrivateDataUnavailableError) as raised:
        simulator.get_private(CHAINCODE, collection, key)
    assert str(answer["message"]).endswith(str(raised.value))


async def test_a_value_with_another_hash_is_missing_until_the_right_one_comes(
    channel: PeerChannel,
) -> None:
    ledger = channel.ledger
    lacking = PrivateSetId(Version(*WRONG), CHAINCODE, COLLECTION)
    ((_, _, wrong),) = private_sets(private_write("other", b"as simulated"))
    ((_, _, right),) = private_sets(private_write("other", b"as ordered"))

    assert lacking in list(ledger.private_sets.missing(CHAINCODE, COLLECTION))
    assert not ledger.commit_missing(lacking, wrong), "it is refused by whatever way it comes"
    assert ledger.commit_missing(lacking, right)
    assert lacking not in list(ledger.private_sets.missing(CHAINCODE, COLLECTION))
    assert ledger.simulator("any").get_private(CHAINCODE, COLLECTION, "other") == b"as ordered"


async def test_the_private_sets_of_valid_transactions_are_kept_purged_and_dropped_as_there(
    blocks: list[Block], channel: PeerChannel
) -> None:
    mine = {
        set_id.version: rwset
        for block in blocks
        for set_id, rwset in channel.ledger.private_sets.of_block(block.header.number)
    }
    theirs = {
        Version(*place): rwset
        for place, results in private_results("at_the_end").items()
        if flags_of(blocks[place[0]])[place[1]] == "VALID"
        for _, _, rwset in private_sets(results)
    }

    assert {version: rwset for version, rwset in mine.items() if rwset} == {
        version: rwset for version, rwset in theirs.items() if rwset
    }
