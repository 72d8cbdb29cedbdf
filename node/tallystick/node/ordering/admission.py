"""Which envelopes may be ordered. Pure. Source: wire.md §7.1.

The orderer never opens a transaction: it looks at the headers, the size and the signature.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from tallystick.node.channel.config import ORDERER_GROUP, ChannelConfig
from tallystick.node.membership.errors import IdentityError
from tallystick.node.ordering.block_cutter import MAX_BATCH_BYTES
from tallystick.node.policies.evaluate import SignedData
from tallystick.protos.common.common_pb2 import (
    CONFIG,
    ORDERER_TRANSACTION,
    ChannelHeader,
    Envelope,
    Payload,
    SignatureHeader,
    Status,
)
from tallystick.protos.common.configtx_pb2 import ConfigGroup, ConfigValue
from tallystick.protos.orderer.configuration_pb2 import ConsensusType
from tallystick.wire.errors import WireError
from tallystick.wire.messages import decode

WRITERS: Final = "/Channel/Writers"
MAINTENANCE_WRITERS: Final = "/Channel/Orderer/Writers"

_NS_PER_S = 1_000_000_000

_REFUSED_TYPES: Final[Mapping[int, tuple["Status.ValueType", str]]] = {
    CONFIG: (Status.BAD_REQUEST, "message is of type that cannot be processed directly"),
    ORDERER_TRANSACTION: (Status.BAD_REQUEST, "message is of type that is no longer supported"),
}


@dataclass(frozen=True, slots=True)
class Refused:
    """What the client is told about an envelope that is not ordered."""

    status: "Status.ValueType"
    info: str


@dataclass(frozen=True, slots=True)
class Submission:
    """An envelope, read as far as the orderer reads it, and not judged.

    Attributes:
        envelope: Its bytes, in the one form that peers accept in a block.
        size_bytes: Payload and signature, without the framing: what the channel's limits count.
        channel_id: Where it wants to be ordered.
        header_type: What it claims to be.
        signed: Who sent it, and the signature over the payload.
        transaction_id: What it claims to be called.
    """

    envelope: bytes
    size_bytes: int
    channel_id: str
    header_type: int
    signed: SignedData
    transaction_id: str = ""


@dataclass(frozen=True, slots=True)
class Reconfiguration:
    """A change of the channel's configuration that was authorised.

    Attributes:
        update: What the administrators sent.
        config: The configuration that comes of it.
    """

    update: Submission
    config: ChannelConfig


@dataclass(frozen=True, slots=True)
class Admitted:
    """An envelope that may be ordered.

    Attributes:
        envelope: The bytes that enter the block.
        size_bytes: Payload and signature, without the framing.
        sequence: That of the configuration under which it was judged.
        reconfiguration: What it changes; None for everything but configurations.
    """

    envelope: bytes
    size_bytes: int
    sequence: int = 0
    reconfiguration: Reconfiguration | None = None


def read_submission(received: bytes) -> Submission | Refused:
    """Return the envelope in ``received``, or the answer to what is none."""
    try:
        envelope = decode(Envelope, received)
        if not envelope.payload:
            return Refused(Status.BAD_REQUEST, "Message was empty")
        header = decode(Payload, envelope.payload).header
        if not header.channel_header:
            return _no_channel("the channel header is not set")
        channel_header = decode(ChannelHeader, header.channel_header)
        creator = decode(SignatureHeader, header.signature_header).creator
    except WireError as error:
        return _no_channel(str(error))
    return Submission(
        # Peers refuse a block with an entry that protobuf would encode in another way, so one odd
        # envelope would stop the channel. No signature covers the envelope's own encoding.
        envelope=envelope.SerializeToString(),
        size_bytes=len(envelope.payload) + len(envelope.signature),
        channel_id=channel_header.channel_id,
        header_type=channel_header.type,
        signed=SignedData(creator, envelope.payload, envelope.signature),
        transaction_id=channel_header.tx_id,
    )


def unknown_channel() -> Refused:
    """Return the answer to an envelope for a channel that is not ordered here."""
    return Refused(Status.BAD_REQUEST, "channel does not exist")


def admit(submission: Submission, channel: ChannelConfig, *, now_ns: int) -> Admitted | Refused:
    """Return whether ``submission``, no update of the configuration, may be ordered on ``channel``.

    Args:
        submission: An envelope for this channel.
        channel: The configuration in force.
        now_ns: Now, in nanoseconds since the epoch.
    """
    refused = (
        _check_type(submission)
        or _check_maintenance(channel)
        or check_message(submission, channel, now_ns=now_ns)
    )
    return refused or Admitted(submission.envelope, submission.size_bytes, channel.sequence)


def check_message(submission: Submission, channel: ChannelConfig, *, now_ns: int) -> Refused | None:
    """Return why a message of any type cannot be ordered: its size, its sender; None if it can.

    The checks run from cheap to dear: an expired client costs no signature check.
    """
    return (
        _check_size(submission, min(channel.batch.absolute_max_bytes, MAX_BATCH_BYTES))
        or _check_expiry(submission, channel, now_ns)
        or _check_writers(submission, channel)
    )


def _no_channel(problem: str) -> Refused:
    return Refused(Status.BAD_REQUEST, f"could not determine channel ID: {problem}")


def _check_type(submission: Submission) -> Refused | None:
    refusal = _REFUSED_TYPES.get(submission.header_type)
    return Refused(*refusal) if refusal else None


def _check_maintenance(channel: ChannelConfig) -> Refused | None:
    if not in_maintenance(channel):
        return None
    return Refused(Status.SERVICE_UNAVAILABLE, "normal transactions are rejected: maintenance mode")


@lru_cache(maxsize=64)  # a configuration is immutable, and each envelope asks
def in_maintenance(channel: ChannelConfig) -> bool:
    """Return whether the channel only takes config updates, while its consensus is exchanged."""
    orderer = channel.config.channel_group.groups.get(ORDERER_GROUP, ConfigGroup())
    value = orderer.values.get("ConsensusType", ConfigValue()).value
    return decode(ConsensusType, value).state == ConsensusType.STATE_MAINTENANCE


def _check_size(submission: Submission, limit: int) -> Refused | None:
    if submission.size_bytes <= limit:
        return None
    return Refused(
        Status.BAD_REQUEST,
        f"message payload is {submission.size_bytes} bytes and exceeds maximum allowed"
        f" {limit} bytes",
    )


def _check_expiry(submission: Submission, channel: ChannelConfig, now_ns: int) -> Refused | None:
    try:
        identity = channel.msps.identity(submission.signed.identity)
    except IdentityError:
        return None  # the policy refuses it, and says why
    if now_ns <= identity.not_after_ns:
        return None
    expired_s = (now_ns - identity.not_after_ns) / _NS_PER_S
    return Refused(Status.BAD_REQUEST, f"broadcast client identity expired {expired_s:.0f}s before")


def _check_writers(submission: Submission, channel: ChannelConfig) -> Refused | None:
    path = MAINTENANCE_WRITERS if in_maintenance(channel) else WRITERS
    verdict = channel.policies.evaluate_signed(path, [submission.signed])
    if verdict.satisfied:
        return None
    return Refused(Status.FORBIDDEN, f"{verdict.reason}: permission denied")
