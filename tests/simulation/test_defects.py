"""Checks can fail: a defect is put into the nodes for each, and few seeds find it."""

from collections.abc import Callable, Mapping, Sequence
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
from tallystick.node.deliver import puller, verification
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


def once(chosen: Callable[..., object], following: BlockPuller, attempt: int) -> object:
    return None if attempt else chosen(following, attempt)


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


DEFECTS: Final[Sequence[tuple[Check, str, Callable[[], Defect]]]] = [
    (
        Check.BLOCKS,
        "peers take what a forger delivers",
        lambda: everywhere(verification, "_check_signatures", lambda *_: ""),
    ),
    (
        Check.LINKS,
        "orderers hash something else than the content",
        lambda: everywhere(block_writer, "block_data_hash", lambda *_: b"another"),
    ),
    (
        Check.VERDICTS,
        "one peer looks for no conflicts",
        lambda: at_one_peer(validator, "find_conflict", lambda *_: None),
    ),
    (
        Check.READS,
        "no peer looks for conflicts",
        lambda: everywhere(validator, "find_conflict", lambda *_: None),
    ),
    (
        Check.CONFLICTS,
        "peers find a conflict everywhere",
        lambda: everywhere(
            validator, "find_conflict", lambda *_: Rejection(MVCC_READ_CONFLICT, "always")
        ),
    ),
    (
        Check.IDS,
        "peers do not look whether an id was used before",
        lambda: everywhere(Ledger, "transaction_exists", lambda *_: False),
    ),
    (
        Check.STATE,
        "one peer leaves out a row",
        lambda: at_one_peer(ledger, "state_entries", without_the_last_row),
    ),
    (
        Check.ROWS,
        "all peers leave out the same row",
        lambda: everywhere(ledger, "state_entries", without_the_last_row),
    ),
    (
        Check.SECRETS,
        "one peer keeps other private values than it was given",
        lambda: at_one_peer(private_data, "private_entries", with_another_value),
    ),
    (
        Check.MEMBERS,
        "peers do not fetch private values that they lack",
        lambda: everywhere(Reconciler, "reconcile", nothing),
    ),
    (
        Check.MONEY,
        "a contract counts more than there is",
        lambda: everywhere(BankContract, "_balance", lambda held, *of: held(*of[-2:]) + 1),
    ),
    (
        Check.UNITS,
        "the register does not take from the sender",
        lambda: everywhere(Book, "_write_position", unless_less_is_left),
    ),
    (
        Check.TOLD,
        "peers name another block than the one of a commit",
        lambda: everywhere(CommitNotifier, "publish", of_the_next_block),
    ),
    (
        Check.KEPT,
        "two orderers create the same block, each its own",
        lambda: everywhere(Cluster, "meets", lambda *_: True),
    ),
    (
        Check.KEPT,
        "orderers say SUCCESS of what they will order soon",
        lambda: answering(lambda answer: answer if answer.done() else at_once(None)),
    ),
    (
        Check.REFUSALS,
        "orderers do not look who has signed",
        lambda: everywhere(admission, "_check_writers", lambda *_: None),
    ),
    (
        Check.SURVIVAL,
        "peers end with the connection to their orderer",
        lambda: patch.object(puller, "_TROUBLE", ()),
    ),
    (
        Check.SERVICES,
        "orderers do not translate the errors of protobuf",
        lambda: everywhere(admission, "decode", lambda _, kind, sent: kind.FromString(sent)),
    ),
    (
        Check.TASKS,
        "peers forget a caller who is gone already",
        lambda: everywhere(CommitNotifier, "_forget", forget_somebody_who_is_gone),
    ),
    (
        Check.CONVERGENCE,
        "one peer follows no orderer any more once it has lost one",
        lambda: at_one_peer(BlockPuller, "_chosen", once),
    ),
    (
        Check.PROGRESS,
        "orderers refuse everything",
        lambda: answering(lambda _: at_once(unavailable("for ever"))),
    ),
]


def first_failure(check: Check) -> Result:
    """Return the first run in which something does not hold."""
    for seed in SEEDS:
        result = run_seed(seed)
        if result.check is check:
            return result
    return pytest.fail(f"{len(SEEDS)} seeds have found nothing")


def test_a_defect_is_known_for_each_check() -> None:
    assert {check for check, _, _ in DEFECTS} == set(Check)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("check", "defect"),
    [pytest.param(check, defect, id=words) for check, words, defect in DEFECTS],
)
def test_a_check_finds_its_defect(check: Check, defect: Callable[[], Defect]) -> None:
    with defect():
        result = first_failure(check)
    assert check.value in result.problem


@pytest.mark.slow
def test_blocks_that_are_acknowledged_before_they_are_synced_are_missed() -> None:
    with everywhere(SegmentFiles, "sync", lambda *_: None):
        result = next(filter(lambda result: result.problem, map(run_seed, SEEDS)))
    assert result.counts["POWER_CUT"] > 0
