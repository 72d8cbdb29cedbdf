"""Trades, as callers of the settlement contract see them.

Everybody knows that a trade exists, and where it stands. What it is about, and whose it is, comes
in transient data and stays in the collection of its venue.
"""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts.confidential import secret_argument
from tallystick.contracts.instants import Instant, now
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.licensed import MarketContract, licence_first, licensed
from tallystick.contracts.models import Identifier, PageSize, ShortText
from tallystick.contracts.powers import Power
from tallystick.contracts.statements import Side
from tallystick.contracts.trades.lifecycle import Lifecycle
from tallystick.contracts.trades.models import TradePage, TradeView
from tallystick.contracts.trades.terms import TradeTerms
from tallystick.contracts.trades.trades import Trades


class TradeFunctions(MarketContract):
    """Trades, from the match to the exchange of units and money."""

    # --- the steps of a trade ---

    @transaction
    @licensed(Power.OPERATE_VENUE)
    def propose_trade(self, ctx: Context) -> str:
        """Record a trade that the submitting venue has matched; return the hash to be signed.

        The terms come as transient data, under ``terms``.
        """
        return Lifecycle(ctx).propose(secret_argument(ctx, "terms", TradeTerms)).terms_hash

    @transaction
    @licence_first()
    def consent(
        self, ctx: Context, trade: Identifier, side: Side, valid_until: Instant | None = None
    ) -> None:
        """Enter one party's consent, signed over the hash of the terms as they are recorded here.

        The signature comes as transient data, under ``intent``: it names who signed. Who gave an
        order has a broker of record with its mandate, a settlement member behind that, and the
        account that it names at the venue. A consent that has ended before the legs were locked
        counts no more, and may be given anew.
        """
        intent = secret_argument(ctx, "intent", SignedIntent)
        Lifecycle(ctx).consent(trade, side, intent, valid_until)

    @transaction
    @licensed()
    def approve_trade(self, ctx: Context, trade: Identifier, valid_until: Instant) -> None:
        """Approve a trade as one of its mediators; it must settle while that counts."""
        Lifecycle(ctx).approve(trade, valid_until)

    @transaction
    @licence_first(Power.CLEAR)
    def lock_legs(self, ctx: Context, trade: Identifier) -> None:
        """Lock all that is to go over, once all parties have consented and mediators approved."""
        Lifecycle(ctx).lock(trade)

    @transaction
    @licence_first(Power.CLEAR)
    def settle(self, ctx: Context, trade: Identifier) -> None:
        """Deliver everything that is locked to those for whom it is, in this one transaction.

        When a rule stands against it, nothing changes: the trade can be settled once the cause is
        cured.
        """
        Lifecycle(ctx).settle(trade)

    @transaction
    @licence_first(Power.CLEAR)
    def settle_at_once(self, ctx: Context, trade: Identifier) -> None:
        """Deliver everything out of what the parties have available, in this one transaction.

        Gross, in real time, prefunded: what is missing refuses it, and nothing waits for it.
        """
        Lifecycle(ctx).settle_at_once(trade)

    @transaction
    @licensed(Power.CLEAR)
    def record_failure(self, ctx: Context, trade: Identifier) -> None:
        """Record what stands against delivering a locked trade; its locks stay, for a retry."""
        Lifecycle(ctx).record_failure(trade)

    # --- ends without delivery ---

    @transaction
    @licence_first()
    def withdraw(self, ctx: Context, trade: Identifier, side: Side, reason: ShortText) -> None:
        """End a trade as one of its parties says; possible until the legs are locked.

        The signature comes as transient data, under ``intent``: it names who signed.
        """
        intent = secret_argument(ctx, "intent", SignedIntent)
        Lifecycle(ctx).withdraw(trade, side, reason, intent)

    @transaction
    @licensed()
    def reject_trade(self, ctx: Context, trade: Identifier, reason: ShortText) -> None:
        """End a trade before it settles, as one of its mediators. What was locked is free again."""
        Lifecycle(ctx).reject(trade, reason)

    @transaction
    @licence_first(Power.OPERATE_VENUE, Power.CLEAR)
    def cancel(self, ctx: Context, trade: Identifier, reason: ShortText) -> None:
        """End a trade before it settles: its venue may, or whoever clears.

        Every unit and all money locked for it is free again.
        """
        Lifecycle(ctx).cancel(trade, reason)

    @transaction
    @licensed()
    def expire(self, ctx: Context, trade: Identifier) -> None:
        """End a trade whose time is over; anybody may ask for it. What was locked is free again."""
        Lifecycle(ctx).expire(trade)

    # --- queries ---

    @query
    def trade(self, ctx: Context, trade: str, party: str = "") -> TradeView:
        """Return a trade, the consents to it, and its history.

        The terms are for its venue, the clearing firm, the transfer agent, the regulator, and for
        participants that hold a mandate of one of its parties and name it as ``party``. Mediators,
        brokers and settlement members name themselves. All others see the trade without them.
        """
        trades, moment = Trades(ctx), now(ctx)
        row = trades.require(trade)
        terms = trades.readable_terms(row, party)
        consents = trades.consents(trade).items()
        return TradeView(
            trade=row,
            terms=terms,
            consents=tuple(side for side, each in consents if each.counts(moment)),
            approvals=tuple(trades.approvals(trade)),
            failure=None if terms is None else trades.failure(row),
            history=trades.history(trade),
        )

    @query
    def trades(self, ctx: Context, page_size: PageSize = 100, bookmark: str = "") -> TradePage:
        """Return one page of all trades, by id, with the terms of those that are the reader's."""
        return Trades(ctx).page(page_size, bookmark)
