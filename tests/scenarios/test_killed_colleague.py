"""A peer is killed in mid-load while another of its organisation goes on (wire.md §5.2, §5.3)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

import grpc
import pytest
from tests.scenarios.crash_network import CHAINCODE, RunningNetwork, running_network
from tests.scenarios.pairs import pairs_topology

from tallystick.client.errors import CommitStatusError, EndorseError, GatewayError, SubmitError
from tallystick.client.gateway import Gateway
from tallystick.client.options import ClientOptions
from tallystick.client.transaction import Transaction
from tallystick.node.cluster.node import Node

CLIENTS_PER_PEER: Final = 3
ATTEMPTS: Final = 10
PAUSE_S: Final = 0.2
PROGRESS_TIMEOUT_S: Final = 180.0
"""Each phase of each note that prefers the dead peer waits for its next connection first."""

ResultT = TypeVar("ResultT")


@dataclass(slots=True)
class Client:
    """Writes notes one after the other through a peer, and through its colleague when that fails.

    Attributes:
        name: Of the peer that it prefers, and a number.
        gateways: The preferred one first.
        failures: What it was told instead of an answer, and got over.
        written: The text of each note that was reported as committed, by key.
    """

    name: str
    gateways: Sequence[Gateway]
    failures: list[GatewayError] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)

    async def write(self, key: str, text: str) -> None:
        """Commit one note, in the way that docs/client.md tells for each phase."""
        transaction = await self._persist(lambda gateway: self._endorsed(gateway, key, text))
        await self._persist(lambda gateway: self._submitted(gateway, transaction))
        status = await self._persist(
            lambda gateway: gateway.network().commit(transaction.transaction_id).status()
        )
        status.raise_if_invalid()
        self.written[key] = text

    async def _endorsed(self, gateway: Gateway, key: str, text: str) -> Transaction:
        """Propose, each time anew: nothing was ordered."""
        contract = gateway.network().contract(CHAINCODE)
        return await contract.new_proposal("write", key, text).endorse()

    async def _submitted(self, gateway: Gateway, transaction: Transaction) -> None:
        """Submit the same transaction: an orderer may have it."""
        await gateway.transaction(transaction.to_bytes()).submit()

    async def _persist(self, step: Callable[[Gateway], Awaitable[ResultT]]) -> ResultT:
        for attempt in range(ATTEMPTS):
            try:
                return await step(self.gateways[attempt % len(self.gateways)])
            except (EndorseError, SubmitError, CommitStatusError) as error:
                refused = isinstance(error, SubmitError) and error.code is grpc.StatusCode.ABORTED
                if error.refusals or refused:
                    raise
                self.failures.append(error)
                await asyncio.sleep(PAUSE_S)
        raise AssertionError(f"{self.name} got no answer in {ATTEMPTS} attempts") from (
            self.failures[-1]
        )


@dataclass(slots=True)
class Load:
    """A few clients at every peer.

    Attributes:
        clients: By the peer that they prefer.
    """

    clients: dict[str, list[Client]]
    _stopping: bool = False
    _progress: asyncio.Condition = field(default_factory=asyncio.Condition)

    @classmethod
    def at(cls, network: RunningNetwork) -> "Load":
        clients: dict[str, list[Client]] = {}
        for peer in network.peers:
            colleagues = [
                each.name
                for each in sorted(network.peers, key=lambda each: each.name != peer.name)
                if each.member.msp_id == peer.member.msp_id
            ]
            clients[peer.name] = [
                Client(f"{peer.name}/{number}", [network.gateways[name] for name in colleagues])
                for number in range(CLIENTS_PER_PEER)
            ]
        return cls(clients)

    @property
    def everybody(self) -> list[Client]:
        return [client for group in self.clients.values() for client in group]

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for client in self.everybody:
                tasks.create_task(self._run(client), name=client.name)

    def stop(self) -> None:
        self._stopping = True

    async def more_commits_of_everybody(self, count: int) -> None:
        """Return when each client has ``count`` more notes on the ledger."""
        wanted = {client.name: len(client.written) + count for client in self.everybody}

        def reached() -> bool:
            return all(len(client.written) >= wanted[client.name] for client in self.everybody)

        async with asyncio.timeout(PROGRESS_TIMEOUT_S), self._progress:
            await self._progress.wait_for(reached)

    async def _run(self, client: Client) -> None:
        while not self._stopping:
            number = len(client.written)
            await client.write(f"{client.name}/{number}", f"note {number}")
            async with self._progress:
                self._progress.notify_all()


async def kill_and_restart(network: RunningNetwork, load: Load, victim: Node) -> None:
    """Kill a peer in the middle of work; bring it back once everybody has gone on without it."""
    await load.more_commits_of_everybody(5)
    await network.kill(victim)
    await load.more_commits_of_everybody(3)
    await network.start(victim)
    await load.more_commits_of_everybody(5)


@pytest.mark.slow
@pytest.mark.cluster
async def test_no_transaction_fails_when_one_of_two_peers_is_killed(tmp_path: Path) -> None:
    topology = pairs_topology(tmp_path)
    async with running_network(tmp_path / "network", topology, ClientOptions()) as network:
        load = Load.at(network)
        victims = [network.peers[0], network.peers[-1]]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(load.run(), name="load")
            for victim in victims:
                await kill_and_restart(network, load, victim)
            load.stop()

        for peer in network.peers:
            failures = [error for client in load.clients[peer.name] for error in client.failures]
            if peer in victims:
                assert failures, f"nobody noticed that {peer.name} was killed"
            else:
                assert failures == [], f"clients of {peer.name} should not notice anything"
        tips = await network.tips()
        assert len(set(tips.values())) == 1, tips
        for client in load.everybody:
            contract = client.gateways[0].network().contract(CHAINCODE)
            for key, text in client.written.items():
                assert await contract.evaluate("read", key) == text.encode()
