"""Nodes that are killed at random moments under load lose nothing that they reported."""

import asyncio
import os
import secrets
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import monotonic
from typing import Final

import pytest
from tests.scenarios.crash_audit import Books, check_chain, opened_books, ordered_blocks
from tests.scenarios.crash_load import COUNTER, Load
from tests.scenarios.crash_moments import Moment, kill_at
from tests.scenarios.crash_network import CHAINCODE, RunningNetwork, running_network
from tests.scenarios.faults.audit import Log
from tests.scenarios.orderer_network import peers_have_all
from tests.scenarios.outcome import Outcome

from tallystick.client.commit_listener import MANY
from tallystick.node.cluster.node import Node
from tallystick.protos.peer.transaction_pb2 import TxValidationCode
from tallystick.wire.hashing import block_header_hash

KILLS: Final = 20
CLIENTS: Final = 6 * MANY
"""So many for three gateways that clients hear of commits from blocks, and ask after a kill."""
REPLAYED: Final = "applied it again"

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Killer:
    """Kills one node after another, and looks after each whether all is well again."""

    network: RunningNetwork
    load: Load
    random: Random
    outcome: Outcome

    def plan(self) -> list[tuple[Node, Moment]]:
        """Return who is to be killed when: everybody equally often, in any order."""
        nodes = self.network.nodes
        victims = [nodes[number % len(nodes)] for number in range(KILLS)]
        self.random.shuffle(victims)
        return [(victim, self.random.choice(list(Moment))) for victim in victims]

    async def kill(self, victim: Node, moment: Moment) -> None:
        """Kill a node, start it again, and return when all peers agree."""
        network, load, random = self.network, self.load, self.random
        await load.more_commits(random.randint(10, 100))
        await kill_at(moment, victim, network, load)
        if victim.kind == "peer":  # the others can go on, and leave it more or less far behind
            await load.more_commits(random.choice([0, 1, 100]))
        log = Log(network, victim)
        await self.outcome.awaits("start it", network.start(victim))
        if replay := log.find(REPLAYED):
            self.outcome.saw(replay)
        tips = await network.tips()
        assert len(set(tips.values())) == 1, f"after {victim.name} was killed the peers differ"


@pytest.mark.slow
@pytest.mark.cluster
async def test_what_was_reported_committed_survives_twenty_kills_under_load(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], outcome: Outcome
) -> None:
    """SS-115."""
    seed = int(os.environ.get("TALLYSTICK_SEED") or secrets.randbits(32))
    random = Random(seed)

    def report(line: str) -> None:
        with capsys.disabled():
            print(line)  # noqa: T201 -- a run that cannot be watched looks like one that hangs

    report(f"\nTALLYSTICK_SEED={seed}")
    began = monotonic()
    async with running_network(tmp_path / "network") as network:
        load = Load(list(network.gateways.values()), Random(random.getrandbits(32)), CLIENTS)
        killer = Killer(network, load, random, outcome)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(load.run(), name="load")
            for number, (victim, moment) in enumerate(killer.plan(), 1):
                await killer.kill(victim, moment)
                committed = f"{len(load.committed):5} committed"
                report(f"{number:2} {committed}; killed {victim.name} {moment.value}")
            load.stop()
        await stop_all(network)
        lost = check_books(network, load)
        outcome.counted(lost=lost, acknowledged=len(load.reported), what="reported transactions")
        outcome.saw(
            f"{load.refused} proposals are not endorsed, and of {len(load.unknown)} transactions"
            " clients do not learn what became of them"
        )
        report(summary(network, load, monotonic() - began))
    outcome.keep(f"kill -9 of any node, {KILLS} times, also while it writes a block or its state")


async def stop_all(network: RunningNetwork) -> None:
    """Stop all nodes when every peer has every block; each must end well."""
    await peers_have_all(network)
    assert await network.stop(network.orderer) == 0
    height = len(ordered_blocks(network.network, network.orderer))
    for peer in network.peers:
        await network.block(peer, height - 1)
    for peer in network.peers:
        assert await network.stop(peer) == 0


def check_books(network: RunningNetwork, load: Load) -> int:
    """Compare what the nodes have on disk with one another and with what clients were told.

    Return how many transactions that were reported to clients a peer does not have.
    """
    ordered = ordered_blocks(network.network, network.orderer)
    check_chain(ordered)
    with ExitStack() as stack:
        first, *others = [
            stack.enter_context(opened_books(network.network, peer)) for peer in network.peers
        ]
        ordered_hashes = [block_header_hash(block.header) for block in ordered]
        assert [record.header_hash for record in first.blocks] == ordered_hashes
        for other in others:
            assert other.blocks == first.blocks
            assert other.state == first.state
        for books in (first, *others):
            check_reports(books, load)
            check_counter(books, load)
        return sum(
            books.status(each) is None for books in (first, *others) for each in load.reported
        )


def check_reports(books: Books, load: Load) -> None:
    """Fail unless a peer has each reported transaction as reported, with what it wrote."""
    for transaction_id, (_, status) in load.reported.items():
        assert books.status(transaction_id) == status
    for call in load.committed.values():
        if call.key:
            assert books.value(CHAINCODE, call.key) == call.text.encode()


def check_counter(books: Books, load: Load) -> None:
    """Fail unless the shared counter went up once for each valid transaction that counted."""
    unsure = {transaction_id for transaction_id, call in load.unknown.items() if not call.key}
    sure = {transaction_id for transaction_id, call in load.committed.items() if not call.key}
    valid = {
        transaction_id
        for transaction_id in unsure | sure
        if (status := books.status(transaction_id)) is not None and status.is_valid
    }
    assert sure <= valid
    assert books.value(CHAINCODE, COUNTER) == str(len(valid)).encode()


def summary(network: RunningNetwork, load: Load, duration_s: float) -> str:
    """Return what happened."""
    outcomes = Counter(status.code for _, status in load.reported.values())
    logs = [network.network.log_file(peer).read_text() for peer in network.peers]
    lines = (
        f"{KILLS} kills in {duration_s:.0f} s, nothing lost:",
        f"{outcomes[TxValidationCode.VALID]:6} transactions reported committed",
        f"{outcomes[TxValidationCode.MVCC_READ_CONFLICT]:6} reported in conflict",
        f"{len(load.unknown):6} of unknown outcome",
        f"{load.refused:6} not endorsed",
        f"{sum(log.count(REPLAYED) for log in logs):6} blocks applied again after a restart",
    )
    return "\n".join(lines)
