"""Checks can fail: a defect is put into the nodes for each, and few seeds find it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Final
from unittest.mock import patch

import pytest
from simulation.bank import BankContract
from simulation.checks import Check
from simulation.etcd import Cluster
from simulation.loop import MACHINE
from simulation.run import Result, run_seed

from tallystick.contracts.book import Book
from tallystick.node.deliver.puller import BlockPuller
from tallystick.node.gateway.commit_notifier import CommitNotifier
from tallystick.node.ledger import ledger, private_data
from tallystick.node.ledger.ledger import Ledger
from tallystick.node.ledger.segments import SegmentFiles
from tallystick.node.ledger.state import Change, Deleted
from tallystick.node.ordering import admission, block_writer
from tallystick.node.ordering.chain import Answer, at_once, unavailable
from tallystick.node.ordering.etcd.chain import EtcdChain
from tallystick.node.ordering.solo import SoloChain
from tallystick.node.privacy.reconciliation import Reconciler
from tallystick.node.validation import validator
from tallystick.node.validation.codes import Rejection
from tallystick.protos.peer.transaction_pb2 import MVCC_READ_CONFLICT

SEEDS: Final = range(30)
ONE_PEER: Final = "clearing.example"

Defect = AbstractContextManager[object]
Broken = Callable[..., object]
"""A function as it must not be: it is given the sound one, then its arguments."""


@pytest.fixture(scope="module", autouse=True)
def founded() -> None:
    """Found the networks, with one orderer and with several, before anything is broken."""
    for seed in (0, 1):
        assert not run_seed(seed).problem


def everywhere(owner: object, name: str, broken: Broken) -> Defect:
    sound = getattr(owner, name)
    return patch.object(owner, name, lambda *arguments, **named: broken(sound, *arguments, **named))


def at_one_peer(owner: object, name: str, broken: Broken) -> Defect:
    sound = getattr(owner, name)

    def at_some(*arguments: object) -> object:
        machine = MACHINE.get()
        if machine is not None and ONE_PEER in machine.name:
            return broken(sound, *arguments)
        return sound(*arguments)

    return patch.object(owner, name, at_some)


def answering(answered: Callable[[Answer], Answer]) -> Defect:
    """Let orderers give another answer than the one that they have come to."""
    patches = ExitStack()
    for chain in (SoloChain, EtcdChain):
        broken = everywhere(chain, "order", lambda order, *asked: answered(order(*asked)))
        patches.enter_context(broken)
    return patches


def without_the_last_row(entries: Callable[..., dict[bytes, bytes | None]], *of: object) -> object:
    found = entries(*of)
    return dict(list(found.items())[:-1])


def with_another_value(
    entries: Callable[..., object], namespace: str, collection: str, changes: Mapping[str, Change]
) -> object:
    return entries(namespace, collection, {key: altered(each) for key, each in changes.items()})


def altered(change: Change) -> Change:
    return change if isinstance(change, Deleted) else change._replace(value=b"another")


async def nothing(*_: object) -> int:
    return 0


def of_the_next_block(
    publish: Callable[..., None], notifier: object, number: int, *outcomes: object
) -> None:
    publish(notifier, number + 1, *outcomes)


def unless_less_is_left(write: Callable[..., None], *change: object) -> None:
    _, _, before, after = change
    if after.quantity >= before.quantity:  # type: ignore[attr-defined]  # both are positions
        write(*change)


def forget_somebody_who_is_gone(
    _: object, notifier: CommitNotifier, transaction_id: str, expected: object
) -> None:
    notifier._waiting[transaction_id].remove(expected)  # type: ignore[arg-type]


DEFECTS: Final[Mapping[Check, Callable[[], Defect]]] = {
    # Two orderers create the same block, each its own.
    Check.BLOCKS: lambda: everywhere(Cluster, "meets", lambda *_: True),
    Check.LINKS: lambda: everywhere(block_writer, "block_data_hash", lambda *_: b"another"),
    Check.VERDICTS: lambda: at_one_peer(validator, "find_conflict", lambda *_: None),
    Check.READS: lambda: everywhere(validator, "find_conflict", lambda *_: None),
    Check.CONFLICTS: lambda: everywhere(
        validator, "find_conflict", lambda *_: Rejection(MVCC_READ_CONFLICT, "always")
    ),
    Check.IDS: lambda: everywhere(Ledger, "transaction_exists", lambda *_: False),
    Check.STATE: lambda: at_one_peer(ledger, "state_entries", without_the_last_row),
    Check.ROWS: lambda: everywhere(ledger, "state_entries", without_the_last_row),
    Check.SECRETS: lambda: at_one_peer(private_data, "private_entries", with_another_value),
    Check.MEMBERS: lambda: everywhere(Reconciler, "reconcile", nothing),
    Check.MONEY: lambda: everywhere(
        BankContract, "_balance", lambda balance, *of: balance(*of[-2:]) + 1
    ),
    Check.UNITS: lambda: everywhere(Book, "_write_position", unless_less_is_left),
    Check.TOLD: lambda: everywhere(CommitNotifier, "publish", of_the_next_block),
    # An orderer says SUCCESS of what it will order soon.
    Check.KEPT: lambda: answering(lambda answer: answer if answer.done() else at_once(None)),
    Check.REFUSALS: lambda: everywhere(admission, "_check_writers", lambda *_: None),
    # Behind what a crash left of a record, the next one is appended.
    Check.SURVIVAL: lambda: everywhere(SegmentFiles, "_remove_torn_record", lambda *_: None),
    # Protobuf's own error is none that a service answers with.
    Check.SERVICES: lambda: everywhere(
        admission, "decode", lambda _, message, received: message.FromString(received)
    ),
    Check.TASKS: lambda: everywhere(CommitNotifier, "_forget", forget_somebody_who_is_gone),
    # A peer that has lost its orderer follows none.
    Check.CONVERGENCE: lambda: at_one_peer(
        BlockPuller,
        "_chosen",
        lambda chosen, puller, attempt: None if attempt else chosen(puller, 0),
    ),
    Check.PROGRESS: lambda: answering(lambda _: at_once(unavailable("for ever"))),
}


def first_failure(check: Check) -> Result:
    """Return the first run in which something does not hold."""
    for seed in SEEDS:
        result = run_seed(seed)
        if result.check is check:
            return result
    return pytest.fail(f"{len(SEEDS)} seeds have found nothing")


def test_a_defect_is_known_for_each_check() -> None:
    assert DEFECTS.keys() == set(Check)


@pytest.mark.slow
@pytest.mark.parametrize("check", DEFECTS, ids=lambda check: check.name.lower())
def test_a_check_finds_its_defect(check: Check) -> None:
    with DEFECTS[check]():
        result = first_failure(check)
    assert check.value in result.problem


@pytest.mark.slow
def test_blocks_that_are_acknowledged_before_they_are_synced_are_missed() -> None:
    with everywhere(SegmentFiles, "sync", lambda *_: None):
        result = next(filter(lambda result: result.problem, map(run_seed, SEEDS)))
    assert result.counts["POWER_CUT"] > 0
