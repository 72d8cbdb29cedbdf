"""Proofs that a transaction is on a channel and valid, judged by its configuration alone. Pure.

A proof has the whole block, since a block's hash covers all of its entries at once, and a
statement: the answer of peers to the question whether the transaction is valid, signed by them
like any endorsement. No signature of orderers covers validity; only peers know it.

What a query of a contract answers is proven by submitting it. Such a transaction writes nothing,
and is valid only if all that it read was as it was read when its block was committed: so the
answer holds at the height of that block.
"""

import base64
from dataclasses import dataclass
from typing import Final

from pydantic import Base64Bytes, BaseModel

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.deliver.verification import verify_alone
from tallystick.node.errors import LedgerError
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.policies.evaluate import SignedData, valid_identities
from tallystick.node.validation.structure import ParsedTransaction, parse_transaction
from tallystick.protos.common.common_pb2 import Block, ChannelHeader, Envelope, Payload
from tallystick.protos.peer.chaincode_pb2 import ChaincodeInvocationSpec
from tallystick.protos.peer.proposal_pb2 import (
    ChaincodeAction,
    ChaincodeHeaderExtension,
    ChaincodeProposalPayload,
)
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponsePayload
from tallystick.protos.peer.transaction_pb2 import (
    VALID,
    ChaincodeActionPayload,
    ProcessedTransaction,
    Transaction,
)
from tallystick.wire.envelope import channel_header_of, proposal_hash
from tallystick.wire.messages import decode

SCHEMA: Final = "tallystick-proof-1"
LEDGER_CHAINCODE: Final = "qscc"
LEDGER_FUNCTION: Final = "GetTransactionByID"
ENDORSEMENT: Final = "/Channel/Application/Endorsement"
"""The channel's own rule of whose word counts, for the transaction and for the statement."""

_GOOD: Final = 200


class NotProvenError(LedgerError):
    """A proof does not show what it says.

    Attributes:
        problem: What is amiss.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(f"this proves nothing: {problem}")
        self.problem = problem


class ProofFile(BaseModel):
    """A proof as it is written to a file: JSON, with Fabric's messages in base64."""

    schema_name: str = SCHEMA
    transaction_id: str
    block: Base64Bytes
    statement: Base64Bytes


@dataclass(frozen=True, slots=True)
class Proof:
    """That a transaction is on a channel and valid.

    Attributes:
        block: The block that has it, with the orderers' signatures.
        statement: What peers say of it: their endorsements of ``qscc``'s answer.
    """

    transaction_id: str
    block: Block
    statement: Envelope

    def to_text(self) -> str:
        """Return the content of a file."""
        return ProofFile(
            transaction_id=self.transaction_id,
            block=base64.b64encode(self.block.SerializeToString()),
            statement=base64.b64encode(self.statement.SerializeToString()),
        ).model_dump_json(indent=1)

    @classmethod
    def from_text(cls, text: str | bytes) -> "Proof":
        """Return the proof in a file.

        Raises:
            NotProvenError: It is none.
        """
        try:
            file = ProofFile.model_validate_json(text)
        except ValueError as error:
            raise NotProvenError("the file is no proof") from error
        if file.schema_name != SCHEMA:
            raise NotProvenError(f"the file has schema {file.schema_name}, not {SCHEMA}")
        block, statement = decode(Block, file.block), decode(Envelope, file.statement)
        return cls(file.transaction_id, block, statement)

    @property
    def channel_id(self) -> str:
        """The channel that the block says it is of."""
        if not self.block.data.data:
            raise NotProvenError("the block is empty")
        return channel_header_of(decode(Envelope, self.block.data.data[0])).channel_id


@dataclass(frozen=True, slots=True)
class Proven:
    """What a proof shows.

    Attributes:
        block_number: The height at which it holds.
        timestamp_ns: Of the transaction, in nanoseconds since the epoch; its client's clock.
        chaincode: By which it entered.
        arguments: What was called, the function's name first.
        answer: What the function returned.
        event: The contract's event, as it is in the block; nothing without one.
        endorsers: MSPs of those who endorsed it.
        witnesses: MSPs of the peers that say it is valid.
    """

    channel_id: str
    transaction_id: str
    block_number: int
    timestamp_ns: int
    chaincode: str
    arguments: tuple[str, ...]
    answer: bytes
    event: bytes
    endorsers: tuple[str, ...]
    witnesses: tuple[str, ...]


def proven(proof: Proof, config: ChannelConfig) -> Proven:
    """Return what a proof shows, by a configuration that is trusted: that of the block's time.

    Raises:
        NotProvenError: It shows nothing.
        UntrustedBlockError: The orderers of the configuration do not vouch for the block.
        MalformedMessageError: A part of it cannot be read.
    """
    verify_alone(proof.block, config)
    checker = SignatureChecker()
    witnesses, stated = _stated(proof, config, checker)
    entry = stated.SerializeToString()
    if entry not in proof.block.data.data:
        raise NotProvenError(f"block {proof.block.header.number} has no such transaction")
    transaction = parse_transaction(entry, config, checker)
    if not isinstance(transaction, ParsedTransaction):
        raise NotProvenError(f"it is no transaction of a chaincode: {transaction}")
    if transaction.transaction_id != proof.transaction_id:
        raise NotProvenError(f"peers speak of transaction {transaction.transaction_id}")
    endorsers = _signers(transaction.endorsements(), config, checker, "the transaction")
    return Proven(
        channel_id=config.channel_id,
        transaction_id=transaction.transaction_id,
        block_number=proof.block.header.number,
        timestamp_ns=channel_header_of(stated).timestamp.ToNanoseconds(),
        chaincode=transaction.chaincode,
        arguments=_arguments(_action_payload(stated).chaincode_proposal_payload),
        answer=transaction.action.response.payload,
        event=b"" if transaction.event is None else transaction.event.payload,
        endorsers=endorsers,
        witnesses=witnesses,
    )


def _stated(
    proof: Proof, config: ChannelConfig, checker: SignatureChecker
) -> tuple[tuple[str, ...], Envelope]:
    """Return who says that the transaction is valid, and the transaction that they mean."""
    payload = decode(Payload, proof.statement.payload)
    header = decode(ChannelHeader, payload.header.channel_header)
    action = _action_payload(proof.statement)
    response = decode(ProposalResponsePayload, action.action.proposal_response_payload)
    asked = proposal_hash(
        payload.header.channel_header,
        payload.header.signature_header,
        action.chaincode_proposal_payload,
    )
    chaincode = decode(ChaincodeHeaderExtension, header.extension).chaincode_id.name
    question = (LEDGER_FUNCTION, config.channel_id, proof.transaction_id)
    if (
        response.proposal_hash != asked
        or (header.channel_id, chaincode) != (config.channel_id, LEDGER_CHAINCODE)
        or _arguments(action.chaincode_proposal_payload) != question
    ):
        raise NotProvenError("what peers signed answers another question")
    signed = [
        SignedData(
            each.endorser,
            action.action.proposal_response_payload + each.endorser,
            each.signature,
        )
        for each in action.action.endorsements
    ]
    witnesses = _signers(signed, config, checker, "the statement")
    answer = decode(ChaincodeAction, response.extension).response
    processed = decode(ProcessedTransaction, answer.payload)
    if answer.status != _GOOD or processed.validationCode != VALID:
        raise NotProvenError(f"peers say that it is not valid: code {processed.validationCode}")
    return witnesses, processed.transactionEnvelope


def _signers(
    signed: list[SignedData], config: ChannelConfig, checker: SignatureChecker, what: str
) -> tuple[str, ...]:
    """Return whose signatures are good; refuse unless the channel's rule is satisfied by them."""
    verdict = config.policies.evaluate_signed(ENDORSEMENT, signed)
    if not verdict.satisfied:
        raise NotProvenError(f"too few signed {what}: {verdict.reason}")
    signers = valid_identities(signed, config.msps, checker)
    return tuple(sorted({each.msp_id for each in signers}))


def _action_payload(envelope: Envelope) -> ChaincodeActionPayload:
    transaction = decode(Transaction, decode(Payload, envelope.payload).data)
    if len(transaction.actions) != 1:
        raise NotProvenError(f"a transaction has {len(transaction.actions)} actions instead of one")
    return decode(ChaincodeActionPayload, transaction.actions[0].payload)


def _arguments(proposal_payload: bytes) -> tuple[str, ...]:
    proposal = decode(ChaincodeProposalPayload, proposal_payload)
    invocation = decode(ChaincodeInvocationSpec, proposal.input)
    arguments = invocation.chaincode_spec.input.args
    return tuple(each.decode(errors="replace") for each in arguments)
