"""A chain of one orderer: the order of arrival is the order. Source: wire.md §7.1, §7.2.

A block is durable before anyone sees it, and before anyone is told that an envelope is ordered.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from tallystick.node.ledger.write_watch import WriteWatch
from tallystick.node.membership.errors import SigningFailedError
from tallystick.node.observability.context import log_about
from tallystick.node.ordering.admission import Submission
from tallystick.node.ordering.chain import Answer, unavailable
from tallystick.node.ordering.intake import Intake
from tallystick.node.ordering.sequencer import Batch, OrderingRules, QueueLimits

_log = logging.getLogger(__name__)


class BatchWriter(Protocol):
    """What turns batches into blocks."""

    @property
    def height(self) -> int:
        """How many blocks there are."""

    async def write(self, envelopes: Sequence[bytes]) -> object:
        """Return once a block with ``envelopes`` is durable. Raises SigningFailedError."""

    async def write_config(self, envelope: bytes) -> object:
        """Return once a config block with ``envelope`` is durable. Raises SigningFailedError."""


class SoloChain:
    """A `Chain` whose only orderer is this one."""

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
        self._on_height = on_height
        self._intake = Intake(rules, limits)
        self._height = writer.height
        self._problem = ""
        self._writes = WriteWatch()

    @property
    def height(self) -> int:
        """How many blocks are durable."""
        return self._height

    @property
    def leader(self) -> str:
        """Nobody else: envelopes are ordered here."""
        return ""

    @property
    def leads(self) -> bool:
        """Whether the order is made here: where else?"""
        return True

    @property
    def waiting(self) -> int:
        """How many envelopes wait for their block."""
        return self._intake.waiting

    @property
    def problem(self) -> str:
        """Why nothing could be ordered the last time, or can be now; empty if all is well."""
        return self._problem or self._writes.problem

    def order(self, submission: Submission) -> Answer:
        """Queue an envelope; the answer comes once its block is durable."""
        return self._intake.order(submission)

    def drain(self) -> None:
        """Accept nothing more; ``run`` ends once what was accepted is written."""
        self._intake.drain()

    async def run(self) -> None:
        """Write blocks until drained."""
        log_about(channel=self._rules.config.channel_id)
        while batch := await self._intake.next_batch():
            try:
                with self._writes.writing(self._height):
                    await self._write(batch)
            except SigningFailedError as error:  # and nothing is in the chain
                _log.error("refused %d envelopes: %s", len(batch.members), error)
                self._problem = str(error)
                batch.settle(unavailable(str(error)))
                continue
            self._problem = ""
            batch.passed("block write", block_number=self._height)
            self._height = self._writer.height
            self._on_height(self._height)
            batch.settle(None)

    async def _write(self, batch: Batch) -> None:
        if batch.config is None:
            await self._writer.write(batch.envelopes)
        else:
            await self._writer.write_config(batch.envelopes[0])
            # Before anybody reads the block: who has lost the right to read shall not get it.
            self._rules.adopt(batch.config)
