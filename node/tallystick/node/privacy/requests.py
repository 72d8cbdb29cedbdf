"""Requests between peers: signed for one recipient, and checked before anything else happens."""

from dataclasses import dataclass
from typing import Final

from tallystick.node.membership.errors import IdentityError, SigningFailedError
from tallystick.node.membership.identity import Identity, NodeRole
from tallystick.node.privacy.node import PrivacyNode, PrivateChannel, PrivateDataRefusedError
from tallystick.protos.tallystick.private_data_pb2 import (
    Acknowledgement,
    Fetch,
    Push,
    Request,
    SignedRequest,
)

TIME_WINDOW_NS: Final = 15 * 60 * 1_000_000_000
"""How far the time of a request may be off: as for requests to deliver blocks."""

_ACKNOWLEDGED: Final = b"tallystick.PrivateData/Push acknowledged\x00"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a request is for: the peers of one organisation, on one channel."""

    channel_id: str
    msp_id: str


def sign_request(content: Push | Fetch, recipient: Recipient, node: PrivacyNode) -> SignedRequest:
    """Return a request of ``node``.

    Raises:
        SigningFailedError: The node's key did not sign.
    """
    request = Request(
        channel_id=recipient.channel_id,
        sender=node.signer.identity,
        recipient=recipient.msp_id,
        timestamp_ns=node.clock(),
    )
    if isinstance(content, Push):
        request.push.CopyFrom(content)
    else:
        request.fetch.CopyFrom(content)
    encoded = request.SerializeToString()
    return SignedRequest(request=encoded, signature=node.signer.sign(encoded))


def sender_of(
    signed: SignedRequest, request: Request, channel: PrivateChannel, node: PrivacyNode
) -> Identity:
    """Return the peer that made ``request``, which ``signed`` holds.

    Raises:
        PrivateDataRefusedError: It is for somebody else, too old, or not signed by a peer of the
            channel.
    """
    if request.recipient != node.msp_id:
        raise PrivateDataRefusedError(f"this is a peer of {node.msp_id}, not {request.recipient}")
    now_ns = node.clock()
    if abs(now_ns - request.timestamp_ns) > TIME_WINDOW_NS:
        raise PrivateDataRefusedError("the time of the request is off; set the peers' clocks")
    try:
        sender = channel.config.msps.identity(request.sender)
    except IdentityError as error:
        raise PrivateDataRefusedError(f"the sender is not of this channel: {error}") from error
    if sender.not_after_ns < now_ns:
        raise PrivateDataRefusedError(f"the certificate of {sender} has expired")
    if sender.roles and NodeRole.PEER not in sender.roles:
        raise PrivateDataRefusedError(f"{sender} is no peer")
    if not node.checker.good(sender, signed.request, signed.signature):
        raise PrivateDataRefusedError(f"{sender} did not sign the request")
    return sender


def acknowledge(signed: SignedRequest, node: PrivacyNode) -> Acknowledgement:
    """Return the word of ``node`` that it keeps what was handed over.

    Raises:
        PrivateDataRefusedError: The node's key did not sign.
    """
    try:
        signature = node.signer.sign(_ACKNOWLEDGED + signed.request)
    except SigningFailedError as error:
        raise PrivateDataRefusedError(f"it cannot be acknowledged: {error}") from error
    return Acknowledgement(peer=node.signer.identity, signature=signature)


def acknowledging_peer(
    acknowledgement: Acknowledgement,
    signed: SignedRequest,
    channel: PrivateChannel,
    node: PrivacyNode,
) -> Identity:
    """Return who acknowledged a request.

    Raises:
        PrivateDataRefusedError: It is nobody of the channel, or did not sign.
    """
    try:
        peer = channel.config.msps.identity(acknowledgement.peer)
    except IdentityError as error:
        raise PrivateDataRefusedError(f"who answers is not of this channel: {error}") from error
    message = _ACKNOWLEDGED + signed.request
    if not node.checker.good(peer, message, acknowledgement.signature):
        raise PrivateDataRefusedError(f"{peer} did not sign the acknowledgement")
    return peer
