"""Replays the events that valid transactions of one chaincode emitted."""

from collections.abc import Iterator
from dataclasses import dataclass

import grpc

from tallystick.node.gateway.channel import GatewayChannel
from tallystick.node.gateway.errors import GatewayError
from tallystick.node.gateway.requests import invalid_argument
from tallystick.node.ledger.block_store import BlockNotFoundError
from tallystick.protos.common import common_pb2
from tallystick.protos.gateway import gateway_pb2
from tallystick.protos.peer import (
    chaincode_event_pb2,
    proposal_pb2,
    proposal_response_pb2,
    transaction_pb2,
)

VALID = transaction_pb2.TxValidationCode.VALID


@dataclass(slots=True)
class ChaincodeEventFilter:
    """Decides which events of a replay one subscriber sees.

    ``after_transaction_id`` is a checkpoint: everything up to and including the event of that
    transaction is skipped, whichever chaincode emitted it. Before it has passed, nothing is
    shown.

    Source: wire.md §5.6.
    """

    chaincode: str
    after_transaction_id: str = ""

    def response(self, block: common_pb2.Block) -> gateway_pb2.ChaincodeEventsResponse | None:
        """Return the matching events of ``block`` in order; None when there are none."""
        events = [event for event in events_of(block) if self._wanted(event)]
        if not events:
            return None
        return gateway_pb2.ChaincodeEventsResponse(events=events, block_number=block.header.number)

    def _wanted(self, event: chaincode_event_pb2.ChaincodeEvent) -> bool:
        if self.after_transaction_id:
            if event.tx_id == self.after_transaction_id:
                self.after_transaction_id = ""
            return False
        return event.chaincode_id == self.chaincode


def events_of(block: common_pb2.Block) -> Iterator[chaincode_event_pb2.ChaincodeEvent]:
    """Yield the events of the valid transactions of a committed ``block``, in order."""
    flags = block.metadata.metadata[common_pb2.BlockMetadataIndex.TRANSACTIONS_FILTER]
    for flag, entry in zip(flags, block.data.data, strict=True):
        if flag == VALID:
            event = _event_of(entry)
            if event is not None:
                yield event


def _event_of(entry: bytes) -> chaincode_event_pb2.ChaincodeEvent | None:
    envelope = common_pb2.Envelope.FromString(entry)
    payload = common_pb2.Payload.FromString(envelope.payload)
    channel_header = common_pb2.ChannelHeader.FromString(payload.header.channel_header)
    if channel_header.type != common_pb2.HeaderType.ENDORSER_TRANSACTION:
        return None
    transaction = transaction_pb2.Transaction.FromString(payload.data)
    action_payload = transaction_pb2.ChaincodeActionPayload.FromString(
        transaction.actions[0].payload
    )
    response = proposal_response_pb2.ProposalResponsePayload.FromString(
        action_payload.action.proposal_response_payload
    )
    action = proposal_pb2.ChaincodeAction.FromString(response.extension)
    if not action.events:
        return None
    return chaincode_event_pb2.ChaincodeEvent.FromString(action.events)


def first_block(channel: GatewayChannel, request: gateway_pb2.ChaincodeEventsRequest) -> int:
    """Return where a replay starts. Source: wire.md §5.6, the table of start positions.

    Raises:
        GatewayError: The block is not here any more, or the position is none.
    """
    number, ledger = _start(channel, request), channel.ledger
    if number < ledger.first_block:
        missing = BlockNotFoundError(number=number, height=ledger.height, first=ledger.first_block)
        raise GatewayError(grpc.StatusCode.NOT_FOUND, str(missing))
    return number


def _start(channel: GatewayChannel, request: gateway_pb2.ChaincodeEventsRequest) -> int:
    if request.after_transaction_id:
        found = channel.ledger.location(request.after_transaction_id)
        if found is not None:
            return found.block_number
    match request.start_position.WhichOneof("Type"):
        case None | "next_commit":
            return channel.ledger.height
        case "specified":
            return request.start_position.specified.number
        case other:
            raise invalid_argument(f"invalid start position type: {other}")
