"""Leads a channel when no other orderer does: cuts batches and writes them into the log."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import Final

from tallystick.node.ledger.write_watch import OVERDUE_S
from tallystick.node.ordering.chain import unavailable
from tallystick.node.ordering.etcd.comparison import Comparison
from tallystick.node.ordering.etcd.copying import LocalCopy, overdue
from tallystick.node.ordering.etcd.fellows import NOT_LEADING
from tallystick.node.ordering.etcd.log import SupersededError
from tallystick.node.ordering.etcd.port import (
    CompactedError,
    Condition,
    Deletion,
    EtcdUnavailableError,
    LeaseLostError,
    Put,
    Record,
    only,
)
from tallystick.node.ordering.etcd.roles import Following, Leading, Progress, Seeking
from tallystick.node.ordering.etcd.shared import SharedOrdering
from tallystick.node.ordering.etcd.standing import Standing
from tallystick.node.ordering.intake import Intake
from tallystick.node.ordering.sequencer import Batch
from tallystick.protos.tallystick.ordered_log_pb2 import Leader, OrderedBatch
from tallystick.wire.errors import WireError
from tallystick.wire.messages import decode

_log = logging.getLogger(__name__)

_RETRY_S: Final = 0.1
_LONGER_LEASE_S: Final = 10.0
"""How much longer than it was asked to etcd may let a lease last, as its election timeout asks."""


class Leadership:
    """Stands for the leadership of one channel, again and again, and orders while it has it.

    Attributes:
        standing: Whether it may.
    """

    def __init__(
        self,
        shared: SharedOrdering,
        comparison: Comparison,
        *,
        local: LocalCopy,
        progress: Progress,
        new_intake: Callable[[], Intake],
    ) -> None:
        self._etcd = shared.etcd
        self._comparison = comparison
        self._log = comparison.log
        self._keys = comparison.log.keys
        self._session = shared.session
        self._candidate = shared.candidate
        self.standing = Standing(local.rules, shared.candidate.msp_id)
        self._copyist = local.copyist
        self._progress = progress
        self._new_intake = new_intake
        self._overdue: int | None = None
        self._namesake = b""

    async def run(self) -> None:
        """Lead or follow until this orderer leads and its intake is drained.

        It does not lead while its organisation does not order the channel.

        Raises:
            LostLogError: The log is not the one that this orderer's blocks come from.
            UntrustedBatchError: It holds something that no orderer should have written.
        """
        while True:
            if await self._once():
                return
            await asyncio.sleep(_RETRY_S)

    async def resign(self) -> None:
        """Give up the leadership, if this orderer has it: it cannot use it any more."""
        found = (await self._etcd.read(only(self._keys.leader))).records
        if found and found[0].value == self._candidate.value:
            await self._delete(found[0].create_revision)

    async def _once(self) -> bool:
        """Lead or follow until something happens; return whether that is the end."""
        try:
            term = await self._campaign()
            if term is not None:
                return await self._lead(term)
        except EtcdUnavailableError as error:
            self._progress.role = Seeking(str(error))
        except (LeaseLostError, CompactedError) as error:
            _log.info("%s", error)
            self._progress.role = Seeking()
        except TimeoutError:  # of the comparison; meanwhile another orderer may have come to lead
            self._progress.role = Seeking(self._problem_of_disk())
        return False

    def _problem_of_disk(self) -> str:
        """Return what is wrong since a block in the log has not come to this disk in time."""
        number = self._overdue
        if number is None or self._progress.height > number:
            return ""
        return overdue(number)

    async def _campaign(self) -> int | None:
        """Return this orderer's term, or None once another orderer's has ended."""
        key = self._keys.leader
        found = await self._etcd.read(only(key))
        if found.records:
            return await self._defer(found.records[0], found.revision)
        if self.standing.problem:
            self._progress.role = Seeking()  # another orderer is about to lead
            return None
        lease = await self._session.lease()
        # Not before: whoever leads and lacks blocks would hold up everybody else.
        if obstacle := await self._comparison.obstacle():
            self._stand_aside(obstacle)
            return None
        committed = await self._etcd.commit(
            [Condition(key)], [Put(key, self._candidate.value, lease)]
        )
        return committed.revision if committed.succeeded else None

    def _stand_aside(self, obstacle: str) -> None:
        if self._progress.role != Seeking(obstacle):  # it is asked again and again
            _log.warning("does not lead: %s", obstacle)
        self._progress.role = Seeking(obstacle)

    async def _defer(self, leader: Record, revision: int) -> int | None:
        """Return the term of ``leader`` if that is this orderer; None once its term has ended."""
        if leader.value == self._candidate.value:
            if leader.lease == self._session.current:
                return leader.create_revision
            await self._delete(leader.create_revision)  # it was under a lease that has ended
            return None
        address = _address(leader)
        if address == self._candidate.address:
            await self._outlast(leader, revision)
        else:
            self._progress.role = Following(address)
            await self._until_changed(revision + 1)
        self._progress.role = Seeking()
        return None

    async def _outlast(self, leader: Record, revision: int) -> None:
        """Return once the term of another process with this orderer's address has ended.

        It is this orderer before it was started again, and ends with its lease, or another one.
        """
        if leader.value != self._namesake:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._session.ttl_s + _LONGER_LEASE_S):
                    await self._until_changed(revision + 1)
                    return
            self._namesake = leader.value
            _log.error("%s", _shared(self._candidate.address))
        self._progress.role = Seeking(_shared(self._candidate.address))
        await self._until_changed(revision + 1)

    async def _may_use(self, term: int) -> bool:
        """Return whether this orderer may lead in the term that it has; end the term otherwise."""
        try:
            obstacle = await self._comparison.obstacle()
        except TimeoutError:
            await self._delete(term)
            raise
        if obstacle:
            self._stand_aside(obstacle)
        if obstacle or self.standing.problem:  # since a block that has come meanwhile
            await self._delete(term)
            return False
        return True

    async def _lead(self, term: int) -> bool:
        """Order until drained, which returns True, or until this orderer leads no more."""
        if not await self._may_use(term):
            return False
        _log.info("leads since revision %d of etcd", term)
        intake = self._new_intake()
        self._progress.role = Leading(term, intake)
        try:
            async with asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(self._until_superseded(term, intake))
                problem, has_ended = "", False
                try:
                    problem = await self._order(term, intake)
                except SupersededError:
                    has_ended = True
                if watching.done():
                    problem, has_ended = problem or watching.result(), True
                watching.cancel()
            if not problem and not has_ended:
                await self._delete(term)  # drained: nobody need wait until the lease lapses
                return not self.standing.problem
            _log.warning("leads no more: %s", problem or "its term has ended")
            intake.close(unavailable(problem) if problem else NOT_LEADING)
            self._progress.role = Seeking(problem)
            return False
        finally:
            intake.close(NOT_LEADING)
            if isinstance(self._progress.role, Leading):
                self._progress.role = Seeking()

    async def _order(self, term: int, intake: Intake) -> str:
        """Order until the intake is closed, this orderer must lead no more, or it fails.

        Returns:
            Why it failed; empty if it did not.

        Raises:
            SupersededError: Another orderer leads, or has written the block.
        """
        try:
            while batch := await intake.next_batch():
                number = self._copyist.height
                await self._append(term, number, batch)
                if problem := await self._until_copied(number):
                    intake.close(unavailable(problem))
                    await self.resign()
                    return problem
                if self.standing.problem:
                    intake.close(NOT_LEADING)
                    self._progress.role = Seeking()
                    await self._delete(term)
                    return ""
        except EtcdUnavailableError as error:
            return str(error)
        return ""

    async def _append(self, term: int, number: int, batch: Batch) -> None:
        """Write a batch into the log as block ``number``."""
        content = OrderedBatch(
            previous_hash=self._copyist.last_hash,
            envelopes=batch.envelopes,
            is_config=batch.config is not None,
        )
        try:
            await self._log.append(term, number, content)
        except (EtcdUnavailableError, SupersededError) as error:
            batch.settle(unavailable(f"{error}; the envelope may be ordered all the same"))
            raise
        except asyncio.CancelledError:
            batch.settle(unavailable("the orderer stops; the envelope may be ordered all the same"))
            raise
        batch.passed("block write", block_number=number)
        batch.settle(None)

    async def _until_copied(self, number: int) -> str:
        """Return once block ``number`` is here, or another orderer leads: then it may never be.

        Returns:
            What is wrong if neither comes true in time; empty otherwise.
        """
        try:
            async with asyncio.timeout(OVERDUE_S):
                while self._progress.height <= number and isinstance(self._progress.role, Leading):
                    await self._progress.change()
        except TimeoutError:
            self._overdue = number
            return self._problem_of_disk()
        return ""

    async def _until_superseded(self, term: int, intake: Intake) -> str:
        """Stop leading as soon as the leadership key is no longer this orderer's.

        Returns:
            Why that is unknown: etcd does not answer, and so nothing can be ordered here, whether
            anybody asks for it or not. Empty if the term has ended.
        """
        key = only(self._keys.leader)
        while True:
            try:
                found = await self._etcd.read(key)
                if not found.records or found.records[0].create_revision != term:
                    intake.close(NOT_LEADING)
                    self._progress.role = Seeking()
                    return ""
                await self._until_changed(found.revision + 1)
            except EtcdUnavailableError as error:
                intake.close(unavailable(str(error)))
                self._progress.role = Seeking(str(error))
                return str(error)
            except CompactedError as error:
                _log.info("%s", error)
                await asyncio.sleep(_RETRY_S)

    async def _until_changed(self, revision: int) -> None:
        """Return once anything happens to the leadership key."""
        async with aclosing(self._etcd.watch(only(self._keys.leader), revision)) as changes:
            async for _ in changes:
                return

    async def _delete(self, term: int) -> None:
        """End the leadership that began at ``term``, if it has not ended yet."""
        key = self._keys.leader
        await self._etcd.commit([Condition(key, term)], [Deletion(only(key))])


def _address(leader: Record) -> str:
    try:
        return decode(Leader, leader.value).address
    except WireError:
        return ""  # nobody can be reached there


def _shared(address: str) -> str:
    """Return what is wrong if another orderer leads that has the address of this one."""
    return (
        f"another orderer leads, and has the advertised_address of this one, {address}, so that"
        " nothing can be handed on to it: set that of each orderer to an address by which the"
        " others reach it alone, as the channel names it"
    )
