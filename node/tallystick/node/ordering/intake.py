"""A sequencer with a clock, for whoever orders a channel."""

import asyncio

from tallystick.node.ordering.admission import Refused, Submission
from tallystick.node.ordering.chain import SHUTTING_DOWN, Answer, unavailable
from tallystick.node.ordering.sequencer import Batch, OrderingRules, QueueLimits, Sequencer, Settle
from tallystick.node.telemetry import spans


class Intake:
    """Takes envelopes from callers, and gives batches to the one who puts them into the chain."""

    def __init__(self, rules: OrderingRules, limits: QueueLimits) -> None:
        self._sequencer = Sequencer(rules, limits)
        self._closed: Refused | None = None
        self._wake = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many envelopes are in no batch that was given out."""
        return self._sequencer.waiting

    def order(self, submission: Submission) -> Answer:
        """Queue an envelope; what is returned yields the answer once it is clear."""
        answer: Answer = asyncio.get_running_loop().create_future()

        def settle(result: Refused | None) -> None:
            if not answer.done():  # else its caller has given up
                answer.set_result(result)

        if self._closed is not None:
            settle(self._closed)
        else:
            self._queue(submission, settle)
        return answer

    def _queue(self, submission: Submission, settle: Settle) -> None:
        self._sequencer.accept(submission, settle, spans.moment())
        self._wake.set()

    async def next_batch(self) -> Batch | None:
        """Return the next batch as soon as it is complete, or None: drained, and nothing is left.

        Before the next call, the batch must be in the chain and its configuration in force.
        """
        clock = asyncio.get_running_loop().time
        while True:
            self._wake.clear()
            closing = self._closed is not None
            batch = self._sequencer.next_batch(clock(), closing=closing)
            if batch is not None:
                batch.passed("batch")
            if batch is not None or closing:
                return batch
            try:
                async with asyncio.timeout_at(self._sequencer.deadline_s):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def drain(self) -> None:
        """Accept nothing more; batches still come until none is left."""
        self._closed = self._closed or SHUTTING_DOWN
        self._wake.set()

    def close(self, answer: Refused) -> None:
        """Accept nothing more, and give that answer to everybody who still waits."""
        self._closed = self._closed or answer
        self._sequencer.refuse_all(answer)
        self._wake.set()


class SharedIntake(Intake):
    """An intake to which one envelope comes several times, by way of several orderers.

    A gateway that hears nothing from one orderer asks the next as well, and all of them hand the
    envelope to the same leader. While it waits for its answer here, whoever brings the same bytes
    again gets that answer, and it is ordered once. Nothing is kept of what was answered.

    Invariant: those who wait beside the first of an envelope are, and bring, at most as much as
    the limits let wait to be ordered.
    """

    def __init__(self, rules: OrderingRules, limits: QueueLimits) -> None:
        super().__init__(rules, limits)
        self._limits = limits
        self._others: dict[bytes, list[Settle]] = {}
        self._joined = 0
        self._joined_bytes = 0

    def _queue(self, submission: Submission, settle: Settle) -> None:
        others = self._others.get(submission.envelope)
        if others is None:
            self._queue_first(submission, settle)
        elif self._has_room_beside(submission):
            others.append(settle)
            self._joined += 1
            self._joined_bytes += submission.size_bytes
        else:
            reason = f"{self._joined} envelopes wait for the answers to others like them"
            settle(unavailable(f"{reason} and there is no room for more; try again in a moment"))

    def _queue_first(self, submission: Submission, settle: Settle) -> None:
        others: list[Settle] = []
        self._others[submission.envelope] = others

        def settle_all(result: Refused | None) -> None:
            del self._others[submission.envelope]
            self._joined -= len(others)
            self._joined_bytes -= len(others) * submission.size_bytes
            for each in (settle, *others):
                each(result)

        super()._queue(submission, settle_all)

    def _has_room_beside(self, submission: Submission) -> bool:
        return (
            self._joined < self._limits.max_envelopes
            and self._joined_bytes + submission.size_bytes <= self._limits.max_bytes
        )
