"""A chain of several orderers, whose order is that of a log in etcd.

One of them leads: it cuts batches and writes them into the log, block by block. All of them take
envelopes, and hand them to the leader; and all copy the log, so that each has every block.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import aclosing, contextmanager, suppress
from typing import Final

from tallystick.node.ledger.write_watch import OVERDUE_S
from tallystick.node.membership.errors import SigningFailedError
from tallystick.node.observability.context import log_about, logging_about, subject
from tallystick.node.ordering.admission import Submission
from tallystick.node.ordering.chain import SHUTTING_DOWN, Answer, at_once, unavailable
from tallystick.node.ordering.etcd.comparison import Comparison, LostLogError
from tallystick.node.ordering.etcd.copying import LocalCopy, overdue
from tallystick.node.ordering.etcd.fellows import NOT_LEADING, Fellows
from tallystick.node.ordering.etcd.forwarding import Forwarding
from tallystick.node.ordering.etcd.housekeeping import Housekeeper
from tallystick.node.ordering.etcd.keys import LogKeys
from tallystick.node.ordering.etcd.leadership import Leadership
from tallystick.node.ordering.etcd.log import LogTrimmedError, OrderedLog
from tallystick.node.ordering.etcd.port import EtcdUnavailableError
from tallystick.node.ordering.etcd.records import UntrustedBatchError
from tallystick.node.ordering.etcd.roles import Following, Leading, Progress, Seeking
from tallystick.node.ordering.etcd.shared import SharedOrdering
from tallystick.node.ordering.intake import SharedIntake
from tallystick.node.ordering.sequencer import QueueLimits
from tallystick.node.transport.tasks import supervised_tasks
from tallystick.protos.common.common_pb2 import Block

_RETRY_S: Final = 0.1
_DRAIN_S: Final = 5.0
_LAST_ANSWERS_S: Final = 0.5
_LOOK_S: Final = 1.0
"""How often etcd is asked whether a block that is fetched elsewhere has come to be there."""
LACK_PATIENCE_S: Final = 30.0
"""How long a block may be lacking before that is told, as long as peers wait for theirs."""
_ASK_AGAIN_S: Final = 5.0
"""How often the other orderers are asked from then on whether they have it."""

_log = logging.getLogger(__name__)


class EtcdChain:
    """A `Chain` whose orderers share a log in etcd."""

    def __init__(
        self,
        shared: SharedOrdering,
        local: LocalCopy,
        fellows: Fellows,
        *,
        keys: LogKeys,
        limits: QueueLimits,
    ) -> None:
        self._copyist = local.copyist
        self._block = local.block
        self._rules = local.rules
        self._orderers = local.orderers
        self._fellows = fellows
        self._address = shared.candidate.address
        self._channel_id = keys.channel_id
        self._log = OrderedLog(shared.etcd, keys)
        self._progress = Progress(local.copyist.height)
        self._comparison = Comparison(shared, self._log, fellows, self._progress)
        self._leadership = Leadership(
            shared,
            self._comparison,
            local=local,
            progress=self._progress,
            new_intake=lambda: SharedIntake(local.rules, limits),
        )
        self._housekeeper = Housekeeper(
            self._log,
            shared.candidate.address,
            retention=shared.retention,
            progress=self._progress,
            local=local,
        )
        self._forwarding = Forwarding(
            fellows, self._progress, limits=limits, patience_s=shared.patience_s
        )
        self._fault = ""
        self._unsigned = ""
        self._late = ""
        self._lack = ""
        self._tasks: asyncio.TaskGroup | None = None
        self._draining = asyncio.Event()

    @property
    def height(self) -> int:
        """How many blocks are durable here."""
        return self._progress.height

    @property
    def leader(self) -> str:
        """The orderer to which envelopes are handed on from here; empty if they are not."""
        role = self._progress.role
        return role.address if isinstance(role, Following) else ""

    @property
    def leads(self) -> bool:
        """Whether this orderer leads the channel."""
        return isinstance(self._progress.role, Leading)

    @property
    def waiting(self) -> int:
        """How many envelopes wait here: for their block, or for the leader's answer."""
        role = self._progress.role
        return self._forwarding.waiting + (role.intake.waiting if isinstance(role, Leading) else 0)

    @property
    def problem(self) -> str:
        """Why nothing can be ordered at the moment, or not copied; empty when all is well."""
        out = self._leadership.standing.problem
        if problem := self._fault or self._unsigned or self._late or out:
            return problem
        match self._progress.role:
            case Seeking(problem=problem):
                return problem or "nobody leads the orderers at the moment"
            case Following():
                return self._lack
            case Leading():
                return ""

    def order(self, submission: Submission) -> Answer:
        """Order an envelope, or have the leader do it."""
        if self._draining.is_set():
            return at_once(SHUTTING_DOWN)
        if self._tasks is None:
            return at_once(unavailable("the orderer is starting; try again in a moment"))
        role = self._progress.role
        if isinstance(role, Leading):
            return role.intake.order(submission)
        return self._forwarding.order(submission, self._tasks)

    def order_here(self, submission: Submission) -> Answer:
        """Order an envelope that another orderer forwarded: only the leader does."""
        role = self._progress.role
        if self._draining.is_set() or not isinstance(role, Leading):
            return at_once(NOT_LEADING)
        return role.intake.order(submission)

    def drain(self) -> None:
        """Accept nothing more; ``run`` ends once what was accepted is in the log."""
        self._draining.set()

    async def leave(self) -> None:
        """Take what this orderer has in etcd out of it, once ``run`` has ended for good."""
        try:
            await self._log.leave(self._address, self.height, self._orderers())
        except (EtcdUnavailableError, UntrustedBatchError) as error:
            with logging_about(subject(channel=self._channel_id)):
                _log.warning(
                    "what this channel has in etcd stays there, a few kilobytes: %s", error
                )

    async def run(self) -> None:
        """Copy the log, and lead when nobody else does, until drained."""
        log_about(channel=self._channel_id)
        async with supervised_tasks() as tasks:
            self._tasks = tasks
            working = tasks.create_task(self._work())
            await self._draining.wait()
            await self._forwarding.finish(timeout_s=_DRAIN_S)
            await self._finish()
            self._forwarding.cancel()
            working.cancel()

    async def _work(self) -> None:
        """Do what an orderer does until cancelled, or until something is wrong with the log."""
        try:
            async with supervised_tasks() as tasks:
                tasks.create_task(self._copy())
                tasks.create_task(self._leadership.run())
                tasks.create_task(self._housekeeper.run())
                tasks.create_task(self._leadership.standing.tell(self._progress))
                tasks.create_task(self._let_go_of_former_leaders())
        except (UntrustedBatchError, LostLogError) as error:
            # What is here can be read all the same, and other channels go on.
            self._fault = str(error)
            self._progress.role = Seeking(self._fault)
            _log.error("%s", self._fault)
            with suppress(EtcdUnavailableError):  # then the lease will lapse
                await self._leadership.resign()

    async def _finish(self) -> None:
        """Return once what was accepted is in the log, or cannot be written soon."""
        role = self._progress.role
        if not isinstance(role, Leading):
            return
        role.intake.drain()
        try:
            async with asyncio.timeout(_DRAIN_S):
                while self._progress.role is role:
                    await self._progress.change()
        except TimeoutError:
            role.intake.close(SHUTTING_DOWN)

    async def _copy(self) -> None:
        while True:
            try:
                await self._follow_log()
            except EtcdUnavailableError as error:
                _log.warning("does not copy for the moment: %s", error)
                await asyncio.sleep(_RETRY_S)
            except SigningFailedError as error:
                await self._stand_back(str(error))

    async def _follow_log(self) -> None:
        try:
            following = self._log.follow(self._copyist.height, lambda: self.leads)
            async with aclosing(following) as batches:
                async for number, batch in batches:
                    with self._telling_if_late(number):
                        await self._copyist.copy(number, batch)
                    self._unsigned = ""
                    self._progress.height = self._copyist.height
        except LogTrimmedError as error:
            await self._fetch(error.first)
            self._unsigned = ""

    async def _stand_back(self, problem: str) -> None:
        """Let another orderer lead while this one cannot sign what it copies."""
        if problem != self._unsigned:
            _log.error("does not copy for the moment: %s", problem)
        self._unsigned = problem
        with suppress(EtcdUnavailableError):  # then the lease will lapse
            await self._leadership.resign()
        await asyncio.sleep(_RETRY_S)

    async def _fetch(self, height: int) -> None:
        """Get blocks that etcd does not have from the other orderers, up to ``height``.

        Once this orderer leads, there are no more. And what etcd has after all is read there: of a
        block that a leader wrote as its last, nobody else may have a copy.
        """
        _log.info("fetches blocks %d to %d from other orderers", self.height, height - 1)
        last = self._block(self.height - 1).header
        async with aclosing(self._fellows.blocks(last)) as blocks:
            while self.height < height and (block := await self._unless_in_vain(anext(blocks))):
                with self._telling_if_late(block.header.number):
                    await self._copyist.copy_block(block)
                self._progress.height = self._copyist.height

    async def _unless_in_vain(self, coming: Coroutine[object, object, Block]) -> Block | None:
        """Return the block that comes, or None once it is not to be had from other orderers."""
        async with supervised_tasks() as tasks:
            fetching = tasks.create_task(coming)
            ends = (self._progress.leading(), self._until_log_has_no_gap())
            all_of_them = (fetching, *map(tasks.create_task, ends))
            await asyncio.wait(all_of_them, return_when=asyncio.FIRST_COMPLETED)
            for task in all_of_them:
                task.cancel()
        return None if fetching.cancelled() else fetching.result()

    async def _until_log_has_no_gap(self) -> None:
        """Return once etcd has the next block, or no later one any more; tell if that lasts."""
        now_s = asyncio.get_running_loop().time
        told_s = now_s() + LACK_PATIENCE_S
        try:
            while True:
                await asyncio.sleep(_LOOK_S)
                with suppress(EtcdUnavailableError):  # other orderers may answer all the same
                    if (gap := await self._log.gap(self.height)) is None:
                        return
                    if now_s() >= told_s:
                        self._tell_of_lack(gap.number, await self._comparison.across(gap))
                        told_s = now_s() + _ASK_AGAIN_S
        finally:
            self._lack = ""

    def _tell_of_lack(self, number: int, reason: str | None) -> None:
        """Let `problem` say that a block does not come; without a reason nobody has it."""
        lack = f"lacks block {number}, which no orderer delivers: {reason}" if reason else ""
        if lack and lack != self._lack:
            _log.error("%s", lack)
        self._lack = lack

    @contextmanager
    def _telling_if_late(self, number: int) -> Iterator[None]:
        """Let `problem` say so while the block of code takes too long to write block ``number``."""

        def tell() -> None:
            self._late = overdue(number)
            _log.error("%s", self._late)

        telling = asyncio.get_running_loop().call_later(OVERDUE_S, tell)
        try:
            yield
        finally:
            telling.cancel()
            self._late = ""

    async def _let_go_of_former_leaders(self) -> None:
        """Send again what a leader has not answered when another one has taken its place.

        It may hang. If it stopped in good order, its last answers are under way.
        """
        leader = ""
        while True:
            role = self._progress.role
            newest = leader  # as long as nobody has taken its place
            if isinstance(role, Following):
                newest = role.address
            elif isinstance(role, Leading):
                newest = ""
            if newest == leader:
                await self._progress.change()
                continue
            if leader:
                await asyncio.sleep(_LAST_ANSWERS_S)
                self._fellows.let_go(leader)
            leader = newest
