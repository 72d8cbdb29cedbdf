"""Penalties are paid: in one act for many trades, netted between each two parties."""

from collections.abc import Sequence

from tallystick.chaincode import Context
from tallystick.contracts import events
from tallystick.contracts.discipline.fails import Fails
from tallystick.contracts.discipline.models import FailedDay, FailRecord
from tallystick.contracts.discipline.payments import Owed, pay
from tallystick.contracts.instants import Day
from tallystick.contracts.reasons import DisciplineReason
from tallystick.contracts.statements import Side
from tallystick.contracts.trades.models import Trade


class Collection:
    """What one transaction collects."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._fails = Fails(ctx)

    def collect(self, trades: Sequence[str], through: Day) -> None:
        """Let the penalties of trades be paid, for all days through one that are not paid yet.

        Raises:
            Refusal: NOTHING_DUE when a trade has no such day, or none whose penalty is certain
                before all parties have consented; CASH_NOT_NAMED; or what stands against a payment,
                such as INSUFFICIENT_AVAILABLE.
        """
        debts: list[Owed] = []
        salts: list[str] = []
        for each in dict.fromkeys(trades):
            row = self._fails.trades.require(each)
            terms = self._fails.trades.terms(row)
            record = self._fails.record(row)
            days = [
                day
                for day in self._fails.judged_days(row, terms)
                if day.day <= through and (record.collected is None or day.day > record.collected)
            ]
            if not days or self._fails.may_match_late(row, terms):
                raise DisciplineReason.NOTHING_DUE.refusal(trade=each, through=through)
            by_buyer, by_seller = _sum(days, "buyer"), _sum(days, "seller")
            if by_buyer or by_seller:
                cash = self._fails.paying_cash(row, terms)
                debts.append(Owed(cash, terms.buyer, terms.seller, by_buyer))
                debts.append(Owed(cash, terms.seller, terms.buyer, by_seller))
            salts.append(terms.salt)
            self._note(row, terms.salt, record, days)
        pay(self._ctx, debts, salts)

    def _note(self, row: Trade, salt: str, record: FailRecord, days: Sequence[FailedDay]) -> None:
        """Write that the penalties of some days are paid."""
        paid = {
            "collected": days[-1].day,
            "paid_by_buyer": record.paid_by_buyer + _sum(days, "buyer"),
            "paid_by_seller": record.paid_by_seller + _sum(days, "seller"),
        }
        self._fails.save(row, salt, record.model_copy(update=paid))
        self._ctx.emit(events.PenaltiesCollected(trade=row.trade, through=days[-1].day))


def _sum(days: Sequence[FailedDay], side: Side) -> int:
    return sum(each.penalty for each in days if each.side == side)
