"""What chaincodes tell the world. Source: wire.md §5.6."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from tallystick.client.checkpoint import Checkpoint
from tallystick.client.events_request import EventKind, EventsRequest, SignedContent
from tallystick.client.session import Session
from tallystick.client.transport import GatewayTransport
from tallystick.protos.gateway import gateway_pb2
from tallystick.protos.orderer.ab_pb2 import SeekNextCommit, SeekPosition, SeekSpecified
from tallystick.wire.messages import decode


@dataclass(frozen=True, slots=True)
class ChaincodeEvent:
    """What a chaincode emitted in a transaction that the ledger holds as valid.

    Attributes:
        block_number: The block of the transaction.
        transaction_id: Its id; a transaction has one event at most.
        chaincode: The chaincode that the transaction called.
        name: The event's name.
        payload: The event's content.
    """

    block_number: int
    transaction_id: str
    chaincode: str
    name: str
    payload: bytes

    @property
    def checkpoint(self) -> Checkpoint:
        """The place after this event: save it once the event is dealt with."""
        return Checkpoint(block_number=self.block_number, transaction_id=self.transaction_id)


def seek_position(start: Checkpoint | None) -> SeekPosition:
    """Return where a peer is to begin; without a place, with the next block to be committed."""
    if start is None:
        return SeekPosition(next_commit=SeekNextCommit())
    return SeekPosition(specified=SeekSpecified(number=start.block_number))


class ChaincodeEvents(EventKind[ChaincodeEvent]):
    """Chaincode events as a kind. Source: wire.md §5.6."""

    def source(self, content: bytes) -> str:
        """Name chaincode and channel."""
        request = decode(gateway_pb2.ChaincodeEventsRequest, content)
        return f"events of {request.chaincode_id} on {request.channel_id}"

    def encode(self, request: SignedContent) -> bytes:
        """Return ``gateway.SignedChaincodeEventsRequest``."""
        return _message(request).SerializeToString()

    def decode(self, data: bytes) -> SignedContent:
        """Return what is in ``gateway.SignedChaincodeEventsRequest``."""
        signed = decode(gateway_pb2.SignedChaincodeEventsRequest, data)
        return SignedContent(signed.request, signed.signature)

    async def events(
        self, transport: GatewayTransport, request: SignedContent
    ) -> AsyncGenerator[ChaincodeEvent, None]:
        """Yield the events one by one, in ledger order."""
        async with aclosing(transport.chaincode_events(_message(request))) as responses:
            async for response in responses:
                for event in response.events:
                    yield ChaincodeEvent(
                        block_number=response.block_number,
                        transaction_id=event.tx_id,
                        chaincode=event.chaincode_id,
                        name=event.event_name,
                        payload=event.payload,
                    )


CHAINCODE_EVENTS: Final = ChaincodeEvents()


def chaincode_events_request(
    session: Session, channel_id: str, chaincode: str, start: Checkpoint | None
) -> EventsRequest[ChaincodeEvent]:
    """Return a request for the events of ``chaincode`` after ``start``, or from now on."""
    request = gateway_pb2.ChaincodeEventsRequest(
        channel_id=channel_id,
        chaincode_id=chaincode,
        identity=session.signer.identity,
        start_position=seek_position(start),
        after_transaction_id=start.transaction_id if start else "",
    )
    content = SignedContent(request.SerializeToString())
    return EventsRequest(session, CHAINCODE_EVENTS, content)


def _message(request: SignedContent) -> gateway_pb2.SignedChaincodeEventsRequest:
    return gateway_pb2.SignedChaincodeEventsRequest(
        request=request.content, signature=request.signature
    )
