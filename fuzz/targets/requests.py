"""What clients and administrators send to peers and orderers."""

from contextlib import suppress

from fuzz.context import channel
from fuzz.target import Target
from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.config_update import authorize, signed_update
from tallystick.node.channel.errors import ChannelConfigError
from tallystick.node.deliver.access import SessionAccess, check_freshness, read_request
from tallystick.node.deliver.seek import SeekRefused, resolve
from tallystick.node.endorsement.errors import ProposalRefusedError
from tallystick.node.endorsement.proposal import check_form, time_text, unpack
from tallystick.node.gateway.errors import GatewayError
from tallystick.node.gateway.requests import proposed_call, read, require_origin
from tallystick.node.membership.errors import IdentityError
from tallystick.node.ordering.admission import Submission, admit, read_submission
from tallystick.node.ordering.config_admission import NoUpdateError, updated_channel
from tallystick.protos.common.common_pb2 import Envelope
from tallystick.protos.common.configtx_pb2 import Config
from tallystick.protos.gateway.gateway_pb2 import ChaincodeEventsRequest, CommitStatusRequest
from tallystick.protos.orderer.ab_pb2 import SeekInfo
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.snapshot_pb2 import (
    SignedSnapshotRequest,
    SnapshotQuery,
    SnapshotRequest,
)
from tallystick.protos.tallystick.endorsement_pb2 import ProposalAsked
from tallystick.wire.errors import WireError
from tallystick.wire.messages import decode

HEIGHT = 8


def _envelope(data: bytes) -> None:
    """As an orderer takes what is broadcast."""
    submission = read_submission(data)
    if isinstance(submission, Submission):
        admit(submission, channel(), now_ns=0)


def _proposal(data: bytes) -> None:
    """As an endorser takes it."""
    _check(decode(SignedProposal, data))


def _check(signed: SignedProposal) -> None:
    proposal = unpack(signed)
    time_text(proposal.timestamp_ns)
    check_form(proposal)


def _gateway_proposal(data: bytes) -> None:
    """As a gateway reads it, to find endorsers."""
    proposed_call(decode(SignedProposal, data))


def _proposal_asked(data: bytes) -> None:
    """As an endorser takes one that a gateway has put on a stream."""
    _check(decode(ProposalAsked, data).proposal)


def _gateway_request(data: bytes) -> None:
    """As a gateway reads who waits for a commit or for events."""
    status = read(CommitStatusRequest, data, "status request")
    require_origin(status.identity, status.channel_id)
    events = read(ChaincodeEventsRequest, data, "chaincode events request")
    require_origin(events.identity, events.channel_id)


def _snapshot_request(data: bytes) -> None:
    """As a peer takes requests for snapshots."""
    signed = decode(SignedSnapshotRequest, data)
    decode(SnapshotQuery, signed.request)
    wanted = decode(SnapshotRequest, signed.request)
    with suppress(IdentityError):
        channel().msps.identity(wanted.signature_header.creator)


def _config_update(data: bytes) -> None:
    """As an orderer judges an update, and as the command line explains it."""
    update = decode(Envelope, data)
    updated_channel(update)
    signed_update(channel(), update)
    result = authorize(channel(), update)
    if isinstance(result, Config):
        ChannelConfig.from_config(channel().channel_id, result)


def _deliver(data: bytes) -> None:
    """As peers and orderers take requests for blocks."""
    request = read_request(data)
    if isinstance(request, SeekRefused):
        return
    check_freshness(request, now_ns=0, time_window_s=1)
    resolve(decode(SeekInfo, request.seek), HEIGHT)
    SessionAccess(request.signed, lambda _: "/Channel/Readers").evaluate(channel(), now_ns=0)


TARGETS = (
    Target("envelope", _envelope),
    Target("proposal", _proposal, (WireError, ProposalRefusedError)),
    Target("gateway_proposal", _gateway_proposal, (WireError, GatewayError)),
    Target("proposal_asked", _proposal_asked, (WireError, ProposalRefusedError)),
    Target("gateway_request", _gateway_request, (GatewayError,)),
    Target("snapshot_request", _snapshot_request, (WireError,)),
    Target("config_update", _config_update, (WireError, NoUpdateError, ChannelConfigError)),
    Target("deliver", _deliver, (WireError,)),
)
