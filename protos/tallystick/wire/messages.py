"""Decoding of received messages, and the timestamps inside them."""

from typing import TypeVar

from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp

from tallystick.wire.errors import MalformedMessageError

MessageT = TypeVar("MessageT", bound=Message)

_NS_PER_S = 1_000_000_000


def decode(message_type: type[MessageT], data: bytes) -> MessageT:
    """Return the message that ``data`` holds.

    Empty bytes are a message whose fields are all unset. Fields that the type does not know are
    kept.

    Raises:
        MalformedMessageError: ``data`` is not an encoding of the type.
    """
    try:
        return message_type.FromString(data)
    except DecodeError as error:
        raise MalformedMessageError(message_type.DESCRIPTOR.full_name, str(error)) from error


def timestamp_from_ns(time_ns: int) -> Timestamp:
    """Return the protobuf form of a time in nanoseconds since the epoch, UTC."""
    seconds, nanos = divmod(time_ns, _NS_PER_S)
    return Timestamp(seconds=seconds, nanos=nanos)


def timestamp_to_ns(timestamp: Timestamp) -> int:
    """Return a protobuf timestamp as nanoseconds since the epoch, UTC."""
    return timestamp.seconds * _NS_PER_S + timestamp.nanos
