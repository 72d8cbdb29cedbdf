"""The rows from which rules learn of the past: each belongs to one holder or is a delta."""

from collections.abc import Collection, Iterator
from typing import TypeVar

from tallystick.chaincode import State, composite_key
from tallystick.contracts import events
from tallystick.contracts.book import timeline_of
from tallystick.contracts.compliance.case import Acceptance, PairApproval
from tallystick.contracts.compliance.counts import (
    CountDelta,
    Counted,
    HolderCounts,
    Recounted,
    totals,
)
from tallystick.contracts.compliance.histories import (
    Invested,
    Purchase,
    Raised,
    RaiseQuestion,
    Sale,
    Sales,
    purchase_rows,
)
from tallystick.contracts.compliance.periods import Period, end_of
from tallystick.contracts.compliance.reported import ReportedVolumes, TradedInWeek, volumes_key
from tallystick.contracts.instants import Day, Instant
from tallystick.contracts.models import Model
from tallystick.contracts.rows import load_row

ModelT = TypeVar("ModelT", bound=Model)


class Counters:
    """Counts, sales, purchases and approvals, as one transaction sees them."""

    def __init__(self, state: State, transaction_id: str) -> None:
        self._state = state
        self._transaction_id = transaction_id

    # --- holders ---

    def counted(self, security: str, person: str) -> Counted | None:
        """Return as what a person is counted, or None when it holds nothing."""
        return load_row(self._state, composite_key("counted", security, person), Counted)

    def counts(self, security: str) -> HolderCounts:
        """Return how many hold a security: the sum of all changes."""
        return totals(self._rows(CountDelta, "persons", security))

    def recount(self, security: str, change: Recounted) -> None:
        """Count a person differently from now on."""
        key = composite_key("counted", security, change.person)
        if change.after is None:
            self._state.delete(key)
        else:
            self._state.save(key, change.after)
        if (delta := change.delta) is not None:
            place = ("persons", security, self._transaction_id, change.person)
            self._state.save(composite_key(*place), delta)

    # --- sales ---

    def sales(self, security: str, person: str) -> Sales:
        """Return what a person gave away lately."""
        row = self._state.load(composite_key("sales", security, person), Sales) or Sales()
        return row.brought_up(timeline_of(self._state, security))

    def note_sale(self, security: str, person: str, sale: Sale, windows: Collection[Period]) -> int:
        """Note a sale; forget those that no window asks for any more, and return their number."""
        before = self.sales(security, person)
        kept = tuple(
            each
            for each in before.sales
            if any(sale.moment < end_of(each.moment, window) for window in windows)
        )
        key = composite_key("sales", security, person)
        self._state.save(key, before.model_copy(update={"sales": kept}).having(sale))
        return len(before.sales) - len(kept)

    # --- what venues report ---

    def traded(self, security: str, weeks: Collection[Day]) -> Iterator[TradedInWeek]:
        """Yield what each venue reported of some weeks."""
        timeline = timeline_of(self._state, security)
        for row in self._rows(ReportedVolumes, "volumes", security):
            yield from (each for each in row.brought_up(timeline).weeks if each.week in weeks)

    def reported(self, security: str, venue: str) -> ReportedVolumes:
        """Return what a venue reported, in units of now."""
        row = self._state.load(volumes_key(security, venue), ReportedVolumes)
        timeline = timeline_of(self._state, security)
        return (row or ReportedVolumes()).brought_up(timeline)

    def note_volume(self, told: events.VolumeReported) -> None:
        """Note what a venue reports of a week, in place of what it reported of it before."""
        row = self.reported(told.security, told.venue)
        row = row.having(told.week, told.quantity, told.classes)
        self._state.save(volumes_key(told.security, told.venue), row)

    # --- offerings ---

    def raised(
        self, issuer: str, question: RaiseQuestion, moment: Instant, receivers: Collection[str]
    ) -> Raised:
        """Return what an issuer raised; who of the receivers is among the purchasers."""
        purchases = [
            each
            for each in self._rows(Purchase, "raised", issuer, question.exemption)
            if moment < end_of(each.moment, question.window)
        ]
        persons = {each.person for each in purchases if question.counts(each.classes)}
        return Raised(
            question=question,
            amount=sum(question.amount_of(each) for each in purchases),
            purchasers=len(persons),
            known=tuple(sorted(persons.intersection(receivers))),
        )

    def invested(self, person: str, exemption: str) -> tuple[Invested, ...]:
        """Return what a person paid in all offerings under an exemption."""
        return tuple(self._rows(Invested, "invested", person, exemption))

    def note_purchase(self, told: events.PurchaseNoted, moment: Instant) -> None:
        """Note that somebody bought units in an offering."""
        for key, row in purchase_rows(told, moment):
            self._state.save(key, row)

    # --- acceptances and approvals ---

    def accepts(self, security: str, holder: str) -> bool:
        """Return whether a holder has said that it wants a security."""
        return self._state.load(acceptance_key(security, holder), Acceptance) is not None

    def note_acceptance(self, security: str, holder: str, row: Acceptance | None) -> None:
        """Note that a holder wants a security, or, with None, that it does not any more."""
        key = acceptance_key(security, holder)
        if row is None:
            self._state.delete(key)
        else:
            self._state.save(key, row)

    def approval(self, security: str, sender: str, receiver: str) -> PairApproval | None:
        """Return what was approved for a sender and a receiver, or None."""
        key = composite_key("approval", security, sender, receiver)
        row = self._state.load(key, PairApproval)
        return None if row is None else row.brought_up(timeline_of(self._state, security))

    def save_approval(self, row: PairApproval) -> None:
        """Write an approval."""
        key = composite_key("approval", row.security, row.sender, row.receiver)
        as_of = timeline_of(self._state, row.security).turns
        self._state.save(key, row.model_copy(update={"as_of": as_of}))

    def end_approval(self, security: str, sender: str, receiver: str) -> None:
        """Remove an approval: it was used up, or withdrawn."""
        self._state.delete(composite_key("approval", security, sender, receiver))

    # --- how ---

    def _rows(self, model: type[ModelT], kind: str, *parts: str) -> Iterator[ModelT]:
        """Yield the rows of a kind page by page: they outgrow what one scan hands out."""
        bookmark = ""
        while True:
            page = self._state.partial_page(kind, *parts, page_size=1000, bookmark=bookmark)
            for _, value in page.rows:
                yield model.model_validate_json(value)
            bookmark = page.bookmark
            if not bookmark:
                return


def acceptance_key(security: str, holder: str) -> str:
    """Return the key of the row that says that a holder wants a security."""
    return composite_key("acceptance", security, holder)
