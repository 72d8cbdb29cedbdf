"""The last step: what the ledger says of a transaction. Source: wire.md §5.5."""

from dataclasses import dataclass
from typing import Self

from tallystick.client.errors import CommitError, CommitStatusError, RpcFailure, code_name
from tallystick.client.session import Session, within
from tallystick.protos.gateway import gateway_pb2
from tallystick.protos.peer.transaction_pb2 import TxValidationCode
from tallystick.wire.hashing import sha256
from tallystick.wire.messages import decode


@dataclass(frozen=True, slots=True)
class CommitStatus:
    """The verdict on a committed transaction.

    Attributes:
        transaction_id: Of the transaction.
        code: ``TxValidationCode``; 0 is valid.
        block_number: The block that holds it.
    """

    transaction_id: str
    code: int
    block_number: int

    @property
    def is_valid(self) -> bool:
        """Whether the transaction took effect."""
        return self.code == TxValidationCode.VALID

    @property
    def code_name(self) -> str:
        """The name of the validation code, such as ``VALID``."""
        return code_name(self.code)

    def raise_if_invalid(self) -> None:
        """Raise CommitError unless the transaction took effect."""
        if not self.is_valid:
            raise CommitError(self.transaction_id, self.code, self.block_number)


class Commit:
    """A submitted transaction; its status request is signed when it is first sent.

    Attributes:
        transaction_id: Of the transaction.
    """

    __slots__ = ("_request", "_session", "_signature", "transaction_id")

    def __init__(self, session: Session, transaction_id: str, request: bytes) -> None:
        self._session = session
        self._request = request
        self._signature = b""
        self.transaction_id = transaction_id

    @classmethod
    def build(cls, session: Session, channel_id: str, transaction_id: str) -> Self:
        """Return the commit of any transaction, also of one that others submitted."""
        request = gateway_pb2.CommitStatusRequest(
            transaction_id=transaction_id,
            channel_id=channel_id,
            identity=session.signer.identity,
        )
        return cls(session, transaction_id, request.SerializeToString())

    @classmethod
    def from_bytes(cls, session: Session, data: bytes) -> Self:
        """Return the commit in serialised ``gateway.SignedCommitStatusRequest``.

        Raises:
            MalformedMessageError: ``data`` is no such message.
        """
        signed = decode(gateway_pb2.SignedCommitStatusRequest, data)
        request = decode(gateway_pb2.CommitStatusRequest, signed.request)
        commit = cls(session, request.transaction_id, signed.request)
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
        session = self._session
        try:
            if not self._signature:
                self._signature = await session.sign(self._request)
            response = await within(
                session.deadlines.commit_status_s, session.transport.commit_status(self._message())
            )
        except RpcFailure as failure:
            raise CommitStatusError(self.transaction_id, failure) from failure
        return CommitStatus(self.transaction_id, response.result, response.block_number)

    def _message(self) -> gateway_pb2.SignedCommitStatusRequest:
        return gateway_pb2.SignedCommitStatusRequest(
            request=self._request, signature=self._signature
        )
