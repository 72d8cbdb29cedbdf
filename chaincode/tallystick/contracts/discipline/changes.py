"""What both sides of a trade agree on afterwards: its end, an earlier moment, its partition."""

from typing import assert_never

from tallystick.chaincode import Context, composite_key
from tallystick.contracts import events
from tallystick.contracts.calendars.calendars import Calendars
from tallystick.contracts.discipline import rules
from tallystick.contracts.discipline.fails import Fails
from tallystick.contracts.discipline.models import ChangeGiven
from tallystick.contracts.instants import now
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.reasons import DisciplineReason, TradeReason
from tallystick.contracts.statements import (
    CancelTrade,
    Change,
    ChangeAgreed,
    SettleEarly,
    Side,
    SplitTrade,
)
from tallystick.contracts.trades import underway
from tallystick.contracts.trades.lifecycle import Lifecycle
from tallystick.contracts.trades.models import Trade
from tallystick.contracts.trades.rules import party_on
from tallystick.contracts.trades.signing import require_signature
from tallystick.contracts.trades.states import Step
from tallystick.contracts.trades.terms import TradeTerms

BY_BOTH_SIDES = "both sides"


class Changes:
    """What sides agree to: kept among the venue's confidential rows until both have said it."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._fails = Fails(ctx)
        self._trades = self._fails.trades

    def agree(self, trade: str, side: Side, change: Change, intent: SignedIntent) -> bool:
        """Enter what a side agrees to; return whether the trade has changed by it.

        A side that says something else than before takes back what it said.
        """
        row = self._trades.require(trade)
        terms = self._trades.terms(row)
        party = party_on(terms, side)
        agreed = ChangeAgreed(
            trade=trade, side=side, party=party, terms_hash=row.terms_hash, change=change
        )
        rows = self._trades.rows(row, terms.salt)
        require_signature(self._ctx, terms, side, (agreed, intent))
        rules.require_open(row, "change", now(self._ctx))
        self._check(row, terms, change)
        given = ChangeGiven(change=change)
        others = [each for each in terms.parties if each != side]
        if any(rows.load(_key(trade, each), ChangeGiven) != given for each in others):
            rows.save(_key(trade, side), given)
            self._ctx.emit(events.ChangeAsked(trade=trade, side=side))
            return False
        for each in terms.parties:
            rows.delete(_key(trade, each))
        self._apply(row, terms, change)
        return True

    def _check(self, row: Trade, terms: TradeTerms, change: Change) -> None:
        """Refuse what cannot be done to a trade as it is now."""
        if isinstance(change, SettleEarly) and change.settles_from >= row.settles_from:
            raise DisciplineReason.NOT_EARLIER.refusal(
                trade=row.trade, settles_from=row.settles_from
            )
        if isinstance(change, SplitTrade):
            rules.require_unlocked(row, "split", now(self._ctx))
            if self._trades.find(change.part) is not None:
                raise TradeReason.TRADE_EXISTS.refusal(trade=change.part)
            rules.parted(terms, change, self._least_part(row))

    def _apply(self, row: Trade, terms: TradeTerms, change: Change) -> None:
        match change:
            case CancelTrade():
                Lifecycle(self._ctx).end(row.trade, Step.CANCEL)
                self._ctx.emit(
                    events.TradeCancelled(trade=row.trade, by=BY_BOTH_SIDES, reason="agreed")
                )
            case SettleEarly():
                self._trades.save(row.model_copy(update={"settles_from": change.settles_from}))
                self._ctx.emit(
                    events.EarlySettlementAgreed(trade=row.trade, settles_from=change.settles_from)
                )
            case SplitTrade():
                self._split(row, terms, change)
            case _:
                assert_never(change)

    def _split(self, row: Trade, terms: TradeTerms, split: SplitTrade) -> None:
        """Enter a part as a trade of its own, with the same day, consents and causes."""
        part, rest = rules.parted(terms, split, self._least_part(row))
        record = self._fails.record(row)
        unpaid = record.model_copy(update={"paid_by_buyer": 0, "paid_by_seller": 0})
        new = row.model_copy(update={"trade": part.trade, "terms_hash": part.digest})
        rest_row = row.model_copy(update={"terms_hash": rest.digest})
        for each, its_terms in ((new, part), (rest_row, rest)):
            self._trades.save(each)
            self._trades.save_terms(each, its_terms)
        underway.split(self._ctx, terms, (part, rest), row.splits_seen)
        self._trades.copy_consents(row, new, part)
        self._fails.save(new, part.salt, unpaid)
        self._ctx.emit(
            events.TradeSplit(
                trade=row.trade,
                terms_hash=rest.digest,
                part=part.trade,
                part_terms_hash=part.digest,
            )
        )

    def _least_part(self, row: Trade) -> int:
        conventions = Calendars(self._ctx).conventions(row.venue)
        return 1 if conventions is None else conventions.least_part


def _key(trade: str, side: Side) -> str:
    return composite_key("change", trade, side)
