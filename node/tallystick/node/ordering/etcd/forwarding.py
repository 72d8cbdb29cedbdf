"""Hands envelopes to the orderer that leads a channel, whoever that is."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from tallystick.node.ordering.admission import Refused, Submission
from tallystick.node.ordering.chain import Answer, at_once, unavailable
from tallystick.node.ordering.etcd.fellows import NOT_LEADING, Fellows, UnreachableFellowError
from tallystick.node.ordering.etcd.roles import Following, Leading, Progress, Seeking
from tallystick.node.ordering.sequencer import QueueLimits
from tallystick.protos.common.common_pb2 import CONFIG_UPDATE, Status

_RETRY_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class _Missed:
    """An envelope was not handed on: its leader was not reached, for a reason if one is known."""

    leader: Following
    reason: str = ""


class Forwarding:
    """The envelopes of an orderer that did not lead when they came.

    Invariant: what waits is within the limits.
    """

    def __init__(
        self, fellows: Fellows, progress: Progress, *, limits: QueueLimits, patience_s: float
    ) -> None:
        """Hand on to the one of ``fellows`` that leads; wait ``patience_s`` seconds for it."""
        self._fellows = fellows
        self._progress = progress
        self._limits = limits
        self._patience_s = patience_s
        self._forwards: set[Answer] = set()
        self._bytes = 0

    @property
    def waiting(self) -> int:
        """How many envelopes wait for a leader, or for its answer."""
        return len(self._forwards)

    def order(self, submission: Submission, tasks: asyncio.TaskGroup) -> Answer:
        """Have the leader order an envelope, by a task in ``tasks``."""
        if (
            len(self._forwards) >= self._limits.max_envelopes
            or self._bytes + submission.size_bytes > self._limits.max_bytes
        ):
            reason = f"{len(self._forwards)} envelopes wait to be handed to the leader; try again"
            return at_once(unavailable(reason))

        def end(forward: Answer) -> None:
            self._forwards.discard(forward)
            self._bytes -= submission.size_bytes

        forward = tasks.create_task(self._forward(submission))
        self._forwards.add(forward)
        self._bytes += submission.size_bytes
        # Not by the task: one that is cancelled before its first step never runs.
        forward.add_done_callback(end)
        return forward

    async def finish(self, *, timeout_s: float) -> None:
        """Return once all that waits is answered, or when the time is up."""
        if self._forwards:
            await asyncio.wait(self._forwards, timeout=timeout_s)

    def cancel(self) -> None:
        """Give up what still waits."""
        for forward in self._forwards:
            forward.cancel()

    async def _forward(self, submission: Submission) -> Refused | None:
        """Hand an envelope to the leader; wait a while for one if need be."""
        deadline_s = asyncio.get_running_loop().time() + self._patience_s
        missed: _Missed | None = None
        while True:
            leader = await self._leader(deadline_s)
            answer: Refused | _Missed | None
            match leader:
                case Refused():
                    return leader
                case None:
                    return self._nobody_ordered(missed)
                case Leading(intake=intake):
                    answer = await intake.order(submission)
                case Following():
                    answer = await self._ask(leader, submission)
            if isinstance(answer, _Missed):
                missed = answer
            elif answer != NOT_LEADING:
                return answer
            await asyncio.sleep(_RETRY_S)

    async def _leader(self, deadline_s: float) -> Following | Leading | Refused | None:
        """Return who leads, as soon as it is known, or why nothing can be ordered.

        None: that was not known in time, or it came to nothing until then.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline_s):
                while isinstance(role := self._progress.role, Seeking):
                    if role.problem:
                        return unavailable(role.problem)
                    await self._progress.change()
                await asyncio.sleep(0)  # lets a deadline that has passed strike
                return role
        return None

    def _nobody_ordered(self, missed: _Missed | None) -> Refused:
        """Return what is told when patience ends; ``missed`` is who was last asked in vain."""
        after = f"after {self._patience_s:g} s"
        if missed is None or missed.leader != self._progress.role:
            return unavailable(f"nobody leads the orderers {after}; try again")
        reason = f": {missed.reason}" if missed.reason else ""
        leader = f"orderer {missed.leader.address}, which leads,"
        return unavailable(f"{leader} cannot be reached {after}{reason}; try again")

    async def _ask(self, leader: Following, submission: Submission) -> Refused | _Missed | None:
        # Sent twice, an update of the configuration would be refused, although it is in force.
        only_once = submission.header_type == CONFIG_UPDATE
        if only_once and not await self._fellows.reaches(leader.address):
            return _Missed(leader)
        try:
            response = await self._fellows.forward(leader.address, submission.envelope)
        except UnreachableFellowError as error:
            if only_once:
                return unavailable(f"{error}; the update may be ordered all the same")
            return _Missed(leader, error.reason)
        if response.status == Status.SUCCESS:
            return None
        known = response.status in Status.values()
        status = response.status if known else Status.INTERNAL_SERVER_ERROR
        return Refused(status, response.info)
