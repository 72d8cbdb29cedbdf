"""Trades as rows: what everybody may know of them, and their terms in the venue's collection."""

from collections.abc import Iterator, Mapping

from pydantic import ConfigDict

from tallystick.chaincode import Context, composite_key, split_composite_key
from tallystick.contracts.confidential import ConfidentialRows
from tallystick.contracts.instants import Instant, instant_from_ns
from tallystick.contracts.models import Model
from tallystick.contracts.parties import mandate_findings
from tallystick.contracts.readers import may_read, trades_of
from tallystick.contracts.reasons import TradeReason
from tallystick.contracts.statements import Side
from tallystick.contracts.trades.models import (
    Approval,
    Approved,
    Consented,
    ConsentGiven,
    Failure,
    Status,
    StatusChange,
    Trade,
    TradeLine,
    TradePage,
)
from tallystick.contracts.trades.terms import TradeTerms


class _Cycle(Model):
    """As much of the row of a netting cycle as trades must know."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    ended_at: Instant | None = None


class Trades:
    """All trades, as one transaction sees them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    # --- the trade ---

    def find(self, trade: str) -> Trade | None:
        """Return a trade, or None."""
        return self._ctx.state.load(_key(trade), Trade)

    def require(self, trade: str) -> Trade:
        """Return a trade; refuse with TRADE_UNKNOWN when there is none."""
        row = self.find(trade)
        if row is None:
            raise TradeReason.TRADE_UNKNOWN.refusal(trade=trade)
        return row

    def ended_at(self, trade: Trade) -> Instant | None:
        """Return when a trade ended, or left for another cycle the one that its row says it is in.

        Rows of many trades are brought up to date after their cycle; nothing counts from when.
        """
        if trade.status is not Status.IN_CYCLE:
            return trade.ended_at
        cycle = self._ctx.state.load(composite_key("cycle", str(trade.netting_cycle)), _Cycle)
        return None if cycle is None else cycle.ended_at

    def save(self, row: Trade) -> None:
        """Write a trade."""
        self._ctx.state.save(_key(row.trade), row)

    # --- its terms ---

    def rows(self, trade: Trade, salt: str = "") -> ConfidentialRows:
        """Return the confidential rows of a trade's venue; ``salt`` is that of the terms."""
        return ConfidentialRows(self._ctx, trades_of(trade.venue), salt)

    def terms(self, trade: Trade) -> TradeTerms:
        """Return the terms of a trade; only peers of members can."""
        terms = self.rows(trade).load(composite_key("terms", trade.trade), TradeTerms)
        assert terms is not None, "a trade is recorded together with its terms"
        return terms

    def save_terms(self, trade: Trade, terms: TradeTerms) -> None:
        """Write the terms of a trade."""
        self.rows(trade, terms.salt).save(composite_key("terms", trade.trade), terms)

    def readable_terms(self, trade: Trade, party: str = "") -> TradeTerms | None:
        """Return the terms if the submitter may see them.

        Those may who watch over the market, the venue, agents of a party, and, when they name
        themselves as ``party``, mediators and the brokers and settlement members of both sides.
        Who may not is told so without a look at the terms, for its peer need not have them.
        """
        caller = self._ctx.client.msp_id
        if may_read(self._ctx, trade.venue):
            return self.terms(trade)
        if not party or (party != caller and mandate_findings(self._ctx, party)):
            return None
        terms = self.terms(trade)
        firms = [each for _, order in terms.orders for each in (order.broker, order.member)]
        entitled = (*terms.mediators, *firms) if party == caller else terms.parties.values()
        return terms if party in entitled else None

    # --- consents and approvals ---

    def consent(self, trade: str, side: Side) -> Consented | None:
        """Return the consent of a side, ended or not, or None."""
        return self._ctx.state.load(composite_key("consent", trade, side), Consented)

    def save_consent(
        self, rows: ConfidentialRows, trade: str, side: Side, row: Consented, given: ConsentGiven
    ) -> None:
        """Write that a side has consented, and among the venue's rows who that is."""
        key = composite_key("consent", trade, side)
        self._ctx.state.save(key, row)
        rows.save(key, given)

    def copy_consents(self, trade: Trade, part: Trade, terms: TradeTerms) -> None:
        """Let the consents to a trade count for a part of it that is a trade of its own."""
        rows = self.rows(part, terms.salt)
        for side in terms.parties:
            given = rows.load(composite_key("consent", trade.trade, side), ConsentGiven)
            row = self.consent(trade.trade, side)
            if row is not None and given is not None:
                self.save_consent(rows, part.trade, side, row, given)

    def consents(self, trade: str) -> Mapping[Side, Consented]:
        """Return the consents to a trade, by side; for queries."""
        rows = self._ctx.state.partial("consent", trade)
        return {_last(key): Consented.model_validate_json(value) for key, value in rows}

    def approval(self, trade: str, mediator: str) -> Approved | None:
        """Return the approval of a mediator, ended or not, or None."""
        return self._ctx.state.load(composite_key("approval", trade, mediator), Approved)

    def save_approval(self, trade: str, mediator: str, row: Approved) -> None:
        """Write that a mediator has approved."""
        self._ctx.state.save(composite_key("approval", trade, mediator), row)

    def approvals(self, trade: str) -> Iterator[Approval]:
        """Yield who has approved, and until when; for queries."""
        for key, value in self._ctx.state.partial("approval", trade):
            row = Approved.model_validate_json(value)
            yield Approval(mediator=_last(key), valid_until=row.valid_until)

    # --- what became of it ---

    def failure(self, trade: Trade) -> Failure | None:
        """Return why a trade could not be delivered when that was recorded last, or None."""
        return self.rows(trade).load(composite_key("failure", trade.trade), Failure)

    def save_failure(self, trade: Trade, terms: TradeTerms, row: Failure) -> None:
        """Write why a trade cannot be delivered."""
        self.rows(trade, terms.salt).save(composite_key("failure", trade.trade), row)

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


def _key(trade: str) -> str:
    return composite_key("trade", trade)


def _last(key: str) -> str:
    return split_composite_key(key)[1][-1]
