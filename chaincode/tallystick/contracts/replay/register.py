"""The rows of the token contract rebuilt from events: the register with all that belongs to it.

The rows are those of the ledger, under the same keys. What is left out are notes of used nonces,
which decide nothing, and the changes of supply and holder counts, whose sums are compared.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tallystick.chaincode import composite_key
from tallystick.contracts import events
from tallystick.contracts.book import Account, Lock
from tallystick.contracts.custody.custodians import client_key
from tallystick.contracts.custody.models import Client, Cover, Custodian, Custody
from tallystick.contracts.instants import Instant
from tallystick.contracts.models import Model
from tallystick.contracts.register.models import Allowance, Freeze, Security, SecurityTerms
from tallystick.contracts.register.securities import freeze_key, security_key
from tallystick.contracts.replay.positions import UNIT_EVENTS, Positions, Replay


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
        return self._others | {composite_key("position", *each): row for each, row in positions}

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


def _stopped(rows: Rows, event: events.HolderFrozen, moment: Instant) -> None:
    key = freeze_key(Account(event.security, event.holder))
    rows[key] = Freeze(reason=event.reason, since=moment)


def _freed(rows: Rows, event: events.HolderUnfrozen, _: Instant) -> None:
    del rows[freeze_key(Account(event.security, event.holder))]


# --- locks and allowances ---


def _locked(rows: Rows, event: events.UnitsLocked, _: Instant) -> None:
    key = composite_key("lock", event.security, event.holder, event.lock)
    rows[key] = Lock(receiver=event.receiver, quantity=event.quantity)


def _released(rows: Rows, event: events.UnitsReleased, _: Instant) -> None:
    del rows[composite_key("lock", event.security, event.holder, event.lock)]


def _transferred(rows: Rows, event: events.UnitsTransferred, _: Instant) -> None:
    if event.lock is not None:
        assert event.sender is not None, "what was locked was somebody's"
        del rows[composite_key("lock", event.security, event.sender, event.lock)]


def _allowed(rows: Rows, event: events.AllowanceSet, _: Instant) -> None:
    key = composite_key("allowance", event.security, event.holder, event.spender)
    if event.expires_at is None:
        del rows[key]
    else:
        rows[key] = Allowance(quantity=event.quantity, expires_at=event.expires_at)


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


def _agreed(rows: Rows, event: events.CustodyAgreed, moment: Instant) -> None:
    rows[client_key(event.custodian, event.client)] = Client(since=moment)


def _ended(rows: Rows, event: events.CustodyEnded, _: Instant) -> None:
    del rows[client_key(event.custodian, event.client)]


def _change(rows: Rows, key: str, **fields: object) -> None:
    """Write fields of a row that there is."""
    rows[key] = rows[key].model_copy(update=fields)


_HANDLERS: Mapping[type[events.LedgerEvent], Handler] = {
    events.SecurityCreated: _created,
    events.SecurityPaused: _paused,
    events.SecurityResumed: _resumed,
    events.HolderFrozen: _stopped,
    events.HolderUnfrozen: _freed,
    events.UnitsLocked: _locked,
    events.UnitsReleased: _released,
    events.UnitsTransferred: _transferred,
    events.AllowanceSet: _allowed,
    events.CustodyOpened: _custody_opened,
    events.CoverRecorded: _insured,
    events.CustodyAgreed: _agreed,
    events.CustodyEnded: _ended,
}

REGISTER_EVENTS = UNIT_EVENTS | _HANDLERS.keys()
"""The events that change a row of the token contract."""
