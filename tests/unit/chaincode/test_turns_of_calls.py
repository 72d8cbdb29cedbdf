"""Calls of one contract process take turns, whenever the timer strikes."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

from tallystick.chaincode.shim.frames import Frames
from tallystick.chaincode.shim.local import LocalPeer
from tallystick.protos.peer.chaincode_pb2 import (
    ChaincodeAdditionalParams,
    ChaincodeInput,
)
from tallystick.protos.peer.chaincode_shim_pb2 import ChaincodeMessage
from tallystick.protos.peer.proposal_response_pb2 import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tallystick.chaincode.stub import ChaincodeStub

Type = ChaincodeMessage.Type
PATIENCE_S = 2.0


class ScriptedFrames(Frames):
    """A peer that says what it has been given to say, and notes the order of what it hears."""

    def __init__(self, *said: list[ChaincodeMessage], on_write: Callable[[], object]) -> None:
        self._said = list(said)
        self._on_write = on_write
        self._is_writing = False
        self.is_torn = False
        self.heard: list[tuple[int, str]] = []

    def write(self, message: ChaincodeMessage) -> None:
        self.is_torn |= self._is_writing
        self._is_writing = True
        self._on_write()
        self.heard.append((message.type, message.txid))
        self._is_writing = False

    def exchange(self, *, wait: bool) -> list[ChaincodeMessage] | None:
        if self._said:
            return self._said.pop(0)
        return None if wait else []


def strike_twice() -> None:
    """Let the timer strike as after a turn that has taken long."""
    signal.raise_signal(signal.SIGALRM)
    signal.raise_signal(signal.SIGALRM)


class Contract:
    """Ends at once, or computes until another call has run, or patience is over."""

    def __init__(self, *, writes: bool) -> None:
        self._writes = writes
        self.has_run: set[str] = set()

    def invoke(self, stub: ChaincodeStub) -> Response:
        awaited = stub.args[0].decode()
        give_up_at = time.monotonic() + PATIENCE_S
        while awaited and awaited not in self.has_run and time.monotonic() < give_up_at:
            pass
        self.has_run.add(stub.transaction_id)
        if self._writes:
            stub.put_state("k", b"v")
        return Response(status=200)


@pytest.fixture(autouse=True)
def _timer() -> Iterator[None]:
    before = signal.getsignal(signal.SIGALRM)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def call(transaction_id: str, awaited: str = "") -> ChaincodeMessage:
    return ChaincodeMessage(
        type=ChaincodeMessage.TRANSACTION,
        txid=transaction_id,
        channel_id="ch",
        payload=ChaincodeInput(args=[awaited.encode()]).SerializeToString(),
    )


def handshake() -> list[ChaincodeMessage]:
    offer = ChaincodeAdditionalParams(use_write_batch=True, max_size_write_batch=1)
    return [
        ChaincodeMessage(type=ChaincodeMessage.REGISTERED),
        ChaincodeMessage(type=ChaincodeMessage.READY, payload=offer.SerializeToString()),
    ]


def test_a_timer_that_rests_between_two_calls_interrupts_the_second_all_the_same() -> None:
    """It rests when it strikes twice outside of calls, here while something is written."""
    frames = ScriptedFrames(
        handshake(),
        [call("first"), call("long", awaited="short")],
        [call("short")],
        on_write=strike_twice,
    )
    LocalPeer(Contract(writes=False), "cc:00", frames).serve()
    ended = [transaction for kind, transaction in frames.heard if kind == Type.COMPLETED]
    assert ended == ["first", "short", "long"]


def test_a_batch_of_writes_is_not_interrupted_by_what_another_call_says() -> None:
    frames = ScriptedFrames(handshake(), [call("first"), call("second")], on_write=strike_twice)
    LocalPeer(Contract(writes=True), "cc:00", frames).serve()
    assert not frames.is_torn
    written = [transaction for kind, transaction in frames.heard if kind == Type.WRITE_BATCH_STATE]
    assert written == ["first", "second"]
