"""Where a client begins: a connection to one peer, under one identity."""

from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tallystick.client import gateway as _gateway
from tallystick.client.chaincode_events import ChaincodeEvent
from tallystick.client.identity import DigestSigner, Identity
from tallystick.client.options import DEFAULTS, ClientOptions
from tallystick.client.sync.events import EventsRequest
from tallystick.client.sync.loop_thread import LoopThread
from tallystick.client.sync.network import Network
from tallystick.client.sync.steps import Commit, Proposal, Transaction
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.peer.events_pb2 import BlockAndPrivateData, FilteredBlock


class Gateway:
    """A client of the ledger, with a thread of its own; ``with`` closes both."""

    def __init__(self, thread: LoopThread, gateway: _gateway.Gateway) -> None:
        self._thread = thread
        self._gateway = gateway

    @classmethod
    def from_profile(
        cls, path: str | Path, options: ClientOptions = DEFAULTS, *, address: str = ""
    ) -> Self:
        """Return a gateway connected as a profile says, whose channel is then the default.

        ``address`` is that of another peer of the same organisation, to connect to instead.
        """
        return cls.opened_by(_gateway.Gateway.from_profile(path, options, address=address))

    @classmethod
    def opened_by(cls, opening: Coroutine[Any, Any, _gateway.Gateway]) -> Self:
        """Return the gateway that ``opening`` opens, on a new thread."""
        thread = LoopThread()
        try:
            return cls(thread, thread.run(opening))
        except BaseException:
            thread.stop()
            raise

    def network(self, channel_id: str = "") -> Network:
        """Return a channel; without a name, the one of the profile."""
        return Network(self._thread, self._gateway.network(channel_id))

    def proposal(self, data: bytes) -> Proposal:
        """Return the proposal in serialised ``gateway.ProposedTransaction``."""
        return Proposal(self._thread, self._gateway.proposal(data))

    def transaction(self, data: bytes) -> Transaction:
        """Return the transaction in serialised ``gateway.PreparedTransaction``."""
        return Transaction(self._thread, self._gateway.transaction(data))

    def commit(self, data: bytes) -> Commit:
        """Return the commit in serialised ``gateway.SignedCommitStatusRequest``."""
        return Commit(self._thread, self._gateway.commit(data))

    def chaincode_events_request(self, data: bytes) -> EventsRequest[ChaincodeEvent]:
        """Return the request in serialised ``gateway.SignedChaincodeEventsRequest``."""
        return EventsRequest(self._thread, self._gateway.chaincode_events_request(data))

    def block_events_request(self, data: bytes) -> EventsRequest[Block]:
        """Return the request for whole blocks in serialised ``common.Envelope``."""
        return EventsRequest(self._thread, self._gateway.block_events_request(data))

    def filtered_block_events_request(self, data: bytes) -> EventsRequest[FilteredBlock]:
        """Return the request for filtered blocks in serialised ``common.Envelope``."""
        return EventsRequest(self._thread, self._gateway.filtered_block_events_request(data))

    def block_and_private_data_events_request(
        self, data: bytes
    ) -> EventsRequest[BlockAndPrivateData]:
        """Return the request for private data too in serialised ``common.Envelope``."""
        request = self._gateway.block_and_private_data_events_request(data)
        return EventsRequest(self._thread, request)

    def close(self) -> None:
        """End every call and stream, the connection and the thread; a second time is harmless."""
        if self._thread.is_stopped:
            return
        try:
            self._thread.run(self._gateway.close())
        finally:
            self._thread.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def connect(
    address: str,
    *,
    tls_root_certificates: bytes,
    identity: Identity,
    signer: DigestSigner | None = None,
    options: ClientOptions = DEFAULTS,
) -> Gateway:
    """Return a gateway whose connection to the peer at ``address`` stands.

    Its arguments and errors are those of `tallystick.client.connect`.
    """
    return Gateway.opened_by(
        _gateway.connect(
            address,
            tls_root_certificates=tls_root_certificates,
            identity=identity,
            signer=signer,
            options=options,
        )
    )
