"""Which envelopes go into which block, and when a block is closed. Pure. wire.md §7.1, §7.2.

Whoever orders, one orderer alone or the leader of several, asks for the next batch, puts it into
the chain, and settles it.
"""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.observability.context import Subject, logging_about, subject
from tallystick.node.ordering.admission import Admitted, Refused, Submission, read_submission
from tallystick.node.ordering.block_cutter import BlockCutter
from tallystick.node.ordering.chain import unavailable
from tallystick.node.telemetry.spans import Moment

Settle = Callable[[Refused | None], object]
"""Told once what became of an envelope: None if it is in the order for good."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How much may wait to be ordered."""

    max_envelopes: int = 10_000
    max_bytes: int = 256 * 1024 * 1024


class OrderingRules(Protocol):
    """What may be ordered, under a configuration that changes with every config block."""

    @property
    def config(self) -> ChannelConfig:
        """The configuration in force."""

    def admit(self, submission: Submission) -> Admitted | Refused:
        """Judge an envelope under the configuration in force."""

    def admit_again(self, admitted: Admitted) -> Admitted | Refused:
        """Judge an envelope once more, under the configuration in force now."""

    def adopt(self, config: ChannelConfig) -> None:
        """Let ``config`` be in force from now on."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An envelope that waits for its place, whoever waits for its answer, and its trace if any."""

    admitted: Admitted
    settle: Settle
    moment: Moment | None = None

    @property
    def size_bytes(self) -> int:
        """Payload and signature, without the framing."""
        return self.admitted.size_bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """The content of the next block.

    Attributes:
        members: At least one.
        config: What is in force behind the block, if it changes that; then it has one envelope.
    """

    members: list[Waiting]
    config: ChannelConfig | None = None

    @property
    def envelopes(self) -> list[bytes]:
        """What goes into the block."""
        return [member.admitted.envelope for member in self.members]

    def passed(self, stage: str, **facts: str | int) -> None:
        """Record a stage that the traced envelopes have behind them now."""
        for member in self.members:
            if member.moment is not None:
                member.moment.passed(stage, facts)

    def settle(self, answer: Refused | None) -> None:
        """Tell everybody who waits for one of the envelopes."""
        for member in self.members:
            member.settle(answer)


class Sequencer:
    """Takes envelopes one by one, and gives them out in batches.

    Invariant: what waits is within the limits, so a client that is faster than the disk is told so
    and cannot exhaust the memory.
    """

    def __init__(self, rules: OrderingRules, limits: QueueLimits) -> None:
        self._rules = rules
        self._limits = limits
        self._waiting: deque[Waiting] = deque()
        self._waiting_bytes = 0
        self._cutter: BlockCutter[Waiting] = BlockCutter(rules.config.batch)
        self._ready: deque[Batch] = deque()
        self._deadline_s: float | None = None

    @property
    def deadline_s(self) -> float | None:
        """When the open batch must be closed; None if none is open."""
        return self._deadline_s

    @property
    def waiting(self) -> int:
        """How many envelopes have not been given out."""
        ready = sum(len(batch.members) for batch in self._ready)
        return len(self._waiting) + self._cutter.pending + ready

    def accept(self, submission: Submission, settle: Settle, moment: Moment | None = None) -> None:
        """Judge an envelope and queue it; ``settle`` is told at once if it is refused."""
        admitted = self._rules.admit(submission)
        if isinstance(admitted, Refused):
            settle(admitted)
        elif not self._has_room_for(admitted):
            settle(
                unavailable(
                    f"{len(self._waiting)} envelopes wait to be ordered and there is no room for"
                    " more; try again in a moment"
                )
            )
        else:
            self._waiting.append(Waiting(admitted, settle, moment))
            self._waiting_bytes += admitted.size_bytes

    def next_batch(self, now_s: float, *, closing: bool = False) -> Batch | None:
        """Return the next batch that is complete, or None if there is none yet.

        Before the next call, the batch must be in the chain and its configuration in force: what
        comes behind it is judged by that.

        Args:
            now_s: Now, in seconds of any clock that never goes back.
            closing: Whether nothing more will come, so that the open batch is complete.
        """
        self._cutter.limits = self._rules.config.batch
        while self._waiting and not self._ready:
            waiting = self._take()
            if waiting is not None:
                self._place(waiting, now_s)
        is_due = self._deadline_s is not None and now_s >= self._deadline_s
        if not self._ready and self._cutter.has_pending and (is_due or closing):
            self._close(self._cutter.cut())
        return self._ready.popleft() if self._ready else None

    def refuse_all(self, answer: Refused) -> None:
        """Give up everything that has not been given out."""
        rest = [member for batch in self._ready for member in batch.members]
        rest += [*self._cutter.cut(), *self._waiting]
        self._ready.clear()
        self._waiting.clear()
        self._waiting_bytes = 0
        self._deadline_s = None
        for waiting in rest:
            waiting.settle(answer)

    def _has_room_for(self, admitted: Admitted) -> bool:
        return (
            len(self._waiting) < self._limits.max_envelopes
            and self._waiting_bytes + admitted.size_bytes <= self._limits.max_bytes
        )

    def _take(self) -> Waiting | None:
        """Return the next envelope; None if it may no longer be ordered."""
        waiting = self._waiting.popleft()
        self._waiting_bytes -= waiting.size_bytes
        if waiting.admitted.sequence == self._rules.config.sequence:
            return waiting
        # It was judged under a configuration that has been replaced while it waited.
        again = self._rules.admit_again(waiting.admitted)
        if isinstance(again, Refused):
            with logging_about(_subject_of(waiting.admitted.envelope)):
                _log.warning("refused an envelope that had waited: %s", again.info)
            waiting.settle(again)
            return None
        return replace(waiting, admitted=again)

    def _place(self, waiting: Waiting, now_s: float) -> None:
        """Put an envelope in its batch, or in its own block."""
        if waiting.admitted.reconfiguration is not None:
            if self._cutter.has_pending:
                self._close(self._cutter.cut())
            self._ready.append(Batch([waiting], waiting.admitted.reconfiguration.config))
            return
        for members in self._cutter.add(waiting):
            self._close(members)
        if self._cutter.has_pending and self._deadline_s is None:
            self._deadline_s = now_s + self._cutter.limits.timeout_s

    def _close(self, members: list[Waiting]) -> None:
        self._ready.append(Batch(members))
        self._deadline_s = None


def _subject_of(envelope: bytes) -> Subject:
    submission = read_submission(envelope)
    if isinstance(submission, Refused):
        return subject()
    return subject(channel=submission.channel_id, transaction_id=submission.transaction_id)
