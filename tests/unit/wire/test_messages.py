"""Decoding of received messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.protos.common.common_pb2 import Envelope, Header
from tallystick.wire.errors import MalformedMessageError, WireError
from tallystick.wire.messages import decode, timestamp_from_ns, timestamp_to_ns


def test_decoding_returns_the_message() -> None:
    envelope = Envelope(payload=b"payload", signature=b"signature")
    assert decode(Envelope, envelope.SerializeToString()) == envelope


def test_no_bytes_are_an_empty_message() -> None:
    assert decode(Envelope, b"") == Envelope()


def test_fields_of_a_later_version_are_kept() -> None:
    """§1: a message with unknown fields must come out as it went in."""
    unknown = bytes.fromhex("7a0161")
    assert decode(Header, unknown).SerializeToString() == unknown


def test_undecodable_bytes_name_the_message_that_was_expected() -> None:
    with pytest.raises(MalformedMessageError, match=r"malformed common\.Envelope") as caught:
        decode(Envelope, b"\x0a\xff")
    assert caught.value.message_type == "common.Envelope"
    assert isinstance(caught.value, WireError)


@given(time_ns=st.integers(min_value=0, max_value=2**62))
def test_timestamps_keep_every_nanosecond(time_ns: int) -> None:
    assert timestamp_to_ns(timestamp_from_ns(time_ns)) == time_ns
