"""The second step: what the endorsers agree on. Source: wire.md §3.4, §5.1."""

from typing import Self

from tallystick.client.commit import Commit
from tallystick.client.errors import RpcFailure, SubmitError
from tallystick.client.session import Session, within
from tallystick.protos.common.common_pb2 import Envelope
from tallystick.protos.gateway import gateway_pb2
from tallystick.wire.envelope import chaincode_action_of, channel_header_of
from tallystick.wire.hashing import sha256
from tallystick.wire.messages import decode


class Transaction:
    """An endorsed transaction, signed when it is first submitted.

    Attributes:
        transaction_id: The id of its proposal.
        channel_id: The channel.
    """

    __slots__ = ("_envelope", "_is_new", "_session", "channel_id", "transaction_id")

    def __init__(
        self,
        session: Session,
        channel_id: str,
        transaction_id: str,
        envelope: Envelope,
        *,
        is_new: bool = False,
    ) -> None:
        """``is_new`` tells that nobody can have submitted it yet."""
        self._session = session
        self._envelope = envelope
        self._is_new = is_new
        self.channel_id = channel_id
        self.transaction_id = transaction_id

    @classmethod
    def from_bytes(cls, session: Session, data: bytes) -> Self:
        """Return the transaction in serialised ``gateway.PreparedTransaction``.

        Raises:
            MalformedMessageError: ``data`` is no such message.
        """
        message = decode(gateway_pb2.PreparedTransaction, data)
        channel_id = channel_header_of(message.envelope).channel_id
        return cls(session, channel_id, message.transaction_id, message.envelope)

    @property
    def digest(self) -> bytes:
        """SHA-256 of what has to be signed."""
        return sha256(self._envelope.payload)

    @property
    def result(self) -> bytes:
        """What the chaincode answered; it counts once the transaction is committed as valid."""
        return chaincode_action_of(self._envelope.payload).response.payload

    def add_signature(self, signature: bytes) -> None:
        """Take a signature over ``digest`` that was made elsewhere.

        Raises:
            BadSignatureError: It is not a DER signature.
        """
        self._envelope.signature = self._session.signer.normalised(signature)

    def to_bytes(self) -> bytes:
        """Return serialised ``gateway.PreparedTransaction``, with the signature if there is one."""
        return gateway_pb2.PreparedTransaction(
            transaction_id=self.transaction_id, envelope=self._envelope
        ).SerializeToString()

    async def submit(self) -> Commit:
        """Hand the transaction to the orderers; return the commit to wait for.

        Sending the same transaction twice is harmless: the second copy is invalid by its id.

        Raises:
            SubmitError: No orderer is known to have taken it.
            MissingSignerError: It must be signed elsewhere first.
        """
        session = self._session
        envelope = self._envelope
        listener = session.listeners[self.channel_id]
        expected = listener.expect(self.transaction_id) if self._is_new else None
        self._is_new = False
        try:
            if not envelope.signature:
                envelope.signature = await session.sign(envelope.payload)
            request = gateway_pb2.SubmitRequest(
                transaction_id=self.transaction_id,
                channel_id=self.channel_id,
                prepared_transaction=envelope,
            )
            await within(session.deadlines.submit_s, session.transport.submit(request))
        except RpcFailure as failure:
            raise SubmitError(self.transaction_id, failure) from failure
        return Commit.build(session, self.channel_id, self.transaction_id, expected)
