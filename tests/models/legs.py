"""What changes at the height of a delivery: all legs, and beside them fees and loans alone."""

from collections import Counter
from collections.abc import Iterator, Sequence

from tallystick.chaincode import split_composite_key
from tallystick.contracts import events
from tallystick.contracts.book import Account
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.confidential import SALT_SIZE
from tallystick.contracts.events import LedgerEvent
from tallystick.contracts.netting.models import BatchContent, CycleView
from tallystick.contracts.replay import Replay
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.models import TradeView
from tallystick.contracts.trades.terms import DvpModel, LegKind, TradeTerms

Owned = Counter[tuple[Chaincode, Account]]
"""How many units, and how much money, by account."""

SETTLEMENT = Chaincode.SETTLEMENT


def owned(replay: Replay) -> Owned:
    """Return what everybody has, as events have told."""
    places = {Chaincode.TOKEN: replay.units, Chaincode.CASH: replay.money}
    return Owned(
        {
            (chaincode, account): row.quantity
            for chaincode, positions in places.items()
            for account, row in positions.by_account.items()
        }
    )


def delivered(market: Market, told: Sequence[LedgerEvent]) -> Iterator[str]:
    """Yield the trades that a transaction has delivered: by themselves, or a whole cycle of them.

    That a trade of a cycle has settled may be told later.
    """
    for event in told:
        match event:
            case events.TradeSettled(trade=trade):
                view = market.evaluate(SETTLEMENT, "trade", trade).load(TradeView)
                if view.trade.model is DvpModel.GROSS:
                    yield trade
            case events.CycleSettled(cycle=cycle):
                yield from _netted(market, cycle)
            case _:
                pass


def due(trades: Sequence[TradeTerms], told: Sequence[LedgerEvent]) -> Owned:
    """Return what changes by the legs of trades, less the fees for them, and with what is lent."""
    change = Owned()
    for leg in (leg for terms in trades for leg in terms.all_legs):
        if leg.kind is not LegKind.RECEIPT:
            chaincode = Chaincode.TOKEN if leg.kind is LegKind.UNITS else Chaincode.CASH
            change[chaincode, Account(leg.asset, leg.sender)] -= leg.quantity
            change[chaincode, Account(leg.asset, leg.receiver)] += leg.quantity
    for event in told:
        match event:
            case events.FeeTaken(cash=cash, payer=payer, amount=amount):
                change[Chaincode.CASH, Account(cash, payer)] -= amount
            case events.CreditDrawn(cash=cash, holder=holder, amount=amount):
                change[Chaincode.CASH, Account(cash, holder)] += amount
            case events.CreditRepaid(cash=cash, holder=holder, amount=amount):
                change[Chaincode.CASH, Account(cash, holder)] -= amount
            case _:
                pass
    return change


def _netted(market: Market, cycle: str) -> Iterator[str]:
    """Yield the trades that a cycle has settled."""
    report = market.evaluate(SETTLEMENT, "cycle", cycle).load(CycleView).report
    assert report is not None, "the cycle has ended, and the regulator may read"
    dropped = {each.trade for each in report.dropped}
    for (_, key), value in market.ledger.world.rows_of(SETTLEMENT).private.items():
        kind, parts = split_composite_key(key)
        if kind == "batch" and parts[0] == cycle:
            content = BatchContent.model_validate_json(value[SALT_SIZE:])
            yield from (each.trade for each in content.obligations if each.trade not in dropped)
