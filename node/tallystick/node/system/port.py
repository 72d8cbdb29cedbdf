"""The port between the endorser and system chaincodes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.ledger.ledger import Ledger
from tallystick.node.ledger.simulator import Simulator
from tallystick.node.runtime.lifecycle import DefinitionCache
from tallystick.protos.peer.proposal_response_pb2 import Response

OK: Final = 200
NOT_FOUND: Final = 404
ERROR: Final = 500


class SystemChannel(Protocol):
    """What system chaincodes need of a channel that this peer has joined."""

    @property
    def config(self) -> ChannelConfig:
        """The configuration in force."""

    @property
    def ledger(self) -> Ledger:
        """Its blocks and state."""

    @property
    def definitions(self) -> DefinitionCache:
        """Its committed chaincode definitions."""


@dataclass(frozen=True, slots=True)
class SystemInvocation:
    """One call of a system chaincode by a proposal whose signature has been found good.

    Attributes:
        args: The function name, then its arguments.
        creator: ``SerializedIdentity`` bytes of the client.
        channel: The channel of the proposal; None if the proposal names none.
        simulator: Takes reads and writes; None for calls that read no state of a channel.
    """

    args: Sequence[bytes]
    creator: bytes
    channel: SystemChannel | None
    simulator: Simulator | None


class SystemChaincode(Protocol):
    """A chaincode that is part of the peer."""

    async def invoke(self, invocation: SystemInvocation) -> Response:
        """Return the answer to one call. A refusal is an answer too."""

    def answer_chaincode(self, invocation: SystemInvocation, entry_chaincode: str) -> Response:
        """Return the answer to a call that another chaincode makes within its transaction.

        Args:
            invocation: The call, with the simulator of that transaction.
            entry_chaincode: The chaincode that the client's proposal names.
        """


def success(payload: bytes) -> Response:
    """Return the answer that everything went well."""
    return Response(status=OK, payload=payload)


def failure(message: str, status: int = ERROR) -> Response:
    """Return the answer that something did not."""
    return Response(status=status, message=message)
