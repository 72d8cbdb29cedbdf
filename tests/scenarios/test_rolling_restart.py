"""Every node of a network is restarted, one after the other, and no client's submission fails."""

import asyncio
from collections.abc import Callable
from itertools import count, cycle
from pathlib import Path
from time import monotonic

import pytest
from tests.scenarios.crash_network import CHAINCODE, NOTES, RunningNetwork, running_network

from tallystick.client.errors import CommitStatusError, EndorseError, SubmitError
from tallystick.client.gateway import Gateway
from tallystick.client.options import ClientOptions, Deadlines
from tallystick.node.cluster.orderers import with_orderers
from tallystick.node.cluster.topology import default_topology

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

CLIENTS = 3
PATIENCE_S = 60
PAUSE_S = 0.05
OUTAGES = (EndorseError, SubmitError, CommitStatusError)


class Clients:
    """Clients who submit one transaction after another and go on at another gateway if need be.

    They do what docs/client.md says of each error, and nothing else.

    Attributes:
        committed: How many transactions are on the ledger.
        failovers: How often somebody went on at another gateway.
        slowest_s: The longest time from proposal to commit.
    """

    def __init__(self, gateways: list[Gateway]) -> None:
        self.committed = 0
        self.failovers = 0
        self.slowest_s = 0.0
        self._gateways = gateways
        self._stopping = False
        self._news = asyncio.Condition()

    async def run(self, number: int) -> None:
        """Commit until stopped; raise as soon as one transaction cannot be."""
        gateways = cycle(self._gateways[number % 3 :] + self._gateways[: number % 3])
        gateway = next(gateways)
        for serial in count():
            if self._stopping:
                return
            begun = monotonic()
            async with asyncio.timeout(PATIENCE_S):
                gateway = await self._commit(gateway, gateways.__next__, f"{number}-{serial}")
            self.slowest_s = max(self.slowest_s, monotonic() - begun)
            self.committed += 1
            async with self._news:
                self._news.notify_all()

    async def more(self, wanted: int) -> None:
        """Return when so many more are committed."""
        goal = self.committed + wanted
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(lambda: self.committed >= goal)

    def stop(self) -> None:
        """Let each finish what it is at."""
        self._stopping = True

    async def _commit(self, gateway: Gateway, other: Callable[[], Gateway], key: str) -> Gateway:
        """Commit a note, and return the gateway that was used last."""
        signed, submitted, transaction_id = b"", False, ""
        while True:
            try:
                if not signed:
                    contract = gateway.network().contract(CHAINCODE)
                    transaction = await contract.new_proposal("write", key, key).endorse()
                    signed, transaction_id = transaction.to_bytes(), transaction.transaction_id
                if not submitted:
                    await gateway.transaction(signed).submit()
                    submitted = True
                status = await gateway.network().commit(transaction_id).status()
            except OUTAGES:
                self.failovers += 1
                gateway = other()
                await asyncio.sleep(PAUSE_S)
                continue
            status.raise_if_invalid()
            return gateway


async def restart_all(network: RunningNetwork, clients: Clients) -> list[str]:
    """Restart each node by SIGTERM while clients go on; return what was seen of each."""
    lines = []
    for node in network.nodes:
        await clients.more(20)
        before, begun = clients.failovers, monotonic()
        code = await network.stop(node)
        stopped_s = monotonic() - begun
        await clients.more(20)
        await network.start(node)
        assert node.kind == "etcd" or code == 0
        lines.append(
            f"{node.name}: stopped in {stopped_s:.2f} s, back after {monotonic() - begun:.2f} s,"
            f" {clients.failovers - before} calls went on elsewhere"
        )
    return lines


async def test_a_rolling_restart_of_all_nodes_fails_no_submission(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    topology = default_topology().model_copy(update={"chaincodes": (NOTES,)})
    deadlines = Deadlines(evaluate_s=5.0, endorse_s=5.0, submit_s=15.0, commit_status_s=5.0)
    async with running_network(
        tmp_path / "network", with_orderers(topology, 3), ClientOptions(deadlines=deadlines)
    ) as network:
        clients = Clients(list(network.gateways.values()))
        async with asyncio.TaskGroup() as tasks:
            for number in range(CLIENTS):
                tasks.create_task(clients.run(number))
            lines = await restart_all(network, clients)
            await clients.more(50)
            clients.stop()
        tips = await network.tips()
    assert len(lines) == 9
    assert len(set(tips.values())) == 1
    with capsys.disabled():
        print("\n" + "\n".join(lines))  # noqa: T201 -- figures that a reader of the log wants
        print(  # noqa: T201
            f"{clients.committed} submissions, none failed; the slowest took"
            f" {clients.slowest_s:.2f} s"
        )
