"""What must be true after every fault, and what nodes tell of themselves meanwhile."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import pytest
from grpc import StatusCode
from tests.scenarios.crash_load import Load
from tests.scenarios.crash_network import CHAINCODE, RunningNetwork
from tests.scenarios.orderer_network import under_load
from tests.scenarios.outcome import Outcome

from tallystick.client.errors import CommitStatusError, GatewayError
from tallystick.node.cluster.node import Node

CLIENTS: Final = 6
"""Few: nodes start, and commands run, beside them."""
PATIENCE_S: Final = 60.0
_ASKED_AT_ONCE: Final = 32
_TIMEOUT_S: Final = 5.0
_POLL_S: Final = 0.05


@asynccontextmanager
async def audited(network: RunningNetwork, outcome: Outcome) -> AsyncIterator[Load]:
    """Run a load; afterwards all peers agree, and have all that its clients were told."""
    async with under_load(network, CLIENTS) as load:
        await load.more_commits(20)
        yield load
        await load.more_commits(20)
    tips = await network.tips()
    assert len(set(tips.values())) == 1, f"the peers differ: {tips}"
    lost = await _missing(network, list(load.acknowledged))
    outcome.counted(lost=lost, acknowledged=len(load.acknowledged))


async def _missing(network: RunningNetwork, transaction_ids: list[str]) -> int:
    """Return how many transactions a peer does not have. All peers agree, so one is asked."""
    channel = network.gateways[network.peers[0].name].network()
    turns = asyncio.Semaphore(_ASKED_AT_ONCE)

    async def is_missing(transaction_id: str) -> bool:
        async with turns:
            try:
                await channel.commit(transaction_id).status()
            except CommitStatusError as error:
                if error.code is not StatusCode.DEADLINE_EXCEEDED:
                    raise  # what cannot be asked is not lost
                return True
            return False

    return sum(await asyncio.gather(*map(is_missing, transaction_ids)))


async def refusal(network: RunningNetwork, peer: Node) -> str:
    """Return how a peer fails that should."""
    contract = network.gateways[peer.name].network().contract(CHAINCODE)
    with pytest.raises(GatewayError) as failed:
        await contract.submit("write", "refused", "text")
    return str(failed.value)


async def health(node: Node) -> str:
    """Return what a node says is wrong with it; empty if all is well."""
    reader, writer = await asyncio.open_connection(node.host, node.topology.operations_port)
    try:
        writer.write(f"GET {node.health_path} HTTP/1.1\r\nHost: node\r\n\r\n".encode())
        async with asyncio.timeout(_TIMEOUT_S):
            await reader.readuntil(b"\r\n\r\n")
            answer = json.loads(await reader.read())
    finally:
        writer.close()
    return "; ".join(each["reason"] for each in answer.get("failed_checks", ()))


async def unhealthy(node: Node, why: str) -> str:
    """Return what a node says is wrong with it, once it runs and that has ``why`` in it."""
    reason = ""
    async with asyncio.timeout(PATIENCE_S):
        while why not in reason:
            with suppress(ConnectionRefusedError):
                reason = await health(node)
            await asyncio.sleep(_POLL_S)
    return reason


class Log:
    """What a node writes into its log from now on; or also what it has written, if that counts."""

    def __init__(
        self, network: RunningNetwork, node: Node, *, from_beginning: bool = False
    ) -> None:
        self._path = network.network.log_file(node)
        self._start = 0 if from_beginning else self._path.stat().st_size

    def line(self, *words: str) -> str:
        """Return the first line that has all these words in it; there must be one."""
        found = self.find(*words)
        assert found, f"no line of {self._path} has {words}"
        return found

    async def wait_for(self, *words: str) -> str:
        """Return the first line that has all these words in it, as soon as there is one."""
        return await until(lambda: self.find(*words))

    def find(self, *words: str) -> str:
        """Return the first line that has all these words in it; empty if there is none yet."""
        with self._path.open("rb") as file:
            file.seek(self._start)
            lines = file.read().decode(errors="replace").splitlines()
        return next((line for line in lines if all(word in line for word in words)), "")


async def until(found: Callable[[], str]) -> str:
    """Return what ``found`` returns, once it is not empty."""
    async with asyncio.timeout(PATIENCE_S):
        while not (text := found()):  # noqa: ASYNC110 -- another process is watched
            await asyncio.sleep(_POLL_S)
    return text


def ledger_folder(network: RunningNetwork, node: Node) -> Path:
    """Return where a node keeps its channel."""
    return network.network.data_directory(node) / "channels" / network.network.channel_id
