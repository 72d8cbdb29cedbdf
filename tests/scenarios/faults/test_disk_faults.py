"""Disks that are full: the node whose disk it is stops and says so, and the others go on."""

import json
from collections.abc import Iterator

import pytest
from tests.scenarios.crash_network import RunningNetwork, exit_code
from tests.scenarios.faults.audit import Log, audited, health, unhealthy
from tests.scenarios.faults.small_disk import SmallDisk, small_disk
from tests.scenarios.orderer_network import leader
from tests.scenarios.outcome import Outcome

from tallystick.node.cluster.launcher import NodeFailedError, is_healthy
from tallystick.node.cluster.node import Node

pytestmark = [
    pytest.mark.slow,
    pytest.mark.cluster,
    pytest.mark.asyncio(loop_scope="module"),
]

MIB = 1024 * 1024
DISK_BYTES = 64 * MIB
ETCD_DISK_BYTES = 256 * MIB
"""etcd reserves 64 MiB for each file of its log."""
WARNED_BYTES = 8 * MIB
START = "start it"


async def victim_of(kind: str, network: RunningNetwork) -> Node:
    return network.peers[0] if kind == "peer" else await leader(network)


@pytest.fixture
def warned_early(network: RunningNetwork) -> Iterator[None]:
    """Nodes on disks of 64 MiB cannot ask for 256 MiB that are free."""
    files = [network.network.settings_file(node) for node in network.nodes if node.kind != "etcd"]
    former = [file.read_text() for file in files]
    for file, text in zip(files, former, strict=True):
        wanted = f"[operations]\nmin_free_disk_bytes = {WARNED_BYTES}\n"
        file.write_text(text.replace("[operations]\n", wanted))
    yield
    for file, text in zip(files, former, strict=True):
        file.write_text(text)


async def ends(network: RunningNetwork, node: Node, disk: SmallDisk) -> None:
    """Fill the disk of a node; return once the node has ended, which is no success."""
    pid = network.pid(node)
    disk.fill()
    assert await exit_code(pid) != 0


@pytest.mark.usefixtures("warned_early")
@pytest.mark.parametrize("kind", ["peer", "orderer"])
async def test_a_node_whose_disk_is_full_warns_stops_and_goes_on_when_there_is_room(
    network: RunningNetwork, outcome: Outcome, kind: str
) -> None:
    victim = await victim_of(kind, network)
    assert await network.stop(victim) == 0
    log = Log(network, victim)
    with small_disk(network.network.data_directory(victim), DISK_BYTES) as disk:
        await network.start(victim)
        async with audited(network, outcome) as load:
            disk.fill(leave_bytes=WARNED_BYTES // 2)
            outcome.saw(await unhealthy(victim, "MiB are free on the disk"))
            await ends(network, victim, disk)
            outcome.saw(log.line("tally: the disk of", "is full", "make room there and start it"))
            await load.more_commits(50)  # of those whose peer is another one
            network.launcher.start(victim)
            with pytest.raises(NodeFailedError, match=r"No space left|is full"):
                await network.launcher.wait_until_ready(victim)
            outcome.does("make room", disk.make_room)
            await outcome.awaits(START, network.start(victim))
            assert await health(victim) == ""
        assert await network.stop(victim) == 0
    await network.start(victim)
    outcome.keep("the disk of a peer, or of the orderer that leads, is full")


async def test_a_member_of_etcd_whose_disk_is_full_stops_and_the_others_order(
    network: RunningNetwork, outcome: Outcome
) -> None:
    victim = network.etcd[0]
    await network.kill(victim)
    log = Log(network, victim)
    with small_disk(network.network.data_directory(victim), ETCD_DISK_BYTES) as disk:
        await network.start(victim)
        async with audited(network, outcome) as load:
            await ends(network, victim, disk)
            end = json.loads(log.line("fatal", "no space left on device"))
            outcome.saw(f"{end['msg']}: {end['error']}")
            await load.more_commits(50)
            outcome.does("make room", disk.make_room)
            await outcome.awaits(START, network.start(victim))
            assert await is_healthy(victim)
        await network.kill(victim)
    await network.start(victim)
    outcome.keep("the disk of a member of etcd is full")
