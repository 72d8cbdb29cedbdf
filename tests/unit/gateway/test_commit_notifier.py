"""Waiting for the verdict on a transaction (wire.md §5.5)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from tests.scenarios.outcome import Outcome, State

from tallystick.node.gateway.commit_notifier import (
    CommitNotifier,
    CommitOutcome,
    NotifierClosedError,
    TooManyWaitersError,
)

VALID, MVCC_READ_CONFLICT, DUPLICATE_TXID = 0, 11, 9


class Notifier(CommitNotifier):
    """A notifier with its ledger: a dict that a test fills in."""

    def __init__(self, *, max_waiters: int = 100) -> None:
        self.ledger: dict[str, CommitOutcome] = {}
        super().__init__(self.ledger.get, max_waiters=max_waiters)


@asynccontextmanager
async def waiting(
    notifier: CommitNotifier, *transaction_ids: str
) -> AsyncIterator[Sequence[asyncio.Task[CommitOutcome]]]:
    """Yield tasks that wait for the transactions, in the order in which they began to."""
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        tasks = [group.create_task(notifier.wait(each)) for each in transaction_ids]
        await asyncio.sleep(0)
        yield tasks


async def test_a_committed_transaction_is_answered_from_the_ledger() -> None:
    notifier = Notifier()
    notifier.ledger["t1"] = CommitOutcome(MVCC_READ_CONFLICT, 7)
    assert await notifier.wait("t1") == (MVCC_READ_CONFLICT, 7)


async def test_a_transaction_under_way_is_answered_when_its_block_comes() -> None:
    notifier = Notifier()
    async with waiting(notifier, "t1") as (task,):
        notifier.publish(3, [("other", VALID)])
        await asyncio.sleep(0)
        assert not task.done()
        notifier.publish(4, [("other", VALID), ("t1", MVCC_READ_CONFLICT)])
    assert task.result() == (MVCC_READ_CONFLICT, 4)


async def test_everybody_who_waits_is_answered() -> None:
    notifier = Notifier()
    async with waiting(notifier, "t1", "t2", "t1") as tasks:
        notifier.publish(4, [("t1", VALID), ("t2", VALID)])
    assert [task.result() for task in tasks] == [(VALID, 4)] * 3


async def test_of_two_occurrences_in_a_block_the_first_counts() -> None:
    notifier = Notifier()
    async with waiting(notifier, "t1") as (task,):
        notifier.publish(4, [("t1", VALID), ("t1", DUPLICATE_TXID)])
    assert task.result() == (VALID, 4)


async def test_no_commit_falls_between_looking_and_waiting() -> None:
    """The look-up and the start of the wait share one turn of the loop, so a commit is in one."""
    outcome = CommitOutcome(VALID, 4)
    for turns_before_commit in range(4):
        notifier = Notifier()
        async with waiting(notifier) as _, asyncio.TaskGroup() as group:
            task = group.create_task(notifier.wait("t1"))
            for _ in range(turns_before_commit):
                await asyncio.sleep(0)
            notifier.ledger["t1"] = outcome
            notifier.publish(4, [("t1", VALID)])
        assert task.result() == outcome


async def test_a_caller_that_gives_up_leaves_the_others_waiting() -> None:
    notifier = Notifier(max_waiters=2)
    async with waiting(notifier, "t1", "t1") as (impatient, patient):
        impatient.cancel()
        await asyncio.wait([impatient])
        async with waiting(notifier, "t2") as (late,):  # there is room for one again
            notifier.publish(4, [("t1", VALID), ("t2", VALID)])
    assert patient.result() == late.result() == (VALID, 4)


async def test_nothing_is_kept_of_those_who_are_gone() -> None:
    notifier = Notifier(max_waiters=1)
    for _ in range(3):  # one place, used again and again
        async with waiting(notifier, "t1") as (task,):
            task.cancel()
        async with waiting(notifier, "t1") as (task,):
            notifier.publish(4, [("t1", VALID)])
        assert task.result() == (VALID, 4)


async def test_one_caller_too_many_is_turned_away(outcome: Outcome) -> None:
    notifier = Notifier(max_waiters=1)
    async with waiting(notifier, "t1") as (task,):
        with outcome.refuses(
            TooManyWaitersError,
            leaves=State("who waits already goes on waiting", task.done),
            match="1 callers already wait",
        ):
            await notifier.wait("t2")
        notifier.publish(4, [("t1", VALID)])


async def test_who_waits_when_the_peer_stops_is_turned_away() -> None:
    notifier = Notifier()
    outcomes: list[str] = []

    async def wait() -> None:
        with pytest.raises(NotifierClosedError, match="ask another peer"):
            await notifier.wait("t1")
        outcomes.append("turned away")

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(wait())
        await asyncio.sleep(0)
        notifier.close()
    assert outcomes == ["turned away"] * 2


async def test_a_peer_that_stops_still_tells_what_it_knows() -> None:
    notifier = Notifier()
    notifier.ledger["t1"] = CommitOutcome(VALID, 4)
    notifier.close()
    assert await notifier.wait("t1") == (VALID, 4)
    with pytest.raises(NotifierClosedError):
        await notifier.wait("t2")


async def test_an_outcome_that_is_expected_comes_or_is_given_up() -> None:
    notifier = Notifier()
    wanted, given_up = notifier.expect("t1"), notifier.expect("t2")
    given_up.cancel()
    await asyncio.sleep(0)
    notifier.publish(4, [("t1", VALID), ("t2", VALID)])
    assert wanted.result() == (VALID, 4)
    assert given_up.cancelled()


async def test_nobody_expects_what_is_committed_or_will_never_be_told() -> None:
    notifier = Notifier()
    notifier.ledger["t1"] = CommitOutcome(VALID, 4)
    assert notifier.expect("t1").result() == (VALID, 4)
    notifier.close()
    assert notifier.expect("t1").result() == (VALID, 4)
    with pytest.raises(NotifierClosedError, match="ask another peer"):
        notifier.expect("t2").result()
