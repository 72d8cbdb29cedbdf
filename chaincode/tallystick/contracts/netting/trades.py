"""Trades on their way into cycles and out of them."""

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256

from tallystick.chaincode import Context
from tallystick.contracts import events
from tallystick.contracts.book import Delivery
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.instants import Instant, now
from tallystick.contracts.netting.models import Cycle
from tallystick.contracts.netting.obligations import Obligation
from tallystick.contracts.netting.rules import check_fits, check_takes_trades, obligation_of
from tallystick.contracts.reasons import Finding
from tallystick.contracts.trades.delivery import charge_for, units_of
from tallystick.contracts.trades.lifecycle import Lifecycle
from tallystick.contracts.trades.models import Failure, Status, Trade
from tallystick.contracts.trades.states import Step, after
from tallystick.contracts.trades.terms import DvpModel, TradeTerms
from tallystick.contracts.trades.trades import Trades


class NettedTrades:
    """The rows of trades that are netted, in one transaction."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._moment = now(ctx)
        self._trades = Trades(ctx)
        self._lifecycle = Lifecycle(ctx)

    def accept(
        self, cycle: Cycle, trades: Collection[str], before: int
    ) -> tuple[tuple[Obligation, ...], str]:
        """Take trades into a cycle that has taken ``before`` already.

        Returns:
            What they oblige their parties to, and a secret made of their salts.

        Raises:
            Refusal: What stands against the cycle's taking them, against one of the trades, or
                against holding its units.
        """
        check_takes_trades(cycle, before + len(trades), self._moment)
        obligations: list[Obligation] = []
        salts: list[str] = []
        held: list[Delivery] = []
        for name in trades:
            row = self._trades.require(name)
            terms = self._trades.terms(row)
            after(row, Step.NET, self._moment)
            check_fits(cycle.terms, row, terms)
            if row.status is Status.PROPOSED:
                self._lifecycle.require_lockable(row, terms)
                held += units_of(terms, row.splits_seen)
            obligations.append(
                obligation_of(row, terms, self._moment, charge_for(self._ctx, terms))
            )
            salts.append(terms.salt)
            since = row.netted_since or self._moment
            noted = {"netting_cycle": cycle.terms.cycle, "netted_since": since}
            self._lifecycle.advance(row.model_copy(update=noted), terms, Step.NET)
            self._ctx.emit(events.TradeNetted(trade=name, cycle=cycle.terms.cycle))
        if held and cycle.terms.model is DvpModel.NET_MONEY:
            self._ctx.invoke(Chaincode.TOKEN, "lock", held, cycle.terms.venue)
        return tuple(obligations), sha256("/".join(salts).encode()).hexdigest()

    def end(
        self,
        cycle: Cycle,
        trades: Sequence[Obligation],
        dropped: Mapping[str, tuple[Finding, ...]],
    ) -> None:
        """Write what became of trades of a cycle: settled, failing or cancelled.

        They are so since the cycle ended, though the row may be written later.
        """
        moment = cycle.ended_at
        assert moment is not None, "trades end with their cycle"
        for each in trades:
            row = self._trades.require(each.trade)
            terms = self._trades.terms(row)
            findings = dropped.get(each.trade)
            if findings is None:
                self._lifecycle.advance(row, terms, Step.SETTLE_NET, moment)
                self._ctx.emit(events.TradeSettled(trade=each.trade))
            elif cycle.terms.keeps_dropped:
                self._fail(row, terms, findings, moment)
            else:
                self._lifecycle.advance(row, terms, Step.DROP, moment)
                reason = f"dropped from cycle {cycle.terms.cycle}"
                self._ctx.emit(
                    events.TradeCancelled(trade=each.trade, by=cycle.clearer, reason=reason)
                )

    def _fail(
        self, row: Trade, terms: TradeTerms, findings: tuple[Finding, ...], moment: Instant
    ) -> None:
        """Let a trade wait for another cycle, with what is held for it."""
        former = self._trades.failure(row)
        since = moment if former is None else former.failing_since
        failure = Failure(failing_since=since, recorded_at=moment, findings=findings)
        self._trades.save_failure(row, terms, failure)
        self._lifecycle.advance(row, terms, Step.LEAVE_CYCLE)
        codes = tuple(dict.fromkeys(each.code for each in findings))
        self._ctx.emit(events.TradeFailed(trade=row.trade, codes=codes))
