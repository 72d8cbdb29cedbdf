"""A trade as a faulty contract settles it: units at one height, the money for them at the next."""

import pytest
from tests.scenarios.conftest import CASH, SECURITY
from tests.scenarios.courses import trades
from tests.scenarios.courses.acting import P, agree, endow
from tests.scenarios.height_rows import settled_trades
from tests.scenarios.heights import Course, holdings
from tests.scenarios.moments import opened_at_nine

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.statements import MoneySent
from tallystick.contracts.trades import delivery
from tallystick.node.testing import LocalNetwork

UNITS, MONEY = {"alice": 10}, {"bob": 1_000}
QUANTITY, AMOUNT = 10, 500


async def live(network: LocalNetwork) -> None:
    """Settle a trade while the contract forgets to pay, and pay after it."""
    market = await opened_at_nine(network)
    await market.onboard(*UNITS, *MONEY)
    await endow(market, units=UNITS, money=MONEY)
    await agree(market, market.terms("T-1", quantity=QUANTITY, amount=AMOUNT))
    await market.lock("T-1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delivery, "_pay", lambda *_: None)
        await market.settle("T-1")
    sent = MoneySent(cash=CASH, sender="bob", receiver="alice", amount=AMOUNT)
    await market.submit(P.BROKER_DEALER, Chaincode.CASH, "transfer", sent)


SALE = holdings(
    {SECURITY: {"alice": -QUANTITY, "bob": QUANTITY}, CASH: {"alice": AMOUNT, "bob": -AMOUNT}}
)
COURSE = Course(
    live=live,
    begun=holdings({SECURITY: UNITS, CASH: MONEY}),
    acts={"T-1": SALE},
    holdings=trades.having,
    happened=settled_trades,
    supply=trades.supply,
    moves={
        "cash.transfer",
        "settlement.settle",
    },
    steps=[{"T-1"}],
)
