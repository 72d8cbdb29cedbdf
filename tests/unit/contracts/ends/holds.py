"""Units that wait, and money for units: holds, freezes, trades, subscriptions, distributions."""

from functools import partial

from tests.unit.contracts.actions_stage import A_DAY
from tests.unit.contracts.ends import actions, offerings, trades
from tests.unit.contracts.ends.commitments import after
from tests.unit.contracts.ends.ending import amounts
from tests.unit.contracts.ends.hindered import SIGNED, Kind, Way, anybody, without
from tests.unit.contracts.netting.cleared import ClearedMarket
from tests.unit.contracts.offerings.stage import LONG_STOP, PrimaryMarket
from tests.unit.contracts.register_acts import HOUR, TOKEN, as_agent, hold
from tests.unit.contracts.trades.stage import P, cancel, expire, reject

from tallystick.contracts.actions.states import Status as ActionStatus
from tallystick.contracts.actions.terms import ActionType
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.statements import HoldDeclined
from tallystick.contracts.testing import EVIDENCE, Market
from tallystick.contracts.trades.terms import DvpModel

SETTLEMENT = Chaincode.SETTLEMENT
HELD = amounts("ACME", alice=100)


def freeze_units(market: Market) -> None:
    """Freeze 100 units of alice."""
    as_agent(market, "freeze_units", "ACME", "alice", 100, "court order 7")


# --- ways ---


def release_hold(market: Market, *, by: str) -> None:
    """Give the hold up."""
    market.submit(by, TOKEN, "release_hold", "ACME", "alice", "h-1")


def decline_hold(market: Market) -> None:
    """Give the hold up as its receiver."""
    said = HoldDeclined(security="ACME", holder="alice", hold="h-1", receiver="bob")
    market.submit(P.ISSUER, TOKEN, "decline_hold", said, market.sign("bob", said))


def let_hold_expire(market: Market) -> None:
    """Let the hold's hour be over, and give it up as anybody may then."""
    market.ledger.advance(HOUR)
    release_hold(market, by=P.ISSUER)


def release_by_order(market: Market) -> None:
    """Give the hold up as the transfer agent is ordered to."""
    as_agent(market, "release_hold_by_order", "ACME", "alice", "h-1", EVIDENCE)


def unfreeze_units(market: Market, *, by: str) -> None:
    """Unfreeze what was frozen."""
    market.submit(by, TOKEN, "unfreeze_units", "ACME", "alice", 100, "order 7 is lifted")


def cancel_trade(market: Market) -> None:
    """End the trade, as who clears."""
    market.submit(P.CLEARING, SETTLEMENT, "cancel", "T-1", "an error")


def cancel_cycle(market: Market, *, by: str) -> None:
    """End the cycle without settling anything."""
    market.submit(by, SETTLEMENT, "cancel_cycle", "C-1", "an error")


def cancel_orders(market: PrimaryMarket) -> None:
    """Go back on both orders, as those who gave them."""
    market.cancel("a", "alice")
    market.cancel("b", "bob")


def reject_orders(market: PrimaryMarket) -> None:
    """Reject both orders, as the issuer."""
    market.reject("a", "b")


def withdraw_offering(market: PrimaryMarket) -> None:
    """Withdraw the offering, and give back what waits."""
    market.withdraw()
    market.refund("a", "b", by=P.ISSUER)


def lapse(market: PrimaryMarket) -> None:
    """Let the long stop come, the offering lapse, and anybody give back what waits."""
    market.ledger.advance(LONG_STOP)
    market.submit(P.ISSUER, SETTLEMENT, "lapse_offering", "O-1")
    market.refund("a", "b", by=P.ISSUER)


def reclaim(market: Market, *, by: str) -> None:
    """Take back what nobody has got in time."""
    market.ledger.advance(10 * A_DAY)
    market.submit(by, SETTLEMENT, "reclaim_action", "D-1")


REGISTER: dict[str, Kind[ClearedMarket]] = {
    "a hold under a notary": Kind(
        partial(after, hold),
        ("alice", "bob"),
        HELD,
        {
            "its notary releases it": Way(
                partial(release_hold, by=P.CLEARING), without(P.CLEARING)
            ),
            "its receiver declines it": Way(decline_hold, anybody(SIGNED)),
            "its release is ordered": Way(release_by_order, without(P.TRANSFER_AGENT)),
            "it expires": Way(let_hold_expire, anybody()),
        },
    ),
    "frozen units": Kind(
        partial(after, freeze_units),
        ("alice",),
        HELD,
        {
            "the transfer agent unfreezes them": Way(
                partial(unfreeze_units, by=P.TRANSFER_AGENT), without(P.TRANSFER_AGENT)
            ),
            "the regulator unfreezes them": Way(partial(unfreeze_units, by=P.REGULATOR)),
        },
    ),
}

TRADES: dict[str, Kind[Market]] = {
    "a trade that is locked": Kind(
        partial(trades.locked, DvpModel.GROSS),
        ("alice", "bob"),
        trades.LOCKED[DvpModel.GROSS],
        {
            "its venue cancels it": Way(cancel, without(P.ATS)),
            "who clears cancels it": Way(cancel_trade, without(P.CLEARING)),
            "its mediator rejects it": Way(reject, without(P.BANK)),
            "it expires": Way(expire, anybody()),
        },
    ),
    "a trade in a cycle that holds its units": Kind(
        partial(trades.in_cycle, DvpModel.NET_MONEY, keeps=False),
        ("alice", "bob"),
        trades.LOCKED[DvpModel.NET_MONEY],
        {
            "who clears cancels the cycle": Way(
                partial(cancel_cycle, by=P.CLEARING), without(P.CLEARING)
            ),
            "the regulator cancels the cycle": Way(partial(cancel_cycle, by=P.REGULATOR)),
        },
    ),
    "a dividend that is funded": Kind(
        partial(actions.begun, ActionType.CASH_DIVIDEND, ActionStatus.FUNDED),
        ("acme", "alice", "bob"),
        actions.FUNDED,
        {
            "the issuer reclaims it": Way(partial(reclaim, by=P.ISSUER), without(P.ISSUER)),
            "the transfer agent reclaims it": Way(
                partial(reclaim, by=P.TRANSFER_AGENT), without(P.TRANSFER_AGENT)
            ),
        },
    ),
}

OFFERINGS: dict[str, Kind[PrimaryMarket]] = {
    "subscriptions that are paid": Kind(
        partial(offerings.begun, *offerings.OPEN),
        ("alice", "bob"),
        offerings.ESCROW,
        {
            "those who ordered go back on it": Way(
                cancel_orders, without(P.BROKER_DEALER, also=SIGNED)
            ),
            "the issuer rejects them": Way(reject_orders, without(P.ISSUER)),
            "the issuer withdraws the offering": Way(withdraw_offering, without(P.ISSUER)),
            "its long stop comes": Way(lapse, anybody()),
        },
    ),
}
