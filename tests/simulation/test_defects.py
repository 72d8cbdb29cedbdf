"""Auditors can fail: known defects are put into the nodes, and few seeds find each of them."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from simulation.etcd import Cluster
from simulation.run import Result, run_seed

from tallystick.node.ledger.segments import SegmentFiles
from tallystick.node.ordering.etcd.chain import EtcdChain
from tallystick.node.ordering.solo import SoloChain
from tallystick.node.validation import validator

SEEDS = range(30)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def founded() -> None:
    """Found the networks, with one orderer and with several, before anything is broken."""
    for seed in (0, 1):
        assert not run_seed(seed).problem


def first_failure(seeds: Sequence[int] = SEEDS) -> Result:
    """Return the first run in which an auditor finds something."""
    for seed in seeds:
        result = run_seed(seed)
        if result.problem:
            return result
    return pytest.fail(f"{len(seeds)} seeds have found nothing")


@contextmanager
def answers_at_once() -> Iterator[None]:
    """Let orderers say SUCCESS as soon as they have an envelope that they do not refuse."""

    def hasty(chain: type[SoloChain] | type[EtcdChain]) -> object:
        order = chain.order

        def at_once(self: SoloChain, submission: object) -> object:
            judged = order(self, submission)  # type: ignore[arg-type]  # either kind of chain
            if judged.done():  # refused
                return judged
            answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            answer.set_result(None)
            return answer

        return patch.object(chain, "order", at_once)

    with hasty(SoloChain), hasty(EtcdChain):  # type: ignore[attr-defined]
        yield


def test_blocks_that_are_acknowledged_before_they_are_synced_are_missed() -> None:
    with patch.object(SegmentFiles, "sync", lambda _: None):
        result = first_failure()
    assert result.counts["POWER_CUT"] > 0


def test_envelopes_that_are_acknowledged_before_they_are_ordered_are_missed() -> None:
    with answers_at_once():
        result = first_failure()
    assert "was acknowledged by" in result.problem
    assert "is lost" in result.problem


def test_peers_that_skip_mvcc_are_found_by_reading_again() -> None:
    with patch.object(validator, "find_conflict", lambda *_: None):
        result = first_failure()
    assert "read" in result.problem


def test_orderers_that_skip_the_compare_and_set_fork_the_chain() -> None:
    with patch.object(Cluster, "meets", lambda *_: True):
        result = first_failure()
    assert "ViolationError" in result.problem
