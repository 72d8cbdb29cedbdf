"""Groups ordered envelopes into blocks. Pure. Source: wire.md §7.2."""

from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

from tallystick.node.channel.config import BatchParameters
from tallystick.node.transport.options import MAX_MESSAGE_BYTES

MAX_BATCH_BYTES: Final = MAX_MESSAGE_BYTES - 2 * 1024 * 1024
"""What goes into one block at most, whatever the channel allows: with the framing of its entries
and its metadata it must travel in one message, else no peer would ever have it."""


class Sized(Protocol):
    """Something with an envelope in it."""

    @property
    def size_bytes(self) -> int:
        """What the channel's limits count of it."""


ItemT = TypeVar("ItemT", bound=Sized)


@dataclass(slots=True)
class BlockCutter(Generic[ItemT]):
    """Collects envelopes until a batch is full. It knows neither clock nor disk.

    Invariant between calls: what is pending has fewer envelopes than ``max_message_count`` and at
    most ``preferred_max_bytes`` bytes, or `MAX_BATCH_BYTES` if that is less.
    """

    limits: BatchParameters
    _pending: list[ItemT] = field(default_factory=list)
    _pending_bytes: int = 0

    @property
    def has_pending(self) -> bool:
        """Whether a batch is open."""
        return bool(self._pending)

    @property
    def pending(self) -> int:
        """How many envelopes are in the open batch."""
        return len(self._pending)

    def add(self, item: ItemT) -> list[list[ItemT]]:
        """Take one envelope; return the batches that it completes, in order: none, one or two.

        Two, when an oversized envelope closes the open batch and then travels alone.
        """
        complete: list[list[ItemT]] = []
        limit = min(self.limits.preferred_max_bytes, MAX_BATCH_BYTES)
        if self._pending and self._pending_bytes + item.size_bytes > limit:
            complete.append(self.cut())
        self._pending.append(item)
        self._pending_bytes += item.size_bytes
        if self._pending_bytes > limit or len(self._pending) >= self.limits.max_message_count:
            complete.append(self.cut())
        return complete

    def cut(self) -> list[ItemT]:
        """Close the open batch and return it; empty when nothing is pending."""
        batch, self._pending, self._pending_bytes = self._pending, [], 0
        return batch
