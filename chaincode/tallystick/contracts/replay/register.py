"""The rows of the token contract rebuilt from events: the register with all that belongs to it.

The rows are those of the ledger, under the same keys. What is left out are notes of used nonces,
which decide nothing, and the changes of supply and holder counts, whose sums are compared.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tallystick.chaincode import composite_key
from tallystick.contracts import events
from tallystick.contracts.book import Account, Hold, hold_key, position_key
from tallystick.contracts.custody.models import Cover, Custodian, Custody
from tallystick.contracts.instants import Instant
from tallystick.contracts.models import Model
from tallystick.contracts.register.allowances import Place
from tallystick.contracts.register.models import (
    Allowance,
    Document,
    Product,
    Security,
    SecurityTerms,
)
from tallystick.contracts.register.publications import document_key, product_key
from tallystick.contracts.register.record_dates import SealedRecord, record_date_key
from tallystick.contracts.register.securities import security_key
from tallystick.contracts.register.splits import SplitsMade, splits_key
from tallystick.contracts.replay.compliance import COMPLIANCE_HANDLERS
from tallystick.contracts.replay.positions import UNIT_EVENTS, Positions, Replay, turned
from tallystick.contracts.statements import AllowanceScope
from tallystick.contracts.timelines import RecordDate, Timeline, capped


@dataclass(slots=True)
class Register:
    """The rows of the token contract as far as the events applied so far tell."""

    _others: dict[str, Model] = field(default_factory=dict)
    _replay: Replay = field(default_factory=Replay)

    @property
    def positions(self) -> Positions:
        """Who holds how much of what."""
        return self._replay.units

    @property
    def rows(self) -> Mapping[str, Model]:
        """All rows, by key."""
        positions = self.positions.by_account.items()
        held = {position_key(each): row for each, row in positions}
        return {**self._others, **self.positions.recorded, **held}

    def apply(self, told: Iterable[events.LedgerEvent], moment: Instant) -> None:
        """Take in the events of one transaction; kinds of other contracts change nothing here.

        Args:
            told: In the order in which they happened.
            moment: The transaction's time, rounded down to the second.
        """
        told = tuple(told)
        self._replay.apply(told)
        for event in told:
            handler = _HANDLERS.get(type(event))
            if handler is not None:
                handler(self._others, event, moment)


Rows = dict[str, Model]
Handler = Callable[[Rows, Any, Instant], None]  # Any: each takes the event of its own type


def _created(rows: Rows, event: events.SecurityCreated, moment: Instant) -> None:
    rows[security_key(event.security)] = Security(
        terms=SecurityTerms(**event.model_dump()), created_at=moment
    )


def _paused(rows: Rows, event: events.SecurityPaused, _: Instant) -> None:
    _change(rows, security_key(event.security), pause=event.reason)


def _resumed(rows: Rows, event: events.SecurityResumed, _: Instant) -> None:
    _change(rows, security_key(event.security), pause=None)


def _amended(rows: Rows, event: events.SecurityAmended, _: Instant) -> None:
    row = _security(rows, event.security)
    named = {"name": event.name, "identifiers": event.identifiers}
    terms = row.terms.model_copy(update=named)
    _change(rows, security_key(event.security), terms=terms, number=event.number)


def _capped(rows: Rows, event: events.CapChanged, _: Instant) -> None:
    terms = _security(rows, event.security).terms
    _change(rows, security_key(event.security), terms=terms.model_copy(update={"cap": event.cap}))


def _dated(rows: Rows, event: events.RecordDateSet, _: Instant) -> None:
    date = RecordDate(name=event.name, at=event.at)
    _set_timeline(rows, event.security, _timeline(rows, event.security).with_scheduled(date))


def _undated(rows: Rows, event: events.RecordDateCancelled, _: Instant) -> None:
    _set_timeline(rows, event.security, _timeline(rows, event.security).without(event.name))


def _sealed(rows: Rows, event: events.RecordDateSealed, moment: Instant) -> None:
    _set_timeline(rows, event.security, turned(_timeline(rows, event.security), event))
    row = SealedRecord(turn=event.turn, at=event.at, sealed_at=moment)
    rows[record_date_key(event.security, event.name)] = row


def _split(rows: Rows, event: events.SecuritySplit, _: Instant) -> None:
    timeline = turned(_timeline(rows, event.security), event)
    _set_timeline(rows, event.security, timeline)
    rows[splits_key()] = SplitsMade(number=event.number)
    row = _security(rows, event.security)
    cap = capped(row.terms.cap, timeline.splits[-1])
    _change(rows, security_key(event.security), terms=row.terms.model_copy(update={"cap": cap}))


def _set_timeline(rows: Rows, security: str, timeline: Timeline) -> None:
    _change(rows, security_key(security), timeline=timeline)


def _timeline(rows: Rows, security: str) -> Timeline:
    return _security(rows, security).timeline


def _security(rows: Rows, security: str) -> Security:
    row = rows[security_key(security)]
    assert isinstance(row, Security), "what has a timeline is a security"
    return row


def _closed(rows: Rows, event: events.IssuanceClosed, _: Instant) -> None:
    _change(rows, security_key(event.security), is_closed=True)


def _unforced(rows: Rows, event: events.EnforcementRenounced, _: Instant) -> None:
    _change(rows, security_key(event.security), is_unforced=True)


def _deactivated(rows: Rows, event: events.SecurityDeactivated, _: Instant) -> None:
    _change(rows, security_key(event.security), ended=event.reason)


# --- what is published about securities ---


def _published(rows: Rows, event: events.DocumentPublished, moment: Instant) -> None:
    said = event.model_dump(exclude={"security", "name"})
    key = document_key(event.security, event.name)
    rows[key] = Document(published_at=moment, **said)


def _removed(rows: Rows, event: events.DocumentRemoved, _: Instant) -> None:
    _change(rows, document_key(event.security, event.name), is_removed=True)


def _listed(rows: Rows, event: events.ProductListed, _: Instant) -> None:
    rows[product_key(event.security)] = Product(**event.model_dump())


# --- holds and allowances ---


def _held(rows: Rows, event: events.HoldPlaced, _: Instant) -> None:
    said = event.model_dump(include=set(Hold.model_fields))
    hold = Hold(**said, as_of=_timeline(rows, event.security).turns)
    rows[hold_key(Account(event.security, event.holder), event.hold)] = hold


def _renewed(rows: Rows, event: events.HoldRenewed, _: Instant) -> None:
    key = hold_key(Account(event.security, event.holder), event.hold)
    rows[key] = _hold(rows, event.security, key)
    _change(rows, key, expires_at=event.expires_at)


def _released(rows: Rows, event: events.HoldReleased, _: Instant) -> None:
    del rows[hold_key(Account(event.security, event.holder), event.hold)]


def _transferred(rows: Rows, event: events.UnitsTransferred, _: Instant) -> None:
    if event.hold is None:
        return
    assert event.sender is not None, "what was held was somebody's"
    key = hold_key(Account(event.security, event.sender), event.hold)
    hold = rows[key] = _hold(rows, event.security, key)
    left = hold.quantity - event.quantity - event.freed
    if left:
        _change(rows, key, quantity=left)
    else:
        del rows[key]


def _hold(rows: Rows, security: str, key: str) -> Hold:
    """Return a hold as it is now."""
    hold = rows[key]
    assert isinstance(hold, Hold), "what lies there is a hold"
    return hold.brought_up(_timeline(rows, security))


def _allowed(rows: Rows, event: events.AllowanceSet, _: Instant) -> None:
    scope = AllowanceScope(venue=event.venue, trade=event.trade, tranche=event.tranche)
    key = Place(event.security, event.holder, event.spender, scope).key
    if event.expires_at is None:
        del rows[key]
    else:
        as_of = _timeline(rows, event.security).turns
        rows[key] = Allowance(quantity=event.quantity, expires_at=event.expires_at, as_of=as_of)


# --- custody ---


def _custody_opened(rows: Rows, event: events.CustodyOpened, _: Instant) -> None:
    custody = Custody(identity=event.identity, client_accounts=event.client_accounts)
    key = composite_key("custodian", event.custodian)
    if key in rows:
        _change(rows, key, custody=custody)
    else:
        rows[key] = Custodian(custody=custody)


def _insured(rows: Rows, event: events.CoverRecorded, _: Instant) -> None:
    cover = Cover(**event.model_dump(exclude={"custodian"}))
    _change(rows, composite_key("custodian", event.custodian), cover=cover)


def _change(rows: Rows, key: str, **fields: object) -> None:
    """Write fields of a row that there is."""
    rows[key] = rows[key].model_copy(update=fields)


_HANDLERS: Mapping[type[events.LedgerEvent], Handler] = {
    events.SecurityCreated: _created,
    events.SecurityPaused: _paused,
    events.SecurityResumed: _resumed,
    events.SecurityDeactivated: _deactivated,
    events.SecurityAmended: _amended,
    events.CapChanged: _capped,
    events.RecordDateSet: _dated,
    events.RecordDateCancelled: _undated,
    events.RecordDateSealed: _sealed,
    events.SecuritySplit: _split,
    events.IssuanceClosed: _closed,
    events.EnforcementRenounced: _unforced,
    events.DocumentPublished: _published,
    events.DocumentRemoved: _removed,
    events.ProductListed: _listed,
    events.HoldPlaced: _held,
    events.HoldRenewed: _renewed,
    events.HoldReleased: _released,
    events.UnitsTransferred: _transferred,
    events.AllowanceSet: _allowed,
    events.CustodyOpened: _custody_opened,
    events.CoverRecorded: _insured,
    **COMPLIANCE_HANDLERS,
}

REGISTER_EVENTS = UNIT_EVENTS | _HANDLERS.keys()
"""The events that change a row of the token contract."""
