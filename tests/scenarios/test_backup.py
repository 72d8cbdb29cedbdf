"""A node's folder is lost, and the node comes back from a copy that was taken while it worked."""

import asyncio
import shutil
from pathlib import Path

import pytest
from tests.scenarios.crash_audit import check_chain, opened_books, ordered_blocks
from tests.scenarios.crash_load import Load
from tests.scenarios.crash_network import NOTES, RunningNetwork, running_network
from tests.scenarios.orderer_network import peers_have_all, under_load

from tallystick.node.cli.main import main
from tallystick.node.cluster.node import Node
from tallystick.node.cluster.orderers import with_orderers
from tallystick.node.cluster.topology import default_topology
from tallystick.wire.hashing import block_header_hash

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

ETCD_KEEPS_LITTLE = "max_log_blocks = 5\n"


def config(network: RunningNetwork, node: Node) -> tuple[str, str]:
    return "--config", str(network.network.settings_file(node))


async def tally(*words: str) -> int:
    return await asyncio.to_thread(main, words)


async def lose(network: RunningNetwork, node: Node) -> None:
    """Let a node crash and its disk be gone."""
    await network.kill(node)
    shutil.rmtree(network.network.data_directory(node))


async def check_one_chain(network: RunningNetwork, load: Load) -> None:
    """Stop everything; fail unless all have one chain, and on it all that clients were told."""
    await peers_have_all(network)
    for orderer in network.orderers:
        assert await network.stop(orderer) == 0
    chains = {node.name: ordered_blocks(network.network, node) for node in network.orderers}
    longest = max(chains.values(), key=len)
    check_chain(longest)
    hashes = [block_header_hash(block.header) for block in longest]
    for name, blocks in chains.items():
        assert [block_header_hash(block.header) for block in blocks] == hashes[: len(blocks)], name
    states = []
    for peer in network.peers:
        await network.block(peer, len(longest) - 1)
        assert await network.stop(peer) == 0
        with opened_books(network.network, peer) as books:
            assert [record.header_hash for record in books.blocks] == hashes
            states.append((books.blocks[-1].commit_hash, books.state))
            for transaction_id, (_, status) in load.reported.items():
                assert books.status(transaction_id) == status
    assert all(state == states[0] for state in states)


async def test_a_peer_restored_under_load_catches_up_to_the_same_state(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy, vault = str(tmp_path / "copy"), str(tmp_path / "vault")
    async with running_network(tmp_path / "network") as network:
        peer = network.peers[0]
        node = config(network, peer)
        async with under_load(network) as load:
            await load.more_commits(50)
            assert await tally("backup", *node, "--to", copy, "--keys", vault) == 0
            assert await tally("backup", *node, "--to", copy) == 1
            await load.more_commits(50)
            assert await tally("restore", *node, "--source", copy) == 1
            assert "nothing is overwritten" in capsys.readouterr().err
            await lose(network, peer)
            shutil.rmtree(network.network.node_material(peer))
            assert await tally("restore", *node, "--source", copy, "--keys", vault) == 0
            await network.start(peer)
            await load.more_commits(50)
        tips = await network.tips()
        assert len(set(tips.values())) == 1, "the same block hash and commit hash on every peer"
        await check_one_chain(network, load)


async def test_a_lone_orderer_restored_from_an_older_copy_goes_on_where_the_peers_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = str(tmp_path / "copy")
    async with running_network(tmp_path / "network") as network:
        node = config(network, network.orderer)
        async with under_load(network) as load:
            await load.more_commits(20)
            assert await tally("backup", *node, "--to", copy) == 0
            await load.more_commits(50)
        await network.tips()  # every peer has what was ordered
        await lose(network, network.orderer)
        restore = ("restore", *node, "--source", copy)
        assert await tally(*restore) == 1
        assert "peers have" in capsys.readouterr().err
        assert not network.network.data_directory(network.orderer).exists()
        profiles = [str(network.network.profile(peer.member.msp_id)) for peer in network.peers]
        named = [word for profile in profiles for word in ("--profile", profile)]
        assert await tally(*restore, *named) == 0
        assert "newer blocks from peers" in capsys.readouterr().out
        await network.start(network.orderer)
        async with under_load(network) as more:
            await more.more_commits(50)
        load.reported |= more.reported
        await check_one_chain(network, load)


async def test_one_of_several_orderers_restored_from_an_older_copy_forks_nothing(
    tmp_path: Path,
) -> None:
    """Its copy ends where etcd keeps nothing any more: the rest comes from the other orderers."""
    copy = str(tmp_path / "copy")
    topology = default_topology().model_copy(update={"chaincodes": (NOTES,)})
    async with running_network(
        tmp_path / "network", with_orderers(topology, 3), orderer_settings=ETCD_KEEPS_LITTLE
    ) as network:
        lost = network.orderers[0]
        node = config(network, lost)
        async with under_load(network) as load:
            await load.more_commits(20)
            assert await tally("backup", *node, "--to", copy) == 0
            await load.more_commits(100)
            await lose(network, lost)
            assert await tally("restore", *node, "--source", copy) == 0
            height = len(ordered_blocks(network.network, lost))
            await network.start(lost)
            await load.more_commits(100)
        await check_one_chain(network, load)
        assert len(ordered_blocks(network.network, lost)) > height
