"""Rules in force, counts and what rules know of the past, rebuilt from events.

Records of decisions are left out: they are evidence, and nothing is decided by them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from tallystick.chaincode import composite_key, split_composite_key
from tallystick.contracts import events
from tallystick.contracts.compliance.case import Acceptance, PairApproval
from tallystick.contracts.compliance.counters import acceptance_key
from tallystick.contracts.compliance.counts import (
    CountDelta,
    Counted,
    HolderCounts,
    Recounted,
    totals,
)
from tallystick.contracts.compliance.histories import Sale, Sales, purchase_rows
from tallystick.contracts.compliance.models import Pack, RuleSet, VenueRules
from tallystick.contracts.compliance.packs import pack_key
from tallystick.contracts.compliance.records import (
    Review,
    ReviewNote,
    rules_key,
    venue_rules_key,
)
from tallystick.contracts.compliance.reported import ReportedVolumes, volumes_key
from tallystick.contracts.instants import Instant
from tallystick.contracts.models import Model
from tallystick.contracts.register.models import Security
from tallystick.contracts.register.securities import security_key
from tallystick.contracts.timelines import NO_TURNS, Timeline

Rows = dict[str, Model]
Handler = Callable[[Rows, Any, Instant], None]  # Any: each takes the event of its own type


def _packed(rows: Rows, event: events.PackPublished, _: Instant) -> None:
    rows[pack_key(event.pack, event.pack_version)] = Pack.model_validate_json(event.document)


def _bound(rows: Rows, event: events.RulesBound, _: Instant) -> None:
    rules = RuleSet.model_validate_json(event.document)
    rows[rules_key(event.security, event.rule_set)] = rules
    key = security_key(event.security)
    rows[key] = rows[key].model_copy(update={"rules": rules})


def _bound_by_venue(rows: Rows, event: events.VenueRulesBound, _: Instant) -> None:
    rules = VenueRules.model_validate_json(event.document)
    rows[venue_rules_key(event.security, event.venue)] = rules
    rows[venue_rules_key(event.security, event.venue, event.rule_set)] = rules


def _approved(rows: Rows, event: events.TransferApproved, moment: Instant) -> None:
    key = _approval_key(event)
    before = rows.get(key)
    approvers = {event.approver}
    if isinstance(before, PairApproval) and moment < before.expires_at:
        approvers |= set(before.approvers)
    said = event.model_dump(exclude={"approver"})
    as_of = _timeline(rows, event.security).turns
    rows[key] = PairApproval(**said, approvers=tuple(sorted(approvers)), as_of=as_of)


def _withdrawn(rows: Rows, event: events.ApprovalWithdrawn, _: Instant) -> None:
    key = _approval_key(event)
    row = rows.pop(key)
    if event.left and isinstance(row, PairApproval):
        now = row.brought_up(_timeline(rows, event.security))
        rows[key] = now.model_copy(update={"approvers": event.left})


def _used(rows: Rows, event: events.ApprovalUsed, _: Instant) -> None:
    del rows[_approval_key(event)]


def _approval_key(
    event: events.TransferApproved | events.ApprovalWithdrawn | events.ApprovalUsed,
) -> str:
    return composite_key("approval", event.security, event.sender, event.receiver)


def _reviewed(rows: Rows, event: events.DecisionReviewed, moment: Instant) -> None:
    note = ReviewNote(
        review=Review(event.review), by=event.by, at=moment, note_hash=event.note_hash
    )
    rows[composite_key("review", event.security, event.decision)] = note


def _accepted(rows: Rows, event: events.SecurityAccepted, moment: Instant) -> None:
    key = acceptance_key(event.security, event.holder)
    if event.accepts:
        rows[key] = Acceptance(since=moment)
    else:
        rows.pop(key, None)


def _counted(rows: Rows, event: events.HolderCounted, _: Instant) -> None:
    key = composite_key("counted", event.security, event.person)
    if event.accounts:
        said = event.model_dump(include=set(Counted.model_fields))
        rows[key] = Counted(**said)
    else:
        del rows[key]


def _sold(rows: Rows, event: events.SaleNoted, moment: Instant) -> None:
    key = composite_key("sales", event.security, event.person)
    before = rows.get(key)
    timeline = _timeline(rows, event.security)
    known = before.brought_up(timeline) if isinstance(before, Sales) else Sales()
    kept = known.sales[event.forgotten :]
    sale = Sale(moment=moment, quantity=event.quantity, venue=event.venue)
    rows[key] = Sales(sales=kept, as_of=timeline.turns).having(sale)


def _volume(rows: Rows, event: events.VolumeReported, _: Instant) -> None:
    key = volumes_key(event.security, event.venue)
    before = rows.get(key)
    known = before if isinstance(before, ReportedVolumes) else ReportedVolumes()
    known = known.brought_up(_timeline(rows, event.security))
    rows[key] = known.having(event.week, event.quantity, event.classes)


def _timeline(rows: Rows, security: str) -> Timeline:
    row = rows.get(security_key(security))
    return row.timeline if isinstance(row, Security) else NO_TURNS


def _bought(rows: Rows, event: events.PurchaseNoted, moment: Instant) -> None:
    rows.update(purchase_rows(event, moment))


COMPLIANCE_HANDLERS: Mapping[type[events.LedgerEvent], Handler] = {
    events.PackPublished: _packed,
    events.RulesBound: _bound,
    events.VenueRulesBound: _bound_by_venue,
    events.TransferApproved: _approved,
    events.ApprovalWithdrawn: _withdrawn,
    events.ApprovalUsed: _used,
    events.DecisionReviewed: _reviewed,
    events.SecurityAccepted: _accepted,
    events.HolderCounted: _counted,
    events.SaleNoted: _sold,
    events.VolumeReported: _volume,
    events.PurchaseNoted: _bought,
}


def miscounted(told: Mapping[str, Model | str], held: Iterable[tuple[str, bytes]]) -> Iterator[str]:
    """Yield the securities whose counts of holders are not what the persons told add up to.

    Args:
        told: Rows by key, as replay has them.
        held: All rows of the chaincode's public state, in any order.
    """
    persons: dict[str, list[CountDelta]] = {}
    summed: dict[str, list[CountDelta]] = {}
    for key, row in told.items():
        if isinstance(row, Counted):
            _, (security, person) = split_composite_key(key)
            delta = Recounted(person, None, row).delta
            assert delta is not None, "who is counted counts"
            persons.setdefault(security, []).append(delta)
    for key, value in held:
        kind, parts = split_composite_key(key)
        if kind == "persons":
            summed.setdefault(parts[0], []).append(CountDelta.model_validate_json(value))
    for security in sorted(persons.keys() | summed.keys()):
        if _sum(persons.get(security)) != _sum(summed.get(security)):
            yield security


def _sum(deltas: list[CountDelta] | None) -> HolderCounts:
    return totals(iter(deltas or ()))
