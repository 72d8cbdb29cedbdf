"""The port between a chaincode and whatever runs it.

Three things implement it: a node that runs chaincode in its own process, the stream to a peer, and
the in-memory ledger of ``tallystick.chaincode.testing``. Contract authors use ``Context`` instead.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tallystick.protos.peer.chaincode_event_pb2 import ChaincodeEvent
from tallystick.protos.peer.proposal_response_pb2 import Response


@dataclass(frozen=True, slots=True)
class KeyModification:
    """One committed change of a key.

    Attributes:
        value: The value after the change; empty when the key was deleted.
        timestamp_ns: The time in the proposal of that transaction, nanoseconds since the epoch,
            UTC.
    """

    transaction_id: str
    value: bytes
    timestamp_ns: int
    is_delete: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a range, in key order.

    Attributes:
        bookmark: Where the next page starts; empty when this was the last one.
    """

    rows: tuple[tuple[str, bytes], ...]
    bookmark: str


@dataclass(frozen=True, slots=True)
class CalleeReply:
    """What a called chaincode answered; ``event`` is None when it set none or failed."""

    response: Response
    event: ChaincodeEvent | None


class ChaincodeStub(Protocol):
    """One call of one chaincode, inside one transaction.

    Reads see committed state only, never this transaction's own writes. Ranges hold
    ``start <= key < end`` in UTF-8 byte order; an empty end is unbounded.
    """

    @property
    def channel_id(self) -> str:
        """The channel of the transaction."""

    @property
    def transaction_id(self) -> str:
        """The id of the transaction, the same for every chaincode that takes part."""

    @property
    def timestamp_ns(self) -> int:
        """The time in the proposal, nanoseconds since the epoch, UTC."""

    @property
    def creator(self) -> bytes:
        """The ``SerializedIdentity`` bytes of the client that signed the proposal."""

    @property
    def transient(self) -> Mapping[str, bytes]:
        """What the client sent outside the transaction."""

    @property
    def entry_chaincode(self) -> str:
        """The chaincode that the proposal names; not this one when another chaincode calls."""

    @property
    def args(self) -> Sequence[bytes]:
        """The function name, then its arguments."""

    def get_state(self, key: str) -> bytes | None:
        """Return the committed value, or None."""

    def put_state(self, key: str, value: bytes) -> None:
        """Write ``value``, which is not empty."""

    def del_state(self, key: str) -> None:
        """Delete ``key``; deleting an absent key is allowed."""

    def get_states(self, keys: Sequence[str]) -> Sequence[bytes | None]:
        """Return the committed value of each key, or None, in the order of ``keys``."""

    def get_state_range(self, start: str, end: str) -> Iterator[tuple[str, bytes]]:
        """Yield the committed rows of a range, protected against phantoms."""

    def get_state_page(self, start: str, end: str, page_size: int, bookmark: str) -> Page:
        """Return one page of a range; refused in a transaction that writes."""

    def get_history(self, key: str) -> Iterator[KeyModification]:
        """Yield the committed changes of ``key``, newest first."""

    def get_private_data(self, collection: str, key: str) -> bytes | None:
        """Return the committed private value, or None."""

    def get_private_data_range(
        self, collection: str, start: str, end: str
    ) -> Iterator[tuple[str, bytes]]:
        """Yield the committed private rows of a range; refused in a transaction that writes."""

    def put_private_data(self, collection: str, key: str, value: bytes) -> None:
        """Write a private value, which is not empty."""

    def del_private_data(self, collection: str, key: str) -> None:
        """Delete a private value."""

    def purge_private_data(self, collection: str, key: str) -> None:
        """Delete a private value, and every value that the key has had before."""

    def get_private_data_hash(self, collection: str, key: str) -> bytes | None:
        """Return the SHA-256 of the committed private value, or None; works for non-members."""

    def get_state_metadata(self, key: str) -> Mapping[str, bytes]:
        """Return the metadata entries of ``key``, empty when it has none."""

    def put_state_metadata(self, key: str, name: str, value: bytes) -> None:
        """Make ``name`` the only metadata entry of ``key``, as Fabric does."""

    def get_private_data_metadata(self, collection: str, key: str) -> Mapping[str, bytes]:
        """Return the metadata entries of a private key, empty when it has none."""

    def put_private_data_metadata(self, collection: str, key: str, name: str, value: bytes) -> None:
        """Make ``name`` the only metadata entry of a private key."""

    def set_event(self, name: str, payload: bytes) -> None:
        """Set the event of this call; the last one counts."""

    def invoke_chaincode(self, name: str, args: Sequence[bytes]) -> CalleeReply:
        """Call another chaincode inside this transaction; ``name/channel`` asks one elsewhere."""


class Chaincode(Protocol):
    """Anything that can answer an invocation. It keeps no state between calls."""

    def invoke(self, stub: ChaincodeStub) -> Response:
        """Answer one call; a status below 400 means success."""
