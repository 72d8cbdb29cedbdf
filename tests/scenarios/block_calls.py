"""What the valid transactions of a block have called, and what they tell."""

from collections.abc import Iterator
from dataclasses import dataclass

from tallystick.contracts.events import LedgerEvent
from tallystick.contracts.instants import Instant, instant_from_ns
from tallystick.contracts.replay.transactions import told_by
from tallystick.node.ledger.committed import is_endorser_transaction, recorded_codes
from tallystick.protos.common.common_pb2 import Block, Envelope, Payload
from tallystick.protos.peer.chaincode_event_pb2 import ChaincodeEvent
from tallystick.protos.peer.chaincode_pb2 import ChaincodeInvocationSpec
from tallystick.protos.peer.proposal_pb2 import ChaincodeProposalPayload
from tallystick.protos.peer.transaction_pb2 import VALID, ChaincodeActionPayload, Transaction
from tallystick.wire.envelope import chaincode_action_of, channel_header_of


@dataclass(frozen=True, slots=True)
class Call:
    """A valid transaction.

    Attributes:
        transaction_id: Its id.
        moment: Its time.
        function: What was called, as ``chaincode.function``.
        events: What it tells everybody.
    """

    transaction_id: str
    moment: Instant
    function: str
    events: tuple[LedgerEvent, ...]


def calls_of(block: Block) -> Iterator[Call]:
    """Yield the valid transactions of a block, in their order."""
    for code, entry in zip(recorded_codes(block), block.data.data, strict=True):
        if code == VALID and is_endorser_transaction(entry):
            envelope = Envelope.FromString(entry)
            payload = envelope.payload
            event = ChaincodeEvent.FromString(chaincode_action_of(payload).events)
            told = told_by(event.chaincode_id, event.event_name, event.payload)
            header = channel_header_of(envelope)
            moment = instant_from_ns(header.timestamp.ToNanoseconds())
            yield Call(header.tx_id, moment, _function_of(payload), told.events)


def _function_of(payload: bytes) -> str:
    (action,) = Transaction.FromString(Payload.FromString(payload).data).actions
    endorsed = ChaincodeActionPayload.FromString(action.payload)
    proposal = ChaincodeProposalPayload.FromString(endorsed.chaincode_proposal_payload)
    called = ChaincodeInvocationSpec.FromString(proposal.input).chaincode_spec
    return f"{called.chaincode_id.name}.{called.input.args[0].decode()}"
