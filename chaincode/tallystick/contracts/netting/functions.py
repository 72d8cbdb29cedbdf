"""Netting cycles, as callers of the settlement contract see them.

That a cycle exists, by which rules it settles, and how many trades it took, everybody knows. What
it is about, and who is short in it, lies in the collection of its venue.
"""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts.confidential import secret_argument
from tallystick.contracts.licensed import MarketContract, licence_first, licensed
from tallystick.contracts.models import Identifier, PageSize, ShortText
from tallystick.contracts.netting.cycles import Cycles
from tallystick.contracts.netting.lifecycle import CycleLifecycle
from tallystick.contracts.netting.models import (
    CyclePage,
    CycleStatus,
    CycleTerms,
    CycleView,
    DefaultNotice,
    Report,
    Trades,
)
from tallystick.contracts.parties import mandate_findings
from tallystick.contracts.powers import Power
from tallystick.contracts.readers import may_read, reading_findings
from tallystick.contracts.reasons import refuse_if_any


class NettingFunctions(MarketContract):
    """Cycles, from their opening to the exchange of what they come to net."""

    @transaction
    @licensed(Power.CLEAR)
    def open_cycle(self, ctx: Context, terms: CycleTerms) -> None:
        """Open a cycle under rules that are published now and stay as they are."""
        CycleLifecycle(ctx).open(terms)

    @transaction
    @licensed(Power.CLEAR)
    def accept_trades(self, ctx: Context, cycle: Identifier, trades: Trades) -> None:
        """Take trades into a cycle before its cut-off: all of them or none.

        Everybody must have consented. Under model 2 the units are held for each trade from now on.
        """
        CycleLifecycle(ctx).accept(cycle, trades)

    @transaction
    @licensed(Power.CLEAR)
    def settle_cycle(self, ctx: Context, cycle: Identifier) -> None:
        """Settle, in this one transaction, all trades of a cycle that can settle together now."""
        CycleLifecycle(ctx).settle(cycle)

    @transaction
    @licensed(Power.CLEAR, Power.OVERSEE)
    def cancel_cycle(self, ctx: Context, cycle: Identifier, reason: ShortText) -> None:
        """End a cycle before it settles: all its trades leave it.

        Who opened it may, and who oversees, for that firm may have no licence any more.
        """
        CycleLifecycle(ctx).cancel(cycle, reason)

    @transaction
    @licensed()
    def end_batch(self, ctx: Context, cycle: Identifier, batch: Identifier) -> None:
        """Let the trades of a batch say what became of them; anybody may ask for it.

        Only cycles of more trades than one transaction writes leave any batch to be ended so.
        """
        CycleLifecycle(ctx).end_batch(cycle, batch)

    @transaction
    @licensed(Power.CLEAR)
    def declare_default(self, ctx: Context) -> None:
        """Say that a member cannot meet its obligations in the cycles of a venue.

        Who it is comes as transient data, under ``default``.
        """
        CycleLifecycle(ctx).declare_default(secret_argument(ctx, "default", DefaultNotice))

    @transaction
    @licensed(Power.CLEAR)
    def lift_default(self, ctx: Context) -> None:
        """Say that a member can meet its obligations again; it comes as transient data likewise."""
        CycleLifecycle(ctx).lift_default(secret_argument(ctx, "default", DefaultNotice))

    # --- queries ---

    @query
    def cycle(self, ctx: Context, cycle: str, party: str = "") -> CycleView:
        """Return a cycle, and what it came to as far as the reader may know.

        All of it is for its venue, the clearing firm, the transfer agent and the regulator.
        Participants that hold a mandate of a member and name it as ``party`` see its positions.
        """
        cycles = Cycles(ctx)
        row = cycles.require(cycle)
        trades = sum(batch.trades for batch in cycles.batches(cycle).values())
        report = None
        if row.status is not CycleStatus.OPEN:
            if may_read(ctx, row.terms.venue):
                report = cycles.report(row)
            elif party and not mandate_findings(ctx, party):
                report = cycles.report(row).of(party)
        return CycleView(cycle=row, trades=trades, report=report)

    @query
    @licence_first()
    def preview_cycle(self, ctx: Context, cycle: str) -> Report:
        """Return what a cycle would come to if it settled now; for those who may read all of it."""
        row = Cycles(ctx).require(cycle)
        refuse_if_any(reading_findings(ctx, row.terms.venue))
        return CycleLifecycle(ctx).preview(row)

    @query
    def cycles(self, ctx: Context, page_size: PageSize = 100, bookmark: str = "") -> CyclePage:
        """Return one page of all cycles, by id."""
        return Cycles(ctx).page(page_size, bookmark)
