"""Files that a disk has damaged: named at the start, never served, repaired by the commands."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.scenarios.crash_network import RunningNetwork
from tests.scenarios.faults.audit import Log, audited, health, ledger_folder, unhealthy
from tests.scenarios.outcome import Outcome, tally

from tallystick.client.errors import EvaluateError, EventStreamError
from tallystick.node.cluster.launcher import NodeFailedError
from tallystick.node.cluster.node import Node
from tallystick.node.ledger.segments import read_records

pytestmark = [
    pytest.mark.slow,
    pytest.mark.cluster,
    pytest.mark.asyncio(loop_scope="module"),
]

START = "start it"

Repair = Callable[[RunningNetwork, Node, Outcome, int], None]


def set_aside(network: RunningNetwork, node: Node, outcome: Outcome, number: int) -> None:
    """Repair a peer."""
    outcome.tally("ledger", "rebuild", ledger_folder(network, node), "--from", str(number))


def begin_anew(network: RunningNetwork, node: Node, outcome: Outcome, _: int) -> None:
    """Repair an orderer that shares its order with others."""
    folder = ledger_folder(network, node)
    outcome.does(
        "move the folder of the channel away",
        lambda: shutil.move(folder, folder.parents[2] / f"{node.name}.damaged"),
    )


NODES = [
    pytest.param("peer", set_aside, id="peer"),
    pytest.param("orderer", begin_anew, id="orderer"),
]


def victim_of(kind: str, network: RunningNetwork) -> Node:
    return network.peers[0] if kind == "peer" else network.orderers[0]


def records(network: RunningNetwork, node: Node) -> list[tuple[Path, int, bytes]]:
    """Return file, offset and content of each block of a stopped node."""
    return list(read_records(ledger_folder(network, node) / "blocks"))


def change_byte(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


@pytest.mark.parametrize(("kind", "repair"), NODES)
async def test_a_damaged_block_is_named_after_the_start_and_never_served(
    network: RunningNetwork, outcome: Outcome, kind: str, repair: Repair
) -> None:
    victim = victim_of(kind, network)
    folder = ledger_folder(network, victim)
    async with audited(network, outcome) as load:
        assert await network.stop(victim) == 0
        blocks = records(network, victim)
        number = len(blocks) // 2
        path, offset, content = blocks[number]
        change_byte(path, offset + len(content) // 2)
        log = Log(network, victim)
        network.launcher.start(victim)
        outcome.saw(await unhealthy(victim, f"block {number} is lost: "))
        line = log.line(
            "ERROR", f"block {number} is lost: ", f"{path.name} is damaged at byte {offset}"
        )
        assert "`tally ledger verify`" in line, "and what to do"
        await load.more_commits(20)
        if kind == "peer":
            outcome.saw(await never_served(network, victim, number))
        assert await network.stop(victim) == 0
        assert f"block {number} is wrong" in tally("ledger", "verify", folder, code=1)
        repair(network, victim, outcome, number)
        await outcome.awaits(START, network.start(victim))
        await caught_up(network, victim)
        assert await health(victim) == ""
    assert "are in order" in tally("ledger", "verify", folder)
    outcome.keep("a byte in a block file of a peer or an orderer is changed")


async def never_served(network: RunningNetwork, peer: Node, number: int) -> str:
    """Return how a peer refuses a block in every way; it serves the ones beside it."""
    channel = network.gateways[peer.name].network()
    await network.height(peer)  # is known once the peer can be reached again
    with pytest.raises(EventStreamError, match="SERVICE_UNAVAILABLE") as refused:
        async with channel.block_events(start_block=number) as blocks:
            await anext(blocks)
    for good in (number - 1, number + 1):
        assert (await network.block(peer, good)).header.number == good
    only_here = (peer.member.msp_id,)
    proposal = channel.contract("qscc").new_proposal(
        "GetBlockByNumber",
        network.network.channel_id,
        str(number),
        endorsing_organizations=only_here,
    )
    with pytest.raises(EvaluateError, match=f"block {number} is lost"):
        await proposal.evaluate()
    return str(refused.value)


@pytest.mark.parametrize(("kind", "repair"), NODES)
async def test_a_node_whose_block_file_was_cut_short_refuses_to_start_and_says_why(
    network: RunningNetwork, outcome: Outcome, kind: str, repair: Repair
) -> None:
    victim = victim_of(kind, network)
    folder = ledger_folder(network, victim)
    async with audited(network, outcome) as load:
        assert await network.stop(victim) == 0
        blocks = records(network, victim)
        number = len(blocks) - 3
        path, offset, content = blocks[number]
        with path.open("r+b") as file:
            file.truncate(offset + len(content) // 2)
        network.launcher.start(victim)
        with pytest.raises(
            NodeFailedError, match=f"block .* is lost: .*{path.name} is damaged"
        ) as told:
            await network.launcher.wait_until_ready(victim)
        outcome.saw(str(told.value).splitlines()[-1])
        await load.more_commits(20)
        verdict = tally("ledger", "verify", folder, code=1)
        assert f"block {number} is wrong: {path} ends at byte {offset}" in verdict
        outcome.saw(verdict.splitlines()[0])
        repair(network, victim, outcome, number)
        await outcome.awaits(START, network.start(victim))
        await caught_up(network, victim)
    assert "are in order" in tally("ledger", "verify", folder)
    outcome.keep("a block file of a peer or an orderer is cut short")


async def caught_up(network: RunningNetwork, node: Node) -> None:
    """Return once a repaired node has begun to follow the others again."""
    if node.kind == "peer":
        await network.height(node)
