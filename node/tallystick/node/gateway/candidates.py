"""Which peers a proposal may be shown to, and in which order they are asked.

Source: wire.md §5.2; hyperledger/fabric internal/pkg/gateway/registry.go.
"""

from collections.abc import Sequence

import grpc

from tallystick.node.channel.lifecycle_names import LIFECYCLE_NAMESPACE
from tallystick.node.gateway.channel import GatewayChannel
from tallystick.node.gateway.collector import NO_COMBINATION, NO_LOCAL_ENDORSER, no_peers_of
from tallystick.node.gateway.endorsers import EndorsingPeer
from tallystick.node.gateway.errors import GatewayError
from tallystick.node.gateway.requests import ProposedCall

SYSTEM_CHAINCODES = frozenset({LIFECYCLE_NAMESPACE, "qscc", "cscc"})


def _is_defined(channel: GatewayChannel, chaincode: str) -> bool:
    return (
        chaincode in SYSTEM_CHAINCODES
        or channel.definitions.validation_policy(chaincode) is not None
    )


def evaluation_candidates(
    channel: GatewayChannel, call: ProposedCall, organisations: Sequence[str]
) -> list[EndorsingPeer]:
    """Return whom to ask, in order: the own peer, the own organisation, then everybody else."""
    if not _is_defined(channel, call.chaincode):
        raise no_candidates(call, organisations)
    allowed = set(organisations)
    if call.transient and not allowed:
        allowed = {channel.peers.local_msp_id}
    candidates = [peer for peer in channel.peers if not allowed or peer.msp_id in allowed]
    if not candidates:
        raise no_candidates(call, organisations)
    return candidates


def no_candidates(call: ProposedCall, organisations: Sequence[str]) -> GatewayError:
    """Return the refusal when no peer that may be asked has the chaincode."""
    reason = (
        f"no peers available to evaluate chaincode {call.chaincode} in channel {call.channel_id}"
    )
    if call.transient and not organisations:
        reason = f"{NO_LOCAL_ENDORSER.format(kind='target')}: {reason}"
    return GatewayError(grpc.StatusCode.FAILED_PRECONDITION, reason)


def first_endorsers(channel: GatewayChannel, call: ProposedCall) -> list[EndorsingPeer]:
    """Return whom to ask first, in order; transient data stays within the own organisation."""
    if not _is_defined(channel, call.chaincode):
        raise no_endorsers(call)
    peers = channel.peers
    return peers.of(peers.local_msp_id) if call.transient else list(peers)


def no_endorsers(call: ProposedCall, organisations: Sequence[str] = ()) -> GatewayError:
    """Return the refusal when no peer knows the chaincode, or its channel.

    Args:
        call: What the client proposes.
        organisations: Whose endorsements it wants; empty if it leaves that to the gateway.
    """
    if organisations:
        return no_peers_of(organisations)
    reason = NO_LOCAL_ENDORSER.format(kind="endorsing")
    if not call.transient:
        reason = NO_COMBINATION.format(
            reason="No metadata was found for chaincode "
            f"{call.chaincode} in channel {call.channel_id}"
        )
    return GatewayError(grpc.StatusCode.FAILED_PRECONDITION, reason)
