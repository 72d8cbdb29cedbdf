"""What transactions leave behind in the memory of nodes and of their client: nothing."""

import json
import subprocess
import sys

import pytest
from tests.scenarios.left_behind import TRANSACTIONS

MOST_LEFT_BYTES = 50
"""For each transaction, in three peers, an orderer and a client."""

pytestmark = pytest.mark.slow


def test_a_transaction_leaves_nothing_behind_in_memory() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "tests.scenarios.left_behind"],
        check=True,
        capture_output=True,
        timeout=300,
    ).stdout
    found = json.loads(printed)
    assert min(found["rounds"]) < MOST_LEFT_BYTES, "\n".join(found["places"])
    assert found["with_ids"] > MOST_LEFT_BYTES, "an id kept is noticed"
    assert found["ids"] == TRANSACTIONS
