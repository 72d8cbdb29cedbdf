"""The part of the settlement contract about trades that do not settle on their day."""

from typing import Annotated

from pydantic import Field

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts.confidential import secret_argument
from tallystick.contracts.discipline.buy_ins import BuyIns
from tallystick.contracts.discipline.changes import Changes
from tallystick.contracts.discipline.collection import Collection
from tallystick.contracts.discipline.fails import Fails
from tallystick.contracts.discipline.models import (
    CauseNote,
    ChangeGiven,
    CloseOutPage,
    DisciplineReport,
    FailView,
    ReportAsked,
)
from tallystick.contracts.discipline.reports import Reports
from tallystick.contracts.instants import Day
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.licensed import MarketContract, licence_first, licensed
from tallystick.contracts.models import Identifier, PageSize
from tallystick.contracts.powers import Power
from tallystick.contracts.readers import reading_findings
from tallystick.contracts.reasons import refuse_if_any
from tallystick.contracts.statements import Side

MAX_COLLECTED = 100

Collected = Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=MAX_COLLECTED)]


class FailFunctions(MarketContract):
    """Fails: holds, causes, penalties, agreed changes, reports."""

    # --- what sides say ---

    @transaction
    @licence_first()
    def hold_trade(self, ctx: Context, trade: Identifier, side: Side) -> None:
        """Put a trade on hold for one side: it does not settle until that side releases it.

        The signature comes as transient data, under ``intent``.
        """
        intent = secret_argument(ctx, "intent", SignedIntent)
        Fails(ctx).hold(trade, side, intent, holds=True)

    @transaction
    @licence_first()
    def release_trade(self, ctx: Context, trade: Identifier, side: Side) -> None:
        """Let a trade settle that one side has put on hold.

        The signature comes as transient data, under ``intent``.
        """
        intent = secret_argument(ctx, "intent", SignedIntent)
        Fails(ctx).hold(trade, side, intent, holds=False)

    @transaction
    @licence_first()
    def agree_change(self, ctx: Context, trade: Identifier, side: Side) -> bool:
        """Enter what one side agrees to; return whether the trade has changed by it.

        It changes once both sides agree to the same: it ends, may settle before its day, or is
        split. What it is comes as transient data, under ``change``, the signature under
        ``intent``.
        """
        change = secret_argument(ctx, "change", ChangeGiven).change
        return Changes(ctx).agree(trade, side, change, secret_argument(ctx, "intent", SignedIntent))

    # --- what venue and clearing say ---

    @transaction
    @licensed(Power.OPERATE_VENUE)
    def mark_sale(self, ctx: Context, trade: Identifier, sale: Identifier) -> None:
        """Say what kind of sale a trade is, such as ``short``, as the venue that matched it."""
        Fails(ctx).mark_sale(trade, sale)

    @transaction
    @licensed(Power.CLEAR)
    def record_fail(self, ctx: Context, trade: Identifier) -> None:
        """Record why a trade did not settle on a business day, and on those that follow.

        Day, cause and side come as transient data, under ``note``.
        """
        Fails(ctx).note(trade, secret_argument(ctx, "note", CauseNote))

    @transaction
    @licensed(Power.CLEAR)
    def collect_penalties(self, ctx: Context, trades: Collected, through: Day) -> None:
        """Let the penalties of trades be paid for all days through one; all of them or none."""
        Collection(ctx).collect(trades, through)

    # --- queries ---

    @query
    def fail(self, ctx: Context, trade: str, party: str = "") -> FailView:
        """Return how a trade stands to its day: its age, and each failed day with its penalty.

        Causes and penalties are for those who may read the trade's terms.
        """
        fails = Fails(ctx)
        row = fails.trades.require(trade)
        terms = fails.trades.readable_terms(row, party)
        view = fails.view(row, terms)
        if terms is None:
            return view
        return view.model_copy(update={"buy_in": BuyIns(ctx).find(row)})

    @query
    def close_outs(
        self, ctx: Context, venue: str, page_size: PageSize = 100, bookmark: str = ""
    ) -> CloseOutPage:
        """Return the fails of a venue that must be closed out, among one page of all trades."""
        refuse_if_any(reading_findings(ctx, venue))
        return Reports(ctx).close_outs(venue, page_size, bookmark)

    @query
    def discipline_report(
        self, ctx: Context, asked: ReportAsked, page_size: PageSize = 100, bookmark: str = ""
    ) -> DisciplineReport:
        """Return how members settled in a period, as one page of all trades tells.

        It is for those who clear, keep the register or oversee; a member reads its own.
        """
        refuse_if_any(reading_findings(ctx, asked.member))
        return Reports(ctx).report(asked, page_size, bookmark)
