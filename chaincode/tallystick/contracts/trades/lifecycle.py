"""The steps of trades at work: each asks the table, then everybody concerned, then is told."""

from tallystick.chaincode import Context
from tallystick.contracts import events
from tallystick.contracts.calendars.calendars import Calendars
from tallystick.contracts.instants import Instant, now
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.orders.orders import Orders, splits_made
from tallystick.contracts.parties import (
    Exercised,
    require_licences,
    signed_authority,
)
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import Finding, RegisterReason, TradeReason, refuse_if_any
from tallystick.contracts.statements import Consent, Side, Withdrawal
from tallystick.contracts.trades import delivery, underway
from tallystick.contracts.trades.admission import Admission
from tallystick.contracts.trades.models import (
    Approved,
    Consented,
    ConsentGiven,
    Failure,
    Status,
    Trade,
)
from tallystick.contracts.trades.rules import (
    approval_findings,
    check_terms,
    consent_findings,
    matched_at,
    party_on,
)
from tallystick.contracts.trades.signing import without_names
from tallystick.contracts.trades.states import Step, after, has_locks
from tallystick.contracts.trades.terms import TradeTerms
from tallystick.contracts.trades.trades import Trades


class Lifecycle:
    """What is done with trades, in one transaction."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._trades = Trades(ctx)
        self._orders = Orders(ctx)
        self._admission = Admission(ctx, self._orders)

    # --- towards settlement ---

    def propose(self, terms: TradeTerms) -> Trade:
        """Enter a trade that the submitting venue has matched; return its row."""
        check_terms(terms, venue=self._ctx.client.msp_id, moment=now(self._ctx))
        if self._trades.find(terms.trade) is not None:
            raise TradeReason.TRADE_EXISTS.refusal(trade=terms.trade)
        intended = Calendars(self._ctx).intended(
            terms.venue, terms.security, cycle=terms.cycle, day=terms.settlement_day
        )
        if terms.expires_at <= intended.settles_from:
            raise TradeReason.TRADE_DATES_WRONG.refusal(trade=terms.trade)
        terms = terms.model_copy(update={"settlement_day": intended.settlement_day})
        row = Trade(
            trade=terms.trade,
            venue=terms.venue,
            terms_hash=terms.digest,
            calendar=intended.calendar,
            settlement_day=intended.settlement_day,
            settles_from=intended.settles_from,
            expires_at=terms.expires_at,
            status=Status.PROPOSED,
            model=terms.model,
            proposed_at=now(self._ctx),
            splits_seen=splits_made(self._ctx),
        )
        for order in terms.placed_orders:
            self._orders.fill(order, terms.price)
        self._trades.save(row)
        self._trades.save_terms(row, terms)
        underway.begin(self._ctx, terms, row.splits_seen)
        self._ctx.emit(
            events.TradeProposed(
                trade=terms.trade,
                terms_hash=row.terms_hash,
                venue=terms.venue,
                model=terms.model,
            )
        )
        return row

    def consent(
        self, trade: str, side: Side, intent: SignedIntent, valid_until: Instant | None
    ) -> None:
        """Enter one party's consent to the terms as they are recorded here."""
        row, terms = self._known(trade)
        moment, party = now(self._ctx), party_on(terms, side)
        rows = self._trades.rows(row, terms.salt)
        consent = Consent(
            trade=trade,
            side=side,
            party=party,
            terms_hash=row.terms_hash,
            valid_until=valid_until,
        )
        with without_names(trade, side):
            authority = signed_authority(self._ctx, party, consent, intent, rows)
            refuse_if_any(self._admission.at_consent(terms, party, authority))
        after(row, Step.CONSENT, moment)
        former = self._trades.consent(trade, side)
        if former is not None and former.counts(moment):
            raise TradeReason.CONSENT_ALREADY_GIVEN.refusal(trade=trade, side=side)
        self._trades.save_consent(
            rows,
            trade,
            side,
            Consented(given_at=self._agreed_at(terms, former), valid_until=valid_until),
            ConsentGiven(party=party, key=intent.key, given_at=moment),
        )
        self._ctx.emit(events.ConsentGiven(trade=trade, side=side, terms_hash=row.terms_hash))

    def approve(self, trade: str, valid_until: Instant) -> None:
        """Enter the submitting mediator's approval, in place of its former one."""
        row, moment = self._trades.require(trade), now(self._ctx)
        self._require_mediator(self._trades.terms(row))
        after(row, Step.APPROVE, moment)
        if valid_until <= moment:
            raise RegisterReason.MOMENT_PAST.refusal(moment=valid_until, now=moment)
        mediator = self._ctx.client.msp_id
        self._trades.save_approval(
            trade, mediator, Approved(given_at=moment, valid_until=valid_until)
        )
        self._ctx.emit(
            events.TradeApproved(trade=trade, mediator=mediator, valid_until=valid_until)
        )

    def lock(self, trade: str) -> None:
        """Hold all legs of a trade to which everybody has agreed."""
        row, terms = self._known(trade)
        refuse_if_any(self._admission.at_lock(terms, row.splits_seen))
        self.advance(row, terms, Step.LOCK)
        self._require_agreement(terms)
        delivery.lock(self._ctx, terms, row.splits_seen)
        self._ctx.emit(events.LegsLocked(trade=trade))

    def require_lockable(self, row: Trade, terms: TradeTerms) -> None:
        """Refuse a trade to which not everybody has agreed, or whose parties may not trade now."""
        refuse_if_any(self._admission.at_lock(terms, row.splits_seen))
        self._require_agreement(terms)

    def settle(self, trade: str) -> None:
        """Deliver all legs of a trade."""
        row, terms = self._known(trade)
        refuse_if_any(self._delivery_findings(terms))
        self.advance(row, terms, Step.SETTLE)
        delivery.deliver(self._ctx, terms, row.splits_seen)
        self._ctx.emit(events.TradeSettled(trade=trade))

    def settle_at_once(self, trade: str) -> None:
        """Deliver all legs of a trade out of what is available, with no lock before."""
        row, terms = self._known(trade)
        refuse_if_any(self._admission.at_lock(terms, row.splits_seen))
        self.advance(row, terms, Step.SETTLE_AT_ONCE)
        self._require_agreement(terms)
        delivery.deliver_at_once(self._ctx, terms, row.splits_seen)
        self._ctx.emit(events.TradeSettled(trade=trade))

    def record_failure(self, trade: str) -> None:
        """Record what stands against delivering a trade; what is locked for it stays so."""
        before, terms = self._known(trade)
        moment = now(self._ctx)
        self.advance(before, terms, Step.RECORD_FAILURE)
        findings = self._delivery_findings(terms)
        findings += delivery.record_failure(self._ctx, terms, before.splits_seen)
        if not findings:
            raise TradeReason.NOTHING_FAILS.refusal(trade=trade)
        former = self._trades.failure(before) if before.status is Status.FAILING else None
        since = moment if former is None else former.failing_since
        failure = Failure(failing_since=since, recorded_at=moment, findings=tuple(findings))
        self._trades.save_failure(before, terms, failure)
        codes = tuple(dict.fromkeys(each.code for each in findings))
        self._ctx.emit(events.TradeFailed(trade=trade, codes=codes))

    # --- ends without delivery ---

    def withdraw(self, trade: str, side: Side, reason: str, intent: SignedIntent) -> None:
        """End a trade as one of its parties says."""
        row, terms = self._known(trade)
        party = party_on(terms, side)
        withdrawal = Withdrawal(trade=trade, side=side, party=party, reason=reason)
        rows = self._trades.rows(row, terms.salt)
        with without_names(trade, side):
            authority = signed_authority(self._ctx, party, withdrawal, intent, rows)
            refuse_if_any(self._admission.at_withdrawal(party, authority))
        self.advance(row, terms, Step.WITHDRAW)
        self._ctx.emit(events.TradeWithdrawn(trade=trade, side=side, reason=reason))

    def reject(self, trade: str, reason: str) -> None:
        """End a trade as one of its mediators says."""
        self._require_mediator(self._known(trade)[1])
        self.end(trade, Step.REJECT)
        self._ctx.emit(
            events.TradeRejected(trade=trade, mediator=self._ctx.client.msp_id, reason=reason)
        )

    def cancel(self, trade: str, reason: str) -> None:
        """End a trade as its venue says, or whoever clears."""
        caller = self._ctx.client.msp_id
        is_own = self._trades.require(trade).venue == caller
        power = Power.OPERATE_VENUE if is_own else Power.CLEAR
        require_licences(self._ctx, Exercised(organization=caller, powers=(power,)))
        self.end(trade, Step.CANCEL)
        self._ctx.emit(events.TradeCancelled(trade=trade, by=caller, reason=reason))

    def expire(self, trade: str) -> None:
        """End a trade whose time is over."""
        self.end(trade, Step.EXPIRE)
        self._ctx.emit(events.TradeExpired(trade=trade))

    # --- how ---

    def _known(self, trade: str) -> tuple[Trade, TradeTerms]:
        """Return a trade with its terms."""
        row = self._trades.require(trade)
        return row, self._trades.terms(row)

    def advance(
        self, row: Trade, terms: TradeTerms, step: Step, moment: Instant | None = None
    ) -> None:
        """Write the trade as it is after a step, and what that leaves under way.

        ``moment`` is when the step was taken; now, unless its row only follows.
        """
        following = after(row, step, moment or now(self._ctx))
        self._trades.save(following)
        underway.follow(self._ctx, terms, (row.status, following.status))

    def end(self, trade: str, step: Step, *, replaced_by: str | None = None) -> TradeTerms:
        """End a trade without delivery; give its locks up if it has any. Return its terms."""
        row, terms = self._known(trade)
        row = row.model_copy(update={"replaced_by": replaced_by})
        self.advance(row, terms, step)
        if has_locks(row):
            delivery.release(self._ctx, terms)
        return terms

    def _agreed_at(self, terms: TradeTerms, former: Consented | None) -> Instant:
        """Return since when a party agrees to a trade to which it consents now.

        Who consents anew to what all had agreed on is not late: what failed since keeps its cause.
        Only then are the other parties' consents read, which may come in the same block.
        """
        moment = now(self._ctx)
        if former is None:
            return moment
        consents = [self._trades.consent(terms.trade, each) for each in terms.parties]
        return moment if matched_at(consents) is None else former.given_at

    def _require_agreement(self, terms: TradeTerms) -> None:
        """Refuse unless all parties have consented and all mediators have approved."""
        moment = now(self._ctx)
        consents = {side: self._trades.consent(terms.trade, side) for side in terms.parties}
        given = {side: each for side, each in consents.items() if each is not None}
        refuse_if_any(
            [*consent_findings(terms, given, moment), *self._approval_findings(terms, moment)]
        )

    def _delivery_findings(self, terms: TradeTerms) -> list[Finding]:
        """Return what stands against a delivery, beside units and money."""
        return [
            *self._admission.at_delivery(terms),
            *self._approval_findings(terms, now(self._ctx)),
        ]

    def _approval_findings(self, terms: TradeTerms, moment: Instant) -> list[Finding]:
        approvals = {each: self._trades.approval(terms.trade, each) for each in terms.mediators}
        given = {mediator: each for mediator, each in approvals.items() if each is not None}
        return list(approval_findings(terms, given, moment))

    def _require_mediator(self, terms: TradeTerms) -> None:
        caller = self._ctx.client.msp_id
        if caller not in terms.mediators:
            raise TradeReason.NOT_A_MEDIATOR.refusal(trade=terms.trade, participant=caller)
