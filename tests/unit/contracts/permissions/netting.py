"""Who may call the functions of netting, and arguments that are well formed."""

from datetime import timedelta
from unittest.mock import patch

from tests.unit.contracts.netting.cleared import cleared_of, listed
from tests.unit.contracts.permissions.roles import (
    CLEARING,
    READERS,
    Arguments,
    P,
    Permissions,
    anybody,
    licensed,
    only,
)

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.netting import lifecycle
from tallystick.contracts.netting.models import DefaultNotice
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.models import Status, TradeView
from tallystick.contracts.trades.terms import DvpModel

NETTED = "T-5"
"""A trade to be netted."""
DUE, ENDED, FILLING = "C-7", "C-8", "C-9"
"""Cycles: one that can settle, one that has, and one that takes trades.

The row of the trade of the second does not say so yet.
"""
TAKEN = {DUE: "T-14", ENDED: "T-15"}
"""Trades that cycles have taken, by cycle."""
IN_DEFAULT = "revenue"

PERMITTED: Permissions = {
    "open_cycle": only(CLEARING),
    "accept_trades": only(CLEARING),
    "settle_cycle": only(CLEARING),
    "cancel_cycle": only(CLEARING | {P.REGULATOR}),
    "end_batch": licensed(),
    "declare_default": only(CLEARING),
    "lift_default": only(CLEARING),
    "cycle": anybody(),
    "preview_cycle": only(READERS | {P.ATS}),
    "cycles": anybody(),
}


def arguments(market: Market) -> Arguments:
    return {
        "open_cycle": [cleared_of(market).cycle_terms()],
        "accept_trades": [FILLING, listed([NETTED])],
        "settle_cycle": [DUE],
        "cancel_cycle": [FILLING, "an error"],
        "end_batch": [ENDED, accepted_in(market, ENDED)],
        "declare_default": [],
        "lift_default": [],
        "cycle": [ENDED],
        "preview_cycle": [DUE],
        "cycles": [],
    }


def secrets(market: Market) -> dict[str, DefaultNotice]:
    return {"default": notice(market, "bob")}


def notice(market: Market, member: str = IN_DEFAULT) -> DefaultNotice:
    return cleared_of(market).notice(member)


def fill(market: Market) -> None:
    """Let two cycles take a trade each, of which they are to settle soon."""
    for cycle, trade in TAKEN.items():
        netted = {"model": DvpModel.NET, "expires_at": market.after(timedelta(days=9))}
        market.agree(market.terms(trade).model_copy(update=netted))
        cleared = cleared_of(market)
        cleared.open_cycle(cleared.cycle_terms(cycle))
        cleared.accept(trade, cycle=cycle)


def end(market: Market) -> None:
    """Settle one of the cycles, as if it were too large to write the rows of its trades too."""
    with patch.object(lifecycle, "MAX_ENDED", 0):
        market.submit(P.CLEARING, Chaincode.SETTLEMENT, "settle_cycle", ENDED)


def prepare(market: Market) -> None:
    """Open a cycle, let there be a trade for it, and a member in default."""
    cleared = cleared_of(market)
    cleared.open_cycle(cleared.cycle_terms(FILLING))
    market.agree(market.terms(NETTED).model_copy(update={"model": DvpModel.NET}))
    clearing = (P.CLEARING, Chaincode.SETTLEMENT)
    market.submit(*clearing, "declare_default", default=notice(market))


def accepted_in(market: Market, cycle: str) -> str:
    """Return the id of the transaction by which a cycle has taken its trade: its batch."""
    asked = market.evaluate(Chaincode.SETTLEMENT, "trade", TAKEN[cycle])
    history = asked.load(TradeView).history
    return next(each.transaction_id for each in history if each.status is Status.IN_CYCLE)
