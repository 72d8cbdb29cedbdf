"""The last step: what the ledger says of a transaction. Source: wire.md §5.5."""

import asyncio
from typing import Self

from tallystick.client.block_events import FILTERED_BLOCKS, block_events_request
from tallystick.client.commit_listener import LISTENS_FOR_S, Expected
from tallystick.client.commit_status import CommitStatus
from tallystick.client.errors import CommitStatusError, RpcFailure
from tallystick.client.event_stream import EventStream
from tallystick.client.session import Session, within
from tallystick.protos.gateway import gateway_pb2
from tallystick.protos.peer.events_pb2 import FilteredBlock
from tallystick.wire.hashing import sha256
from tallystick.wire.messages import decode


class Commit:
    """A submitted transaction; its status request is signed when it is first sent.

    Attributes:
        transaction_id: Of the transaction.
    """

    __slots__ = (
        "_channel_id",
        "_expected",
        "_request",
        "_session",
        "_signature",
        "transaction_id",
    )

    def __init__(
        self,
        session: Session,
        channel_id: str,
        transaction_id: str,
        request: bytes,
        expected: Expected | None = None,
    ) -> None:
        """``expected`` yields the verdict, if somebody listens for it."""
        self._session = session
        self._channel_id = channel_id
        self._request = request
        self._signature = b""
        self._expected = expected
        self.transaction_id = transaction_id

    @classmethod
    def build(
        cls,
        session: Session,
        channel_id: str,
        transaction_id: str,
        expected: Expected | None = None,
    ) -> Self:
        """Return the commit of any transaction, also of one that others submitted."""
        request = gateway_pb2.CommitStatusRequest(
            transaction_id=transaction_id,
            channel_id=channel_id,
            identity=session.signer.identity,
        )
        return cls(session, channel_id, transaction_id, request.SerializeToString(), expected)

    @classmethod
    def from_bytes(cls, session: Session, data: bytes) -> Self:
        """Return the commit in serialised ``gateway.SignedCommitStatusRequest``.

        Raises:
            MalformedMessageError: ``data`` is no such message.
        """
        signed = decode(gateway_pb2.SignedCommitStatusRequest, data)
        request = decode(gateway_pb2.CommitStatusRequest, signed.request)
        commit = cls(session, request.channel_id, request.transaction_id, signed.request)
        commit._signature = signed.signature
        return commit

    @property
    def digest(self) -> bytes:
        """SHA-256 of what has to be signed."""
        return sha256(self._request)

    def add_signature(self, signature: bytes) -> None:
        """Take a signature over ``digest`` that was made elsewhere.

        Raises:
            BadSignatureError: It is not a DER signature.
        """
        self._signature = self._session.signer.normalised(signature)

    def to_bytes(self) -> bytes:
        """Return serialised ``gateway.SignedCommitStatusRequest``."""
        return self._message().SerializeToString()

    async def status(self) -> CommitStatus:
        """Return the verdict as soon as the transaction is in a block of the peer.

        Raises:
            CommitStatusError: The peer did not tell, or not in time. Asking again is harmless.
            MissingSignerError: The request must be signed elsewhere first.
        """
        try:
            return await within(self._session.deadlines.commit_status_s, self._status())
        except RpcFailure as failure:
            raise CommitStatusError(self.transaction_id, failure) from failure

    async def _status(self) -> CommitStatus:
        expected, self._expected = self._expected, None  # whoever asks again asks the peer
        if expected is not None:
            await asyncio.wait([expected], timeout=LISTENS_FOR_S)
            if expected.done() and (heard := expected.result()) is not None:
                return heard
        return await self._asked()

    async def _asked(self) -> CommitStatus:
        session = self._session
        if not self._signature:
            self._signature = await session.sign(self._request)
        with session.listeners[self._channel_id].asking(self._filtered_blocks):
            response = await session.transport.commit_status(self._message())
        return CommitStatus(self.transaction_id, response.result, response.block_number)

    def _filtered_blocks(self) -> EventStream[FilteredBlock]:
        return block_events_request(
            self._session, self._channel_id, FILTERED_BLOCKS, start=None
        ).events()

    def _message(self) -> gateway_pb2.SignedCommitStatusRequest:
        return gateway_pb2.SignedCommitStatusRequest(
            request=self._request, signature=self._signature
        )
