"""A market in which things happen at random, and whoever listens rebuilds it from events."""

from collections.abc import Callable, Iterator

from hypothesis.stateful import RuleBasedStateMachine
from tests.unit.contracts.listening import ListeningMarket

from tallystick.chaincode import Refusal
from tallystick.chaincode.codec import Argument
from tallystick.chaincode.events import EventRecord
from tallystick.chaincode.testing import Outcome
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.events import EntryMade, RecordDateSealed, read_event
from tallystick.contracts.instants import Instant
from tallystick.contracts.models import Model
from tallystick.contracts.participants import Participant
from tallystick.contracts.replay import Decisions, Register, Replay


class MarketWalk(RuleBasedStateMachine):
    """Acts at random; those that the contracts refuse must change nothing."""

    market: ListeningMarket
    replay: Replay
    register: Register
    decisions: Decisions
    recorded: dict[tuple[str, str], dict[str, int]]
    """By record date, the plain copy that was made when it was sealed."""

    def act(self, submit: Callable[[], Outcome]) -> None:
        """Let something happen, or be refused."""
        rows = self.rows()
        try:
            submit()
        except Refusal:
            assert self.rows() == rows, "a refused act changes nothing"
        for outcome, moment in self.market.take_outcomes():
            self.listen(outcome, moment)

    def listen(self, outcome: Outcome, moment: Instant) -> None:
        """Take in what an act tells."""
        records = [record for each in outcome.events for record in self.told(each, outcome)]
        events = [read_event(record) for record in records]
        assert None not in events, "every event is of a kind that readers know"
        told = [event for event in events if event is not None]
        for event in told:
            self.replay.apply([event])
            self.register.apply([event], moment)
            if isinstance(event, RecordDateSealed):
                self.recorded[event.security, event.name] = self.who_holds(event.security)
        self.decisions.apply(told, outcome.transaction_id)

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

    def rows(self) -> dict[tuple[str, str], bytes]:
        world = self.market.ledger.world.rows.items()
        return {
            (name, str(key)): value
            for name, rows in world
            for each in (rows.values, rows.private)
            for key, value in each.items()
        }
