"""Who may read, and whether the request is fresh and bound to its connection.

Source: wire.md §6, checks in order; §1 for the binding.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.deliver.seek import SeekRefused
from tallystick.node.membership.errors import IdentityError
from tallystick.node.policies.evaluate import SignedData
from tallystick.protos.common.common_pb2 import (
    ChannelHeader,
    Envelope,
    Payload,
    SignatureHeader,
    Status,
)
from tallystick.wire.errors import WireError
from tallystick.wire.messages import decode, timestamp_to_ns

_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class DeliverRequest:
    """A signed request, read but not judged.

    Attributes:
        channel_id: The channel whose blocks are asked for.
        timestamp_ns: When it was made; None when it does not say.
        tls_certificate_hash: The client certificate that it claims to come with.
        signed: Who asks, and the signature over the payload.
        seek: ``SeekInfo`` bytes.
    """

    channel_id: str
    timestamp_ns: int | None
    tls_certificate_hash: bytes
    signed: SignedData
    seek: bytes


def read_request(envelope_bytes: bytes) -> DeliverRequest | SeekRefused:
    """Return the request inside an envelope."""
    try:
        envelope = decode(Envelope, envelope_bytes)
        payload = decode(Payload, envelope.payload)
        header = decode(ChannelHeader, payload.header.channel_header)
        creator = decode(SignatureHeader, payload.header.signature_header).creator
    except WireError as error:
        return SeekRefused(Status.BAD_REQUEST, str(error))
    if not payload.header.channel_header:
        return SeekRefused(Status.BAD_REQUEST, "the request has no channel header")
    return DeliverRequest(
        channel_id=header.channel_id,
        timestamp_ns=timestamp_to_ns(header.timestamp) if header.HasField("timestamp") else None,
        tls_certificate_hash=header.tls_cert_hash,
        signed=SignedData(creator, envelope.payload, envelope.signature),
        seek=payload.data,
    )


def check_freshness(
    request: DeliverRequest, *, now_ns: int, time_window_s: float
) -> SeekRefused | None:
    """Refuse a request that is older or newer than the window allows: it may be a replay."""
    if request.timestamp_ns is None:
        return SeekRefused(Status.BAD_REQUEST, "the channel header has no timestamp")
    offset_s = (request.timestamp_ns - now_ns) / _NS_PER_S
    if abs(offset_s) > time_window_s:
        return SeekRefused(
            Status.BAD_REQUEST,
            f"the timestamp is {offset_s:+.0f} s off this node's clock, and at most"
            f" {time_window_s:.0f} s are allowed; check the clocks",
        )
    return None


def check_binding(request: DeliverRequest, certificate_hash: bytes) -> SeekRefused | None:
    """Refuse a request that does not name the client certificate of its own connection."""
    if not request.tls_certificate_hash:
        return SeekRefused(Status.BAD_REQUEST, "the channel header has no TLS certificate hash")
    if request.tls_certificate_hash != certificate_hash:
        return SeekRefused(
            Status.BAD_REQUEST, "the TLS certificate hash is not that of the connection"
        )
    return None


class SessionAccess:
    """Whether the creator of one request may go on reading.

    The policy is evaluated at first and whenever the channel's configuration has changed; the
    expiry of the creator's certificate counts at all times.
    """

    def __init__(self, signed: SignedData, policy: Callable[[ChannelConfig], str]) -> None:
        self._signed = signed
        self._policy = policy
        self._accepted_sequence: int | None = None
        self._not_after_ns: int | None = None

    def evaluate(self, config: ChannelConfig, *, now_ns: int) -> SeekRefused | None:
        """Return why the creator may not read under ``config``; None if they may."""
        if config.sequence != self._accepted_sequence:
            refusal = self._evaluate_policy(config)
            if refusal is not None:
                return refusal
            self._accepted_sequence = config.sequence
        if self._not_after_ns is not None and now_ns > self._not_after_ns:
            expired_s = (now_ns - self._not_after_ns) / _NS_PER_S
            return SeekRefused(
                Status.FORBIDDEN, f"the client's certificate expired {expired_s:.0f} s ago"
            )
        return None

    def _evaluate_policy(self, config: ChannelConfig) -> SeekRefused | None:
        try:
            self._not_after_ns = config.msps.identity(self._signed.identity).not_after_ns
        except IdentityError as error:
            return SeekRefused(Status.FORBIDDEN, str(error))
        verdict = config.policies.evaluate_signed(self._policy(config), [self._signed])
        return None if verdict.satisfied else SeekRefused(Status.FORBIDDEN, verdict.reason)
