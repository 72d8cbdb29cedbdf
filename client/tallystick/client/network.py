"""One channel, as a gateway reaches it."""

from tallystick.client.block_events import (
    BLOCKS,
    BLOCKS_AND_PRIVATE_DATA,
    FILTERED_BLOCKS,
    block_events_request,
)
from tallystick.client.chaincode_events import ChaincodeEvent, chaincode_events_request
from tallystick.client.checkpoint import Checkpoint, Checkpointer
from tallystick.client.commit import Commit
from tallystick.client.contract import Contract
from tallystick.client.event_stream import EventStream
from tallystick.client.events_request import EventsRequest
from tallystick.client.session import Session
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.peer.events_pb2 import BlockAndPrivateData, FilteredBlock


class Network:
    """The organisations of a channel and the ledger that they share.

    Streams begin where ``checkpoint`` says, if it holds anything yet; else with block
    ``start_block``; else with the next block to be committed. Saving checkpoints is the
    listener's part, once it has dealt with an event.

    Attributes:
        channel_id: The channel's name.
    """

    def __init__(self, session: Session, channel_id: str) -> None:
        self._session = session
        self.channel_id = channel_id

    def contract(self, chaincode: str) -> Contract:
        """Return a chaincode of the channel; whether it exists shows with the first call."""
        return Contract(self._session, self.channel_id, chaincode)

    def commit(self, transaction_id: str) -> Commit:
        """Return the commit of a transaction, whoever submitted it."""
        return Commit.build(self._session, self.channel_id, transaction_id)

    def chaincode_events(
        self,
        chaincode: str,
        *,
        start_block: int | None = None,
        checkpoint: Checkpointer | None = None,
    ) -> EventStream[ChaincodeEvent]:
        """Return the events of a chaincode, of valid transactions only."""
        return self.new_chaincode_events_request(
            chaincode, start_block=start_block, checkpoint=checkpoint
        ).events()

    def block_events(
        self, *, start_block: int | None = None, checkpoint: Checkpointer | None = None
    ) -> EventStream[Block]:
        """Return whole blocks, with every transaction and the verdict on it."""
        return self.new_block_events_request(
            start_block=start_block, checkpoint=checkpoint
        ).events()

    def filtered_block_events(
        self, *, start_block: int | None = None, checkpoint: Checkpointer | None = None
    ) -> EventStream[FilteredBlock]:
        """Return of each block only the transaction ids, verdicts, and events without payload."""
        return self.new_filtered_block_events_request(
            start_block=start_block, checkpoint=checkpoint
        ).events()

    def block_and_private_data_events(
        self, *, start_block: int | None = None, checkpoint: Checkpointer | None = None
    ) -> EventStream[BlockAndPrivateData]:
        """Return whole blocks, with the private values that this client's organisation may see.

        Values that the peer does not hold, or not any more, are absent.
        """
        return self.new_block_and_private_data_events_request(
            start_block=start_block, checkpoint=checkpoint
        ).events()

    # --- the same in two steps, for requests that are signed elsewhere ---

    def new_chaincode_events_request(
        self,
        chaincode: str,
        *,
        start_block: int | None = None,
        checkpoint: Checkpointer | None = None,
    ) -> EventsRequest[ChaincodeEvent]:
        """Return a request for ``chaincode_events``."""
        start = _start(start_block, checkpoint)
        return chaincode_events_request(self._session, self.channel_id, chaincode, start)

    def new_block_events_request(
        self, *, start_block: int | None = None, checkpoint: Checkpointer | None = None
    ) -> EventsRequest[Block]:
        """Return a request for ``block_events``."""
        start = _start(start_block, checkpoint)
        return block_events_request(self._session, self.channel_id, BLOCKS, start)

    def new_filtered_block_events_request(
        self, *, start_block: int | None = None, checkpoint: Checkpointer | None = None
    ) -> EventsRequest[FilteredBlock]:
        """Return a request for ``filtered_block_events``."""
        start = _start(start_block, checkpoint)
        return block_events_request(self._session, self.channel_id, FILTERED_BLOCKS, start)

    def new_block_and_private_data_events_request(
        self, *, start_block: int | None = None, checkpoint: Checkpointer | None = None
    ) -> EventsRequest[BlockAndPrivateData]:
        """Return a request for ``block_and_private_data_events``."""
        start = _start(start_block, checkpoint)
        return block_events_request(self._session, self.channel_id, BLOCKS_AND_PRIVATE_DATA, start)


def _start(start_block: int | None, checkpointer: Checkpointer | None) -> Checkpoint | None:
    saved = checkpointer.load() if checkpointer else None
    if saved is not None or start_block is None:
        return saved
    return Checkpoint(block_number=start_block)
