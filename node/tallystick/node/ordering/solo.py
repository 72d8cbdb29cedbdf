"""A chain of one orderer: the order of arrival is the order. Source: wire.md §7.1, §7.2.

Blocks are durable before anyone sees them. Envelopes that are accepted but not yet in a block live
in memory, and a crash loses them: SUCCESS has never meant more than "waits to be ordered", so
clients wait for the commit and submit again when it does not come.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.ordering.admission import Admitted, Reconfiguration, Refused
from tallystick.node.ordering.block_cutter import BlockCutter
from tallystick.node.ordering.chain import ChainUnavailableError

_log = logging.getLogger(__name__)


class QueueFullError(ChainUnavailableError):
    """Envelopes arrive faster than they can be written.

    Attributes:
        waiting: How many wait already.
    """

    def __init__(self, waiting: int) -> None:
        super().__init__(
            f"{waiting} envelopes wait to be ordered and there is no room for more;"
            " try again in a moment"
        )
        self.waiting = waiting


class ChainDrainingError(ChainUnavailableError):
    """The orderer stops."""

    def __init__(self) -> None:
        super().__init__("the orderer is shutting down; use another orderer or try again later")


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How much may wait to be ordered."""

    max_envelopes: int = 10_000
    max_bytes: int = 256 * 1024 * 1024


class BatchWriter(Protocol):
    """What turns batches into blocks."""

    @property
    def height(self) -> int:
        """How many blocks there are."""

    async def write(self, envelopes: Sequence[bytes]) -> object:
        """Return once a block with ``envelopes`` is durable."""

    async def write_config(self, envelope: bytes) -> object:
        """Return once a config block with ``envelope`` is durable."""


class OrderingRules(Protocol):
    """What may be ordered, under a configuration that changes with every config block."""

    @property
    def config(self) -> ChannelConfig:
        """The configuration in force."""

    def admit_again(self, admitted: Admitted) -> Admitted | Refused:
        """Judge an envelope once more, under the configuration in force now."""

    def adopt(self, config: ChannelConfig) -> None:
        """Let ``config`` be in force from now on."""


class SoloChain:
    """A `Chain` whose only orderer is this one.

    Invariant: what waits is within the limits, so a client that is faster than the disk is told so
    and cannot exhaust the memory.
    """

    def __init__(
        self,
        writer: BatchWriter,
        rules: OrderingRules,
        *,
        limits: QueueLimits,
        on_height: Callable[[int], None],
    ) -> None:
        """Order into ``writer``; tell ``on_height`` the new height once a block is durable."""
        self._writer = writer
        self._rules = rules
        self._limits = limits
        self._on_height = on_height
        self._waiting: deque[Admitted] = deque()
        self._waiting_bytes = 0
        self._height = writer.height
        self._draining = False
        self._wake = asyncio.Event()

    @property
    def height(self) -> int:
        """How many blocks are durable."""
        return self._height

    async def order(self, admitted: Admitted) -> None:
        """Queue an envelope.

        Raises:
            QueueFullError: No room.
            ChainDrainingError: The chain stops.
        """
        if self._draining:
            raise ChainDrainingError
        if (
            len(self._waiting) >= self._limits.max_envelopes
            or self._waiting_bytes + admitted.size_bytes > self._limits.max_bytes
        ):
            raise QueueFullError(len(self._waiting))
        self._waiting.append(admitted)
        self._waiting_bytes += admitted.size_bytes
        self._wake.set()

    def drain(self) -> None:
        """Accept nothing more; ``run`` ends once what was accepted is written."""
        self._draining = True
        self._wake.set()

    async def run(self) -> None:
        """Write blocks until drained."""
        cutter = BlockCutter(self._rules.config.batch)
        deadline: float | None = None  # set while a batch is open
        while True:
            if not self._waiting and not await self._more(deadline):
                if cutter.has_pending:
                    await self._write(cutter.cut())
                    deadline = None
                elif self._draining:
                    return
                continue
            admitted = self._take()
            if admitted is None:
                continue
            closed = await self._place(admitted, cutter)
            if not cutter.has_pending:
                deadline = None
            elif deadline is None or closed:
                deadline = asyncio.get_running_loop().time() + cutter.limits.timeout_s

    async def _place(self, admitted: Admitted, cutter: BlockCutter) -> bool:
        """Put an envelope in its batch, or in its own block; return whether a batch was closed."""
        if admitted.reconfiguration is None:
            batches = cutter.add(admitted)
            for batch in batches:
                await self._write(batch)
            return bool(batches)
        if cutter.has_pending:
            await self._write(cutter.cut())
        await self._reconfigure(admitted.envelope, admitted.reconfiguration)
        cutter.limits = self._rules.config.batch
        return True

    async def _more(self, deadline: float | None) -> bool:
        """Wait for an envelope; return whether one came before the deadline or the drain."""
        if self._draining:
            return False
        self._wake.clear()
        try:
            async with asyncio.timeout_at(deadline):
                await self._wake.wait()
        except TimeoutError:
            return False
        return bool(self._waiting)

    def _take(self) -> Admitted | None:
        """Return the next envelope; None if it may no longer be ordered."""
        admitted = self._waiting.popleft()
        self._waiting_bytes -= admitted.size_bytes
        if admitted.sequence == self._rules.config.sequence:
            return admitted
        # It was judged under a configuration that has been replaced while it waited.
        again = self._rules.admit_again(admitted)
        if isinstance(again, Refused):
            _log.warning("discarded an envelope that waited: %s", again.info)
            return None
        return again

    async def _write(self, batch: list[bytes]) -> None:
        await self._writer.write(batch)
        self._announce()

    async def _reconfigure(self, envelope: bytes, change: Reconfiguration) -> None:
        await self._writer.write_config(envelope)
        # Before anybody reads the block: who has lost the right to read shall not get it.
        self._rules.adopt(change.config)
        self._announce()

    def _announce(self) -> None:
        self._height = self._writer.height
        self._on_height(self._height)
