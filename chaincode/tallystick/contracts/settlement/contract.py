"""The settlement contract, as callers see it.

It holds no units and no money: it tells the token and the cash contract what to lock, deliver and
release, each in one call, so that both legs of a trade change in one transaction or not at all.
"""

from tallystick.chaincode import Context, Contract, composite_key, query, transaction
from tallystick.contracts import events
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.instants import instant_from_ns, now
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.models import Identifier, PageSize, ShortText
from tallystick.contracts.participants import Participant, only
from tallystick.contracts.parties import require_authority
from tallystick.contracts.reasons import Reason, refuse_if_any
from tallystick.contracts.settlement.models import (
    ConsentGiven,
    Status,
    StatusChange,
    Trade,
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


class SettlementContract(Contract):
    """Trades, from the match to the exchange of units and money."""

    name = "settlement"

    # --- the steps of a trade ---

    @transaction
    @only(Participant.ATS)
    def propose_trade(self, ctx: Context, terms: TradeTerms) -> str:
        """Record a trade that the submitting venue has matched; return the hash to be signed."""
        check_terms(terms, venue=ctx.client.msp_id, moment=now(ctx))
        if ctx.state.get(_trade_key(terms.trade)) is not None:
            raise Reason.TRADE_EXISTS.refusal(trade=terms.trade)
        trade = Trade(terms=terms, terms_hash=terms.digest, status=Status.PROPOSED)
        ctx.state.save(_trade_key(terms.trade), trade)
        ctx.emit(
            events.TradeProposed(
                trade=terms.trade,
                terms_hash=trade.terms_hash,
                buyer=terms.buyer,
                seller=terms.seller,
                venue=terms.venue,
            )
        )
        return trade.terms_hash

    @transaction
    def consent(self, ctx: Context, trade: Identifier, side: Side, intent: SignedIntent) -> None:
        """Enter one side's consent, signed over the hash of the terms as they are recorded here."""
        row = _require_trade(ctx, trade)
        after(row, Step.CONSENT, now(ctx))
        if _consent(ctx, trade, side) is not None:
            raise Reason.CONSENT_ALREADY_GIVEN.refusal(trade=trade, side=side)
        party = row.terms.party(side)
        consent = Consent(trade=trade, side=side, party=party, terms_hash=row.terms_hash)
        require_authority(ctx, party, consent, intent)
        given = ConsentGiven(party=party, key=intent.key, given_at=now(ctx))
        ctx.state.save(composite_key("consent", trade, side), given)
        ctx.emit(
            events.ConsentGiven(trade=trade, side=side, party=party, terms_hash=row.terms_hash)
        )

    @transaction
    @only(Participant.CLEARING)
    def lock_legs(self, ctx: Context, trade: Identifier) -> None:
        """Lock the seller's units and the buyer's money, once both sides have consented."""
        terms = _advance(ctx, trade, Step.LOCK)
        given = [side for side in SIDES if _consent(ctx, trade, side) is not None]
        refuse_if_any(list(missing_consents(terms, given)))
        _instruct(ctx, "lock", terms)
        ctx.emit(events.LegsLocked(trade=trade))

    @transaction
    @only(Participant.CLEARING)
    def settle(self, ctx: Context, trade: Identifier) -> None:
        """Deliver the units to the buyer and the money to the seller, in this one transaction.

        When a rule stands against it, the trade stays locked and can be settled once the cause is
        cured.
        """
        terms = _advance(ctx, trade, Step.SETTLE)
        _instruct(ctx, "deliver", terms)
        ctx.emit(events.TradeSettled(trade=trade))

    # --- ends without delivery ---

    @transaction
    def withdraw(
        self, ctx: Context, trade: Identifier, side: Side, reason: ShortText, intent: SignedIntent
    ) -> None:
        """End a trade as one of its sides says; possible until the legs are locked."""
        terms = _advance(ctx, trade, Step.WITHDRAW)
        party = terms.party(side)
        withdrawal = Withdrawal(trade=trade, side=side, party=party, reason=reason)
        require_authority(ctx, party, withdrawal, intent)
        ctx.emit(events.TradeCancelled(trade=trade, by=party, reason=reason))

    @transaction
    @only(Participant.ATS, Participant.CLEARING)
    def cancel(self, ctx: Context, trade: Identifier, reason: ShortText) -> None:
        """End a trade before it settles; every unit and all money locked for it is free again."""
        _end(ctx, trade, Step.CANCEL)
        ctx.emit(events.TradeCancelled(trade=trade, by=ctx.client.msp_id, reason=reason))

    @transaction
    def expire(self, ctx: Context, trade: Identifier) -> None:
        """End a trade whose time is over; anybody may ask for it. What was locked is free again."""
        _end(ctx, trade, Step.EXPIRE)
        ctx.emit(events.TradeExpired(trade=trade))

    # --- queries ---

    @query
    def trade(self, ctx: Context, trade: str) -> TradeView:
        """Return a trade, the consents to it, and its history."""
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
        consents = tuple(side for side in SIDES if _consent(ctx, trade, side) is not None)
        return TradeView(trade=row, consents=consents, history=tuple(reversed(history)))

    @query
    def trades(self, ctx: Context, page_size: PageSize = 100, bookmark: str = "") -> TradePage:
        """Return one page of all trades, by id."""
        page = ctx.state.partial_page("trade", page_size=page_size, bookmark=bookmark)
        trades = tuple(Trade.model_validate_json(value) for _, value in page.rows)
        return TradePage(trades=trades, bookmark=page.bookmark)


def _trade_key(trade: str) -> str:
    return composite_key("trade", trade)


def _require_trade(ctx: Context, trade: str) -> Trade:
    row = ctx.state.load(_trade_key(trade), Trade)
    if row is None:
        raise Reason.TRADE_UNKNOWN.refusal(trade=trade)
    return row


def _consent(ctx: Context, trade: str, side: Side) -> ConsentGiven | None:
    return ctx.state.load(composite_key("consent", trade, side), ConsentGiven)


def _advance(ctx: Context, trade: str, step: Step) -> TradeTerms:
    """Write the trade as it is after a step; return its terms."""
    row = after(_require_trade(ctx, trade), step, now(ctx))
    ctx.state.save(_trade_key(trade), row)
    return row.terms


def _instruct(ctx: Context, function: str, terms: TradeTerms) -> None:
    """Let token and cash do the same to their leg of a trade."""
    ctx.invoke(Chaincode.TOKEN, function, [terms.delivery])
    ctx.invoke(Chaincode.CASH, function, [terms.payment])


def _end(ctx: Context, trade: str, step: Step) -> None:
    """End a trade without delivery; give its locks up if it has any."""
    locked = _require_trade(ctx, trade).status is Status.LOCKED
    terms = _advance(ctx, trade, step)
    if locked:
        _instruct(ctx, "release", terms)
