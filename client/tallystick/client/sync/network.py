"""One channel."""

from tallystick.client import network as _network
from tallystick.client.chaincode_events import ChaincodeEvent
from tallystick.client.checkpoint import Checkpointer
from tallystick.client.sync.contract import Contract
from tallystick.client.sync.events import EventsRequest, EventStream
from tallystick.client.sync.loop_thread import LoopThread
from tallystick.client.sync.steps import Commit
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.peer.events_pb2 import BlockAndPrivateData, FilteredBlock


class Network:
    """A channel; the arguments are those of `tallystick.client.network.Network`."""

    def __init__(self, thread: LoopThread, network: _network.Network) -> None:
        self._thread = thread
        self._network = network
        self.channel_id = network.channel_id

    def contract(self, chaincode: str) -> Contract:
        """Return a chaincode of the channel."""
        return Contract(self._thread, self._network.contract(chaincode))

    def commit(self, transaction_id: str) -> Commit:
        """Return the commit of a transaction, whoever submitted it."""
        return Commit(self._thread, self._network.commit(transaction_id))

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
        """Return whole blocks, with the private values that this client's organisation may see."""
        return self.new_block_and_private_data_events_request(
            start_block=start_block, checkpoint=checkpoint
        ).events()

    def new_chaincode_events_request(
        self,
        chaincode: str,
        *,
        start_block: int | None = None,
        checkpoint: Checkpointer | None = None,
    ) -> EventsRequest[ChaincodeEvent]:
        """Return a request for ``chaincode_events``."""
        request = self._network.new_chaincode_events_request(
            chaincode, start_block=start_block, checkpoint=checkpoint
        )
        return EventsRequest(self._thread, request)

    def new_block_events_request(
        self, *, start_block: int | None = None, checkpoint: Checkpointer | None = None
    ) -> EventsRequest[Block]:
        """Return a request for ``block_events``."""
        request = self._network.new_block_events_request(
            start_block=start_block, checkpoint=checkpoint
        )
        return EventsRequest(self._thread, request)

    def new_filtered_block_events_request(
        self, *, start_block: int | None = None, checkpoint: Checkpointer | None = None
    ) -> EventsRequest[FilteredBlock]:
        """Return a request for ``filtered_block_events``."""
        request = self._network.new_filtered_block_events_request(
            start_block=start_block, checkpoint=checkpoint
        )
        return EventsRequest(self._thread, request)

    def new_block_and_private_data_events_request(
        self, *, start_block: int | None = None, checkpoint: Checkpointer | None = None
    ) -> EventsRequest[BlockAndPrivateData]:
        """Return a request for ``block_and_private_data_events``."""
        request = self._network.new_block_and_private_data_events_request(
            start_block=start_block, checkpoint=checkpoint
        )
        return EventsRequest(self._thread, request)
