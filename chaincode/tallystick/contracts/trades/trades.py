"""Trades at work: their public rows, their terms in the venue's collection, and who consented."""

from tallystick.chaincode import Context, composite_key
from tallystick.contracts import events
from tallystick.contracts.confidential import ConfidentialRows
from tallystick.contracts.instants import instant_from_ns, now
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.parties import (
    Exercised,
    mandate_findings,
    require_authority,
    require_licences,
)
from tallystick.contracts.powers import Power
from tallystick.contracts.readers import may_read, trades_of
from tallystick.contracts.reasons import TradeReason, refuse_if_any
from tallystick.contracts.statements import Consent, Side, Withdrawal
from tallystick.contracts.trades import delivery
from tallystick.contracts.trades.models import (
    Consented,
    ConsentGiven,
    Status,
    StatusChange,
    Trade,
    TradeLine,
    TradePage,
    TradeTerms,
)
from tallystick.contracts.trades.rules import SIDES, check_terms, missing_consents
from tallystick.contracts.trades.states import Step, after


class Trades:
    """All trades, as one transaction sees them."""

    def __init__(self, ctx: Context) -> None:
        """Bind the trades to a call."""
        self._ctx = ctx

    # --- the steps of a trade ---

    def propose(self, terms: TradeTerms) -> Trade:
        """Enter a trade that the submitting venue has matched; return its row."""
        check_terms(terms, venue=self._ctx.client.msp_id, moment=now(self._ctx))
        if self._ctx.state.get(_key(terms.trade)) is not None:
            raise TradeReason.TRADE_EXISTS.refusal(trade=terms.trade)
        row = Trade(
            trade=terms.trade,
            venue=terms.venue,
            terms_hash=terms.digest,
            settlement_day=terms.settlement_day,
            expires_at=terms.expires_at,
            status=Status.PROPOSED,
        )
        self._save(row)
        self.rows(row, terms.salt).save(composite_key("terms", terms.trade), terms)
        self._ctx.emit(
            events.TradeProposed(trade=terms.trade, terms_hash=row.terms_hash, venue=terms.venue)
        )
        return row

    def consent(self, trade: str, side: Side, intent: SignedIntent) -> None:
        """Enter one side's consent to the terms as they are recorded here."""
        row = self.require(trade)
        after(row, Step.CONSENT, now(self._ctx))
        if self._has_consented(trade, side):
            raise TradeReason.CONSENT_ALREADY_GIVEN.refusal(trade=trade, side=side)
        terms = self.terms(row)
        party = terms.party(side)
        rows = self.rows(row, terms.salt)
        consent = Consent(trade=trade, side=side, party=party, terms_hash=row.terms_hash)
        require_authority(self._ctx, party, consent, intent, rows)
        key = composite_key("consent", trade, side)
        self._ctx.state.save(key, Consented(given_at=now(self._ctx)))
        rows.save(key, ConsentGiven(party=party, key=intent.key, given_at=now(self._ctx)))
        self._ctx.emit(events.ConsentGiven(trade=trade, side=side, terms_hash=row.terms_hash))

    def lock(self, trade: str) -> None:
        """Lock both legs of a trade to which both sides have consented."""
        self._require_clearing(trade)
        terms = self._advance(trade, Step.LOCK)
        refuse_if_any(list(missing_consents(terms, self.consents(trade))))
        delivery.lock(self._ctx, terms)
        self._ctx.emit(events.LegsLocked(trade=trade))

    def settle(self, trade: str) -> None:
        """Deliver both legs of a trade."""
        self._require_clearing(trade)
        terms = self._advance(trade, Step.SETTLE)
        delivery.deliver(self._ctx, terms)
        self._ctx.emit(events.TradeSettled(trade=trade))

    # --- ends without delivery ---

    def withdraw(self, trade: str, side: Side, reason: str, intent: SignedIntent) -> None:
        """End a trade as one of its sides says."""
        row = self.require(trade)
        terms = self._advance(trade, Step.WITHDRAW)
        party = terms.party(side)
        withdrawal = Withdrawal(trade=trade, side=side, party=party, reason=reason)
        require_authority(self._ctx, party, withdrawal, intent, self.rows(row, terms.salt))
        self._ctx.emit(events.TradeCancelled(trade=trade, by=side, reason=reason))

    def cancel(self, trade: str, reason: str) -> None:
        """End a trade as its venue says, or whoever clears."""
        caller = self._ctx.client.msp_id
        is_own = self.require(trade).venue == caller
        power = Power.OPERATE_VENUE if is_own else Power.CLEAR
        require_licences(self._ctx, Exercised(organization=caller, powers=(power,)))
        self._end(trade, Step.CANCEL)
        self._ctx.emit(events.TradeCancelled(trade=trade, by=caller, reason=reason))

    def expire(self, trade: str) -> None:
        """End a trade whose time is over."""
        self._end(trade, Step.EXPIRE)
        self._ctx.emit(events.TradeExpired(trade=trade))

    # --- what is known of a trade ---

    def require(self, trade: str) -> Trade:
        """Return a trade; refuse with TRADE_UNKNOWN when there is none."""
        row = self._ctx.state.load(_key(trade), Trade)
        if row is None:
            raise TradeReason.TRADE_UNKNOWN.refusal(trade=trade)
        return row

    def rows(self, trade: Trade, salt: str = "") -> ConfidentialRows:
        """Return the confidential rows of a trade's venue; ``salt`` is that of the terms."""
        return ConfidentialRows(self._ctx, trades_of(trade.venue), salt)

    def terms(self, trade: Trade) -> TradeTerms:
        """Return the terms of a trade; only peers of members can."""
        terms = self.rows(trade).load(composite_key("terms", trade.trade), TradeTerms)
        assert terms is not None, "a trade is recorded together with its terms"
        return terms

    def readable_terms(self, trade: Trade, party: str = "") -> TradeTerms | None:
        """Return the terms if the submitter may see them.

        Who may not is told so without a look at them, for its peer need not have them.
        """
        if may_read(self._ctx, trade.venue):
            return self.terms(trade)
        if not party or mandate_findings(self._ctx, party):
            return None
        terms = self.terms(trade)
        return terms if party in (terms.buyer, terms.seller) else None

    def consents(self, trade: str) -> tuple[Side, ...]:
        """Return the sides that have consented."""
        return tuple(side for side in SIDES if self._has_consented(trade, side))

    def history(self, trade: str) -> tuple[StatusChange, ...]:
        """Return each status that a trade has had, oldest first."""
        changes = [
            StatusChange(
                status=Trade.model_validate_json(each.value).status,
                transaction_id=each.transaction_id,
                at=instant_from_ns(each.timestamp_ns),
            )
            for each in self._ctx.state.history(_key(trade))
        ]
        return tuple(reversed(changes))

    def page(self, page_size: int, bookmark: str) -> TradePage:
        """Return one page of all trades, by id, with the terms that the submitter may see."""
        page = self._ctx.state.partial_page("trade", page_size=page_size, bookmark=bookmark)
        trades = [Trade.model_validate_json(value) for _, value in page.rows]
        lines = tuple(TradeLine(trade=row, terms=self.readable_terms(row)) for row in trades)
        return TradePage(trades=lines, bookmark=page.bookmark)

    # --- inside ---

    def _save(self, trade: Trade) -> None:
        self._ctx.state.save(_key(trade.trade), trade)

    def _has_consented(self, trade: str, side: Side) -> bool:
        key = composite_key("consent", trade, side)
        return self._ctx.state.load(key, Consented) is not None

    def _advance(self, trade: str, step: Step) -> TradeTerms:
        """Write the trade as it is after a step; return its terms."""
        row = after(self.require(trade), step, now(self._ctx))
        self._save(row)
        return self.terms(row)

    def _end(self, trade: str, step: Step) -> None:
        """End a trade without delivery; give its locks up if it has any."""
        locked = self.require(trade).status is Status.LOCKED
        terms = self._advance(trade, step)
        if locked:
            delivery.release(self._ctx, terms)

    def _require_clearing(self, trade: str) -> None:
        """Refuse unless the submitter may clear this trade, and its venue may still trade."""
        require_licences(
            self._ctx,
            Exercised(organization=self._ctx.client.msp_id, powers=(Power.CLEAR,)),
            Exercised(organization=self.require(trade).venue, powers=(Power.OPERATE_VENUE,)),
        )


def _key(trade: str) -> str:
    return composite_key("trade", trade)
