"""Fails, as one transaction sees them: worked out from trades and calendars, never stored.

A trade fails when its day ends and it has not settled: no job needs to run for that. What is stored
is what cannot be worked out: causes, holds, and what has been paid.
"""

from collections.abc import Mapping, Sequence
from functools import partial

from tallystick.chaincode import Context, composite_key
from tallystick.contracts import events
from tallystick.contracts.calendars.calendars import Calendars
from tallystick.contracts.calendars.days import (
    business_day_from,
    business_days_after,
    cut_off,
    failed_days,
)
from tallystick.contracts.calendars.models import Calendar
from tallystick.contracts.discipline import rules
from tallystick.contracts.discipline.models import (
    CauseNote,
    FailedDay,
    FailRecord,
    FailView,
    HoldChange,
)
from tallystick.contracts.discipline.penalties import Facts, Figures, failed
from tallystick.contracts.discipline.regimes import Regimes
from tallystick.contracts.instants import Day, Instant, now
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.reasons import DisciplineReason
from tallystick.contracts.statements import Side, TradeHeld
from tallystick.contracts.trades.models import Consented, Trade
from tallystick.contracts.trades.rules import matched_at, party_on
from tallystick.contracts.trades.signing import require_signature
from tallystick.contracts.trades.terms import TradeTerms
from tallystick.contracts.trades.trades import Trades


class Fails:
    """What is known of trades and of the days on which they were to settle."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.trades = Trades(ctx)
        self.regimes = Regimes(ctx)
        self._calendars = Calendars(ctx)

    # --- rows ---

    def record(self, trade: Trade) -> FailRecord:
        """Return what is recorded of a trade; only peers of members can."""
        return self.trades.rows(trade).load(_key(trade.trade), FailRecord) or FailRecord()

    def save(self, trade: Trade, salt: str, record: FailRecord) -> None:
        """Write what is recorded of a trade."""
        self.trades.rows(trade, salt).save(_key(trade.trade), record)

    # --- what follows from them ---

    def calendar(self, trade: Trade) -> Calendar:
        """Return the calendar by which a trade's age counts."""
        return self._calendars.require(trade.calendar)

    def until(self, trade: Trade) -> Instant:
        """Return when a trade ended or expired, or the present moment."""
        return min(self.trades.ended_at(trade) or now(self._ctx), trade.expires_at)

    def failed_days(self, trade: Trade) -> Sequence[Day]:
        """Return the business days on which a trade was due and had not settled."""
        days = failed_days(self.calendar(trade), trade.settlement_day, self.until(trade))
        return tuple(days)

    def failing_since(self, trade: Trade) -> Instant | None:
        """Return the cut-off of a trade's day, once that has passed without settlement."""
        days = self.failed_days(trade)
        return cut_off(self.calendar(trade), days[0]) if days else None

    def due_day(self, trade: Trade, business_days: int) -> Day:
        """Return the day so many business days after the one on which a trade was to settle."""
        calendar = self.calendar(trade)
        first = business_day_from(calendar, trade.settlement_day)
        return business_days_after(calendar, first, business_days)

    def judged_days(self, trade: Trade, terms: TradeTerms) -> Sequence[FailedDay]:
        """Return each business day that a trade failed, with its cause and its penalty."""
        return tuple(failed(self._facts(trade, terms), self.record(trade), self._figures_of(trade)))

    def may_match_late(self, trade: Trade, terms: TradeTerms) -> bool:
        """Return whether it is open who consents last, and so who pays for the days until then."""
        is_open = trade.ended_at is None and now(self._ctx) < trade.expires_at
        return is_open and matched_at(self._consents(trade, terms).values()) is None

    def paying_cash(self, trade: Trade, terms: TradeTerms) -> str:
        """Return the cash in which sides of a trade pay each other for its fail.

        A trade whose price is paid off the ledger names a currency only; the figures by which its
        venue's fails are judged name a cash in it.

        Raises:
            Refusal: CASH_NOT_NAMED.
        """
        if terms.paid_at is None:
            return terms.cash
        period = self.regimes.regime(trade.venue).on(trade.settlement_day)
        cash = None if period is None else period.cash_in(terms.cash)
        if cash is None:
            raise DisciplineReason.CASH_NOT_NAMED.refusal(
                trade=trade.trade, currency=terms.cash, venue=trade.venue
            )
        return cash

    def view(self, trade: Trade, terms: TradeTerms | None) -> FailView:
        """Return how a trade stands to its day; without terms, what everybody may know."""
        view = FailView(
            trade=trade.trade,
            calendar=trade.calendar,
            settlement_day=trade.settlement_day,
            settles_from=trade.settles_from,
            on_hold=trade.on_hold,
            failing_since=self.failing_since(trade),
            age=len(self.failed_days(trade)),
        )
        if terms is None:
            return view
        return view.model_copy(
            update={"days": self.judged_days(trade, terms), "record": self.record(trade)}
        )

    # --- acts ---

    def hold(self, trade: str, side: Side, intent: SignedIntent, *, holds: bool) -> None:
        """Put a trade on hold for a side, or release it, as that side says."""
        row = self.trades.require(trade)
        terms = self.trades.terms(row)
        party = party_on(terms, side)
        said = TradeHeld(trade=trade, side=side, party=party, holds=holds)
        require_signature(self._ctx, terms, side, (said, intent))
        rules.require_open(row, "hold" if holds else "release", now(self._ctx))
        change = HoldChange(at=now(self._ctx), side=side, holds=holds)
        row, record = rules.held(row, self.record(row), change)
        self.trades.save(row)
        self.save(row, terms.salt, record)
        told = events.TradeHeld if holds else events.TradeReleased
        self._ctx.emit(told(trade=trade, side=side))

    def note(self, trade: str, note: CauseNote) -> None:
        """Record why a trade did not settle, from a business day on that it failed."""
        row = self.trades.require(trade)
        if note.day not in self.failed_days(row):
            raise DisciplineReason.DAY_NOT_FAILED.refusal(trade=trade, day=note.day)
        terms = self.trades.terms(row)
        self.save(row, terms.salt, rules.noted(trade, self.record(row), note))
        self._ctx.emit(events.FailRecorded(trade=trade, day=note.day))

    def mark_sale(self, trade: str, sale: str) -> None:
        """Say what kind of sale a trade is, as its venue."""
        row = self.trades.require(trade)
        rules.require_venue(row, self._ctx.client.msp_id)
        rules.require_open(row, "mark", now(self._ctx))
        record = self.record(row).model_copy(update={"sale": sale})
        self.save(row, self.trades.terms(row).salt, record)
        self._ctx.emit(events.SaleMarked(trade=trade))

    # --- inside ---

    def _facts(self, trade: Trade, terms: TradeTerms) -> Facts:
        consents = self._consents(trade, terms)
        last = matched_at(consents.values())
        late = [side for side, each in consents.items() if each and each.given_at == last]
        return Facts(
            calendar=self.calendar(trade),
            settlement_day=trade.settlement_day,
            until=self.until(trade),
            matched_at=last,
            late=late[0] if len(late) == 1 else None,
            security=terms.security,
            cash=terms.cash,
            amount=terms.amount,
        )

    def _consents(self, trade: Trade, terms: TradeTerms) -> Mapping[Side, Consented | None]:
        return {side: self.trades.consent(trade.trade, side) for side in terms.parties}

    def _figures_of(self, trade: Trade) -> partial[Figures | None]:
        return partial(self.regimes.figures, trade.venue)


def _key(trade: str) -> str:
    return composite_key("fail", trade)
