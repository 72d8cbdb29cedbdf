"""Cycles as rows: their published terms and, in the venue's collection, all that they are about."""

from collections.abc import Collection, Iterator, Mapping

from tallystick.chaincode import Context, composite_key, split_composite_key
from tallystick.contracts.confidential import ConfidentialRows
from tallystick.contracts.netting.models import (
    Batch,
    BatchContent,
    Cycle,
    CyclePage,
    Default,
    Report,
)
from tallystick.contracts.readers import trades_of
from tallystick.contracts.reasons import NettingReason


class Cycles:
    """All cycles, as one transaction sees them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    # --- the cycle ---

    def find(self, cycle: str) -> Cycle | None:
        """Return a cycle, or None."""
        return self._ctx.state.load(_cycle_key(cycle), Cycle)

    def require(self, cycle: str) -> Cycle:
        """Return a cycle; refuse with CYCLE_UNKNOWN when there is none."""
        row = self.find(cycle)
        if row is None:
            raise NettingReason.CYCLE_UNKNOWN.refusal(cycle=cycle)
        return row

    def require_own(self, cycle: str) -> Cycle:
        """Return a cycle that the submitter has opened; refuse with NOT_THE_CLEARER otherwise."""
        row = self.require(cycle)
        caller = self._ctx.client.msp_id
        if row.clearer != caller:
            raise NettingReason.NOT_THE_CLEARER.refusal(
                participant=caller, cycle=cycle, clearer=row.clearer
            )
        return row

    def save(self, row: Cycle) -> None:
        """Write a cycle."""
        self._ctx.state.save(_cycle_key(row.terms.cycle), row)

    def page(self, page_size: int, bookmark: str) -> CyclePage:
        """Return one page of all cycles, by id."""
        page = self._ctx.state.partial_page("cycle", page_size=page_size, bookmark=bookmark)
        cycles = tuple(Cycle.model_validate_json(value) for _, value in page.rows)
        return CyclePage(cycles=cycles, bookmark=page.bookmark)

    def rows(self, venue: str, secret: str = "") -> ConfidentialRows:
        """Return the confidential rows of a venue, where those of its cycles lie."""
        return ConfidentialRows(self._ctx, trades_of(venue), secret)

    # --- its trades ---

    def batches(self, cycle: str) -> Mapping[str, Batch]:
        """Return the batches in which a cycle took its trades, by transaction."""
        rows = self._ctx.state.partial("batch", cycle)
        return {
            split_composite_key(key)[1][1]: Batch.model_validate_json(value) for key, value in rows
        }

    def save_batch(self, cycle: str, batch: str, row: Batch) -> None:
        """Write how a batch stands."""
        self._ctx.state.save(composite_key("batch", cycle, batch), row)

    def content(self, cycle: Cycle, batch: str) -> BatchContent:
        """Return what is due in a batch; only peers of members can."""
        rows = self.rows(cycle.terms.venue)
        content = rows.load(composite_key("batch", cycle.terms.cycle, batch), BatchContent)
        assert content is not None, "a batch is recorded together with its content"
        return content

    def save_content(self, cycle: Cycle, batch: str, content: BatchContent) -> None:
        """Write what is due in a batch."""
        rows = self.rows(cycle.terms.venue, content.secret)
        rows.save(composite_key("batch", cycle.terms.cycle, batch), content)

    # --- what became of it ---

    def report(self, cycle: Cycle) -> Report:
        """Return what a cycle that has ended came to; only peers of members can."""
        rows = self.rows(cycle.terms.venue)
        report = rows.load(composite_key("report", cycle.terms.cycle), Report)
        assert report is not None, "a cycle ends together with its report"
        return report

    def save_report(self, cycle: Cycle, report: Report, secret: str) -> None:
        """Write what a cycle came to."""
        rows = self.rows(cycle.terms.venue, secret)
        rows.save(composite_key("report", cycle.terms.cycle), report)

    # --- defaults ---

    def default(self, venue: str, member: str) -> Default | None:
        """Return that a member is in default, or None."""
        return self.rows(venue).load(composite_key("default", member), Default)

    def defaulted(self, venue: str, members: Collection[str]) -> Iterator[str]:
        """Yield those of some members who are in default."""
        return (each for each in members if self.default(venue, each) is not None)

    def save_default(self, venue: str, member: str, row: Default | None, salt: str) -> None:
        """Write that a member is in default, or, with None, that it is not any more."""
        rows, key = self.rows(venue, salt), composite_key("default", member)
        if row is None:
            rows.delete(key)
        else:
            rows.save(key, row)


def _cycle_key(cycle: str) -> str:
    return composite_key("cycle", cycle)
