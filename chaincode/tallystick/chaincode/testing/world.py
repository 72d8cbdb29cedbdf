"""The committed state of a channel, in memory, and a transaction that is about to change it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from tallystick.chaincode.errors import NOT_FOUND, Refusal
from tallystick.chaincode.stub import Chaincode, KeyModification

KeyT = TypeVar("KeyT")


@dataclass(slots=True)
class Rows:
    """The committed rows of one chaincode; private values are keyed by collection and key."""

    values: dict[str, bytes] = field(default_factory=dict)
    history: dict[str, list[KeyModification]] = field(default_factory=dict)  # oldest first
    metadata: dict[str, dict[str, bytes]] = field(default_factory=dict)
    private: dict[tuple[str, str], bytes] = field(default_factory=dict)
    private_metadata: dict[tuple[str, str], dict[str, bytes]] = field(default_factory=dict)

    def copy(self) -> "Rows":
        """Return the same rows in containers of their own; what lies in them never changes."""
        return Rows(
            values=dict(self.values),
            history={key: list(changes) for key, changes in self.history.items()},
            metadata={key: dict(each) for key, each in self.metadata.items()},
            private=dict(self.private),
            private_metadata={place: dict(each) for place, each in self.private_metadata.items()},
        )


@dataclass(slots=True)
class Writes:
    """What a transaction writes to the rows of one chaincode; None deletes."""

    values: dict[str, bytes | None] = field(default_factory=dict)
    metadata: dict[str, dict[str, bytes]] = field(default_factory=dict)
    private: dict[tuple[str, str], bytes | None] = field(default_factory=dict)
    private_metadata: dict[tuple[str, str], dict[str, bytes]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.values or self.metadata or self.private or self.private_metadata)


@dataclass(slots=True)
class MemoryWorld:
    """The chaincodes of a channel and their rows, by chaincode name."""

    chaincodes: dict[str, Chaincode] = field(default_factory=dict)
    rows: dict[str, Rows] = field(default_factory=dict)

    def chaincode(self, name: str) -> Chaincode:
        """Return the chaincode of that name.

        Raises:
            Refusal: UNKNOWN_CHAINCODE.
        """
        found = self.chaincodes.get(name)
        if found is None:
            raise Refusal("UNKNOWN_CHAINCODE", f"no chaincode {name!r} on this channel", NOT_FOUND)
        return found

    def rows_of(self, chaincode: str) -> Rows:
        """Return the rows of a chaincode, none at first."""
        return self.rows.setdefault(chaincode, Rows())


@dataclass(slots=True)
class MemoryTransaction:
    """What all calls of one transaction share."""

    world: MemoryWorld
    transaction_id: str
    timestamp_ns: int
    creator: bytes
    entry_chaincode: str
    channel_id: str = "securities"
    transient: Mapping[str, bytes] = field(default_factory=dict)
    writes: dict[str, Writes] = field(default_factory=dict)
    paged: bool = False

    def writes_of(self, chaincode: str) -> Writes:
        """Return what this transaction writes to the rows of a chaincode."""
        return self.writes.setdefault(chaincode, Writes())

    def commit(self) -> None:
        """Apply the writes to the world and extend the history."""
        for chaincode, writes in self.writes.items():
            rows = self.world.rows_of(chaincode)
            for key, value in writes.values.items():
                _apply(rows.values, key, value)
                rows.history.setdefault(key, []).append(self._modification(value))
            for place, private_value in writes.private.items():
                _apply(rows.private, place, private_value)
            rows.metadata = _kept(rows.metadata | writes.metadata, rows.values)
            rows.private_metadata = _kept(
                rows.private_metadata | writes.private_metadata, rows.private
            )

    def _modification(self, value: bytes | None) -> KeyModification:
        return KeyModification(
            transaction_id=self.transaction_id,
            value=value or b"",
            timestamp_ns=self.timestamp_ns,
            is_delete=value is None,
        )


def _apply(rows: dict[KeyT, bytes], key: KeyT, value: bytes | None) -> None:
    if value is None:
        rows.pop(key, None)
    else:
        rows[key] = value


def _kept(
    metadata: dict[KeyT, dict[str, bytes]], rows: Mapping[KeyT, bytes]
) -> dict[KeyT, dict[str, bytes]]:
    """Return the metadata of the keys that exist: that of others goes, or is never there."""
    return {key: entries for key, entries in metadata.items() if key in rows}
