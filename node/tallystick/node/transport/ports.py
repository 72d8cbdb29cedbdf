"""What nodes need of one another, whether the other is in this process or across a network.

A streaming service is one async function over encoded messages; a gRPC server and a caller in the
same process use it alike. Encoded, because a block that goes to ten peers is then encoded once, and
because two nodes in one process must not share a message that either might change.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Final, Protocol

from tallystick.node.errors import LedgerError
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse, DeliverResponse
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse


class CallStanding(Protocol):
    """What a service that goes on after a refusal lets the transport know of a call."""

    def admitted(self) -> None:
        """Know that something was done for the call."""

    def refused(self) -> None:
        """Know that a message was refused."""


class _NoStanding:
    """The standing of a caller in this process, who holds nobody's place."""

    def admitted(self) -> None:
        """Do nothing."""

    def refused(self) -> None:
        """Do nothing."""


_NO_STANDING: Final = _NoStanding()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who opened a stream, as far as the connection tells.

    Attributes:
        address: For log messages.
        tls_certificate_hash: SHA-256 of the DER client certificate; empty without mutual TLS.
        call: Told what becomes of messages by services whose streams outlast a refusal.
    """

    address: str
    tls_certificate_hash: bytes = b""
    call: CallStanding = _NO_STANDING


LOCAL_CALLER = Caller("in-process")


class StreamService(Protocol):
    """A bidirectional stream over encoded messages."""

    def __call__(self, requests: AsyncIterator[bytes], caller: Caller) -> AsyncIterator[bytes]:
        """Yield the responses to ``requests``; the stream ends when the iterator does.

        The end of ``requests`` is a half-close: the caller has nothing more to ask, and still wants
        the rest of what it asked for.
        """


class OrdererConnection(Protocol):
    """A way to reach one orderer."""

    @property
    def endpoint(self) -> str:
        """Where the orderer listens, for messages to people."""

    async def broadcast(self, envelope: bytes) -> BroadcastResponse:
        """Return the orderer's answer to one envelope.

        Calls may overlap; envelopes reach the orderer in the order of the calls. SUCCESS of our
        orderers means that the envelope is ordered for good, of Fabric's that it waits to be.

        Raises:
            OrdererUnreachableError: There is no answer. The envelope may be ordered all the same.
        """

    def deliver(self, seek_envelope: bytes) -> AsyncGenerator[DeliverResponse, None]:
        """Yield blocks, then the status that ends the range. Close it when done.

        Raises:
            OrdererUnreachableError: The stream broke.
        """


class EndorserConnection(Protocol):
    """A way to reach one peer's endorser."""

    async def process_proposal(self, proposal: SignedProposal) -> ProposalResponse:
        """Return the peer's answer to a proposal.

        A refusal is raised by whoever carries it: as the endorser's own error in this process, as
        ``grpc.aio.AioRpcError`` across a network.
        """


class OrdererUnreachableError(LedgerError):
    """An orderer did not answer.

    Attributes:
        endpoint: Where it was expected.
        reason: What went wrong, in the transport's words.
    """

    def __init__(self, endpoint: str, reason: str) -> None:
        super().__init__(
            f"no answer from orderer {endpoint}: {reason}; check that it runs and that TLS and"
            " certificates of both sides fit, and try again, or use another orderer"
        )
        self.endpoint = endpoint
        self.reason = reason
