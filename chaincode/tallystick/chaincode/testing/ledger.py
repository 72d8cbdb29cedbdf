"""A whole channel in memory: several chaincodes, committed transaction by transaction."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TypeVar

from pydantic import JsonValue, TypeAdapter
from pydantic_core import from_json

from tallystick.chaincode.codec import Argument, encode
from tallystick.chaincode.contract import Contract
from tallystick.chaincode.contract_chaincode import ContractChaincode
from tallystick.chaincode.errors import BAD_REQUEST, CalleeRefusal
from tallystick.chaincode.events import EVENT_NAME, EventRecord, unpack
from tallystick.chaincode.stub import Chaincode
from tallystick.chaincode.testing.clients import Client
from tallystick.chaincode.testing.stub import MemoryStub
from tallystick.chaincode.testing.world import MemoryTransaction, MemoryWorld
from tallystick.protos.peer.chaincode_event_pb2 import ChaincodeEvent
from tallystick.protos.peer.proposal_response_pb2 import Response

ResultT = TypeVar("ResultT")

_START = datetime(2024, 1, 2, 9, 0, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NonDeterministicError(AssertionError):
    """The same transaction on the same state gave two different results."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a successful transaction answered.

    Attributes:
        payload: The result, as the client receives it.
        events: The domain events, in the order of their emission.
    """

    transaction_id: str
    payload: bytes
    events: tuple[EventRecord, ...]

    @property
    def text(self) -> str:
        """The result of a function that returns ``str``."""
        return self.payload.decode()

    @property
    def json(self) -> JsonValue:
        """The result as JSON; None when there is none."""
        value: JsonValue = from_json(self.payload) if self.payload else None
        return value

    def load(self, result_type: type[ResultT]) -> ResultT:
        """Return the result as ``result_type``."""
        return TypeAdapter(result_type).validate_json(self.payload)

    @property
    def event_types(self) -> tuple[str, ...]:
        """The types of the events, in the order of their emission."""
        return tuple(event.type for event in self.events)


class MemoryLedger:
    """A channel whose transactions commit at once, in the order of their submission.

    Every transaction runs twice on the same state, so a contract that depends on anything else
    fails.

    Attributes:
        now: The time of the next transaction; ``advance`` moves it.
        client: Who signs when a call names nobody; None demands a name each time.
    """

    def __init__(
        self, chaincodes: Mapping[str, Chaincode | Contract], *, client: Client | None = None
    ) -> None:
        self.world = MemoryWorld({name: _served(name, each) for name, each in chaincodes.items()})
        self.client = client
        self.now = _START
        self._submitted = 0

    def fork(self) -> "MemoryLedger":
        """Return a ledger with the same past, which goes on by itself."""
        other = copy(self)
        rows = {chaincode: each.copy() for chaincode, each in self.world.rows.items()}
        other.world = replace(self.world, rows=rows)
        return other

    def advance(self, duration: timedelta) -> None:
        """Let time pass before the next transaction."""
        self.now += duration

    def invoke(
        self,
        chaincode: str,
        function: str,
        *arguments: Argument,
        client: Client | None = None,
        timestamp: datetime | None = None,
        transient: Mapping[str, bytes] | None = None,
    ) -> Outcome:
        """Run a function and commit what it wrote.

        Raises:
            CalleeRefusal: The response has a status of 400 or more; nothing was committed.
            NonDeterministicError: A second run on the same state gave another result.
        """
        signer = client or self.client
        assert signer is not None, "name the client that signs this transaction"
        self._submitted += 1
        proposal = MemoryTransaction(
            world=self.world,
            transaction_id=sha256(self._submitted.to_bytes(8)).hexdigest(),
            timestamp_ns=((timestamp or self.now) - _EPOCH) // timedelta(microseconds=1) * 1000,
            creator=signer.creator,
            entry_chaincode=chaincode,
            transient=transient or {},
        )
        return self._commit(proposal, [function.encode(), *map(encode, arguments)])

    def _commit(self, proposal: MemoryTransaction, args: Sequence[bytes]) -> Outcome:
        first, second = (_Run.of(replace(proposal, writes={}), args) for _ in range(2))
        if parting := first.parting(second):
            raise NonDeterministicError(
                f"{args[0].decode()} did not do the same twice on the same state: {parting};"
                " take what differs from ctx or from the arguments"
            )
        response, event = first.response, first.event
        if response.status >= BAD_REQUEST:
            raise CalleeRefusal(proposal.entry_chaincode, response)
        first.transaction.commit()
        published = event is not None and event.event_name == EVENT_NAME
        events = unpack(event.payload) if event is not None and published else []
        return Outcome(proposal.transaction_id, response.payload, tuple(events))


def _served(name: str, given: Chaincode | Contract) -> Chaincode:
    """Return a chaincode that runs what was given for the name.

    Raises:
        TypeError: A class was given.
    """
    if isinstance(given, type):
        raise TypeError(f"{name} is the class {given.__name__}: give an object, {given.__name__}()")
    return ContractChaincode(given) if isinstance(given, Contract) else given


@dataclass(frozen=True, slots=True)
class _Run:
    """One execution of a transaction."""

    transaction: MemoryTransaction
    response: Response
    event: ChaincodeEvent | None

    @classmethod
    def of(cls, transaction: MemoryTransaction, args: Sequence[bytes]) -> "_Run":
        stub = MemoryStub(transaction, transaction.entry_chaincode, args)
        response = transaction.world.chaincode(transaction.entry_chaincode).invoke(stub)
        return cls(transaction, response, stub.event)

    def parting(self, other: "_Run") -> str:
        """Return the first in which it differs of what peers must agree on; empty for none."""
        pairs = (
            ("answer was", _told(self.response), _told(other.response)),
            ("event was", self.event, other.event),
            ("writes were", self.transaction.writes, other.transaction.writes),
        )
        for part, first, second in pairs:
            if first != second:
                return f"its {part} {first}, and then {second}"
        return ""


def _told(response: Response) -> tuple[int, str, bytes]:
    return response.status, response.message, response.payload
