"""The port between the endorser and whatever runs chaincode."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tallystick.node.errors import LedgerError
from tallystick.node.ledger.simulator import Simulator
from tallystick.node.runtime.lifecycle import ResolvedChaincode
from tallystick.protos.peer.chaincode_event_pb2 import ChaincodeEvent
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import Response


class UnknownChannelError(LedgerError):
    """A chaincode calls another one on a channel that this peer has not joined.

    Attributes:
        channel_id: The channel.
    """

    def __init__(self, channel_id: str) -> None:
        super().__init__(
            f"failed to find ledger for channel: {channel_id}; name endorsers whose peers are on it"
        )
        self.channel_id = channel_id


def _no_other_channel(channel_id: str) -> "Invocation":
    raise UnknownChannelError(channel_id)


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
        elsewhere: Returns the same for a call on another channel: its simulator is a new one, whose
            results nobody takes. It raises LedgerError if there is no such channel here, or the
            client does not belong to it. Source: hyperledger/fabric core/chaincode/handler.go.
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
    elsewhere: Callable[[str], "Invocation"] = _no_other_channel


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
