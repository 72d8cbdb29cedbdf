"""Records of decisions held to events and to the rules then: what is wrong with one is found."""

from collections.abc import Callable

import pytest
from tests.unit.contracts.compliance.stage import RuledMarket, rule, sent
from tests.unit.contracts.listening import ListeningMarket
from tests.unit.contracts.register_acts import TOKEN, force, hold

from tallystick.contracts.events import LedgerEvent, RefusalRecorded, read_event
from tallystick.contracts.participants import Participant
from tallystick.contracts.replay import Decisions, Register


class RuledAndHeard(RuledMarket, ListeningMarket):
    """A market with rules that listens to itself."""


@pytest.fixture
def market() -> RuledAndHeard:
    """A movement, a hold, an order and two recorded refusals, under a rule that was changed since.

    One is of a trade, one of a draw.
    """
    market = RuledAndHeard()
    market.open()
    market.onboard("alice", "bob")
    market.issue("alice", 1000)
    market.bind(rule("maximum-holding", units=100))
    market.transfer("alice", "bob", 10)
    hold(market, 20)
    force(market, 5)
    market.submit(Participant.ATS, TOKEN, "record_refusal", sent(101))
    market.submit(Participant.CLEARING, TOKEN, "record_refused_draw", sent(102))
    market.bind(rule("maximum-holding", units=1))
    return market


def findings(
    market: RuledAndHeard,
    alter: Callable[[bytes], bytes] = bytes,
    *,
    without: type[LedgerEvent] | None = None,
) -> list[str]:
    """Return what is wrong with decisions, their rows altered, one kind of events kept back."""
    register, decisions = Register(), Decisions()
    for outcome, moment in market.take_outcomes():
        events = [read_event(record) for record in outcome.events]
        told = [each for each in events if each is not None and type(each) is not without]
        register.apply(told, moment)
        decisions.apply(told, outcome.transaction_id)
    held = market.ledger.world.rows_of(TOKEN).values
    rows = [
        (key, alter(value) if key.startswith("\0decision") else value)
        for key, value in held.items()
    ]
    return [wrong for _, wrong in decisions.findings(register.rows, rows)]


def test_records_agree_with_events_and_with_the_rules_then(market: RuledAndHeard) -> None:
    """SS-78, SS-80, W1, W31: of whatever kind the decision was."""
    assert findings(market) == []


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        (b'"outcome":"held"', b'"outcome":"moved"', "recorded as moved, and events tell held"),
        (b'"quantity":10,', b'"quantity":11,', "other movements are recorded than events tell"),
        (b'"HOLDING_ABOVE_LIMIT"', b'"LOT_LOCKED"', "refused for other reasons than events tell"),
        (b'"rule_set":1', b'"rule_set":2', "the rules then come to other results"),
    ],
)
def test_a_record_that_was_altered_is_found(
    old: bytes, new: bytes, wrong: str, market: RuledAndHeard
) -> None:
    assert wrong in findings(market, lambda value: value.replace(old, new))


def test_a_record_without_its_event_is_found(market: RuledAndHeard) -> None:
    assert findings(market, without=RefusalRecorded) == ["no event tells of it"] * 2


def test_a_decision_without_its_record_is_found(market: RuledAndHeard) -> None:
    rows = market.ledger.world.rows_of(TOKEN).values
    for key in [key for key in rows if key.startswith("\0decision")]:
        del rows[key]
    assert findings(market) == ["no record"] * 6
