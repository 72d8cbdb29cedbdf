"""What the largest cycle costs, on whatever machine runs this."""

import pytest
from bench.netting import measure

LIMIT_S = 5.0


@pytest.mark.slow
def test_ten_thousand_trades_among_fifty_members_settle_in_five_seconds_of_chaincode() -> None:
    """SS-93: and netting takes away most of the money that is due."""
    cost = measure(trades=10_000, members=50)

    gross, net, saved = cost.reductions["USD"]
    assert cost.settled + cost.dropped == 10_000
    assert cost.settled > 9_000
    assert net < gross
    assert saved > 0.9
    assert cost.chaincode_s < LIMIT_S
