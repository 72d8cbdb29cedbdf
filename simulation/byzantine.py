"""A client that lies: it has a certificate, a key and connections, and no scruples."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from simulation.checks import Check, ViolationError
from simulation.clients import Clients
from simulation.connections import OrdererLink
from simulation.coverage import Fault
from simulation.hosts import World
from simulation.workload import DESKS, Workload
from tallystick.client.errors import ClientError, RpcFailure
from tallystick.node.transport.ports import OrdererUnreachableError
from tallystick.protos.common.common_pb2 import Envelope, Payload, Status
from tallystick.protos.gateway.gateway_pb2 import PreparedTransaction
from tallystick.protos.peer.proposal_pb2 import ChaincodeAction
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponsePayload
from tallystick.protos.peer.transaction_pb2 import ChaincodeActionPayload, Transaction

_NAME = "byzantine"
_PAUSE_S = (0.1, 1.2)
_HOLDING_S = (0.5, 3.0)


class ByzantineClient:
    """Does everything that a client must not, again and again."""

    def __init__(self, world: World, clients: Clients, workload: Workload) -> None:
        self._world = world
        self._clients = clients
        self._workload = workload
        self._random = world.chance(_NAME)
        self._msp_id = self._random.choice(DESKS)
        self._signer = clients.signer(self._msp_id)
        self._sent: list[bytes] = []
        directory = world.directory
        self._orderers = [OrdererLink(directory, _NAME, name) for name in directory.orderers]

    async def misbehave(self) -> None:
        """Try one thing after another, until cancelled."""
        tricks: list[Callable[[Random], Awaitable[None]]] = [
            self._sign_badly,
            self._replay,
            self._hold_back,
            self._send_garbage,
            self._reuse_id,
            self._send_to_several,
            self._alter,
        ]
        while True:
            await asyncio.sleep(self._random.uniform(*_PAUSE_S))
            trick = self._random.choice(tricks)
            try:
                await trick(self._random)
            except (ClientError, RpcFailure, OrdererUnreachableError) as error:
                self._world.note(f"byzantine client: {trick.__name__}: {type(error).__name__}")

    async def _sign_badly(self, random: Random) -> None:
        envelope = await self._endorsed(random)
        envelope.signature = self._signer.sign(b"something else")
        await self._send(Fault.BAD_SIGNATURE, envelope.SerializeToString(), must_refuse=True)

    async def _replay(self, random: Random) -> None:
        if self._sent:
            await self._send(Fault.REPLAY, random.choice(self._sent))

    async def _hold_back(self, random: Random) -> None:
        envelope = await self._endorsed(random)
        await asyncio.sleep(random.uniform(*_HOLDING_S))
        await self._send(Fault.STALE_READ, self._signed(envelope))

    async def _send_garbage(self, random: Random) -> None:
        if self._sent and random.random() < 0.5:
            garbage = bytearray(random.choice(self._sent))
            for _ in range(random.randint(1, 8)):
                garbage[random.randrange(len(garbage))] = random.getrandbits(8)
            await self._send(Fault.GARBAGE, bytes(garbage))
        else:
            noise = random.randbytes(random.randint(0, 2000))
            await self._send(Fault.GARBAGE, noise, must_refuse=True)

    async def _reuse_id(self, random: Random) -> None:
        """Send two different transactions under one id, from one proposal."""
        envelope = await self._endorsed(random)
        other = Envelope(payload=_altered(envelope.payload, random))
        await self._send(Fault.DUPLICATE_ID, self._signed(other))
        await self._send(Fault.DUPLICATE_ID, self._signed(envelope))

    async def _send_to_several(self, random: Random) -> None:
        signed = self._signed(await self._endorsed(random))
        self._world.coverage.reached(Fault.SEVERAL_ORDERERS)
        copies = max(2, len(self._orderers))
        links = [self._orderers[number % len(self._orderers)] for number in range(copies)]
        await asyncio.gather(*(link.broadcast(signed) for link in links), return_exceptions=True)

    async def _alter(self, random: Random) -> None:
        envelope = await self._endorsed(random)
        changed = Envelope(payload=_altered(envelope.payload, random))
        await self._send(Fault.ALTERED_ENDORSEMENT, self._signed(changed))

    async def _endorsed(self, random: Random) -> Envelope:
        """Return a transaction that peers have endorsed, without its signature."""
        proposal = self._workload.money_call(self._msp_id, random)
        transaction = await proposal.endorse()
        return PreparedTransaction.FromString(transaction.to_bytes()).envelope

    def _signed(self, envelope: Envelope) -> bytes:
        envelope.signature = self._signer.sign(envelope.payload)
        signed = envelope.SerializeToString()
        self._sent.append(signed)
        return signed

    async def _send(self, fault: Fault, envelope: bytes, *, must_refuse: bool = False) -> None:
        link = self._random.choice(self._orderers)
        answer = await link.broadcast(envelope)
        self._world.coverage.reached(fault)
        self._world.note(f"byzantine client: {fault.value}: {Status.Name(answer.status)}")
        if must_refuse and answer.status == Status.SUCCESS:
            raise ViolationError(Check.REFUSALS, f"{link.endpoint} has taken a {fault.value}")


def _altered(payload_bytes: bytes, random: Random) -> bytes:
    """Return a transaction with other results than the peers endorsed."""
    payload = Payload.FromString(payload_bytes)
    transaction = Transaction.FromString(payload.data)
    action = ChaincodeActionPayload.FromString(transaction.actions[0].payload)
    endorsed = ProposalResponsePayload.FromString(action.action.proposal_response_payload)
    results = ChaincodeAction.FromString(endorsed.extension)
    changed = bytearray(results.results)
    digits = [place for place, byte in enumerate(changed) if chr(byte).isdigit()]
    for place in digits[-1:] if random.random() < 0.5 else digits:
        changed[place] = ord("9")
    results.results = bytes(changed)
    endorsed.extension = results.SerializeToString()
    action.action.proposal_response_payload = endorsed.SerializeToString()
    transaction.actions[0].payload = action.SerializeToString()
    payload.data = transaction.SerializeToString()
    return payload.SerializeToString()
