"""A peer that lost everything begins again with a snapshot, while the network goes on."""

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from tests.scenarios.crash_network import RunningNetwork, running_network
from tests.scenarios.orderer_network import under_load
from tests.scenarios.pairs import ATS, pairs_topology

from tallystick.client.errors import EndorseError, EvaluateError, EventStreamError
from tallystick.client.gateway import Gateway
from tallystick.node.cli.main import main
from tallystick.node.cluster.access import Access
from tallystick.node.cluster.deployment import package_of
from tallystick.node.cluster.node import Node
from tallystick.node.cluster.startup import system_source

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

PATIENCE_S = 60
POLL_S = 0.1
KEPT = "public_state.data"


async def tally(network: RunningNetwork, *words: str) -> int:
    at = ("--network", str(network.network.directory), "--as", ATS)
    return await asyncio.to_thread(main, [*words, *at])


def channel_folder(network: RunningNetwork, peer: Node) -> Path:
    return network.network.data_directory(peer) / "channels" / network.network.channel_id


async def snapshot_of(network: RunningNetwork, peer: Node) -> Path:
    """Let the peer make a snapshot, and return its folder as it is on the other machine."""
    assert await tally(network, "snapshot", "request") == 0
    data, channel_id = network.network.data_directory(peer), network.network.channel_id
    (taken,) = (data / "snapshots" / "completed" / channel_id).iterdir()
    return taken


async def restart_without_a_ledger(network: RunningNetwork, peer: Node) -> None:
    """Let a peer come back with an empty disk and no channel in its settings."""
    await network.kill(peer)
    shutil.rmtree(network.network.data_directory(peer))
    settings = network.network.settings_file(peer)
    lines = settings.read_text().splitlines(keepends=True)
    settings.write_text("".join(line for line in lines if not line.startswith("genesis_blocks")))
    await network.start(peer)


def with_one_byte_changed(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes((content[middle] ^ 1,)) + content[middle + 1 :]


async def check_that_damaged_ones_are_refused(
    network: RunningNetwork, peer: Node, snapshot: Path, workplace: Path
) -> None:
    """Offer the peer a torn copy, an altered one, one with a file gone, and an empty folder."""
    for name, spoil in (
        ("torn", lambda content: content[:-1]),
        ("altered", with_one_byte_changed),
        ("gone", None),
        ("empty", None),
    ):
        copy = workplace / name
        shutil.copytree(snapshot, copy)
        for file in copy.iterdir() if name == "empty" else [copy / KEPT]:
            content = file.read_bytes()
            file.unlink()
            if spoil is not None:
                file.write_bytes(spoil(content))
        assert await tally(network, "channel", "join", "--snapshot", str(copy)) == 1, name
        assert not list((network.network.data_directory(peer) / "channels").glob("*")), name
    log = network.network.log_file(peer).read_text()
    assert log.count("nothing was taken from the snapshot") == 3, "the empty one was not begun with"
    assert "has SHA-256" in log


async def install_again(network: RunningNetwork) -> None:
    """Install the contracts on each peer of ATS, as the administrator does: packages are files."""
    async with Access(network.network, system_source()) as access:
        administrator = await access.administrator(ATS)
        for chaincode in network.network.topology.chaincodes:
            await administrator.install(package_of(chaincode))


async def until_known(gateway: Gateway, key: str, secret: bytes) -> None:
    """Return once a peer has a private value, which it gets from other members."""
    vault = gateway.network().contract("vault")
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(EvaluateError):  # it does not know yet what its organisation approved
                if await vault.evaluate("get", "shared", key) == secret:
                    return
            await asyncio.sleep(POLL_S)


async def until_endorsed_by(gateway: Gateway, key: str) -> None:
    """Return once a note is committed that every organisation must endorse."""
    notes = gateway.network().contract("notes")
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await notes.submit("write", key, key)
            except EndorseError:  # the peer of ATS still fetches what its organisation approved
                await asyncio.sleep(POLL_S)
            else:
                return


async def test_a_peer_joins_from_a_snapshot_taken_under_load_and_is_like_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    topology = pairs_topology(tmp_path)
    async with running_network(
        tmp_path / "network", topology, peer_settings="[private_data]\nreconcile_interval_s = 1\n"
    ) as network:
        first, second, clearing, _ = network.peers
        vault = network.gateways[first.name].network().contract("vault")
        await vault.submit("put", "shared", "before", transient={"secret": b"old"})
        async with under_load(network) as load:
            await load.more_commits(30)
            snapshot = await snapshot_of(network, first)
            await restart_without_a_ledger(network, second)
            await check_that_damaged_ones_are_refused(network, second, snapshot, tmp_path)
            assert await tally(network, "channel", "join", "--snapshot", str(snapshot)) == 0
            await install_again(network)
            await load.more_commits(30)
        await vault.submit("put", "shared", "after", transient={"secret": b"new"})
        for key, secret in (("before", b"old"), ("after", b"new")):
            await until_known(network.gateways[second.name], key, secret)
        assert len(set((await network.tips()).values())) == 1, "the same block and commit hash"
        assert await network.stop(second) == 0
        await network.start(second)
        assert await network.stop(first) == 0
        await until_endorsed_by(network.gateways[clearing.name], "by the one that joined")
        await network.start(first)
        assert len(set((await network.tips()).values())) == 1, "after a restart, too"
        for peer in (first, second):
            assert await network.stop(peer) == 0
        await asyncio.to_thread(check_folders, network, first, second, snapshot, capsys)
        await check_that_pruned_peers_go_on(network, int(snapshot.name) + 1)


async def check_that_pruned_peers_go_on(network: RunningNetwork, first_block: int) -> None:
    """Start the two peers again, and let them commit, and say which blocks they do not have."""
    first, second, clearing, _ = network.peers
    for peer in (first, second):
        await network.start(peer)
    await until_endorsed_by(network.gateways[clearing.name], "after pruning")
    assert len(set((await network.tips()).values())) == 1, "after pruning, too"
    for peer in (first, second):
        channel = network.gateways[peer.name].network()
        with pytest.raises(EventStreamError, match="NOT_FOUND"):
            async with channel.block_events(start_block=first_block - 1) as blocks:
                await anext(blocks)
        assert (await network.block(peer, first_block)).header.number == first_block


def check_folders(
    network: RunningNetwork,
    first: Node,
    second: Node,
    snapshot: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Compare the two ledgers on disk, verify the one that joined, and prune the other alike."""
    whole, joined = (str(channel_folder(network, peer)) for peer in (first, second))
    capsys.readouterr()
    assert main(["ledger", "compare", whole, joined]) == 0
    assert "the same state" in capsys.readouterr().out
    assert main(["ledger", "verify", joined, "--deep", "--snapshot", str(snapshot)]) == 0
    shown = capsys.readouterr().out
    assert f"the blocks begin with block {int(snapshot.name) + 1}" in shown
    assert "checked: chain, data hashes and signatures, flags, commit hashes, state" in shown
    assert main(["ledger", "prune", whole, "--snapshot", str(snapshot)]) == 0
    assert main(["ledger", "compare", whole, joined]) == 0
    assert main(["ledger", "verify", whole]) == 0
    assert f"{int(snapshot.name) + 1} headers of earlier blocks" in capsys.readouterr().out
