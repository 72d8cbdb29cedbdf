"""Events as readers find them: every kind is known, versioned and typed."""

import pytest

from tallystick.chaincode.events import EventRecord
from tallystick.contracts.events import EVENT_TYPES, HoldReleased, read_event
from tallystick.contracts.testing import Market

RELEASED = HoldReleased(security="ACME", holder="alice", quantity=3, hold="T-1")


def record(**changes: str | int) -> EventRecord:
    fields = {"type": "token.HoldReleased", "version": 1, "data": RELEASED.model_dump()}
    return EventRecord.model_validate({**fields, **changes})


def test_a_record_becomes_the_event_it_was() -> None:
    assert read_event(record()) == RELEASED


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"type": "token.Invented"}, id="kind"),
        pytest.param({"version": 2}, id="version"),
    ],
)
def test_a_record_of_an_unknown_kind_or_version_is_left_to_newer_readers(
    changes: dict[str, str | int],
) -> None:
    assert read_event(record(**changes)) is None


def test_every_kind_says_which_contract_it_comes_from() -> None:
    contracts = {kind.partition(".")[0] for kind in EVENT_TYPES}

    assert contracts == {"identity", "token", "cash", "settlement"}


def test_a_settlement_tells_all_three_contracts_part_in_one_transaction(market: Market) -> None:
    """SS-83."""
    market.agree(market.terms())
    market.lock()

    events = [read_event(each) for each in market.settle().events]

    assert [event.kind for event in events if event is not None] == [
        "token.Transferred",
        "token.HolderCounted",
        "cash.EntryMade",
        "settlement.TradeSettled",
    ]
