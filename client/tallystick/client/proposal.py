"""The first step: what a chaincode is asked to do. Source: wire.md §3.1, §5.1."""

from collections.abc import Sequence
from typing import Self

from tallystick.client.errors import EndorseError, EvaluateError, RpcFailure
from tallystick.client.session import Session
from tallystick.client.transaction import Transaction
from tallystick.protos.common.common_pb2 import ChannelHeader, Header
from tallystick.protos.gateway import gateway_pb2
from tallystick.protos.peer.proposal_pb2 import Proposal as ProposalMessage
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.wire.envelope import BuiltProposal, ProposalArguments, build_proposal
from tallystick.wire.hashing import sha256
from tallystick.wire.messages import decode


class Proposal:
    """A proposal under its own transaction id, signed when it is first sent.

    Attributes:
        transaction_id: The id under which the transaction will be known.
        channel_id: The channel.
    """

    __slots__ = (
        "_bytes",
        "_organizations",
        "_session",
        "_signature",
        "channel_id",
        "transaction_id",
    )

    def __init__(
        self, session: Session, channel_id: str, built: BuiltProposal, organizations: Sequence[str]
    ) -> None:
        self._session = session
        self._bytes = built.proposal_bytes
        self._organizations = organizations
        self._signature = b""
        self.channel_id = channel_id
        self.transaction_id = built.transaction_id

    @classmethod
    def build(
        cls, session: Session, arguments: ProposalArguments, organizations: Sequence[str]
    ) -> Self:
        """Return a new proposal; ``organizations`` must endorse it, or empty for the policies'."""
        built = build_proposal(
            arguments,
            creator=session.signer.identity,
            nonce=session.environment.nonce(),
            timestamp_ns=session.environment.now_ns(),
        )
        return cls(session, arguments.channel_id, built, organizations)

    @classmethod
    def from_bytes(cls, session: Session, data: bytes) -> Self:
        """Return the proposal in serialised ``gateway.ProposedTransaction``.

        Raises:
            MalformedMessageError: ``data`` is no such message.
        """
        message = decode(gateway_pb2.ProposedTransaction, data)
        proposal_bytes = message.proposal.proposal_bytes
        header = decode(Header, decode(ProposalMessage, proposal_bytes).header)
        channel_id = decode(ChannelHeader, header.channel_header).channel_id
        built = BuiltProposal(message.transaction_id, proposal_bytes)
        proposal = cls(session, channel_id, built, tuple(message.endorsing_organizations))
        proposal._signature = message.proposal.signature
        return proposal

    @property
    def digest(self) -> bytes:
        """SHA-256 of what has to be signed."""
        return sha256(self._bytes)

    def add_signature(self, signature: bytes) -> None:
        """Take a signature over ``digest`` that was made elsewhere.

        Raises:
            BadSignatureError: It is not a DER signature.
        """
        self._signature = self._session.signer.normalised(signature)

    def to_bytes(self) -> bytes:
        """Return serialised ``gateway.ProposedTransaction``, with the signature if there is one."""
        return gateway_pb2.ProposedTransaction(
            transaction_id=self.transaction_id,
            proposal=SignedProposal(proposal_bytes=self._bytes, signature=self._signature),
            endorsing_organizations=self._organizations,
        ).SerializeToString()

    async def evaluate(self) -> bytes:
        """Return what the chaincode answers; the ledger does not change.

        Raises:
            EvaluateError: No peer answered, or the chaincode refused.
            MissingSignerError: It must be signed elsewhere first.
        """
        session = self._session
        try:
            request = gateway_pb2.EvaluateRequest(
                transaction_id=self.transaction_id,
                channel_id=self.channel_id,
                proposed_transaction=await self._signed(),
                target_organizations=self._organizations,
            )
            response = await session.admitted(
                session.deadlines.evaluate_s, lambda: session.transport.evaluate(request)
            )
        except RpcFailure as failure:
            raise EvaluateError(self.transaction_id, failure) from failure
        return response.result.payload

    async def endorse(self) -> Transaction:
        """Return the transaction that the endorsers agree on.

        Raises:
            EndorseError: Too few endorsed it; the details say why.
            MissingSignerError: It must be signed elsewhere first.
        """
        session = self._session
        try:
            request = gateway_pb2.EndorseRequest(
                transaction_id=self.transaction_id,
                channel_id=self.channel_id,
                proposed_transaction=await self._signed(),
                endorsing_organizations=self._organizations,
            )
            response = await session.admitted(
                session.deadlines.endorse_s, lambda: session.transport.endorse(request)
            )
        except RpcFailure as failure:
            raise EndorseError(self.transaction_id, failure) from failure
        return Transaction(
            session,
            self.channel_id,
            self.transaction_id,
            response.prepared_transaction,
            is_new=True,
        )

    async def _signed(self) -> SignedProposal:
        if not self._signature:
            self._signature = await self._session.sign(self._bytes)
        return SignedProposal(proposal_bytes=self._bytes, signature=self._signature)
