"""What rules add to a transfer, on whatever machine runs this."""

import pytest
from bench.rules import measure

LIMIT = 0.25


@pytest.mark.slow
def test_a_realistic_rule_set_adds_less_than_a_quarter_to_the_cpu_time_of_a_transfer() -> None:
    # Short rounds: some of many run without any other program's work in between.
    cost = measure(holders=10, transfers=10, rounds=400)

    assert 0 < cost.added < LIMIT, cost
