"""The client for plain functions: the same names, without ``await``.

Calls run on an event loop in a thread of its own, one per gateway. A gateway may be used from
several threads. Code that runs on an event loop itself should use `tallystick.client` instead:
there, waiting here would stop everything else, so it is refused.
"""

import asyncio
import threading
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from tallystick.client import commit as _commit
from tallystick.client import contract as _contract
from tallystick.client import event_stream as _event_stream
from tallystick.client import gateway as _gateway
from tallystick.client import network as _network
from tallystick.client import proposal as _proposal
from tallystick.client import transaction as _transaction
from tallystick.client.chaincode_events import ChaincodeEvent
from tallystick.client.checkpoint import Checkpointer
from tallystick.client.commit import CommitStatus
from tallystick.client.contract import Argument
from tallystick.client.errors import ClientError
from tallystick.client.identity import DigestSigner, Identity
from tallystick.client.options import DEFAULTS, ClientOptions
from tallystick.client.retry import RetryPolicy
from tallystick.protos.common.common_pb2 import Block
from tallystick.protos.peer.events_pb2 import FilteredBlock

ResultT = TypeVar("ResultT")
EventT = TypeVar("EventT")


class EventLoopError(ClientError):
    """A blocking call cannot be made here, or not any more."""


class LoopThread:
    """An event loop in a thread of its own, until it is stopped."""

    def __init__(self) -> None:
        started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(_serve(started)), name="tallystick-client", daemon=True
        )
        self._thread.start()
        self._loop, self._stopping = started.result()

    @property
    def is_stopped(self) -> bool:
        """Whether nothing can run here any more."""
        return self._loop.is_closed()

    def run(self, call: Coroutine[Any, Any, ResultT]) -> ResultT:
        """Return the result of ``call``; an interruption of the caller cancels it.

        Raises:
            EventLoopError: The caller is on an event loop, or this one has been stopped.
        """
        try:
            self._check_callable()
        except EventLoopError:
            call.close()
            raise
        future = asyncio.run_coroutine_threadsafe(call, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        """Cancel what still runs and end the thread."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _check_callable(self) -> None:
        if self.is_stopped:
            raise EventLoopError("this gateway is closed: connect another one")
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        raise EventLoopError(
            "this call would stop the event loop it is made on: use tallystick.client, and await it"
        )


class EventStream(Generic[EventT]):
    """An iterator over events that never ends by itself; ``with`` closes it.

    Another thread may close it too, and so end the iteration.
    """

    def __init__(self, thread: LoopThread, stream: _event_stream.EventStream[EventT]) -> None:
        self._thread = thread
        self._stream = stream

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> EventT:
        try:
            return self._thread.run(self._stream.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None

    def close(self) -> None:
        """End the stream at the peer."""
        self._thread.run(self._stream.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Commit:
    """A submitted transaction."""

    def __init__(self, thread: LoopThread, commit: _commit.Commit) -> None:
        self._thread = thread
        self._commit = commit
        self.transaction_id = commit.transaction_id
        self.add_signature = commit.add_signature
        self.to_bytes = commit.to_bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of what has to be signed."""
        return self._commit.digest

    def status(self) -> CommitStatus:
        """Return the verdict as soon as the transaction is in a block of the peer."""
        return self._thread.run(self._commit.status())


class Transaction:
    """An endorsed transaction."""

    def __init__(self, thread: LoopThread, transaction: _transaction.Transaction) -> None:
        self._thread = thread
        self._transaction = transaction
        self.transaction_id = transaction.transaction_id
        self.add_signature = transaction.add_signature
        self.to_bytes = transaction.to_bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of what has to be signed."""
        return self._transaction.digest

    @property
    def result(self) -> bytes:
        """What the chaincode answered; it counts once the transaction is committed as valid."""
        return self._transaction.result

    def submit(self) -> Commit:
        """Hand the transaction to the orderers; return the commit to wait for."""
        return Commit(self._thread, self._thread.run(self._transaction.submit()))


class Proposal:
    """A proposal under its own transaction id."""

    def __init__(self, thread: LoopThread, proposal: _proposal.Proposal) -> None:
        self._thread = thread
        self._proposal = proposal
        self.transaction_id = proposal.transaction_id
        self.add_signature = proposal.add_signature
        self.to_bytes = proposal.to_bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of what has to be signed."""
        return self._proposal.digest

    def evaluate(self) -> bytes:
        """Return what the chaincode answers; the ledger does not change."""
        return self._thread.run(self._proposal.evaluate())

    def endorse(self) -> Transaction:
        """Return the transaction that the endorsers agree on."""
        return Transaction(self._thread, self._thread.run(self._proposal.endorse()))


class Contract:
    """A chaincode; the arguments are those of `tallystick.client.contract.Contract`."""

    def __init__(self, thread: LoopThread, contract: _contract.Contract) -> None:
        self._thread = thread
        self._contract = contract
        self.chaincode = contract.chaincode

    def new_proposal(
        self,
        function: str,
        *arguments: Argument,
        transient: Mapping[str, bytes] | None = None,
        endorsing_organizations: Sequence[str] = (),
    ) -> Proposal:
        """Return a proposal to call ``function``, the first of the single steps."""
        proposal = self._contract.new_proposal(
            function,
            *arguments,
            transient=transient,
            endorsing_organizations=endorsing_organizations,
        )
        return Proposal(self._thread, proposal)

    def evaluate(
        self,
        function: str,
        *arguments: Argument,
        transient: Mapping[str, bytes] | None = None,
        endorsing_organizations: Sequence[str] = (),
    ) -> bytes:
        """Return what one peer's chaincode answers; the ledger does not change."""
        call = self._contract.evaluate(
            function,
            *arguments,
            transient=transient,
            endorsing_organizations=endorsing_organizations,
        )
        return self._thread.run(call)

    def submit(
        self,
        function: str,
        *arguments: Argument,
        transient: Mapping[str, bytes] | None = None,
        endorsing_organizations: Sequence[str] = (),
        retry: RetryPolicy | None = None,
    ) -> bytes:
        """Return what the chaincode answered, once the ledger holds the transaction as valid."""
        call = self._contract.submit(
            function,
            *arguments,
            transient=transient,
            endorsing_organizations=endorsing_organizations,
            retry=retry,
        )
        return self._thread.run(call)


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
        stream = self._network.chaincode_events(
            chaincode, start_block=start_block, checkpoint=checkpoint
        )
        return EventStream(self._thread, stream)

    def block_events(
        self, *, start_block: int | None = None, checkpoint: Checkpointer | None = None
    ) -> EventStream[Block]:
        """Return whole blocks, with every transaction and the verdict on it."""
        stream = self._network.block_events(start_block=start_block, checkpoint=checkpoint)
        return EventStream(self._thread, stream)

    def filtered_block_events(
        self, *, start_block: int | None = None, checkpoint: Checkpointer | None = None
    ) -> EventStream[FilteredBlock]:
        """Return of each block only the transaction ids, verdicts, and events without payload."""
        stream = self._network.filtered_block_events(start_block=start_block, checkpoint=checkpoint)
        return EventStream(self._thread, stream)


class Gateway:
    """A client of the ledger, with a thread of its own; ``with`` closes both."""

    def __init__(self, thread: LoopThread, gateway: _gateway.Gateway) -> None:
        self._thread = thread
        self._gateway = gateway

    @classmethod
    def from_profile(cls, path: str | Path, options: ClientOptions = DEFAULTS) -> Self:
        """Return a gateway connected as a profile says, whose channel is then the default."""
        return cls.opened_by(_gateway.Gateway.from_profile(path, options))

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


async def _serve(started: "Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]") -> None:
    """Keep an event loop until the event is set that ``started`` hands over."""
    stopping = asyncio.Event()
    started.set_result((asyncio.get_running_loop(), stopping))
    await stopping.wait()
