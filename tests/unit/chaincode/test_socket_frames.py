"""Messages over the socket that a peer leaves its contract process, in any pieces."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tallystick.chaincode.shim.frames import Frames
from tallystick.protos.peer.chaincode_shim_pb2 import ChaincodeMessage

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGE = 4 * 1024 * 1024


@pytest.fixture
def ends() -> Iterator[tuple[Frames, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Frames(ours), theirs


def message(payload: bytes) -> ChaincodeMessage:
    return ChaincodeMessage(type=ChaincodeMessage.RESPONSE, payload=payload)


def framed(*payloads: bytes) -> bytes:
    contents = [message(payload).SerializeToString() for payload in payloads]
    return b"".join(len(content).to_bytes(4) + content for content in contents)


def payloads(messages: list[ChaincodeMessage] | None) -> list[bytes]:
    assert messages is not None, "the stream has ended"
    return [each.payload for each in messages]


def test_what_was_written_goes_out_together_at_the_next_exchange(
    ends: tuple[Frames, socket.socket],
) -> None:
    frames, peer = ends
    frames.write(message(b"one"))
    frames.write(message(b"two"))
    peer.setblocking(False)  # noqa: FBT003 -- its only parameter
    with pytest.raises(BlockingIOError):
        peer.recv(1)
    assert frames.exchange(wait=False) == []
    assert peer.recv(1000) == framed(b"one", b"two")


@pytest.mark.parametrize("piece", [1, 3, 5, 1000])
def test_messages_are_put_together_from_pieces_of_any_size(
    ends: tuple[Frames, socket.socket], piece: int
) -> None:
    frames, peer = ends
    sent = framed(b"one", b"", b"three")
    got: list[bytes] = []
    for start in range(0, len(sent), piece):
        peer.sendall(sent[start : start + piece])
        got += payloads(frames.exchange(wait=True))
    assert got == [b"one", b"", b"three"]


def test_a_large_message_costs_no_more_than_its_size(
    ends: tuple[Frames, socket.socket],
) -> None:
    """Putting it together anew with every piece took seconds, in which no call went on."""
    frames, peer = ends
    sent = framed(b"l" * 16 * LARGE, b"next")
    thread = threading.Thread(target=peer.sendall, args=(sent,))
    thread.start()
    got: list[bytes] = []
    began = time.thread_time()
    while len(got) < 2:
        got += payloads(frames.exchange(wait=True))
    used_s = time.thread_time() - began
    thread.join()
    assert [len(each) for each in got] == [16 * LARGE, 4]
    assert used_s < 1.0


def test_the_end_of_the_stream_is_told(ends: tuple[Frames, socket.socket]) -> None:
    frames, peer = ends
    peer.shutdown(socket.SHUT_WR)
    assert frames.exchange(wait=True) is None


def test_two_sides_that_send_more_than_the_socket_holds_do_not_wait_for_each_other(
    ends: tuple[Frames, socket.socket],
) -> None:
    """A peer stops reading while its answers are not taken."""
    frames, peer = ends
    taken = bytearray()
    expected = len(framed(b"r" * LARGE))

    def stubborn() -> None:
        peer.sendall(framed(b"a" * LARGE))
        while len(taken) < expected:
            taken.extend(peer.recv(1 << 16))

    thread = threading.Thread(target=stubborn)
    thread.start()
    frames.write(message(b"r" * LARGE))
    got = payloads(frames.exchange(wait=True))
    while not got:
        got = payloads(frames.exchange(wait=True))
    while thread.is_alive():
        assert frames.exchange(wait=False) == []
    assert (got, bytes(taken)) == ([b"a" * LARGE], framed(b"r" * LARGE))
