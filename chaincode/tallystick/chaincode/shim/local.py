"""The peer that has started this process, at the other end of a socket that it left us.

The messages are those of wire.md §9. Each call is a greenlet: while it waits for the peer, others
go on, in one thread and without locks, and what they ask meanwhile travels together. So the busier
a contract is, the less a call costs. One that computes for long is interrupted by a timer, and
goes on when the others have had their turn.

Usage: ``python -m tallystick.chaincode.shim.local --descriptor N --id ID --source DIRECTORY ENTRY``
"""

import argparse
import gc
import logging
import signal
import socket
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Final

from greenlet import getcurrent, greenlet

from tallystick.chaincode.errors import ContractDefinitionError
from tallystick.chaincode.shim.call import answered, completed, request_message
from tallystick.chaincode.shim.command import load_contracts
from tallystick.chaincode.shim.errors import (
    RequestRefusedError,
    ShimProtocolError,
    ShimSettingsError,
)
from tallystick.chaincode.shim.frames import Frames
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

Type = ChaincodeMessage.Type

MAX_CALLS: Final = 256
"""How many calls run at the same time; others wait."""

_TICK_S: Final = 0.01
"""A call that computes from one tick of the timer to the next lets others go on."""

_IMPORT_MACHINERY: Final = "<frozen importlib._bootstrap>"

_log = logging.getLogger(__name__)


class LocalPeer:
    """The stream to the peer, and the calls that run on it.

    Args:
        chaincode: Answers the calls.
        chaincode_id: The package id.
        frames: The socket.
    """

    def __init__(self, chaincode: Chaincode, chaincode_id: str, frames: Frames) -> None:
        self._chaincode = chaincode
        self._frames = frames
        self._session = Session(chaincode_id)
        self._hub = getcurrent()
        self._starts: deque[Begin] = deque()
        self._asking: dict[TransactionKey, greenlet] = {}
        self._interrupted: deque[greenlet] = deque()
        self._calls = 0
        self._computing: greenlet | None = None  # may be interrupted
        self._turns = 0
        self._turns_at_tick = 0

    def serve(self) -> None:
        """Register, and run calls until the peer ends the stream.

        Raises:
            ShimProtocolError: The peer does not keep to the protocol.
            OSError: The socket broke.
        """
        signal.signal(signal.SIGALRM, self._tick)
        self._frames.write(self._session.register())
        while (messages := self._frames.exchange(wait=not self._interrupted)) is not None:
            signal.setitimer(signal.ITIMER_REAL, _TICK_S, _TICK_S)
            for message in messages:
                self._take(message)
            for _ in range(len(self._interrupted)):
                self._turn(self._interrupted.popleft())
            while self._starts and self._calls < MAX_CALLS:
                self._begin(self._starts.popleft())
            signal.setitimer(signal.ITIMER_REAL, 0)  # whoever waits is not woken for nothing

    # --- in the hub ---

    def _take(self, message: ChaincodeMessage) -> None:
        match self._session.receive(message):
            case Resume(key, answer):
                self._turn(self._asking.pop(key), answer)
            case Begin() as start if self._calls < MAX_CALLS:
                self._begin(start)
            case Begin() as start:
                self._starts.append(start)
            case Send(answer):
                self._frames.write(answer)
            case None:
                return

    def _begin(self, start: Begin) -> None:
        self._calls += 1
        self._turn(greenlet(self._run, self._hub), start)

    def _turn(self, call: greenlet, item: Begin | ChaincodeMessage | None = None) -> None:
        """Let a call go on until it asks, ends or is interrupted."""
        self._turns += 1
        self._computing = call
        call.switch(item)
        self._computing = None

    # --- in a call ---

    def _run(self, start: Begin) -> None:
        key, call, has_ended = start.key, getcurrent(), False

        def ask(kind: "Type.ValueType", payload: bytes) -> bytes:
            if getcurrent() is not call:
                raise RequestRefusedError("a contract's own threads cannot ask the peer")
            request = request_message(key, kind, payload)
            if kind != Type.WRITE_BATCH_STATE:
                return answered(self._exchange(key, request))
            self._computing = None  # an interruption must not put another message inside this one
            self._frames.write(request)  # not answered: if it is refused, the peer fails the call
            if not has_ended:
                self._give_way(call)
            return b""

        try:
            stub = ShimStub(start.message, ask, self._session.offer)
            response = self._chaincode.invoke(stub)
            has_ended = True
            result = completed(key, stub, response)
        except BaseException as error:  # noqa: BLE001  # not even SystemExit may cost the answer
            _log.exception("chaincode failed in transaction %s", key.transaction_id)
            result = error_message(key, f"{type(error).__name__}: {error}")
        self._computing = None
        self._calls -= 1
        self._session.ended(key)
        self._frames.write(result)

    def _exchange(self, key: TransactionKey, request: ChaincodeMessage) -> ChaincodeMessage:
        call, self._computing = getcurrent(), None
        self._session.asked(key)
        self._frames.write(request)
        self._asking[key] = call
        answer: ChaincodeMessage = self._hub.switch()
        return answer

    def _give_way(self, call: greenlet) -> None:
        self._computing = None
        self._interrupted.append(call)
        self._hub.switch()

    # --- the timer ---

    def _tick(self, _number: int, frame: FrameType | None) -> None:
        """Interrupt a call that had its turn before the last tick."""
        if self._turns != self._turns_at_tick:
            self._turns_at_tick = self._turns
        elif self._computing is getcurrent() and not _imports(frame):
            self._give_way(self._computing)


def _imports(frame: FrameType | None) -> bool:
    """Return whether a module is being imported; another call would find it half made."""
    while frame is not None:
        if frame.f_code.co_filename == _IMPORT_MACHINERY:
            return True
        frame = frame.f_back
    return False


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program with these arguments, by default those of the process."""
    options = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(message)s")
    try:
        chaincode = load_contracts(options.entry, options.source)
    except (ShimSettingsError, ContractDefinitionError) as error:
        print(f"chaincode: {error}", file=sys.stderr)  # noqa: T201 -- this is the program
        return 1
    _settle_memory()
    with socket.socket(fileno=options.descriptor) as link:
        try:
            LocalPeer(chaincode, options.id, Frames(link)).serve()
        except (ShimProtocolError, OSError) as error:
            _log.error("the stream to the peer failed: %s", error)
            return 1
    return 0


def _settle_memory() -> None:
    """Keep the garbage collector away from what is there, and from most calls, as nodes do."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Serve contracts to the peer that starts this.")
    parser.add_argument("entry", nargs="+", metavar="MODULE:CLASS", help="the contracts")
    parser.add_argument("--source", type=Path, help="folder of the modules")
    parser.add_argument("--descriptor", type=int, required=True, help="of the peer's socket")
    parser.add_argument("--id", required=True, help="package id")
    return parser


if __name__ == "__main__":
    sys.exit(main())
