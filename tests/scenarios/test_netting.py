"""A thousand trades settled at once, on a network of processes."""

import pytest
from bench.settlement import settlements

TRADES = 1_000

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


async def test_a_thousand_trades_settle_in_one_transaction() -> None:
    """SS-93: endorsed by two firms, ordered in one block, valid on every peer."""
    async with settlements(in_flight=32) as market:
        netted = await market.net(TRADES)

    assert (netted.trades, netted.settled.transactions) == (TRADES, 1)
    assert netted.due_net < netted.due_gross / 2
