"""A sequencer with a clock, for whoever orders a channel."""

import asyncio

from tallystick.node.ordering.admission import Refused, Submission
from tallystick.node.ordering.chain import SHUTTING_DOWN, Answer
from tallystick.node.ordering.sequencer import Batch, OrderingRules, QueueLimits, Sequencer
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
            self._sequencer.accept(submission, settle, spans.moment())
            self._wake.set()
        return answer

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
