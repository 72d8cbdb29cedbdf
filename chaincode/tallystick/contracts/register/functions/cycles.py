"""Netting cycles, as the settlement contract sees them: it alone calls these functions."""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.cycles import CycleDelivery, EndState, GrossBook, GrossJudgement
from tallystick.contracts.licensed import MarketContract, only_through
from tallystick.contracts.register.cycle_units import CycleUnits
from tallystick.contracts.register.gross import GrossTrades


class CycleFunctions(MarketContract):
    """The units of a cycle: judged trade by trade, judged at the end, and delivered."""

    @query
    @only_through(Chaincode.SETTLEMENT)
    def judge_trades(self, ctx: Context, book: GrossBook) -> GrossJudgement:
        """Return what stands against each trade by itself, and what holders have available."""
        return GrossTrades(ctx).judgement(book)

    @query
    @only_through(Chaincode.SETTLEMENT)
    def judge_cycle(self, ctx: Context, delivery: CycleDelivery) -> EndState:
        """Return what stands against the end state of a delivery, move by move."""
        return CycleUnits(ctx).end_state(delivery)

    @transaction
    @only_through(Chaincode.SETTLEMENT)
    def deliver_cycle(self, ctx: Context, delivery: CycleDelivery) -> None:
        """Deliver what a cycle settles, and give up the holds of trades that it ends."""
        CycleUnits(ctx).deliver(delivery)
