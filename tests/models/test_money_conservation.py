"""Random acts with money: none is made or lost, none is counted on twice, and entries tell all.

SS-09, SS-95, SS-96, SS-109.

After every act: balances and waiting fees are what was paid in and what is lent; locks and
reservations are what is held; nobody owes and has at once, or owes more than its cap when it
draws; each receipt and each payment off the ledger counts once; and events and entries alone
rebuild every row.
"""

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis.stateful import invariant
from tests.models.money_acts import BANKS, MoneyActs

from tallystick.chaincode.events import EventRecord
from tallystick.chaincode.keys import split_composite_key
from tallystick.chaincode.testing import Outcome
from tallystick.contracts import events
from tallystick.contracts.book import Account, Hold, Position
from tallystick.contracts.cash.models import Limits, Reconciliation
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.confidential import SALT_SIZE
from tallystick.contracts.events import EntryMade, LedgerEvent, read_event
from tallystick.contracts.instants import Instant
from tallystick.contracts.participants import Participant
from tallystick.contracts.replay import Money, Occasion, differences

FOR_EVER = "9999-12-31T23:59:59Z"


class MoneyMachine(MoneyActs):
    """What always holds."""

    def begin(self) -> None:
        super().begin()
        self.replay = Money()
        self.counted: Counter[tuple[str, str]] = Counter()
        self.caps: dict[Account, int] = {}
        self.ends: dict[tuple[str, ...], Instant] = {}
        self.listen()

    def listen(self) -> None:
        """Take in what was told since the last time."""
        for outcome, moment in self.market.take_outcomes():
            told = [event for record in outcome.events for event in self.told(record, outcome)]
            self.replay.apply(told, Occasion(outcome.transaction_id, moment))
            for event in told:
                self.note(event)

    def told(self, record: EventRecord, outcome: Outcome) -> Iterator[LedgerEvent]:
        """Yield an event, or the confidential entry that it points to."""
        if record.type == EntryMade.kind:
            made = EntryMade.model_validate(record.data)
            regulator = self.market.clients[Participant.REGULATOR]
            arguments = ("entries", made.cash, outcome.transaction_id)
            entries = self.market.ledger.invoke(Chaincode.CASH, *arguments, client=regulator)
            record = entries.load(tuple[EventRecord, ...])[made.number]
        event = read_event(record)
        assert event is not None, "every event is of a kind that readers know"
        yield event

    def note(self, event: LedgerEvent) -> None:
        match event:
            case events.CreditGranted(cash=cash, holder=holder, cap=cap):
                self.caps[Account(cash, holder)] = cap
            case events.CreditDrawn(cash=cash, holder=holder, drawn=drawn):
                assert drawn <= self.caps[Account(cash, holder)]
            case events.MoneyReserved(cash=cash, holder=holder, keeper=keeper, reservation=name):
                self.ends[cash, holder, keeper, name] = event.expires_at or FOR_EVER
            case events.ReservationRenewed(
                cash=cash, holder=holder, keeper=keeper, reservation=name, expires_at=end
            ):
                assert end >= self.ends[cash, holder, keeper, name], "its keeper counts on it"
                self.ends[cash, holder, keeper, name] = end
            case events.ReceiptUsed(number=number):
                self.counted["receipt", number] += 1
            case events.MoneyTransferred(reference=str(reference)):
                self.counted["payment", reference] += 1
            case _:
                return

    @invariant()
    def events_and_entries_rebuild_every_row(self) -> None:
        self.listen()
        public = self.market.ledger.world.rows_of(Chaincode.CASH).values.items()
        private = ((key, value) for kind, key, value in self.private() if kind != "receipt")
        assert differences(self.replay.rows, [*public, *private]) == []

    @invariant()
    def no_money_is_made_or_lost(self) -> None:
        for cash in BANKS:
            asked = self.market.evaluate(Chaincode.CASH, "reconciliation", cash)
            assert asked.load(Reconciliation).holds
        self.market.take_outcomes()

    @invariant()
    def what_waits_is_what_is_held(self) -> None:
        held: Counter[Account] = Counter()
        for kind, key, value in self.private():
            parts = split_composite_key(key)[1]
            if kind == "hold":
                held[Account(*parts[:2])] += Hold.model_validate_json(value).quantity
            if kind == "limits":
                limits = Limits.model_validate_json(value)
                held[Account(*parts)] += sum(each.amount for each in limits.reservations)
        positions = self.positions()
        assert +held == +Counter({account: each.held for account, each in positions.items()})

    @invariant()
    def nobody_has_less_than_nothing_or_owes_while_it_has(self) -> None:
        positions = self.positions()
        for position in positions.values():
            assert min(position.quantity, position.held, position.available) >= 0
        for kind, key, value in self.private():
            if kind == "limits":
                drawn = Limits.model_validate_json(value).drawn
                has = positions.get(Account(*split_composite_key(key)[1]), Position())
                assert drawn >= 0
                assert not (drawn and has.available)

    @invariant()
    def receipts_and_payments_count_once(self) -> None:
        assert set(self.counted.values()) <= {1}

    def positions(self) -> dict[Account, Position]:
        return {
            Account(*split_composite_key(key)[1]): Position.model_validate_json(value)
            for kind, key, value in self.private()
            if kind == "position"
        }

    def private(self) -> Iterator[tuple[str, str, bytes]]:
        """Yield kind, key and content of the private rows that are not empty."""
        rows = self.market.ledger.world.rows_of(Chaincode.CASH).private
        for (_, key), value in rows.items():
            if content := value[SALT_SIZE:]:
                yield split_composite_key(key)[0], key, content


class MoneyInDepth(MoneyMachine):
    """The same at greater length."""


TestMoney = MoneyMachine.TestCase
TestMoney.settings = settings(max_examples=8, stateful_step_count=30, deadline=None)

TestMoneyInDepth = pytest.mark.slow(MoneyInDepth.TestCase)
TestMoneyInDepth.settings = settings(max_examples=60, stateful_step_count=80, deadline=None)
