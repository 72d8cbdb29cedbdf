"""Clients that read and write a few registers, and keep the history of what they were told."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final

import pytest
from tests.scenarios.crash_network import CHAINCODE, RunningNetwork
from tests.scenarios.faults.linearizable import Operation

from tallystick.client.errors import CommitStatusError, EndorseError, EvaluateError, SubmitError
from tallystick.client.gateway import Gateway
from tallystick.node.cluster.node import Node
from tallystick.protos.common.ledger_pb2 import BlockchainInfo
from tallystick.protos.peer.transaction_pb2 import TxValidationCode

REGISTERS: Final = 3
OPERATIONS_EACH: Final = 80
"""After so many operations another register takes the place of one: histories stay short."""

_CLIENTS_PER_PEER: Final = 2
_PAUSE_S: Final = 0.1
_CATCH_UP_S: Final = 5.0
_SETTLED_S: Final = 15.0
"""A peer that follows an orderer which lags leaves it within seconds; machines may be busy."""
_LOG_TAIL_LINES: Final = 30


class LagError(Exception):
    """A peer does not have in time what clients have seen.

    Attributes:
        height: How many blocks it has; None if it has not answered.
        wanted: How many it should have.
    """

    def __init__(self, height: int | None, wanted: int, timeout_s: float) -> None:
        has = "has not said how many blocks it has" if height is None else f"has {height} blocks"
        super().__init__(f"it {has}, of {wanted} that clients have seen, after {timeout_s:g} s")
        self.height = height
        self.wanted = wanted


@dataclass(slots=True)
class Registers:
    """Two clients at each peer, which do one thing after the other.

    Three kinds of operation are linearizable:

    - a write, from its proposal until its commit is known;
    - a read that is submitted: it is valid if what it read is still so at its place in the order;
    - a query that first waits until the peer has every block that any client had seen when the
      query began. Without waiting, a query may be answered from an earlier state, as with Fabric.

    Attributes:
        network: The network.
        random: Chance.
        history: By register. What certainly did not happen is left out.
    """

    network: RunningNetwork
    random: Random
    history: dict[str, list[Operation]] = field(default_factory=dict)
    _seen: int = 0
    _begun: list[int] = field(default_factory=lambda: [0] * REGISTERS)
    _stopping: bool = False

    async def run(self) -> None:
        """Read and write until stopped."""
        async with asyncio.TaskGroup() as tasks:
            for peer in self.network.peers:
                for number in range(_CLIENTS_PER_PEER):
                    tasks.create_task(self._client(f"{peer.name}/{number}", peer))

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopping = True

    @property
    def counts(self) -> Mapping[str, int]:
        """How many operations of each kind there are, and how many without an answer."""
        operations = [each for history in self.history.values() for each in history]
        unknown = sum(math.isinf(each.returned_s) for each in operations)
        reads = sum(each.kind == "read" for each in operations)
        return {"writes": len(operations) - reads, "reads": reads, "unknown": unknown}

    async def _client(self, name: str, peer: Node) -> None:
        serial = 0
        gateway = self.network.gateways[peer.name]
        while not self._stopping:
            serial += 1
            key = self._next_register()
            match self.random.randrange(3):
                case 0:
                    done = await self._write(gateway, key, f"{name}/{serial}")
                case 1:
                    done = await self._submitted_read(gateway, key)
                case _:
                    done = await self._query(peer, key)
            if not done:
                await asyncio.sleep(_PAUSE_S)

    def _next_register(self) -> str:
        place = self.random.randrange(REGISTERS)
        self._begun[place] += 1
        return f"register-{place}-{self._begun[place] // OPERATIONS_EACH:04d}"

    async def _write(self, gateway: Gateway, key: str, value: str) -> bool:
        contract = gateway.network().contract(CHAINCODE)
        called_s = _now_s()
        try:
            transaction = await contract.new_proposal("write", key, value).endorse()
        except EndorseError:
            return False  # it was not submitted
        try:
            status = await (await transaction.submit()).status()
        except (SubmitError, CommitStatusError):
            self._keep(key, Operation("write", value, called_s, math.inf))
            return False
        if status.is_valid:
            self._seen = max(self._seen, status.block_number)
            self._keep(key, Operation("write", value, called_s, _now_s()))
        elif status.code == TxValidationCode.DUPLICATE_TXID:
            # Sent twice, and this is what was told of the second one.
            self._keep(key, Operation("write", value, called_s, math.inf))
        return True

    async def _submitted_read(self, gateway: Gateway, key: str) -> bool:
        contract = gateway.network().contract(CHAINCODE)
        called_s = _now_s()
        try:
            transaction = await contract.new_proposal("read", key).endorse()
            status = await (await transaction.submit()).status()
        except (EndorseError, SubmitError, CommitStatusError):
            return False
        if status.is_valid:
            self._seen = max(self._seen, status.block_number)
            self._keep(key, Operation("read", transaction.result.decode(), called_s, _now_s()))
        return True

    async def _query(self, peer: Node, key: str) -> bool:
        try:
            await self.query(peer, key, _CATCH_UP_S)
        except (EvaluateError, LagError):
            return False
        return True

    async def query(self, peer: Node, key: str, catch_up_s: float) -> None:
        """Query a register at one peer, as soon as it has every block that clients have seen.

        Raises:
            EvaluateError: It does not answer.
            LagError: It does not have them within ``catch_up_s`` seconds.
        """
        called_s = _now_s()
        await self._catch_up(peer, self._seen + 1, catch_up_s)
        value = (await self._asked(peer, CHAINCODE, "read", key)).decode()
        newest = await self._height(peer) - 1
        # Whoever queries next must not see less, and others may have seen more meanwhile.
        self._seen = max(self._seen, newest)
        self._keep(key, Operation("read", value, called_s, _now_s()))

    async def _catch_up(self, peer: Node, wanted: int, timeout_s: float) -> None:
        height = None
        try:
            async with asyncio.timeout(timeout_s):
                # A peer is asked: no event tells of its blocks.
                while (height := await self._height(peer)) < wanted:  # noqa: ASYNC110
                    await asyncio.sleep(_PAUSE_S)
        except TimeoutError as error:
            raise LagError(height, wanted, timeout_s) from error

    async def _height(self, peer: Node) -> int:
        answer = await self._asked(peer, "qscc", "GetChainInfo", self.network.network.channel_id)
        return BlockchainInfo.FromString(answer).height

    async def _asked(self, peer: Node, chaincode: str, function: str, argument: str) -> bytes:
        """Return what this peer answers; its gateway could ask another one, which may be behind."""
        contract = self.network.gateways[peer.name].network().contract(chaincode)
        only_here = (peer.member.msp_id,)
        proposal = contract.new_proposal(function, argument, endorsing_organizations=only_here)
        return await proposal.evaluate()

    def _keep(self, key: str, operation: Operation) -> None:
        self.history.setdefault(key, []).append(operation)


def _now_s() -> float:
    return asyncio.get_running_loop().time()


async def settled(registers: Registers) -> None:
    """Let every register be queried once more at each peer, when all is well again."""
    for peer in registers.network.peers:
        for key in list(registers.history):
            try:
                await registers.query(peer, key, _SETTLED_S)
            except (EvaluateError, LagError) as error:
                log = registers.network.network.log_file(peer).read_text(encoding="utf-8")
                tail = "\n".join(log.splitlines()[-_LOG_TAIL_LINES:])
                pytest.fail(f"{peer.name} does not answer for {key}: {error}\n{tail}")
