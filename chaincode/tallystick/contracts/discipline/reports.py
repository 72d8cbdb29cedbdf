"""Reports over many trades: what must be closed out, and how members settle."""

from collections.abc import Iterable, Iterator, Sequence

from tallystick.chaincode import Context
from tallystick.contracts.calendars.days import opening
from tallystick.contracts.discipline.fails import Fails
from tallystick.contracts.discipline.models import (
    CloseOut,
    CloseOutPage,
    DisciplineReport,
    FailedDay,
    ReportAsked,
    ReportLine,
)
from tallystick.contracts.discipline.rules import member_of
from tallystick.contracts.instants import now
from tallystick.contracts.statements import Side
from tallystick.contracts.trades.models import Status, Trade
from tallystick.contracts.trades.rules import SIDES
from tallystick.contracts.trades.terms import TradeTerms


class Reports:
    """What readers of a venue's trades can be told of them, page by page."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._fails = Fails(ctx)

    def close_outs(self, venue: str, page_size: int, bookmark: str) -> CloseOutPage:
        """Return the fails of a venue that must be closed out, among one page of all trades."""
        trades, following = self._page(venue, page_size, bookmark)
        found = (self._close_out(row) for row in trades if row.ended_at is None)
        return CloseOutPage(
            close_outs=tuple(each for each in found if each is not None), bookmark=following
        )

    def report(self, asked: ReportAsked, page_size: int, bookmark: str) -> DisciplineReport:
        """Return what one page of all trades adds to a report."""
        trades, following = self._page(asked.venue, page_size, bookmark)
        lines = (line for row in trades for line in self._lines(row, asked))
        return DisciplineReport(lines=_summed(lines), bookmark=following)

    # --- inside ---

    def _page(self, venue: str, page_size: int, bookmark: str) -> tuple[Sequence[Trade], str]:
        page = self._ctx.state.partial_page("trade", page_size=page_size, bookmark=bookmark)
        trades = (Trade.model_validate_json(value) for _, value in page.rows)
        return [each for each in trades if each.venue == venue], page.bookmark

    def _close_out(self, row: Trade) -> CloseOut | None:
        days = self._fails.failed_days(row)
        figures = self._fails.regimes.figures(row.venue, days[-1]) if days else None
        sale = self._fails.record(row).sale
        clock = figures.pack.close_out(sale) if figures else None
        if clock is None:
            return None
        calendar = self._fails.calendar(row)
        due_at = opening(calendar, self._fails.due_day(row, clock.business_days))
        return CloseOut(
            trade=row.trade,
            sale=sale,
            settlement_day=row.settlement_day,
            due_at=due_at,
            is_overdue=now(self._ctx) >= due_at,
            provision=clock.provision,
        )

    def _lines(self, row: Trade, asked: ReportAsked) -> Iterator[ReportLine]:
        """Yield what a trade adds to the lines of its members, as far as they are asked for."""
        terms = self._fails.trades.terms(row)
        if asked.security not in ("", terms.security):
            return
        judged = self._fails.judged_days(row, terms)
        in_period = [each for each in judged if asked.first_day <= each.day <= asked.last_day]
        is_due = asked.first_day <= row.settlement_day <= asked.last_day
        has_settled = row.status is Status.SETTLED and not judged
        if not in_period and not (is_due and (has_settled or judged)):
            return
        for side in SIDES:
            member = member_of(terms, side)
            if asked.member in ("", member):
                yield _line(terms, side, in_period, has_failed=bool(judged), is_due=is_due)


def _line(
    terms: TradeTerms,
    side: Side,
    days: Sequence[FailedDay],
    *,
    has_failed: bool,
    is_due: bool,
) -> ReportLine:
    failed, settled = int(is_due and has_failed), int(is_due and not has_failed)
    return ReportLine(
        member=member_of(terms, side),
        security=terms.security,
        cash=terms.cash,
        settled=settled,
        settled_value=settled * terms.amount,
        failed=failed,
        failed_value=failed * terms.amount,
        failed_days=len(days),
        owed=sum(each.penalty for each in days if each.side == side),
        due=sum(each.penalty for each in days if each.side not in (None, side)),
    )


def _summed(lines: Iterable[ReportLine]) -> tuple[ReportLine, ...]:
    """Return the lines with those of a member, security and cash put together, in that order."""
    sums: dict[tuple[str, str, str], dict[str, int]] = {}
    for line in lines:
        named = sums.setdefault((line.member, line.security, line.cash), {})
        for name, value in line:
            if isinstance(value, int):
                named[name] = named.get(name, 0) + value
    return tuple(
        ReportLine.model_validate({"member": member, "security": security, "cash": cash, **numbers})
        for (member, security, cash), numbers in sorted(sums.items())
    )
