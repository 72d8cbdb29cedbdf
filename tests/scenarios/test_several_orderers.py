"""Three orderers of three organisations, and three members of etcd: what survives which loss."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from random import Random
from time import monotonic

import grpc
import pytest
from tests.scenarios.crash_audit import check_chain, opened_books, ordered_blocks
from tests.scenarios.crash_load import Load
from tests.scenarios.crash_network import CHAINCODE, NOTES, RunningNetwork, running_network

from tallystick.client.errors import SubmitError
from tallystick.client.options import ClientOptions, Deadlines
from tallystick.node.cluster.launcher import Launcher
from tallystick.node.cluster.material import Founding
from tallystick.node.cluster.network import create_network
from tallystick.node.cluster.node import Node
from tallystick.node.cluster.orderers import with_orderers
from tallystick.node.cluster.ports import on_free_ports
from tallystick.node.cluster.startup import system_source
from tallystick.node.cluster.topology import default_topology
from tallystick.node.ordering.etcd.client import EtcdClient
from tallystick.node.ordering.etcd.keys import LogKeys
from tallystick.node.ordering.etcd.log import OrderedLog
from tallystick.node.ordering.etcd.port import EtcdUnavailableError, only
from tallystick.node.process import load_block
from tallystick.node.transport.credentials import ClientTls, KeyPair
from tallystick.protos.common.common_pb2 import ChannelHeader, Envelope, Payload
from tallystick.protos.tallystick.ordered_log_pb2 import Leader
from tallystick.wire.hashing import block_header_hash

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

RESUMES_WITHIN_S = 5.0
"""The goal is 2 s on a machine that has nothing else to do; shared ones are given more."""
PATIENCE_S = 30.0

Report = Callable[[str], None]


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Report:
    def say(line: str) -> None:
        with capsys.disabled():
            print(f"\n{line}", end="")  # noqa: T201 -- figures that a reader of the log wants

    return say


@asynccontextmanager
async def three_orderers(
    directory: Path, orderer_settings: str = ""
) -> AsyncIterator[RunningNetwork]:
    topology = default_topology().model_copy(update={"chaincodes": (NOTES,)})
    deadlines = Deadlines(evaluate_s=5.0, endorse_s=5.0, submit_s=15.0, commit_status_s=5.0)
    async with running_network(
        directory / "network",
        with_orderers(topology, 3),
        ClientOptions(deadlines=deadlines),
        orderer_settings=orderer_settings,
    ) as network:
        yield network


@asynccontextmanager
async def under_load(network: RunningNetwork) -> AsyncIterator[Load]:
    load = Load(list(network.gateways.values()), Random(1))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(load.run(), name="load")
        yield load
        load.stop()


@asynccontextmanager
async def the_log(network: RunningNetwork) -> AsyncIterator[tuple[EtcdClient, LogKeys]]:
    """Look into etcd as an orderer does."""
    directory = network.network.node_material(network.orderers[0]) / "tls"
    keys = KeyPair((directory / "server.crt").read_bytes(), (directory / "server.key").read_bytes())
    tls = ClientTls(network.network.etcd_authorities.read_bytes(), keys)
    genesis = load_block(network.network.genesis_block)
    log_keys = LogKeys("tallystick", network.network.channel_id, block_header_hash(genesis.header))
    async with EtcdClient([node.address for node in network.etcd], tls) as client:
        yield client, log_keys


async def leader(network: RunningNetwork) -> Node:
    async with the_log(network) as (client, keys), asyncio.timeout(PATIENCE_S):
        while True:
            found = (await client.read(only(keys.leader))).records
            if found:
                break
            await asyncio.sleep(0.05)
    address = Leader.FromString(found[0].value).address
    return next(node for node in network.orderers if node.address == address)


async def another_leader_than(former: Node, network: RunningNetwork) -> None:
    """Return once the lease of a leader has lapsed and another orderer leads."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if await leader(network) != former:
                return
            await asyncio.sleep(0.1)


async def first_in_etcd(network: RunningNetwork) -> int:
    async with the_log(network) as (client, keys):
        return await OrderedLog(client, keys).first() or 0


async def kill(victim: Node, network: RunningNetwork, load: Load, report: Report) -> None:
    """Kill a node, and fail unless transactions are committed again soon."""
    await load.more_commits(50)
    killed_at = monotonic()
    await network.kill(victim)
    await load.more_commits(50)
    silence_s = load.longest_silence_s(killed_at - 0.1, monotonic())
    report(f"nothing was ordered for {silence_s:.2f} s after {victim.name} was killed")
    assert silence_s < RESUMES_WITHIN_S


async def stop_all(network: RunningNetwork) -> None:
    """Stop every node when the peers have what the orderers have."""
    for orderer in network.orderers:
        assert await network.stop(orderer) == 0
    height = max(len(ordered_blocks(network.network, node)) for node in network.orderers)
    for peer in network.peers:
        await network.block(peer, height - 1)
    for peer in network.peers:
        assert await network.stop(peer) == 0


def chains(network: RunningNetwork) -> Mapping[str, Sequence[bytes]]:
    """Return the header hashes of each stopped orderer, whose chain is checked."""
    found = {}
    for node in network.orderers:
        blocks = ordered_blocks(network.network, node)
        check_chain(blocks)
        found[node.name] = [block_header_hash(block.header) for block in blocks]
    return found


def check_no_fork(network: RunningNetwork) -> None:
    """Fail unless each chain of a stopped orderer is the beginning of the longest one."""
    hashes = chains(network)
    longest = max(hashes.values(), key=len)
    for name, chain in hashes.items():
        assert chain == longest[: len(chain)], f"{name} has another chain"
    for peer in network.peers:
        with opened_books(network.network, peer) as books:
            assert [record.header_hash for record in books.blocks] == longest


def check_nothing_lost(network: RunningNetwork, load: Load) -> None:
    """Fail unless everything acknowledged is in the chain, and is what its client was told."""
    ordered = set()
    longest = max((ordered_blocks(network.network, node) for node in network.orderers), key=len)
    for block in longest:
        for entry in block.data.data:
            payload = Payload.FromString(Envelope.FromString(entry).payload)
            ordered.add(ChannelHeader.FromString(payload.header.channel_header).tx_id)
    lost = set(load.acknowledged) - ordered
    assert not lost, f"{len(lost)} of {len(load.acknowledged)} acknowledged were lost"
    with opened_books(network.network, network.peers[0]) as books:
        for transaction_id, (_, status) in load.reported.items():
            assert books.status(transaction_id) == status


async def test_a_killed_leader_is_replaced_and_nothing_acknowledged_is_lost(
    tmp_path: Path, report: Report
) -> None:
    async with three_orderers(tmp_path) as network:
        async with under_load(network) as load:
            for _ in range(3):
                victim = await leader(network)
                await kill(victim, network, load, report)
                assert await leader(network) != victim
                await network.start(victim)
            await load.more_commits(50)
        await stop_all(network)
        check_no_fork(network)
        check_nothing_lost(network, load)


async def test_a_leader_that_was_paused_for_longer_than_its_lease_forks_nothing(
    tmp_path: Path,
) -> None:
    async with three_orderers(tmp_path) as network:
        async with under_load(network) as load:
            await load.more_commits(50)
            paused = await leader(network)
            os.kill(network.pid(paused), signal.SIGSTOP)
            await another_leader_than(paused, network)
            os.kill(network.pid(paused), signal.SIGCONT)
            await load.more_commits(100)
        await stop_all(network)
        check_no_fork(network)
        check_nothing_lost(network, load)


async def test_the_order_goes_on_without_any_one_member_of_etcd(
    tmp_path: Path, report: Report
) -> None:
    async with three_orderers(tmp_path) as network:
        async with under_load(network) as load:
            for victim in network.etcd:
                await kill(victim, network, load, report)
                await network.start(victim)
            await load.more_commits(50)
        await stop_all(network)
        check_no_fork(network)
        check_nothing_lost(network, load)


async def test_without_most_of_etcd_submission_is_refused_and_blocks_are_still_delivered(
    tmp_path: Path,
) -> None:
    async with three_orderers(tmp_path) as network:
        async with under_load(network) as load:
            await load.more_commits(50)
        for victim in network.etcd[:2]:
            await network.kill(victim)
        peer = network.peers[0]
        contract = network.gateways[peer.name].network().contract(CHAINCODE)
        with pytest.raises(SubmitError) as refused:
            await contract.submit("write", "while-etcd-is-away", "text")
        assert refused.value.code == grpc.StatusCode.UNAVAILABLE
        assert "etcd does not answer" in str(refused.value.details)

        # A peer that begins anew gets every block from the orderers.
        height = await network.height(network.peers[1])
        await network.stop(peer)
        remove_ledger(network, peer)
        await network.start(peer)
        await network.block(peer, height - 1)

        for victim in network.etcd[:2]:
            await network.start(victim)
        await submitted(network, "after-etcd-is-back")
        await stop_all(network)
        check_no_fork(network)
        check_nothing_lost(network, load)


async def test_an_orderer_that_was_away_for_long_copies_from_the_others(tmp_path: Path) -> None:
    async with three_orderers(tmp_path, "max_log_blocks = 20\n") as network:
        leading = await leader(network)
        absent = next(node for node in network.orderers if node != leading)
        await network.kill(absent)
        away_at = len(ordered_blocks(network.network, absent))
        async with under_load(network) as load:
            async with asyncio.timeout(2 * PATIENCE_S):
                while await first_in_etcd(network) <= away_at:
                    await load.more_commits(20)
        await network.start(absent)
        async with under_load(network) as more:
            await more.more_commits(50)
        log = network.network.log_file(absent).read_text(encoding="utf-8")
        assert "from other orderers" in log
        await stop_all(network)
        check_no_fork(network)
        assert len(set(map(len, chains(network).values()))) == 1
        check_nothing_lost(network, load)


async def test_etcd_answers_nobody_without_a_certificate_of_the_orderers(tmp_path: Path) -> None:
    source = system_source()
    topology = on_free_ports(with_orderers(default_topology(), 3))
    founding = Founding(source.now_ns(), source.nonce())
    network = create_network(topology, tmp_path / "network", founding)
    launcher = Launcher(network)
    members = [node for node in network.nodes if node.kind == "etcd"]
    roots = network.etcd_authorities.read_bytes()
    stranger = network.user_material("ATSMSP", "admin") / "tls"
    keys = KeyPair((stranger / "client.crt").read_bytes(), (stranger / "client.key").read_bytes())
    async with AsyncExitStack() as stack:
        for node in members:
            stack.push_async_callback(launcher.kill, node)
            launcher.start(node)
        for node in members:
            await launcher.wait_until_ready(node)
        for tls in (ClientTls(roots), ClientTls(roots, keys)):
            async with EtcdClient([node.address for node in members], tls) as client:
                with pytest.raises(EtcdUnavailableError):
                    await client.grant(1)
        own = network.node_material(members[0]) / "tls"
        keys = KeyPair((own / "server.crt").read_bytes(), (own / "server.key").read_bytes())
        tls = ClientTls(roots, keys)
        async with EtcdClient([node.address for node in members], tls) as client:
            assert await client.keep_alive(await client.grant(1))


def remove_ledger(network: RunningNetwork, peer: Node) -> None:
    channel = network.network.data_directory(peer) / "channels" / network.network.channel_id
    for path in sorted(channel.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


async def submitted(network: RunningNetwork, key: str) -> None:
    """Submit until it works, as a client does that was told to try again."""
    contract = network.gateways[network.peers[1].name].network().contract(CHAINCODE)
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(SubmitError):
                await contract.submit("write", key, "text")
                return
