"""The settlement contract, as callers see it.

It holds no units and no money: it tells the token and the cash contract what to lock, deliver and
release, each in one call, so that both legs of a trade change in one transaction or not at all.

Everybody knows that a trade exists, and where it stands. What it is about, and whose it is, comes
in transient data and stays in the collection of its venue.
"""

from tallystick.chaincode import Context, composite_key, query, transaction
from tallystick.contracts import events
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.confidential import ConfidentialRows, secret_argument
from tallystick.contracts.instants import instant_from_ns, now
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.licensed import MarketContract, licensed
from tallystick.contracts.models import Identifier, PageSize, ShortText
from tallystick.contracts.parties import (
    Exercised,
    mandate_findings,
    require_authority,
    require_licences,
)
from tallystick.contracts.powers import Power
from tallystick.contracts.readers import may_read, trades_of
from tallystick.contracts.reasons import TradeReason, refuse_if_any
from tallystick.contracts.settlement.models import (
    Consented,
    ConsentGiven,
    Status,
    StatusChange,
    Trade,
    TradeLine,
    TradePage,
    TradeTerms,
    TradeView,
)
from tallystick.contracts.settlement.rules import (
    SIDES,
    Step,
    after,
    check_terms,
    missing_consents,
)
from tallystick.contracts.statements import Consent, Side, Withdrawal


class SettlementContract(MarketContract):
    """Trades, from the match to the exchange of units and money."""

    name = "settlement"

    # --- the steps of a trade ---

    @transaction
    @licensed(Power.OPERATE_VENUE)
    def propose_trade(self, ctx: Context) -> str:
        """Record a trade that the submitting venue has matched; return the hash to be signed.

        The terms come as transient data, under ``terms``.
        """
        terms = secret_argument(ctx, "terms", TradeTerms)
        check_terms(terms, venue=ctx.client.msp_id, moment=now(ctx))
        if ctx.state.get(_trade_key(terms.trade)) is not None:
            raise TradeReason.TRADE_EXISTS.refusal(trade=terms.trade)
        trade = Trade(
            trade=terms.trade,
            venue=terms.venue,
            terms_hash=terms.digest,
            settlement_day=terms.settlement_day,
            expires_at=terms.expires_at,
            status=Status.PROPOSED,
        )
        ctx.state.save(_trade_key(terms.trade), trade)
        _rows(ctx, trade, terms.salt).save(composite_key("terms", terms.trade), terms)
        ctx.emit(
            events.TradeProposed(trade=terms.trade, terms_hash=trade.terms_hash, venue=terms.venue)
        )
        return trade.terms_hash

    @transaction
    def consent(self, ctx: Context, trade: Identifier, side: Side) -> None:
        """Enter one side's consent, signed over the hash of the terms as they are recorded here.

        The signature comes as transient data, under ``intent``: it names who signed.
        """
        intent = secret_argument(ctx, "intent", SignedIntent)
        row = _require_trade(ctx, trade)
        after(row, Step.CONSENT, now(ctx))
        if _has_consented(ctx, trade, side):
            raise TradeReason.CONSENT_ALREADY_GIVEN.refusal(trade=trade, side=side)
        terms = _terms(ctx, row)
        party = terms.party(side)
        rows = _rows(ctx, row, terms.salt)
        consent = Consent(trade=trade, side=side, party=party, terms_hash=row.terms_hash)
        require_authority(ctx, party, consent, intent, rows)
        key = composite_key("consent", trade, side)
        ctx.state.save(key, Consented(given_at=now(ctx)))
        rows.save(key, ConsentGiven(party=party, key=intent.key, given_at=now(ctx)))
        ctx.emit(events.ConsentGiven(trade=trade, side=side, terms_hash=row.terms_hash))

    @transaction
    def lock_legs(self, ctx: Context, trade: Identifier) -> None:
        """Lock the seller's units and the buyer's money, once both sides have consented."""
        _require_clearing(ctx, trade)
        terms = _advance(ctx, trade, Step.LOCK)
        given = [side for side in SIDES if _has_consented(ctx, trade, side)]
        refuse_if_any(list(missing_consents(terms, given)))
        _instruct(ctx, "lock", terms, terms.venue)
        ctx.emit(events.LegsLocked(trade=trade))

    @transaction
    def settle(self, ctx: Context, trade: Identifier) -> None:
        """Deliver the units to the buyer and the money to the seller, in this one transaction.

        When a rule stands against it, the trade stays locked and can be settled once the cause is
        cured.
        """
        _require_clearing(ctx, trade)
        terms = _advance(ctx, trade, Step.SETTLE)
        _instruct(ctx, "deliver", terms, terms.venue)
        ctx.emit(events.TradeSettled(trade=trade))

    # --- ends without delivery ---

    @transaction
    def withdraw(self, ctx: Context, trade: Identifier, side: Side, reason: ShortText) -> None:
        """End a trade as one of its sides says; possible until the legs are locked.

        The signature comes as transient data, under ``intent``: it names who signed.
        """
        intent = secret_argument(ctx, "intent", SignedIntent)
        terms = _advance(ctx, trade, Step.WITHDRAW)
        party = terms.party(side)
        withdrawal = Withdrawal(trade=trade, side=side, party=party, reason=reason)
        rows = _rows(ctx, _require_trade(ctx, trade), terms.salt)
        require_authority(ctx, party, withdrawal, intent, rows)
        ctx.emit(events.TradeCancelled(trade=trade, by=side, reason=reason))

    @transaction
    def cancel(self, ctx: Context, trade: Identifier, reason: ShortText) -> None:
        """End a trade before it settles: its venue may, or whoever clears.

        Every unit and all money locked for it is free again.
        """
        is_own = _require_trade(ctx, trade).venue == ctx.client.msp_id
        power = Power.OPERATE_VENUE if is_own else Power.CLEAR
        require_licences(ctx, Exercised(organization=ctx.client.msp_id, powers=(power,)))
        _end(ctx, trade, Step.CANCEL)
        ctx.emit(events.TradeCancelled(trade=trade, by=ctx.client.msp_id, reason=reason))

    @transaction
    @licensed()
    def expire(self, ctx: Context, trade: Identifier) -> None:
        """End a trade whose time is over; anybody may ask for it. What was locked is free again."""
        _end(ctx, trade, Step.EXPIRE)
        ctx.emit(events.TradeExpired(trade=trade))

    # --- queries ---

    @query
    def trade(self, ctx: Context, trade: str, party: str = "") -> TradeView:
        """Return a trade, the consents to it, and its history.

        The terms are for its venue, the clearing firm, the transfer agent, the regulator, and for
        participants that hold a mandate of one of its sides and name it as ``party``. All others
        see the trade without them.
        """
        row = _require_trade(ctx, trade)
        modifications = ctx.state.history(_trade_key(trade))
        history = [
            StatusChange(
                status=Trade.model_validate_json(each.value).status,
                transaction_id=each.transaction_id,
                at=instant_from_ns(each.timestamp_ns),
            )
            for each in modifications
        ]
        return TradeView(
            trade=row,
            terms=_readable_terms(ctx, row, party),
            consents=tuple(side for side in SIDES if _has_consented(ctx, trade, side)),
            history=tuple(reversed(history)),
        )

    @query
    def trades(self, ctx: Context, page_size: PageSize = 100, bookmark: str = "") -> TradePage:
        """Return one page of all trades, by id, with the terms of those that are the reader's."""
        page = ctx.state.partial_page("trade", page_size=page_size, bookmark=bookmark)
        trades = [Trade.model_validate_json(value) for _, value in page.rows]
        lines = tuple(TradeLine(trade=row, terms=_readable_terms(ctx, row)) for row in trades)
        return TradePage(trades=lines, bookmark=page.bookmark)


def _trade_key(trade: str) -> str:
    return composite_key("trade", trade)


def _require_trade(ctx: Context, trade: str) -> Trade:
    row = ctx.state.load(_trade_key(trade), Trade)
    if row is None:
        raise TradeReason.TRADE_UNKNOWN.refusal(trade=trade)
    return row


def _require_clearing(ctx: Context, trade: str) -> None:
    """Refuse unless the submitter may clear this trade, and its venue may still trade."""
    venue = _require_trade(ctx, trade).venue
    require_licences(
        ctx,
        Exercised(organization=ctx.client.msp_id, powers=(Power.CLEAR,)),
        Exercised(organization=venue, powers=(Power.OPERATE_VENUE,)),
    )


def _rows(ctx: Context, trade: Trade, salt: str = "") -> ConfidentialRows:
    return ConfidentialRows(ctx, trades_of(trade.venue), salt)


def _terms(ctx: Context, trade: Trade) -> TradeTerms:
    """Return the terms of a trade; only peers of members can."""
    terms = _rows(ctx, trade).load(composite_key("terms", trade.trade), TradeTerms)
    assert terms is not None, "a trade is recorded together with its terms"
    return terms


def _readable_terms(ctx: Context, trade: Trade, party: str = "") -> TradeTerms | None:
    """Return the terms if the submitter may see them.

    Who may not is told so without a look at them, for its peer need not have them.
    """
    if may_read(ctx, trade.venue):
        return _terms(ctx, trade)
    if not party or mandate_findings(ctx, party):
        return None
    terms = _terms(ctx, trade)
    return terms if party in (terms.buyer, terms.seller) else None


def _has_consented(ctx: Context, trade: str, side: Side) -> bool:
    return ctx.state.load(composite_key("consent", trade, side), Consented) is not None


def _advance(ctx: Context, trade: str, step: Step) -> TradeTerms:
    """Write the trade as it is after a step; return its terms."""
    row = after(_require_trade(ctx, trade), step, now(ctx))
    ctx.state.save(_trade_key(trade), row)
    return _terms(ctx, row)


def _instruct(ctx: Context, function: str, terms: TradeTerms, *more: str) -> None:
    """Let token and cash do the same to their leg of a trade; token is told ``more``.

    What one chaincode says to another is not part of the transaction, so terms and salt may be said
    here.
    """
    ctx.invoke(Chaincode.TOKEN, function, [terms.delivery], *more)
    ctx.invoke(Chaincode.CASH, function, [terms.payment], terms.salt)


def _end(ctx: Context, trade: str, step: Step) -> None:
    """End a trade without delivery; give its locks up if it has any."""
    locked = _require_trade(ctx, trade).status is Status.LOCKED
    terms = _advance(ctx, trade, step)
    if locked:
        _instruct(ctx, "release", terms)
