"""The port between the endorser and whatever runs chaincode."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tallystick.node.ledger.simulator import Simulator
from tallystick.node.runtime.lifecycle import ResolvedChaincode
from tallystick.protos.peer.chaincode_event_pb2 import ChaincodeEvent
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import Response


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of a chaincode by a proposal.

    Attributes:
        chaincode: Name of the chaincode, which is its namespace in the state.
        args: The function name, then its arguments.
        is_init: Whether this is the initialisation that the definition demands.
        transient: What the client sent outside the transaction.
        creator: ``SerializedIdentity`` bytes of the client.
        timestamp_ns: The proposal's time, nanoseconds since the epoch, UTC.
        entry_chaincode: The chaincode that the proposal names.
        signed_proposal: The proposal as it arrived, for chaincode in another process.
        simulator: Takes the reads and writes, also those of callees.
        resolve: Returns the channel's definition of a chaincode that this one calls, or None if
            there is none, and leaves the reads of that in the simulator. It raises LedgerError if
            the client may not reach that chaincode through another one.
        system: How each system chaincode answers the arguments of a call that this one makes.
    """

    channel_id: str
    transaction_id: str
    chaincode: str
    args: Sequence[bytes]
    is_init: bool
    transient: Mapping[str, bytes]
    creator: bytes
    timestamp_ns: int
    entry_chaincode: str
    signed_proposal: SignedProposal
    simulator: Simulator
    resolve: Callable[[str], ResolvedChaincode | None]
    system: Mapping[str, Callable[[Sequence[bytes]], Response]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InvocationResult:
    """What a chaincode answered; a status of 400 or more carries no event."""

    response: Response
    event: ChaincodeEvent | None


class ChaincodeRuntime(Protocol):
    """Runs chaincode. A chaincode that refuses or fails answers with a response."""

    async def execute(self, package_id: str, invocation: Invocation) -> InvocationResult:
        """Run one invocation of the chaincode in an installed package.

        Raises:
            LedgerError: The chaincode gave no answer: it is not there, crashed or took too long.
        """
