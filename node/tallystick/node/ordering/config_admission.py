"""Which updates of a channel's configuration are ordered, and in which form. Pure but for signing.

What administrators send is authorised, applied, and wrapped: ordered is the whole new
configuration, signed by this orderer. Source: wire.md §7.1, §15.4.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.config_update import RefusedUpdate, authorize, check_succession
from tallystick.node.channel.errors import ChannelConfigError
from tallystick.node.errors import LedgerError
from tallystick.node.ordering.admission import (
    Admitted,
    Reconfiguration,
    Refused,
    Submission,
    check_message,
    read_submission,
)
from tallystick.protos.common.common_pb2 import (
    CONFIG,
    CONFIG_UPDATE,
    ChannelHeader,
    Envelope,
    Payload,
    Status,
)
from tallystick.protos.common.configtx_pb2 import (
    Config,
    ConfigEnvelope,
    ConfigUpdate,
    ConfigUpdateEnvelope,
)
from tallystick.wire.envelope import build_payload, signed_envelope
from tallystick.wire.errors import MalformedMessageError
from tallystick.wire.messages import MessageT, decode, timestamp_from_ns
from tallystick.wire.signing import Signer


class NoUpdateError(LedgerError):
    """An envelope holds no update of a configuration; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class EnvelopeAuthor:
    """An orderer as the author of envelopes.

    Attributes:
        signer: Its identity.
        new_nonce: Random bytes, different at each call.
        clock: Now, in nanoseconds since the epoch.
    """

    signer: Signer
    new_nonce: Callable[[], bytes]
    clock: Callable[[], int]

    def config_envelope(self, channel_id: str, config: Config, update: Envelope) -> bytes:
        """Return the signed envelope that carries ``config``, and ``update``, which led to it.

        Raises:
            SigningFailedError: The orderer's key did not sign.
        """
        header = ChannelHeader(
            type=CONFIG, channel_id=channel_id, timestamp=timestamp_from_ns(self.clock())
        )
        content = ConfigEnvelope(config=config, last_update=update)
        payload = build_payload(
            header,
            content.SerializeToString(deterministic=True),
            creator=self.signer.identity,
            nonce=self.new_nonce(),
        )
        return signed_envelope(payload, self.signer).SerializeToString()


def updated_channel(update: Envelope) -> str:
    """Return the id of the channel that ``update`` wants to change.

    Raises:
        NoUpdateError: It is of another type, or cannot be read, or names two channels: one in the
            header, another in what the administrators signed.

    Source: hyperledger/fabric orderer/common/channelparticipation/validator.go, whose words these
    are. It lets the header name any channel.
    """
    payload = _read(Payload, update.payload, "bad payload")
    if not payload.header.channel_header:
        raise NoUpdateError("bad header")
    header = _read(
        ChannelHeader, payload.header.channel_header, "could not unmarshall channel header"
    )
    if header.type != CONFIG_UPDATE:
        raise NoUpdateError("bad type")
    if not header.channel_id:
        raise NoUpdateError("empty channel id")
    envelope = _read(ConfigUpdateEnvelope, payload.data, "bad config update envelope")
    wanted = _read(ConfigUpdate, envelope.config_update, "bad config update").channel_id
    if wanted != header.channel_id:
        raise NoUpdateError(
            f"the header names channel {header.channel_id!r}, the update channel {wanted!r}"
        )
    return wanted


def admit_update(
    submission: Submission, channel: ChannelConfig, author: EnvelopeAuthor
) -> Admitted | Refused:
    """Return the configuration that an update leads to, ready to be ordered, or why it is refused.

    Args:
        submission: An envelope of type CONFIG_UPDATE for this channel.
        channel: The configuration in force.
        author: Signs the result.

    Raises:
        SigningFailedError: The orderer's key did not sign.
    """
    refused = check_message(submission, channel, now_ns=author.clock())
    if refused is not None:
        return _failed_checks("initial", refused)
    update = decode(Envelope, submission.envelope)
    result = authorize(channel, update)
    if isinstance(result, RefusedUpdate):
        return _inapplicable(channel, result.reason)
    try:
        following = ChannelConfig.from_config(channel.channel_id, result)
    except ChannelConfigError as error:
        return _inapplicable(channel, str(error))
    problem = check_succession(channel, following) or _check_consensus(channel, following)
    if problem:
        return _inapplicable(channel, problem)
    envelope = author.config_envelope(channel.channel_id, result, update)
    wrapped = read_submission(envelope)
    assert isinstance(wrapped, Submission), "what was just built can be read"
    # The whole configuration is larger than its update, and the orderer needs rights of its own.
    refused = check_message(wrapped, channel, now_ns=author.clock())
    if refused is not None:
        return _failed_checks("final", refused)
    return Admitted(
        envelope, wrapped.size_bytes, channel.sequence, Reconfiguration(submission, following)
    )


def _read(kind: type[MessageT], content: bytes, problem: str) -> MessageT:
    try:
        return decode(kind, content)
    except MalformedMessageError as error:
        raise NoUpdateError(problem) from error


def _check_consensus(channel: ChannelConfig, following: ChannelConfig) -> str:
    if channel.consensus_type == following.consensus_type:
        return ""
    return (
        f"attempted to change consensus type from {channel.consensus_type} to "
        f"{following.consensus_type}, which this orderer cannot do while it runs"
    )


def _failed_checks(stage: str, refused: Refused) -> Refused:
    return Refused(
        refused.status,
        f"config update for existing channel did not pass {stage} checks: {refused.info}",
    )


def _inapplicable(channel: ChannelConfig, reason: str) -> Refused:
    return Refused(
        Status.BAD_REQUEST,
        f"error applying config update to existing channel '{channel.channel_id}': {reason}",
    )
