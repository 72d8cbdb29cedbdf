"""The port through which the client reaches a peer."""

from collections.abc import AsyncGenerator
from typing import Protocol

from tallystick.protos.common.common_pb2 import Envelope
from tallystick.protos.gateway import gateway_pb2
from tallystick.protos.peer.events_pb2 import DeliverResponse


class GatewayTransport(Protocol):
    """A peer's gateway and deliver services.

    Each method raises `tallystick.client.errors.RpcFailure` when the peer refuses or cannot be
    reached. Closing a generator, or cancelling whoever waits for it, ends the stream at the peer.
    """

    async def evaluate(self, request: gateway_pb2.EvaluateRequest) -> gateway_pb2.EvaluateResponse:
        """Call ``Evaluate``."""

    async def endorse(self, request: gateway_pb2.EndorseRequest) -> gateway_pb2.EndorseResponse:
        """Call ``Endorse``."""

    async def submit(self, request: gateway_pb2.SubmitRequest) -> gateway_pb2.SubmitResponse:
        """Call ``Submit``."""

    async def commit_status(
        self, request: gateway_pb2.SignedCommitStatusRequest
    ) -> gateway_pb2.CommitStatusResponse:
        """Call ``CommitStatus``, which answers once the transaction is committed."""

    def chaincode_events(
        self, request: gateway_pb2.SignedChaincodeEventsRequest
    ) -> AsyncGenerator[gateway_pb2.ChaincodeEventsResponse, None]:
        """Call ``ChaincodeEvents``."""

    def deliver(self, request: Envelope) -> AsyncGenerator[DeliverResponse, None]:
        """Stream whole blocks."""

    def deliver_filtered(self, request: Envelope) -> AsyncGenerator[DeliverResponse, None]:
        """Stream filtered blocks."""

    def deliver_with_private_data(self, request: Envelope) -> AsyncGenerator[DeliverResponse, None]:
        """Stream whole blocks, each with the private values that the caller may see."""

    async def close(self) -> None:
        """End every call and stream."""
