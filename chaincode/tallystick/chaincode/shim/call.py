"""One call of the chaincode, as the thread sees it that runs it."""

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock
from typing import Final

from tallystick.chaincode.errors import BAD_REQUEST
from tallystick.chaincode.shim.errors import RequestRefusedError, StreamLostError
from tallystick.chaincode.shim.session import TransactionKey
from tallystick.chaincode.shim.stub import ShimStub
from tallystick.protos.peer.chaincode_shim_pb2 import ChaincodeMessage
from tallystick.protos.peer.proposal_response_pb2 import Response

Type = ChaincodeMessage.Type

MAX_MESSAGE_BYTES: Final = 100 * 1024 * 1024
"""Largest message that Fabric's peers and chaincodes send or take. Source: wire.md §1."""

_MAX_PAYLOAD_BYTES: Final = MAX_MESSAGE_BYTES - 4096  # what is around a payload is smaller

_Outlet = Callable[[TransactionKey, ChaincodeMessage], None]


class Call:
    """Carries requests and the result of one transaction to the event loop, and answers back.

    Args:
        key: The transaction.
        loop: Where the stream lives.
        request: Sends a request; called in the event loop.
    """

    __slots__ = ("_answers", "_loop", "_lost", "_one_at_a_time", "_request", "key")

    def __init__(
        self, key: TransactionKey, loop: asyncio.AbstractEventLoop, request: _Outlet
    ) -> None:
        self.key = key
        self._loop = loop
        self._request = request
        self._answers: SimpleQueue[ChaincodeMessage | None] = SimpleQueue()
        self._lost = False
        # The peer drops a second request without a word, also one of a contract's own threads.
        self._one_at_a_time = Lock()

    def ask(self, request: "Type.ValueType", payload: bytes) -> bytes:
        """Send a request, wait for its answer, and return the answer's payload.

        Raises:
            RequestRefusedError: The peer refused, or the request is too large to be sent.
            StreamLostError: The stream has ended.
        """
        message = request_message(self.key, request, payload)
        with self._one_at_a_time:
            self.post(self._request, message)
            answer = self._answers.get()
        if answer is None:
            raise StreamLostError
        return answered(answer)

    def post(self, outlet: _Outlet, message: ChaincodeMessage) -> None:
        """Have the event loop send a message.

        Raises:
            StreamLostError: The stream has ended.
        """
        if self._lost:
            raise StreamLostError
        try:
            self._loop.call_soon_threadsafe(outlet, self.key, message)
        except RuntimeError as error:  # the loop is closed: the process is about to end
            raise StreamLostError from error

    def resume(self, answer: ChaincodeMessage) -> None:
        """Hand the answer over that the call waits for."""
        self._answers.put(answer)

    def lose(self) -> None:
        """Let the call learn that the stream has ended, now or at its next request."""
        self._lost = True
        self._answers.put(None)


def request_message(
    key: TransactionKey, request: "Type.ValueType", payload: bytes
) -> ChaincodeMessage:
    """Return a request of a transaction.

    Raises:
        RequestRefusedError: It is too large to be sent.
    """
    if len(payload) > _MAX_PAYLOAD_BYTES:
        raise RequestRefusedError(f"a request of {len(payload)} bytes is too large for a peer")
    return ChaincodeMessage(
        type=request, payload=payload, txid=key.transaction_id, channel_id=key.channel_id
    )


def answered(answer: ChaincodeMessage) -> bytes:
    """Return the payload of an answer.

    Raises:
        RequestRefusedError: The peer refused.
    """
    if answer.type == Type.ERROR:
        raise RequestRefusedError(answer.payload.decode(errors="replace"))
    return answer.payload


def completed(key: TransactionKey, stub: ShimStub, response: Response) -> ChaincodeMessage:
    """Return the message that ends a call, after sending the writes that are left.

    Raises:
        RequestRefusedError: The result is too large to be sent.
    """
    try:
        stub.finish()
    except RequestRefusedError as refusal:
        if response.status < BAD_REQUEST:
            response = Response(status=refusal.status, message=str(refusal))
    payload = response.SerializeToString()
    succeeded = response.status < BAD_REQUEST
    event = stub.event if succeeded else None
    if len(payload) + (event.ByteSize() if event else 0) > _MAX_PAYLOAD_BYTES:
        raise RequestRefusedError(f"a result of {len(payload)} bytes is too large for a peer")
    return ChaincodeMessage(
        type=Type.COMPLETED,
        payload=payload,
        txid=key.transaction_id,
        channel_id=key.channel_id,
        chaincode_event=event,
    )
