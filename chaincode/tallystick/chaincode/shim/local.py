"""The peer that has started this process, at the other end of a socket that it left us.

The messages are those of wire.md §9, each behind its length in four bytes. There is no event loop:
whichever thread waits for the peer reads for all, so a call that runs alone goes to the peer and
back without waking another thread.

Usage: ``python -m tallystick.chaincode.shim.local --descriptor N --id ID --source DIRECTORY ENTRY``
"""

import argparse
import logging
import socket
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Final

from tallystick.chaincode.errors import ContractDefinitionError
from tallystick.chaincode.shim.call import answered, completed, request_message
from tallystick.chaincode.shim.command import DEFAULT_THREADS, load_contracts
from tallystick.chaincode.shim.errors import (
    ShimProtocolError,
    ShimSettingsError,
    StreamLostError,
)
from tallystick.chaincode.shim.session import (
    Begin,
    Resume,
    Send,
    Session,
    TransactionKey,
    error_message,
)
from tallystick.chaincode.shim.stub import ShimStub
from tallystick.chaincode.stub import Chaincode
from tallystick.protos.peer.chaincode_shim_pb2 import ChaincodeMessage

_LENGTH_BYTES: Final = 4
_WATCH_S: Final = 0.05
"""How long messages may lie unread because every thread computes."""

_log = logging.getLogger(__name__)


class Frames:
    """Both directions of the socket."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._input = link.makefile("rb")
        self._writing = Lock()

    def read(self) -> ChaincodeMessage | None:
        """Return the next message; None when the peer has ended the stream. One thread at a time.

        Raises:
            OSError: The socket broke.
        """
        header = self._input.read(_LENGTH_BYTES)
        if len(header) < _LENGTH_BYTES:
            return None
        return ChaincodeMessage.FromString(self._input.read(int.from_bytes(header)))

    def write(self, message: ChaincodeMessage) -> None:
        """Send a message, after waiting for room.

        Raises:
            OSError: The socket broke.
        """
        content = message.SerializeToString()
        with self._writing:
            self._link.sendall(len(content).to_bytes(_LENGTH_BYTES) + content)


class _Waiter:
    """A thread that waits: for the answer to a request, or, idle, for a call to run.

    The one that watches reads one message for others now and then, and waits for none.
    """

    __slots__ = ("is_idle", "item", "never_waits", "wake")

    def __init__(self, *, is_idle: bool = False, never_waits: bool = False) -> None:
        self.is_idle = is_idle
        self.never_waits = never_waits
        self.item: Begin | Resume | None = None
        self.wake = Lock()
        self.wake.acquire()


class LocalPeer:
    """The stream to the peer, and the threads in which calls run.

    Args:
        chaincode: Answers the calls.
        chaincode_id: The package id.
        frames: The socket.
        threads: How many calls run at the same time; others wait.
    """

    def __init__(
        self, chaincode: Chaincode, chaincode_id: str, frames: Frames, threads: int
    ) -> None:
        self._chaincode = chaincode
        self._frames = frames
        self._session = Session(chaincode_id)
        self._most_threads = threads
        self._mutex = Lock()  # over everything below, and the session
        self._is_read = False
        self._asking: dict[_Waiter, None] = {}  # those who sleep until they are woken
        self._idle: list[_Waiter] = []  # likewise
        self._calls: dict[TransactionKey, _Waiter] = {}
        self._starts: deque[Begin] = deque()
        self._threads = 0
        self._ended = Event()
        self._is_busy = Event()

    def serve(self) -> None:
        """Register, and run calls until the peer ends the stream."""
        self._frames.write(self._session.register())
        with self._mutex:
            self._add_thread(None)
        watcher = _Waiter(never_waits=True)
        while not self._ended.wait(_WATCH_S):
            with self._mutex:
                if not self._session.running:
                    self._is_busy.clear()
                leads = not self._is_read
                self._is_read = True
            if leads:
                self._lead(watcher)  # every thread computes
            else:
                self._is_busy.wait()

    # --- threads ---

    def _add_thread(self, first: Begin | None) -> None:
        self._threads += 1
        Thread(target=self._work, args=(first,), name="contract", daemon=True).start()

    def _work(self, start: Begin | None) -> None:
        idle = _Waiter(is_idle=True)
        while True:
            if start is not None:
                self._run(start)
            with self._mutex:
                start = self._starts.popleft() if self._starts else None
            if start is None:
                item = self._wait(idle)
                if item is None:
                    return
                assert isinstance(item, Begin)
                start = item

    def _run(self, start: Begin) -> None:
        key, waiter, one_at_a_time = start.key, _Waiter(), Lock()

        def ask(kind: "ChaincodeMessage.Type.ValueType", payload: bytes) -> bytes:
            request = request_message(key, kind, payload)
            with one_at_a_time:  # a contract may have threads of its own
                return answered(self._exchange(key, waiter, request))

        try:
            stub = ShimStub(start.message, ask, self._session.offer)
            result = completed(key, stub, self._chaincode.invoke(stub))
        except StreamLostError:
            return
        except BaseException as error:  # noqa: BLE001  # not even SystemExit may cost the answer
            _log.exception("chaincode failed in transaction %s", key.transaction_id)
            result = error_message(key, f"{type(error).__name__}: {error}")
        with self._mutex:
            self._calls.pop(key, None)
            self._session.ended(key)
        with suppress(OSError):  # whoever reads sees that the peer is gone
            self._frames.write(result)

    def _exchange(
        self, key: TransactionKey, waiter: _Waiter, request: ChaincodeMessage
    ) -> ChaincodeMessage:
        with self._mutex:
            self._session.asked(key)
            self._calls[key] = waiter
        try:
            self._frames.write(request)
        except OSError as error:
            raise StreamLostError from error
        item = self._wait(waiter)
        if item is None:
            raise StreamLostError
        return item.message

    # --- waiting and reading ---

    def _wait(self, waiter: _Waiter) -> Begin | Resume | None:
        """Return what comes for ``waiter``; None when the stream has ended."""
        while True:
            with self._mutex:
                if waiter.item is not None:
                    item, waiter.item = waiter.item, None
                    return item
                if self._ended.is_set():
                    return None
                leads = not self._is_read
                if leads:
                    self._is_read = True
                elif waiter.is_idle:
                    self._idle.append(waiter)
                else:
                    self._asking[waiter] = None
            if leads:
                self._lead(waiter)
            else:
                waiter.wake.acquire()

    def _lead(self, reader: _Waiter) -> None:
        """Read one message and see to it that somebody reads on who waits for an answer."""
        try:
            message = self._frames.read()
        except OSError as error:
            _log.warning("the socket to the peer broke: %s", error)
            message = None
        with self._mutex:
            self._is_read = False
            try:
                self._take(message, reader)
            except ShimProtocolError:
                _log.exception("the peer did not keep to the protocol")
                self._end()
            if reader.item is not None or reader.never_waits:
                self._wake_one()

    def _wake_one(self) -> None:
        if self._asking:
            waiter, _ = self._asking.popitem()
            waiter.wake.release()

    def _take(self, message: ChaincodeMessage | None, reader: _Waiter) -> None:
        if message is None:
            self._end()
            return
        match self._session.receive(message):
            case Resume(key) as answer:
                waiter = self._calls[key]
                waiter.item = answer
                if waiter in self._asking:
                    del self._asking[waiter]
                    waiter.wake.release()
            case Begin() as start:
                self._is_busy.set()
                self._assign(start, reader)
            case Send(answer):
                self._frames.write(answer)
            case None:
                return

    def _assign(self, start: Begin, reader: _Waiter) -> None:
        if reader.is_idle:
            reader.item = start
        elif self._idle:
            waiter = self._idle.pop()
            waiter.item = start
            waiter.wake.release()
        elif self._threads < self._most_threads:
            self._add_thread(start)
        else:
            self._starts.append(start)

    def _end(self) -> None:
        self._ended.set()
        self._is_busy.set()
        for waiter in (*self._asking, *self._idle):
            waiter.wake.release()
        self._asking.clear()
        self._idle.clear()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program with these arguments, by default those of the process."""
    options = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(message)s")
    try:
        chaincode = load_contracts(options.entry, options.source)
    except (ShimSettingsError, ContractDefinitionError) as error:
        print(f"chaincode: {error}", file=sys.stderr)  # noqa: T201 -- this is the program
        return 1
    with socket.socket(fileno=options.descriptor) as link:
        LocalPeer(chaincode, options.id, Frames(link), DEFAULT_THREADS).serve()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Serve contracts to the peer that starts this.")
    parser.add_argument("entry", nargs="+", metavar="MODULE:CLASS", help="the contracts")
    parser.add_argument("--source", type=Path, help="folder of the modules")
    parser.add_argument("--descriptor", type=int, required=True, help="of the peer's socket")
    parser.add_argument("--id", required=True, help="package id")
    return parser


if __name__ == "__main__":
    sys.exit(main())
