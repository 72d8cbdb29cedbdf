"""Auditors can fail: known defects are put into the nodes, and few seeds find each of them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import pytest
from simulation.etcd import Cluster
from simulation.run import Result, run_seed

from tallystick.node.ledger.segments import SegmentFiles
from tallystick.node.ordering.admission import Submission
from tallystick.node.ordering.chain import Answer, at_once
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


def first_failure(told: str = "", seeds: Sequence[int] = SEEDS) -> Result:
    """Return the first run in which an auditor finds something, told in certain words."""
    for seed in seeds:
        result = run_seed(seed)
        if result.problem and told in result.problem:
            return result
    return pytest.fail(f"{len(seeds)} seeds have found nothing")


@contextmanager
def hasty_answers() -> Iterator[None]:
    """Let orderers say SUCCESS as soon as they have an envelope that they do not refuse."""
    with ExitStack() as patches:
        for chain in (SoloChain, EtcdChain):
            patches.enter_context(patch.object(chain, "order", _at_once(chain.order)))
        yield


def _at_once(order: Callable[..., Answer]) -> Callable[..., Answer]:
    def answer(chain: object, submission: Submission) -> Answer:
        judged = order(chain, submission)
        return judged if judged.done() else at_once(None)

    return answer


def test_blocks_that_are_acknowledged_before_they_are_synced_are_missed() -> None:
    with patch.object(SegmentFiles, "sync", lambda _: None):
        result = first_failure()
    assert result.counts["POWER_CUT"] > 0


def test_envelopes_that_are_acknowledged_before_they_are_ordered_are_missed() -> None:
    with hasty_answers():
        result = first_failure("is lost")
    assert "was acknowledged by" in result.problem


def test_peers_that_skip_mvcc_are_found_by_reading_again() -> None:
    with patch.object(validator, "find_conflict", lambda *_: None):
        result = first_failure()
    assert "read" in result.problem


def test_orderers_that_skip_the_compare_and_set_fork_the_chain() -> None:
    with patch.object(Cluster, "meets", lambda *_: True):
        result = first_failure()
    assert "ViolationError" in result.problem
