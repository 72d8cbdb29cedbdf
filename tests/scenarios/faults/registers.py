"""Clients that read and write a few registers, and keep the history of what they were told."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final

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
                    done = await self.query(peer, key)
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

    async def query(self, peer: Node, key: str, catch_up_s: float = _CATCH_UP_S) -> bool:
        """Query a register at one peer; return whether there was an answer."""
        called_s, wanted = _now_s(), self._seen
        try:
            async with asyncio.timeout(catch_up_s):
                while await self._height(peer) <= wanted:  # noqa: ASYNC110 -- a peer is asked
                    await asyncio.sleep(_PAUSE_S)
            value = (await self._asked(peer, CHAINCODE, "read", key)).decode()
            newest = await self._height(peer) - 1
            # Whoever queries next must not see less, and others may have seen more meanwhile.
            self._seen = max(self._seen, newest)
        except (EvaluateError, TimeoutError):
            return False
        self._keep(key, Operation("read", value, called_s, _now_s()))
        return True

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
            answered = await registers.query(peer, key, _SETTLED_S)
            assert answered, f"{peer.name} does not answer"
