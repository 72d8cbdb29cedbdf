"""A market in which things happen at random, and whoever listens rebuilds it from events."""

from collections.abc import Callable, Iterator

from hypothesis.stateful import RuleBasedStateMachine, invariant
from tests.models.legs import delivered, due, owned
from tests.unit.contracts.listening import ListeningMarket

from tallystick.chaincode import Refusal
from tallystick.chaincode.codec import Argument
from tallystick.chaincode.events import EventRecord
from tallystick.chaincode.keys import split_composite_key
from tallystick.chaincode.testing import Outcome
from tallystick.contracts.book import Account, Position
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.confidential import SALT_SIZE
from tallystick.contracts.events import EntryMade, RecordDateSealed, read_event
from tallystick.contracts.instants import Instant
from tallystick.contracts.models import Model
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.models import Security
from tallystick.contracts.register.securities import security_key
from tallystick.contracts.replay import (
    Decisions,
    Register,
    Replay,
    count_differences,
    differences,
    miscounted,
)
from tallystick.contracts.testing import Market
from tallystick.contracts.timelines import NO_TURNS, Timeline
from tallystick.contracts.trades.terms import TradeTerms


class MarketWalk(RuleBasedStateMachine):
    """Acts at random; those that the contracts refuse must change nothing."""

    market: ListeningMarket
    replay: Replay
    register: Register
    decisions: Decisions
    recorded: dict[tuple[str, str], dict[str, int]]
    """By record date, the plain copy that was made when it was sealed."""

    refusal: Refusal | None = None
    """Why the last act that was refused did not happen."""

    def begin(self, market: ListeningMarket) -> None:
        """Walk through a market, and take in all that has been told of it so far."""
        self.market = market
        self.replay, self.register, self.recorded = Replay(), Register(), {}
        self.decisions = Decisions()
        self.catch_up()

    def act(self, submit: Callable[[], object]) -> bool:
        """Let something happen, or be refused; return whether it happened."""
        rows = self.rows()
        try:
            submit()
        except Refusal as refusal:
            self.refusal = refusal
            assert self.rows() == rows, "a refused act changes nothing"
            return False
        finally:
            self.catch_up()
        return True

    def catch_up(self) -> None:
        """Take in what was told since the last time."""
        for outcome, moment in self.market.take_outcomes():
            self.listen(outcome, moment)

    def listen(self, outcome: Outcome, moment: Instant) -> None:
        """Take in what an act tells."""
        records = [record for each in outcome.events for record in self.told(each, outcome)]
        events = [read_event(record) for record in records]
        assert None not in events, "every event is of a kind that readers know"
        told = [event for event in events if event is not None]
        before = owned(self.replay)
        for event in told:
            self.replay.apply([event])
            self.register.apply([event], moment)
            if isinstance(event, RecordDateSealed):
                self.recorded[event.security, event.name] = self.who_holds(event.security)
        self.decisions.apply(told, outcome.transaction_id)
        terms = [self.terms_of_trade(each) for each in delivered(self.market, told)]
        if not any(self.timeline(Chaincode.TOKEN, each.security).splits for each in terms):
            after = owned(self.replay)
            after.subtract(before)
            assert not terms or after == due(terms, told), "all legs move at one height, or none"

    @invariant()
    def events_rebuild_the_registers(self) -> None:
        """Compare positions, every row of the register, counts and decisions with the state."""
        units = self.replay.units
        assert {each: units.position(each) for each in units.by_account} == self.positions(
            Chaincode.TOKEN
        )
        assert self.replay.money.by_account == self.positions(Chaincode.CASH)
        held = self.market.ledger.world.rows_of(Chaincode.TOKEN).values
        assert differences(self.register.rows, held.items()) == []
        assert list(count_differences(self.register.positions, held.items())) == []
        assert list(miscounted(self.register.rows, held.items())) == []
        assert list(self.decisions.findings(self.register.rows, held.items())) == []

    def submit(
        self,
        participant: Participant,
        chaincode: Chaincode,
        function: str,
        *arguments: Argument,
        **secrets: Model,
    ) -> Outcome:
        return self.market.submit(participant, chaincode, function, *arguments, **secrets)

    def who_holds(self, security: str) -> dict[str, int]:
        """Return what everybody holds of a security now, as events tell."""
        units = self.register.positions
        return {
            account.holder: units.position(account).quantity
            for account, row in sorted(units.by_account.items())
            if account.asset == security and row.quantity
        }

    def told(self, record: EventRecord, outcome: Outcome) -> Iterator[EventRecord]:
        """Yield a record, or the confidential entry that it points to."""
        if record.type != EntryMade.kind:
            yield record
            return
        bank = self.market.clients[Participant.BANK]
        made = self.market.ledger.invoke(
            Chaincode.CASH, "entries", "USD", outcome.transaction_id, client=bank
        )
        entry = EntryMade.model_validate(record.data)
        yield made.load(tuple[EventRecord, ...])[entry.number]

    def timeline(self, chaincode: Chaincode, asset: str) -> Timeline:
        row = self.register.rows.get(security_key(asset))
        if chaincode is not Chaincode.TOKEN or not isinstance(row, Security):
            return NO_TURNS
        return row.timeline

    def terms_of_trade(self, trade: str) -> TradeTerms:
        rows = self.rows_of(Chaincode.SETTLEMENT, "terms")
        (terms,) = [value for (name,), value in rows if name == trade]
        return TradeTerms.model_validate_json(terms)

    def positions(self, chaincode: Chaincode) -> dict[Account, Position]:
        return {
            Account(*key): Position.model_validate_json(value).brought_up(
                self.timeline(chaincode, key[0])
            )
            for key, value in self.rows_of(chaincode, "position")
        }

    def rows_of(self, chaincode: Chaincode, kind: str) -> list[tuple[tuple[str, ...], bytes]]:
        """Return the rows of a kind that are not empty, each with the parts of its key."""
        rows = self.market.ledger.world.rows_of(chaincode)
        values = {key: value[SALT_SIZE:] for (_, key), value in rows.private.items()} | rows.values
        split = [(*split_composite_key(key), value) for key, value in values.items() if value]
        return [(parts, value) for row_kind, parts, value in split if row_kind == kind]

    def rows(self) -> dict[tuple[str, str], bytes]:
        return rows_of_all(self.market)


def rows_of_all(market: Market) -> dict[tuple[str, str], bytes]:
    """Return every row of all contracts, public and private."""
    return {
        (name, str(key)): value
        for name, rows in market.ledger.world.rows.items()
        for each in (rows.values, rows.private)
        for key, value in each.items()
    }
