"""Joins a stream to a peer, the protocol, and the threads in which contracts run.

The session and the stream belong to the event loop. A contract waits in its thread; what crosses
between the two are whole messages: requests and results by ``call_soon_threadsafe``, answers
through the queue of the call that waits for them.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from tallystick.chaincode.shim.call import Call, completed
from tallystick.chaincode.shim.errors import (
    PeerGoneError,
    ShimProtocolError,
    StreamLostError,
)
from tallystick.chaincode.shim.session import (
    Begin,
    Resume,
    Send,
    Session,
    SessionState,
    TransactionKey,
    error_message,
)
from tallystick.chaincode.shim.stub import ShimStub
from tallystick.chaincode.shim.workers import Workers
from tallystick.chaincode.stub import Chaincode
from tallystick.protos.peer.chaincode_shim_pb2 import ChaincodeMessage

_FAREWELL_S: Final = 5.0

_WHOLE_STREAM: Final = TransactionKey("", "")

_log = logging.getLogger(__name__)


class MessageStream(Protocol):
    """Both directions of a stream. One task reads and one writes."""

    async def read(self) -> ChaincodeMessage | None:
        """Return the next message; None when the peer has ended the stream.

        Raises:
            PeerGoneError: The stream broke.
        """

    async def write(self, message: ChaincodeMessage) -> None:
        """Send a message.

        Raises:
            PeerGoneError: The stream broke.
        """


@dataclass(frozen=True, slots=True)
class Host:
    """What is the same for every stream of a process.

    Attributes:
        chaincode: Answers the calls, several at a time.
        chaincode_id: The package id under which peers know it.
        workers: Where it runs.
        handshake_timeout_s: How long a peer may take to declare itself ready. One that refuses a
            second registration never does, so the stream must be tried anew.
    """

    chaincode: Chaincode
    chaincode_id: str
    workers: Workers
    handshake_timeout_s: float = 30.0


class PeerStream:
    """One stream to one peer, from the first message to the last.

    Attributes:
        session: How far the peer and the chaincode have come.
    """

    def __init__(self, host: Host, stream: MessageStream) -> None:
        self.session = Session(host.chaincode_id)
        self._host = host
        self._stream = stream
        self._loop = asyncio.get_running_loop()
        self._outbox: asyncio.Queue[ChaincodeMessage | None] = asyncio.Queue()
        self._calls: dict[TransactionKey, Call] = {}
        self._ended = False

    async def run(self) -> None:
        """Register, and serve the peer until it ends the stream.

        Contracts that are running then learn of it at their next request.

        Raises:
            PeerGoneError: The stream broke.
            ShimProtocolError: The peer did not keep to the protocol; it was told so.
        """
        self._outbox.put_nowait(self.session.register())
        try:
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(self._write_all(), name="chaincode messages")
                failure = await self._read_all()
                if isinstance(failure, ShimProtocolError):
                    self._outbox.put_nowait(error_message(_WHOLE_STREAM, str(failure)))
                self._outbox.put_nowait(None)
                await asyncio.wait([writer], timeout=_FAREWELL_S)
                writer.cancel()
        finally:
            self._ended = True
            for call in self._calls.values():
                call.lose()
        if failure is not None:
            raise failure

    async def _read_all(self) -> PeerGoneError | ShimProtocolError | None:
        try:
            async with asyncio.timeout(self._host.handshake_timeout_s) as handshake:
                while (message := await self._stream.read()) is not None:
                    self._handle(message)
                    if self.session.state is SessionState.READY:
                        handshake.reschedule(None)
        except TimeoutError:
            return ShimProtocolError(
                f"the peer was not ready within {self._host.handshake_timeout_s} s; "
                f"does it know {self._host.chaincode_id!r}, and has nobody else registered it?"
            )
        except (PeerGoneError, ShimProtocolError) as failure:
            return failure
        return None

    async def _write_all(self) -> None:
        try:
            while (message := await self._outbox.get()) is not None:
                await self._stream.write(message)
        except PeerGoneError as error:
            _log.debug("a message could not be sent, the reader will see why: %s", error)

    def _handle(self, message: ChaincodeMessage) -> None:
        match self.session.receive(message):
            case Resume(key, answer):
                self._calls[key].resume(answer)
            case Begin(key, start):
                call = self._calls[key] = Call(key, self._loop, self._request)
                self._host.workers.submit(lambda: self._run(call, start))
            case Send(answer):
                self._outbox.put_nowait(answer)
            case None:
                return

    def _run(self, call: Call, start: ChaincodeMessage) -> None:
        """Answer one call, in a thread."""
        try:
            stub = ShimStub(start, call.ask, self.session.offer)
            response = self._host.chaincode.invoke(stub)
            result = completed(call.key, stub, response)
        except StreamLostError:
            return  # nobody waits for the result
        except BaseException as error:  # noqa: BLE001  # not even SystemExit may cost the answer
            _log.exception("chaincode failed in transaction %s", call.key.transaction_id)
            result = error_message(call.key, f"{type(error).__name__}: {error}")
        with suppress(StreamLostError):
            call.post(self._finish, result)

    def _request(self, key: TransactionKey, message: ChaincodeMessage) -> None:
        if not self._ended:
            self.session.asked(key)
            self._outbox.put_nowait(message)

    def _finish(self, key: TransactionKey, message: ChaincodeMessage) -> None:
        if not self._ended:
            del self._calls[key]
            self.session.ended(key)
            self._outbox.put_nowait(message)
