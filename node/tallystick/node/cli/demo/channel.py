"""The ledger as the firms of the demo use it: a call goes in, what became of it comes out."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue

from tallystick.client.contract import Argument
from tallystick.client.errors import EndorseError
from tallystick.client.gateway import Gateway
from tallystick.client.proposal import Proposal
from tallystick.client.transaction import Transaction
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.confidential import secret_argument_of
from tallystick.contracts.models import Model
from tallystick.contracts.participants import Participant
from tallystick.node.cli.demo.cast import NODES
from tallystick.protos.common.common_pb2 import Payload
from tallystick.protos.common.ledger_pb2 import BlockchainInfo
from tallystick.protos.gateway.gateway_pb2 import PreparedTransaction
from tallystick.protos.msp.identities_pb2 import SerializedIdentity
from tallystick.protos.peer import transaction_pb2
from tallystick.protos.peer.transaction_pb2 import TxValidationCode

_NOTICE_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Call:
    """One firm's request to the ledger.

    Attributes:
        participant: Who asks.
        chaincode: The contract.
        function: What it is to do.
        arguments: With what.
        nodes: Whose nodes are to endorse it; empty for those that the contract's rule names.
        secrets: What the contract gets to know and the ledger does not.
    """

    participant: Participant
    chaincode: Chaincode
    function: str
    arguments: tuple[Argument, ...]
    nodes: tuple[Participant, ...] = ()
    secrets: Mapping[str, Model] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Committed:
    """A transaction is in a block.

    Attributes:
        transaction_id: Its id.
        block_number: The block.
        code: ``TxValidationCode``; with any other than VALID it has changed nothing.
        endorsers: MSP ids of those whose nodes signed the result, sorted.
    """

    transaction_id: str
    block_number: int
    code: int
    endorsers: tuple[str, ...]

    @property
    def took_effect(self) -> bool:
        """Whether the ledger changed."""
        return self.code == TxValidationCode.VALID

    @property
    def code_name(self) -> str:
        """The name of the code."""
        return TxValidationCode.Name(TxValidationCode.ValueType(self.code))


@dataclass(frozen=True, slots=True)
class Refused:
    """The contract said no; there is no transaction.

    Attributes:
        code: Of the reason.
        sentence: The reason in words.
    """

    code: str
    sentence: str


Outcome = Committed | Refused


@dataclass(frozen=True, slots=True)
class Notice:
    """What whoever listens to the ledger is told of a transaction.

    Attributes:
        kind: What happened, such as ``settlement.TradeSettled``.
        facts: The rest of it.
    """

    kind: str
    facts: Mapping[str, JsonValue]


class Channel:
    """The channel, with a connection for each firm."""

    def __init__(self, channel_id: str, gateways: Mapping[Participant, Gateway]) -> None:
        self.channel_id = channel_id
        self._gateways = gateways

    async def submit(self, call: Call) -> Outcome:
        """Return what became of a call, once every node knows of it.

        Raises:
            ClientError: The network failed; that no contract refused is not the call's fault.
        """
        try:
            transaction = await self._proposal(call).endorse()
        except EndorseError as error:
            if not error.refusals:
                raise
            code, _, sentence = error.refusals[0].message.partition(": ")
            return Refused(code, sentence)
        endorsers = endorsers_of(transaction)
        status = await (await transaction.submit()).status()
        await self.wait_for(status.transaction_id)
        return Committed(status.transaction_id, status.block_number, status.code, endorsers)

    async def ask(self, call: Call) -> bytes:
        """Return what the nodes answer to a question that brings secrets along.

        Raises:
            EvaluateError: There is no answer.
        """
        return await self._proposal(call).evaluate()

    async def query(
        self, participant: Participant, chaincode: str, function: str, *arguments: Argument
    ) -> bytes:
        """Return what a firm reads from the ledger.

        Raises:
            EvaluateError: There is no answer.
        """
        network = self._gateways[participant].network(self.channel_id)
        return await network.contract(chaincode).evaluate(function, *arguments)

    async def notices(self, participant: Participant, committed: Committed) -> list[Notice]:
        """Return what a firm is notified of a settlement transaction, all that it caused included.

        Raises:
            EventStreamError: The firm's stream of notices broke off.
            TimeoutError: Nothing came.
        """
        network = self._gateways[participant].network(self.channel_id)
        stream = network.chaincode_events(Chaincode.SETTLEMENT, start_block=committed.block_number)
        async with asyncio.timeout(_NOTICE_TIMEOUT_S), stream as events:
            async for event in events:
                if event.transaction_id == committed.transaction_id:
                    return [
                        Notice(each["type"], each["data"])
                        for each in json.loads(event.payload)["events"]
                    ]
        return []

    def _proposal(self, call: Call) -> Proposal:
        network = self._gateways[call.participant].network(self.channel_id)
        return network.contract(call.chaincode).new_proposal(
            call.function,
            *call.arguments,
            transient={name: secret_argument_of(each) for name, each in call.secrets.items()},
            endorsing_organizations=call.nodes,
        )

    async def chain_info(self, participant: Participant) -> BlockchainInfo:
        """Return how long a node's copy of the ledger is, and the hash of its last block."""
        result = await self.query(participant, "qscc", "GetChainInfo", self.channel_id)
        return BlockchainInfo.FromString(result)

    async def block(self, participant: Participant, number: int) -> bytes:
        """Return a block as a node keeps it."""
        return await self.query(
            participant, "qscc", "GetBlockByNumber", self.channel_id, str(number)
        )

    async def wait_for(self, transaction_id: str) -> None:
        """Return once every node has a transaction: the next call may go through any of them."""
        commits = [
            self._gateways[node].network(self.channel_id).commit(transaction_id) for node in NODES
        ]
        await asyncio.gather(*(commit.status() for commit in commits))


def endorsers_of(transaction: Transaction) -> tuple[str, ...]:
    """Return the MSP ids of those who signed the result of a transaction, sorted."""
    envelope = PreparedTransaction.FromString(transaction.to_bytes()).envelope
    data = Payload.FromString(envelope.payload).data
    (action,) = transaction_pb2.Transaction.FromString(data).actions
    endorsed = transaction_pb2.ChaincodeActionPayload.FromString(action.payload).action
    signers = [SerializedIdentity.FromString(each.endorser) for each in endorsed.endorsements]
    return tuple(sorted(signer.mspid for signer in signers))
