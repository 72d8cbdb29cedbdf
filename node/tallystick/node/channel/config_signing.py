"""Configuration updates on their way from administrator to administrator. Source: wire.md §8.1.

An update is kept as an envelope of type CONFIG_UPDATE, the form that Fabric's ``peer channel
signconfigtx`` and ``update`` read and write too.
"""

from collections.abc import Callable, Iterable

from tallystick.node.channel.errors import ChannelConfigError
from tallystick.protos.common.common_pb2 import (
    CONFIG_UPDATE,
    ChannelHeader,
    Envelope,
    Header,
    Payload,
    SignatureHeader,
)
from tallystick.protos.common.configtx_pb2 import (
    ConfigSignature,
    ConfigUpdate,
    ConfigUpdateEnvelope,
)
from tallystick.wire.envelope import build_payload, channel_header_of, signed_envelope
from tallystick.wire.messages import decode, timestamp_from_ns
from tallystick.wire.signing import Signer


def unsigned_update(update: ConfigUpdate) -> Envelope:
    """Return ``update`` as an envelope that nobody has signed yet."""
    content = ConfigUpdateEnvelope(config_update=update.SerializeToString(deterministic=True))
    return _unsent(update.channel_id, content)


def with_signatures_of(envelope: Envelope, copies: Iterable[Envelope]) -> Envelope:
    """Return ``envelope`` with the signatures that administrators have added to its copies.

    Nobody is the sender of the result: who submits it signs it as a whole.

    Raises:
        ChannelConfigError: One of them is another update, or none.
        MalformedMessageError: One cannot be read.
    """
    content = update_in(envelope)
    channel_id = channel_header_of(envelope).channel_id
    for copy in map(update_in, copies):
        if copy.config_update != content.config_update:
            raise ChannelConfigError(
                channel_id, "signatures of another update cannot be added to this one"
            )
        known = list(content.signatures)
        content.signatures.extend(each for each in copy.signatures if each not in known)
    return _unsent(channel_id, content)


def _unsent(channel_id: str, content: ConfigUpdateEnvelope) -> Envelope:
    header = ChannelHeader(type=CONFIG_UPDATE, channel_id=channel_id)
    payload = Payload(
        header=Header(channel_header=header.SerializeToString()), data=content.SerializeToString()
    )
    return Envelope(payload=payload.SerializeToString())


def update_in(envelope: Envelope) -> ConfigUpdateEnvelope:
    """Return the update in ``envelope`` with the signatures that it has so far.

    Raises:
        ChannelConfigError: It is an envelope of another type.
        MalformedMessageError: It cannot be read.
    """
    header = channel_header_of(envelope)
    if header.type != CONFIG_UPDATE:
        raise ChannelConfigError(
            header.channel_id, f"an envelope of type {header.type} is no configuration update"
        )
    return decode(ConfigUpdateEnvelope, decode(Payload, envelope.payload).data)


def with_signature(
    envelope: Envelope, signer: Signer, *, new_nonce: Callable[[], bytes], now_ns: int
) -> Envelope:
    """Return ``envelope`` with one administrator's agreement more; they become its sender too.

    Args:
        envelope: An update with any number of signatures.
        signer: The administrator.
        new_nonce: Random bytes, different at each call.
        now_ns: Now, in nanoseconds since the epoch.

    Raises:
        ChannelConfigError: It is an envelope of another type.
        MalformedMessageError: It cannot be read.
    """
    content = update_in(envelope)
    header = SignatureHeader(creator=signer.identity, nonce=new_nonce()).SerializeToString()
    content.signatures.append(
        ConfigSignature(
            signature_header=header, signature=signer.sign(header + content.config_update)
        )
    )
    channel_header = ChannelHeader(
        type=CONFIG_UPDATE,
        channel_id=channel_header_of(envelope).channel_id,
        timestamp=timestamp_from_ns(now_ns),
    )
    payload = build_payload(
        channel_header,
        content.SerializeToString(),
        creator=signer.identity,
        nonce=new_nonce(),
    )
    return signed_envelope(payload, signer)
