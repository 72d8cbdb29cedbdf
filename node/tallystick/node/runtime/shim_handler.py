"""The peer's side of one stream to chaincode, without I/O.

The chaincode speaks first, whichever side has dialled::

    created --REGISTER--> (REGISTERED) --(READY)--> ready

In ``ready`` the peer starts calls, many at a time, and answers their requests one by one: a second
request of a call, sent before the first was answered, is dropped without a word.
Source: wire.md §9.1 to §9.3, and §19 items 10 and 24.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tallystick.node.errors import LedgerError
from tallystick.node.runtime.runtime import Invocation, InvocationResult
from tallystick.node.runtime.shim_errors import (
    ShimError,
    ShimProtocolError,
    StreamTerminatedError,
)
from tallystick.node.runtime.shim_requests import MAX_BATCH, RequestType, RunningCall
from tallystick.protos.peer.chaincode_pb2 import (
    ChaincodeAdditionalParams,
    ChaincodeID,
    ChaincodeInput,
    ChaincodeSpec,
)
from tallystick.protos.peer.chaincode_shim_pb2 import ChaincodeMessage
from tallystick.protos.peer.proposal_response_pb2 import Response
from tallystick.wire.errors import MalformedMessageError
from tallystick.wire.messages import decode, timestamp_from_ns

Type = ChaincodeMessage.Type

MAX_STRAY_MESSAGES: Final = 1000
"""Most messages that belong to no call, between two that do; more are a flood."""

_BAD_REQUEST: Final = 400
_INTERNAL: Final = 500
_PARAMETERS: Final = ChaincodeAdditionalParams(
    use_write_batch=True,
    max_size_write_batch=MAX_BATCH,
    use_get_multiple_keys=True,
    max_size_get_multiple_keys=MAX_BATCH,
).SerializeToString()


@dataclass(frozen=True, slots=True)
class CalleeRequest:
    """A call that the chaincode makes of another one.

    Attributes:
        name: As the chaincode wrote it: ``cc``, ``cc/channel`` or ``cc:version/channel``.
        args: The function name, then its arguments.
    """

    name: str
    args: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class CalleeAnswer:
    """What the callee answered, or why it could not."""

    result: InvocationResult | LedgerError


Step = InvocationResult | CalleeRequest


class StreamTransaction:
    """A call that the chaincode of a stream works on; see ``ShimHandler.begin``."""

    __slots__ = ("_steps", "calling", "given_up", "invocation", "refused_write", "running")

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation
        self.running = RunningCall(invocation)
        self.calling = False
        self.given_up = False
        self.refused_write: str | None = None
        self._steps: asyncio.Queue[Step | ShimError] = asyncio.Queue()

    async def step(self) -> Step:
        """Return the result, or a callee's turn: answer that, then ask again.

        Raises:
            ShimError: The chaincode fails to answer.
        """
        step = await self._steps.get()
        if isinstance(step, ShimError):
            raise step
        return step

    def settle(self, step: Step | ShimError) -> None:
        """Let ``step`` return or raise this, after what it was given before."""
        self._steps.put_nowait(step)


class ShimHandler:
    """What has been said on one stream, and the calls that run on it.

    Attributes:
        is_ready: Whether calls can begin.
    """

    def __init__(
        self,
        package_id: str,
        send: Callable[[ChaincodeMessage], object],
        *,
        answers_writes: bool = True,
    ) -> None:
        """Expect the chaincode of ``package_id``; ``send`` queues messages to it.

        ``answers_writes`` is that of the link.
        """
        self._package_id = package_id
        self._send = send
        self._answers_writes = answers_writes
        self._running: dict[tuple[str, str], StreamTransaction] = {}
        self._strays = 0
        self.is_ready = False

    def receive(self, message: ChaincodeMessage) -> None:
        """Take the next message of the chaincode.

        Raises:
            ShimProtocolError: It has no place here: the stream must be dropped.
        """
        if message.type == Type.KEEPALIVE:
            self._count_stray()
        elif not self.is_ready:
            self._register(message)
        elif message.type in RunningCall.REQUESTS:
            self._answer(message)
        elif message.type == Type.INVOKE_CHAINCODE:
            self._call(message)
        elif message.type in (Type.COMPLETED, Type.ERROR):
            self._end(message)
        else:
            raise ShimProtocolError(f"a message of type {message.type} has no place in a stream")

    def begin(self, invocation: Invocation) -> StreamTransaction:
        """Start a call.

        Raises:
            ShimError: This chaincode is at work on the same transaction.
        """
        key = (invocation.channel_id, invocation.transaction_id)
        if key in self._running:
            raise ShimError(f"error sending: txid: {key[1]}({key[0]}) exists")
        transaction = self._running[key] = StreamTransaction(invocation)
        call_input = ChaincodeInput(args=invocation.args, is_init=invocation.is_init)
        self._send(
            ChaincodeMessage(
                type=Type.INIT if invocation.is_init else Type.TRANSACTION,
                timestamp=timestamp_from_ns(invocation.timestamp_ns),
                payload=call_input.SerializeToString(),
                txid=invocation.transaction_id,
                proposal=invocation.signed_proposal,
                channel_id=invocation.channel_id,
            )
        )
        return transaction

    def answer_call(self, transaction: StreamTransaction, answer: CalleeAnswer) -> None:
        """Tell a caller what came of its call."""
        if transaction.given_up:
            return
        transaction.calling = False
        invocation, result = transaction.invocation, answer.result
        if isinstance(result, LedgerError):
            reason = f"execute failed: {result}"
            self._send(_failure(Type.INVOKE_CHAINCODE, *_key(invocation), reason))
            return
        reply = ChaincodeMessage(
            type=Type.COMPLETED,
            payload=result.response.SerializeToString(),
            txid=invocation.transaction_id,
            chaincode_event=result.event,
            channel_id=invocation.channel_id,
        )
        self._send(_response(*_key(invocation), reply.SerializeToString()))

    def give_up(self, transaction: StreamTransaction) -> None:
        """Let a call go that nobody waits for. Its requests are refused until it ends."""
        transaction.given_up = True
        if transaction.calling:
            transaction.calling = False
            key = _key(transaction.invocation)
            self._send(_failure(Type.INVOKE_CHAINCODE, *key, "no ledger context"))

    def is_running(self, transaction: StreamTransaction) -> bool:
        """Return whether the chaincode has not ended the call, given up or not."""
        return self._running.get(_key(transaction.invocation)) is transaction

    @property
    def is_busy(self) -> bool:
        """Whether any call runs."""
        return bool(self._running)

    def forget(self, transaction: StreamTransaction) -> None:
        """Stop waiting for the end of a call, so that its transaction may run again."""
        if self.is_running(transaction):
            del self._running[_key(transaction.invocation)]

    def terminate(self) -> None:
        """Fail what runs: the stream has ended."""
        self.is_ready = False
        for transaction in self._running.values():
            transaction.settle(StreamTerminatedError())
        self._running.clear()

    def _register(self, message: ChaincodeMessage) -> None:
        if message.type != Type.REGISTER:
            raise ShimProtocolError(
                f"the chaincode must register first, but sent a message of type {message.type}"
            )
        try:
            name = decode(ChaincodeID, message.payload).name
        except MalformedMessageError as error:
            raise ShimProtocolError(f"a registration cannot be read: {error}") from error
        if name != self._package_id:
            raise ShimProtocolError(
                f"chaincode registers as {name!r}, but {self._package_id!r} was expected: set its "
                "chaincode id to the package id"
            )
        self.is_ready = True
        self._send(ChaincodeMessage(type=Type.REGISTERED))
        self._send(ChaincodeMessage(type=Type.READY, payload=_PARAMETERS))

    def _answer(self, message: ChaincodeMessage) -> None:
        transaction = self._context(message)
        if transaction is None:
            return
        if message.type == Type.WRITE_BATCH_STATE and not self._answers_writes:
            self._write(transaction, message)
            return
        try:
            payload = transaction.running.answer(message.type, message.payload)
        except LedgerError as error:
            self._send(_failure(message.type, message.channel_id, message.txid, str(error)))
        else:
            self._send(_response(message.channel_id, message.txid, payload))

    def _write(self, transaction: StreamTransaction, message: ChaincodeMessage) -> None:
        if transaction.refused_write is not None:
            self._count_stray()
            return
        try:
            transaction.running.answer(message.type, message.payload)
        except LedgerError as error:
            refusal = _failure(message.type, message.channel_id, message.txid, str(error))
            transaction.refused_write = refusal.payload.decode()

    def _call(self, message: ChaincodeMessage) -> None:
        transaction = self._context(message)
        if transaction is None:
            return
        try:
            spec = decode(ChaincodeSpec, message.payload)
        except MalformedMessageError as error:
            reason = f"unmarshal failed: {error}"
            self._send(_failure(message.type, message.channel_id, message.txid, reason))
            return
        transaction.calling = True
        transaction.settle(CalleeRequest(spec.chaincode_id.name, tuple(spec.input.args)))

    def _context(self, message: ChaincodeMessage) -> StreamTransaction | None:
        """Return the call to answer; None if there is no answer, or it is a refusal."""
        transaction = self._running.get((message.channel_id, message.txid))
        if transaction is None or transaction.given_up:
            self._count_stray()
            self._send(
                _failure(message.type, message.channel_id, message.txid, "no ledger context")
            )
            return None
        if transaction.calling:
            self._count_stray()
            return None
        return transaction

    def _end(self, message: ChaincodeMessage) -> None:
        transaction = self._running.pop((message.channel_id, message.txid), None)
        if transaction is None:
            self._count_stray()
            return
        self._strays = 0
        if message.type == Type.ERROR:
            text = message.payload.decode(errors="replace")
            transaction.settle(ShimError(f"transaction returned with failure: {text}"))
            return
        try:
            response = decode(Response, message.payload)
        except MalformedMessageError as error:
            problem = f"failed to unmarshal response for transaction {message.txid}: {error}"
            transaction.settle(ShimError(problem))
        else:
            if transaction.refused_write is not None and response.status < _BAD_REQUEST:
                response = Response(status=_INTERNAL, message=transaction.refused_write)
            transaction.settle(_result(message, response, transaction.invocation))

    def _count_stray(self) -> None:
        self._strays += 1
        if self._strays > MAX_STRAY_MESSAGES:
            raise ShimProtocolError(
                f"more than {MAX_STRAY_MESSAGES} messages belong to no running transaction"
            )


def _result(
    message: ChaincodeMessage, response: Response, invocation: Invocation
) -> InvocationResult:
    """Return the answer; whatever its event says, it is of this call. Source: wire.md §19, 4."""
    if response.status >= _BAD_REQUEST or not message.HasField("chaincode_event"):
        return InvocationResult(response, None)
    event = message.chaincode_event
    event.chaincode_id = invocation.chaincode
    event.tx_id = invocation.transaction_id
    return InvocationResult(response, event)


def _key(invocation: Invocation) -> tuple[str, str]:
    return invocation.channel_id, invocation.transaction_id


def _response(channel_id: str, transaction_id: str, payload: bytes) -> ChaincodeMessage:
    return ChaincodeMessage(
        type=Type.RESPONSE, payload=payload, txid=transaction_id, channel_id=channel_id
    )


def _failure(
    kind: RequestType, channel_id: str, transaction_id: str, reason: str
) -> ChaincodeMessage:
    name = ChaincodeMessage.Type.Name(kind)
    text = f"{name} failed: transaction ID: {transaction_id}: {reason}"
    return ChaincodeMessage(
        type=Type.ERROR, payload=text.encode(), txid=transaction_id, channel_id=channel_id
    )
