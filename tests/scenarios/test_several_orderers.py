"""Three orderers of three organisations, and three members of etcd: what survives which loss."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from time import monotonic

import grpc
import pytest
from tests.scenarios.crash_audit import ordered_blocks
from tests.scenarios.crash_load import Load
from tests.scenarios.crash_network import CHAINCODE, RunningNetwork
from tests.scenarios.faults.audit import Log
from tests.scenarios.metrics import level
from tests.scenarios.orderer_network import (
    PATIENCE_S,
    another_leader_than,
    chains,
    check_no_fork,
    leader,
    lost_by,
    stop_all,
    the_log,
    three_orderers,
    under_load,
)
from tests.scenarios.outcome import Outcome

from tallystick.client.errors import SubmitError
from tallystick.node.cluster.launcher import Launcher
from tallystick.node.cluster.material import Founding
from tallystick.node.cluster.network import create_network
from tallystick.node.cluster.node import Node
from tallystick.node.cluster.orderers import with_orderers
from tallystick.node.cluster.ports import on_free_ports
from tallystick.node.cluster.startup import system_source
from tallystick.node.cluster.topology import BatchTopology, Topology, default_topology
from tallystick.node.deliver.ranges import FAR_BEHIND_BLOCKS
from tallystick.node.ordering.etcd.client import EtcdClient
from tallystick.node.ordering.etcd.log import OrderedLog
from tallystick.node.ordering.etcd.port import (
    CompactedError,
    EtcdUnavailableError,
    KeyRange,
    only,
)
from tallystick.node.ordering.etcd.retention import Retention
from tallystick.node.transport.credentials import ClientTls, KeyPair

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

RESUMES_WITHIN_S = 10.0
"""The goal is 2 s on a machine that has nothing else to do; shared ones are given more."""

LOG_BLOCKS = 20
"""How many blocks etcd keeps for an orderer that is away."""
MANY_BLOCKS = 200
MOST_BLOCKS = LOG_BLOCKS + 2 * Retention().every_blocks
"""The log is trimmed now and then: it has grown by then, and grows while that is done."""
OTHER_KEYS = 5
"""Who leads, how far each of three orderers has come, and in which cluster the log was compared."""

Report = Callable[[str], None]


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Report:
    def say(line: str) -> None:
        with capsys.disabled():
            print(f"\n{line}", end="")  # noqa: T201 -- figures that a reader of the log wants

    return say


def with_a_block_for_each_transaction(topology: Topology) -> Topology:
    batch = BatchTopology(max_message_count=1)
    channel = topology.channel.model_copy(update={"batch": batch})
    return topology.model_copy(update={"channel": channel})


async def first_in_etcd(network: RunningNetwork) -> int:
    async with the_log(network) as (client, keys):
        return await OrderedLog(client, keys).first() or 0


async def revision_now(network: RunningNetwork) -> int:
    async with the_log(network) as (client, keys):
        return (await client.read(only(keys.leader))).revision


async def little_in_etcd(network: RunningNetwork, since: int) -> str:
    """Return how little etcd holds; fail if it grows, or still knows a revision of long ago."""
    async with the_log(network) as (client, keys):
        with pytest.raises(CompactedError) as forgotten:
            await anext(client.watch(keys.blocks_from(0), since))
        found = await client.read(KeyRange(b"tallystick/", b"tallystick0"))
    blocks = keys.blocks_from(0)
    held = [blocks.start <= record.key < blocks.end for record in found.records]
    assert sum(held) <= MOST_BLOCKS
    assert len(held) - sum(held) <= OTHER_KEYS
    revisions = found.revision - forgotten.value.revision
    assert revisions <= MOST_BLOCKS
    return f"etcd holds {len(held)} keys, and has forgotten all but {revisions} revisions"


async def kill(victim: Node, network: RunningNetwork, load: Load, report: Report) -> str:
    """Kill a node, and return what clients noticed, which must be little."""
    await load.more_commits(50)
    killed_at = monotonic()
    await network.kill(victim)
    await load.more_commits(50)
    silence_s = load.longest_silence_s(killed_at - 0.1, monotonic())
    report(f"nothing was ordered for {silence_s:.2f} s after {victim.name} was killed")
    assert silence_s < RESUMES_WITHIN_S
    return f"submissions wait {silence_s:.1f} s and are answered"


async def check_stopped_well(network: RunningNetwork, load: Load, outcome: Outcome) -> None:
    """Stop all, fail unless all have the same chain, and count what was acknowledged in vain."""
    await stop_all(network)
    check_no_fork(network)
    outcome.counted(lost=lost_by(network, load), acknowledged=len(load.acknowledged))


async def test_a_killed_leader_is_replaced_and_nothing_acknowledged_is_lost(
    tmp_path: Path, report: Report, outcome: Outcome
) -> None:
    async with three_orderers(tmp_path) as network:
        async with under_load(network) as load:
            for _ in range(3):
                victim = await leader(network)
                outcome.saw(await kill(victim, network, load, report))
                assert await leader(network) != victim
                await outcome.awaits("start it", network.start(victim))
            await load.more_commits(50)
        await check_stopped_well(network, load, outcome)
    outcome.keep("kill -9 of the orderer that leads, three times")


async def test_a_leader_that_was_paused_for_longer_than_its_lease_forks_nothing(
    tmp_path: Path, outcome: Outcome
) -> None:
    async with three_orderers(tmp_path) as network:
        async with under_load(network) as load:
            await load.more_commits(50)
            paused = await leader(network)
            log = Log(network, paused)
            os.kill(network.pid(paused), signal.SIGSTOP)
            await another_leader_than(paused, network)
            os.kill(network.pid(paused), signal.SIGCONT)
            await load.more_commits(100)
            outcome.saw(await log.wait_for("leads no more"))
        await check_stopped_well(network, load, outcome)
    outcome.keep("the orderer that leads hangs for longer than its lease, and goes on")


async def test_the_order_goes_on_without_any_one_member_of_etcd(
    tmp_path: Path, report: Report, outcome: Outcome
) -> None:
    async with three_orderers(tmp_path) as network:
        async with under_load(network) as load:
            logs = [Log(network, each, from_beginning=True) for each in network.orderers]
            for victim, log in zip(network.etcd, logs, strict=True):
                outcome.saw(await kill(victim, network, load, report))
                # Each orderer asks the member beside it first, and may have left it before that.
                outcome.saw(await log.wait_for("turns away from etcd member", victim.address))
                await outcome.awaits("start it", network.start(victim))
            await load.more_commits(50)
        await check_stopped_well(network, load, outcome)
    outcome.keep("kill -9 of each member of etcd in turn")


async def test_without_most_of_etcd_submission_is_refused_and_blocks_are_still_delivered(
    tmp_path: Path, outcome: Outcome
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
        outcome.saw(str(refused.value))

        # A peer that begins anew gets every block from the orderers.
        height = await network.height(network.peers[1])
        await network.stop(peer)
        remove_ledger(network, peer)
        await network.start(peer)
        await network.block(peer, height - 1)

        for victim in network.etcd[:2]:
            await outcome.awaits("start it", network.start(victim))
        await submitted(network, "after-etcd-is-back")
        await check_stopped_well(network, load, outcome)
    outcome.keep("kill -9 of two of three members of etcd")


async def test_a_peer_that_begins_anew_gets_its_blocks_from_all_orderers_at_once(
    tmp_path: Path, outcome: Outcome
) -> None:
    async with three_orderers(tmp_path) as network:
        peer, other = network.peers[:2]
        async with under_load(network) as load:
            while await network.height(other) < 3 * FAR_BEHIND_BLOCKS:
                await load.more_commits(20)
        height = await level([other, *network.orderers])
        await network.stop(peer)
        remove_ledger(network, peer)
        log = Log(network, peer)
        await outcome.awaits("start it", network.start(peer))
        await network.block(peer, height - 1)
        outcome.saw(log.line(f"fetches blocks 1 to {height - 1} from all orderers"))
        assert not log.find("WARNING", "fetches no more"), "what an orderer sent was not trusted"
        await check_stopped_well(network, load, outcome)
    outcome.keep("the whole ledger of a peer is deleted")


async def test_an_orderer_that_was_away_for_long_copies_from_the_others(
    tmp_path: Path, outcome: Outcome
) -> None:
    settings = f"max_log_blocks = {LOG_BLOCKS}\n"
    async with three_orderers(tmp_path, settings, with_a_block_for_each_transaction) as network:
        leading = await leader(network)
        absent = next(node for node in network.orderers if node != leading)
        await network.kill(absent)
        away_at = len(ordered_blocks(network.network, absent))
        began_at = await revision_now(network)
        async with under_load(network) as load:
            async with asyncio.timeout(2 * PATIENCE_S):
                while await network.height(network.peers[0]) < away_at + MANY_BLOCKS:
                    await load.more_commits(20)
        assert await first_in_etcd(network) > away_at
        outcome.saw(await little_in_etcd(network, began_at))
        log = Log(network, absent)
        await outcome.awaits("start it", network.start(absent))
        async with under_load(network) as more:
            await more.more_commits(50)
        await level(network.orderers)
        outcome.saw(log.line("fetches blocks", "from other orderers"))
        await check_stopped_well(network, load, outcome)
        assert len(set(map(len, chains(network).values()))) == 1
    outcome.keep("an orderer is away for longer than etcd keeps what it misses")


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
            assert await client.keep_alive(await client.grant(5))


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
