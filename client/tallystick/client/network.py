"""One channel, as a gateway reaches it."""

from tallystick.client.block_events import block_events, filtered_block_events
from tallystick.client.chaincode_events import ChaincodeEvent, chaincode_events
from tallystick.client.checkpoint import Checkpoint, Checkpointer
from tallystick.client.commit import Commit
from tallystick.client.contract import Contract
from tallystick.client.event_stream import EventStream
from tallystick.client.session import Session
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.peer.events_pb2 import FilteredBlock


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
        start = _start(start_block, checkpoint)
        events = chaincode_events(self._session, self.channel_id, chaincode, start)
        return EventStream(f"events of {chaincode} on {self.channel_id}", events)

    def block_events(
        self, *, start_block: int | None = None, checkpoint: Checkpointer | None = None
    ) -> EventStream[Block]:
        """Return whole blocks, with every transaction and the verdict on it."""
        events = block_events(self._session, self.channel_id, _start(start_block, checkpoint))
        return EventStream(f"blocks of {self.channel_id}", events)

    def filtered_block_events(
        self, *, start_block: int | None = None, checkpoint: Checkpointer | None = None
    ) -> EventStream[FilteredBlock]:
        """Return of each block only the transaction ids, verdicts, and events without payload."""
        start = _start(start_block, checkpoint)
        events = filtered_block_events(self._session, self.channel_id, start)
        return EventStream(f"filtered blocks of {self.channel_id}", events)


def _start(start_block: int | None, checkpointer: Checkpointer | None) -> Checkpoint | None:
    saved = checkpointer.load() if checkpointer else None
    if saved is not None or start_block is None:
        return saved
    return Checkpoint(block_number=start_block)
