"""What chaincodes tell the world. Source: wire.md §5.6."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from tallystick.client.checkpoint import Checkpoint
from tallystick.client.session import Session
from tallystick.protos.gateway import gateway_pb2
from tallystick.protos.orderer.ab_pb2 import SeekNextCommit, SeekPosition, SeekSpecified


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


async def chaincode_events(
    session: Session, channel_id: str, chaincode: str, start: Checkpoint | None
) -> AsyncGenerator[ChaincodeEvent, None]:
    """Yield the events of ``chaincode``, in ledger order, after ``start`` or from now on."""
    request = gateway_pb2.ChaincodeEventsRequest(
        channel_id=channel_id,
        chaincode_id=chaincode,
        identity=session.signer.identity,
        start_position=seek_position(start),
        after_transaction_id=start.transaction_id if start else "",
    ).SerializeToString()
    signed = gateway_pb2.SignedChaincodeEventsRequest(
        request=request, signature=await session.sign(request)
    )
    async with aclosing(session.transport.chaincode_events(signed)) as responses:
        async for response in responses:
            for event in response.events:
                yield ChaincodeEvent(
                    block_number=response.block_number,
                    transaction_id=event.tx_id,
                    chaincode=event.chaincode_id,
                    name=event.event_name,
                    payload=event.payload,
                )
