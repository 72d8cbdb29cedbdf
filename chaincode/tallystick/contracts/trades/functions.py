"""Trades, as callers of the settlement contract see them.

Everybody knows that a trade exists, and where it stands. What it is about, and whose it is, comes
in transient data and stays in the collection of its venue.
"""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts.confidential import secret_argument
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.licensed import MarketContract, licensed
from tallystick.contracts.models import Identifier, PageSize, ShortText
from tallystick.contracts.powers import Power
from tallystick.contracts.statements import Side
from tallystick.contracts.trades.models import TradePage, TradeTerms, TradeView
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
        return Trades(ctx).propose(secret_argument(ctx, "terms", TradeTerms)).terms_hash

    @transaction
    def consent(self, ctx: Context, trade: Identifier, side: Side) -> None:
        """Enter one side's consent, signed over the hash of the terms as they are recorded here.

        The signature comes as transient data, under ``intent``: it names who signed.
        """
        Trades(ctx).consent(trade, side, secret_argument(ctx, "intent", SignedIntent))

    @transaction
    def lock_legs(self, ctx: Context, trade: Identifier) -> None:
        """Lock the seller's units and the buyer's money, once both sides have consented."""
        Trades(ctx).lock(trade)

    @transaction
    def settle(self, ctx: Context, trade: Identifier) -> None:
        """Deliver the units to the buyer and the money to the seller, in this one transaction.

        When a rule stands against it, the trade stays locked and can be settled once the cause is
        cured.
        """
        Trades(ctx).settle(trade)

    # --- ends without delivery ---

    @transaction
    def withdraw(self, ctx: Context, trade: Identifier, side: Side, reason: ShortText) -> None:
        """End a trade as one of its sides says; possible until the legs are locked.

        The signature comes as transient data, under ``intent``: it names who signed.
        """
        Trades(ctx).withdraw(trade, side, reason, secret_argument(ctx, "intent", SignedIntent))

    @transaction
    def cancel(self, ctx: Context, trade: Identifier, reason: ShortText) -> None:
        """End a trade before it settles: its venue may, or whoever clears.

        Every unit and all money locked for it is free again.
        """
        Trades(ctx).cancel(trade, reason)

    @transaction
    @licensed()
    def expire(self, ctx: Context, trade: Identifier) -> None:
        """End a trade whose time is over; anybody may ask for it. What was locked is free again."""
        Trades(ctx).expire(trade)

    # --- queries ---

    @query
    def trade(self, ctx: Context, trade: str, party: str = "") -> TradeView:
        """Return a trade, the consents to it, and its history.

        The terms are for its venue, the clearing firm, the transfer agent, the regulator, and for
        participants that hold a mandate of one of its sides and name it as ``party``. All others
        see the trade without them.
        """
        trades = Trades(ctx)
        row = trades.require(trade)
        return TradeView(
            trade=row,
            terms=trades.readable_terms(row, party),
            consents=trades.consents(trade),
            history=trades.history(trade),
        )

    @query
    def trades(self, ctx: Context, page_size: PageSize = 100, bookmark: str = "") -> TradePage:
        """Return one page of all trades, by id, with the terms of those that are the reader's."""
        return Trades(ctx).page(page_size, bookmark)
