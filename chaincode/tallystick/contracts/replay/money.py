"""The rows of the cash contract rebuilt from events and entries: who has, waits for and owes what.

The rows are those of the ledger under the same keys, public ones and those of the banks'
collections together. What is left out are notes of used nonces, the entries themselves, what
receipts say, and the changes of the supply, whose sums are compared.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tallystick.chaincode import composite_key
from tallystick.contracts import events
from tallystick.contracts.book import Account, Hold, hold_key, position_key
from tallystick.contracts.cash.models import (
    Accrual,
    Cash,
    CashKind,
    DepositReport,
    FundingNote,
    Limits,
    Receipt,
    ReceiptStatus,
    Reservation,
)
from tallystick.contracts.cash.receipts import receipt_key
from tallystick.contracts.cash.rules import reduced, with_reservation
from tallystick.contracts.cash.vault import accrual_key, limits_key
from tallystick.contracts.events import Basis
from tallystick.contracts.instants import Instant
from tallystick.contracts.models import Model
from tallystick.contracts.replay.positions import Positions, Replay
from tallystick.contracts.statements import Funding


class Occasion(NamedTuple):
    """The transaction that tells: its id, and its time rounded down to the second."""

    transaction_id: str
    moment: Instant


@dataclass(slots=True)
class Money:
    """The rows of the cash contract as far as the events and entries applied so far tell."""

    _others: dict[str, Model] = field(default_factory=dict)
    _replay: Replay = field(default_factory=Replay)

    @property
    def positions(self) -> Positions:
        """Who has how much."""
        return self._replay.money

    @property
    def rows(self) -> Mapping[str, Model]:
        """All rows, by key."""
        positions = self.positions.by_account.items()
        return self._others | {position_key(each): row for each, row in positions}

    def apply(self, told: Iterable[events.LedgerEvent], occasion: Occasion) -> None:
        """Take in the events of one transaction, entries in the place of what points to them."""
        told = tuple(told)
        self._replay.apply(told)
        for event in told:
            handler = _HANDLERS.get(type(event))
            if handler is not None:
                handler(self._others, event, occasion)


Rows = dict[str, Model]
Handler = Callable[[Rows, Any, Occasion], None]  # Any: each takes the event of its own type


# --- public rows ---


def _opened(rows: Rows, event: events.CashOpened, at: Occasion) -> None:
    rows[composite_key("cash", event.cash)] = Cash(
        cash=event.cash,
        currency=event.currency,
        bank=event.bank,
        opened_at=at.moment,
        kind=CashKind(event.money),
    )


def _reported(rows: Rows, event: events.DepositReported, at: Occasion) -> None:
    rows[composite_key("report", event.cash)] = DepositReport(
        cash=event.cash, deposit=event.deposit, supply=event.supply, reported_at=at.moment
    )


def _made(rows: Rows, event: events.ReceiptMade, _: Occasion) -> None:
    rows[receipt_key(event.bank, event.number)] = Receipt(
        **event.model_dump(), status=ReceiptStatus.OPEN
    )


def _used(rows: Rows, event: events.ReceiptUsed, _: Occasion) -> None:
    _change(rows, receipt_key(event.bank, event.number), status=ReceiptStatus.USED)


def _voided(rows: Rows, event: events.ReceiptVoided, _: Occasion) -> None:
    _change(rows, receipt_key(event.bank, event.number), status=ReceiptStatus.VOID)


# --- locks ---


def _locked(rows: Rows, event: events.MoneyLocked, _: Occasion) -> None:
    account = Account(event.cash, event.holder)
    receiver = None if event.receiver == event.holder else event.receiver
    rows[hold_key(account, event.lock)] = Hold(quantity=event.amount, receiver=receiver)


def _released(rows: Rows, event: events.MoneyReleased, _: Occasion) -> None:
    del rows[hold_key(Account(event.cash, event.holder), event.lock)]


def _transferred(rows: Rows, event: events.MoneyTransferred, at: Occasion) -> None:
    if event.reference is not None:
        cash = rows[composite_key("cash", event.cash)]
        assert isinstance(cash, Cash), "what is funded is a cash"
        direction = Funding.IN if event.basis is Basis.ISSUE else Funding.OUT
        note = FundingNote(cash=event.cash, direction=direction, at=at.moment)
        rows[composite_key("payment", cash.bank, event.reference)] = note
    if event.lock is not None and event.sender is not None:
        key = hold_key(Account(event.cash, event.sender), event.lock)
        hold = rows[key]
        assert isinstance(hold, Hold), "what is paid out of is a lock"
        left = hold.quantity - event.amount - event.freed
        if left:
            _change(rows, key, quantity=left)
        else:
            del rows[key]


# --- limits ---


def _reserved(rows: Rows, event: events.MoneyReserved, _: Occasion) -> None:
    key = limits_key(Account(event.cash, event.holder))
    reservation = Reservation(
        keeper=event.keeper,
        name=event.reservation,
        use=event.use,
        amount=event.amount,
        expires_at=event.expires_at,
    )
    rows[key] = with_reservation(_limits(rows, key, event.salt), reservation)


def _renewed(rows: Rows, event: events.ReservationRenewed, _: Occasion) -> None:
    key, limits, reservation = _found(rows, event)
    later = reservation.model_copy(update={"expires_at": event.expires_at})
    rows[key] = with_reservation(limits, later)


def _reduced(rows: Rows, event: events.ReservationReduced, _: Occasion) -> None:
    key, limits, reservation = _found(rows, event)
    rows[key] = reduced(limits, reservation, event.amount)


def _granted(rows: Rows, event: events.CreditGranted, _: Occasion) -> None:
    key = limits_key(Account(event.cash, event.holder))
    granted = {"cap": event.cap, "valid_until": event.valid_until}
    rows[key] = _limits(rows, key, event.salt).model_copy(update=granted)


def _owed(rows: Rows, event: events.CreditDrawn | events.CreditRepaid, _: Occasion) -> None:
    _change(rows, limits_key(Account(event.cash, event.holder)), drawn=event.drawn)


# --- fees ---


def _taken(rows: Rows, event: events.FeeTaken, at: Occasion) -> None:
    key = accrual_key(Account(event.cash, event.receiver), at.transaction_id)
    old = rows.get(key)
    before = old.amount if isinstance(old, Accrual) else 0
    rows[key] = Accrual(amount=before + event.amount, salt=event.salt)


def _collected(rows: Rows, event: events.FeesCollected, _: Occasion) -> None:
    for transaction_id in event.transactions:
        del rows[accrual_key(Account(event.cash, event.receiver), transaction_id)]


_HANDLERS: Mapping[type[events.LedgerEvent], Handler] = {
    events.CashOpened: _opened,
    events.DepositReported: _reported,
    events.ReceiptMade: _made,
    events.ReceiptUsed: _used,
    events.ReceiptVoided: _voided,
    events.MoneyLocked: _locked,
    events.MoneyReleased: _released,
    events.MoneyTransferred: _transferred,
    events.MoneyReserved: _reserved,
    events.ReservationRenewed: _renewed,
    events.ReservationReduced: _reduced,
    events.CreditGranted: _granted,
    events.CreditDrawn: _owed,
    events.CreditRepaid: _owed,
    events.FeeTaken: _taken,
    events.FeesCollected: _collected,
}


def _limits(rows: Rows, key: str, salt: str) -> Limits:
    row = rows.get(key)
    return row if isinstance(row, Limits) else Limits(salt=salt)


def _found(
    rows: Rows, event: events.ReservationRenewed | events.ReservationReduced
) -> tuple[str, Limits, Reservation]:
    """Return where the limits of an event's holder are, they, and the reservation."""
    key = limits_key(Account(event.cash, event.holder))
    limits = rows[key]
    assert isinstance(limits, Limits), "what changes was reserved before"
    reservation = limits.find(event.keeper, event.reservation)
    assert reservation is not None, "what changes was reserved before"
    return key, limits, reservation


def _change(rows: Rows, key: str, **parts: object) -> None:
    rows[key] = rows[key].model_copy(update=parts)
