"""The chaincode's side of one stream to a peer, without I/O.

The chaincode speaks first, also where the peer has dialled::

    created --REGISTERED--> established --READY--> ready

In ``ready`` the peer starts transactions, many at a time, and answers their requests. A transaction
is known by its channel and its id, and has one request open at most: a peer drops a second one
without a word. Source: wire.md §9.1, §9.2 and §19 items 10 and 24.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final, NamedTuple

from tallystick.chaincode.shim.errors import ShimProtocolError
from tallystick.protos.peer.chaincode_pb2 import ChaincodeAdditionalParams, ChaincodeID
from tallystick.protos.peer.chaincode_shim_pb2 import ChaincodeMessage
from tallystick.wire.errors import MalformedMessageError
from tallystick.wire.messages import decode

Type = ChaincodeMessage.Type

_log = logging.getLogger(__name__)


class SessionState(Enum):
    """How far the handshake has come."""

    CREATED = "created"
    ESTABLISHED = "established"
    READY = "ready"


class TransactionKey(NamedTuple):
    """What tells the transactions of one stream apart."""

    channel_id: str
    transaction_id: str


@dataclass(frozen=True, slots=True)
class Offer:
    """What a peer offers beyond the protocol of Fabric 2; 0 is not offered.

    Attributes:
        write_batch: How many writes may travel in one message.
        keys: How many keys may be asked for in one message.
    """

    write_batch: int = 0
    keys: int = 0


@dataclass(frozen=True, slots=True)
class Send:
    """Send ``message`` to the peer."""

    message: ChaincodeMessage


@dataclass(frozen=True, slots=True)
class Begin:
    """Run the transaction that ``message`` starts."""

    key: TransactionKey
    message: ChaincodeMessage


@dataclass(frozen=True, slots=True)
class Resume:
    """Give ``message`` to the transaction that waits for it."""

    key: TransactionKey
    message: ChaincodeMessage


Action = Send | Begin | Resume


class Session:
    """What has been said on one stream, and what may be said next.

    Attributes:
        state: How far the handshake has come.
        offer: What the peer offered when it declared itself ready.
    """

    def __init__(self, chaincode_id: str) -> None:
        self._chaincode_id = chaincode_id
        self.state = SessionState.CREATED
        self.offer = Offer()
        self._running: dict[TransactionKey, bool] = {}  # True while a request is open

    def register(self) -> ChaincodeMessage:
        """Return the first message of the stream."""
        name = ChaincodeID(name=self._chaincode_id)
        return ChaincodeMessage(type=Type.REGISTER, payload=name.SerializeToString())

    def receive(self, message: ChaincodeMessage) -> Action | None:
        """Return what a message of the peer asks for, or None.

        An answer that nobody waits for is late, for instance after the peer gave a transaction up;
        it is left alone.

        Raises:
            ShimProtocolError: The message has no place here, as Fabric's own shim for Go judges.
        """
        kind = message.type
        # Only a peer configured to do so sends these; Fabric's shim for Go returns them unchanged.
        if kind == Type.KEEPALIVE:
            return Send(message)
        if self.state is not SessionState.READY:
            self._shake_hands(message)
            return None
        if kind in _STARTS:
            return self._begin(message)
        if kind in _ANSWERS:
            return self._resume(message)
        raise self._misplaced(message)

    def asked(self, key: TransactionKey) -> None:
        """Note that a running transaction has sent a request."""
        assert self._running.get(key) is False, f"{key} is not running or already waits"
        self._running[key] = True

    def ended(self, key: TransactionKey) -> None:
        """Note that a transaction has sent its result."""
        del self._running[key]

    @property
    def running(self) -> Mapping[TransactionKey, bool]:
        """The transactions that run, each with whether it waits for an answer."""
        return MappingProxyType(self._running)

    def _shake_hands(self, message: ChaincodeMessage) -> None:
        if self.state is SessionState.CREATED and message.type == Type.REGISTERED:
            self.state = SessionState.ESTABLISHED
        elif self.state is SessionState.ESTABLISHED and message.type == Type.READY:
            self.offer = _offer(message.payload)
            self.state = SessionState.READY
        else:
            raise self._misplaced(message)

    def _begin(self, message: ChaincodeMessage) -> Action:
        key = TransactionKey(message.channel_id, message.txid)
        if key in self._running:
            # The peer gave up an earlier run that has not noticed yet. Two runs could not be told
            # apart on the stream, so the later one fails.
            return Send(error_message(key, f"transaction {key.transaction_id} is still running"))
        self._running[key] = False
        return Begin(key, message)

    def _resume(self, message: ChaincodeMessage) -> Action | None:
        key = TransactionKey(message.channel_id, message.txid)
        if not self._running.get(key, False):
            _log.debug("nobody waits for a message of transaction %s", key.transaction_id)
            return None
        self._running[key] = False
        return Resume(key, message)

    def _misplaced(self, message: ChaincodeMessage) -> ShimProtocolError:
        kind = _NAMES.get(message.type, str(message.type))
        return ShimProtocolError(f"a message {kind} has no place in state {self.state.value}")


_STARTS: Final = frozenset({Type.TRANSACTION, Type.INIT})
_ANSWERS: Final = frozenset({Type.RESPONSE, Type.ERROR})
_NAMES: Final = {number: name for name, number in Type.items()}


def error_message(key: TransactionKey, problem: str) -> ChaincodeMessage:
    """Return the message that fails a transaction, or with an empty key the whole stream."""
    return ChaincodeMessage(
        type=Type.ERROR,
        payload=problem.encode(errors="backslashreplace"),
        txid=key.transaction_id,
        channel_id=key.channel_id,
    )


def _offer(payload: bytes) -> Offer:
    try:
        offered = decode(ChaincodeAdditionalParams, payload)
    except MalformedMessageError as error:
        raise ShimProtocolError(f"the peer's READY cannot be read: {error}") from error
    return Offer(
        write_batch=offered.max_size_write_batch if offered.use_write_batch else 0,
        keys=offered.max_size_get_multiple_keys if offered.use_get_multiple_keys else 0,
    )
