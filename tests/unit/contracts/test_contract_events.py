"""Events as readers find them: every kind is known, versioned and typed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick.chaincode.events import EventRecord
from tallystick.contracts.events import EVENT_TYPES, HoldReleased, LedgerEvent, read_event
from tallystick.contracts.testing import Market

# The fields of each kind in its version: whoever changes them raises the version and enters both.
FIELDS: dict[str, list[str]] = json.loads(
    Path(__file__).with_name("event_fields.json").read_text(encoding="utf-8")
)
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


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_the_fields_of_an_event_change_only_with_its_version(kind: str) -> None:
    """SS-20: readers refuse a field that they do not know."""
    event = EVENT_TYPES[kind]
    assert list(fields_of(event)) == FIELDS.get(f"{kind} {event.version}")


def fields_of(event: type[LedgerEvent]) -> Iterator[str]:
    """Yield the fields of an event, then those of the models in them."""
    schema = event.model_json_schema(mode="serialization")
    for place, part in {"": schema, **schema.get("$defs", {})}.items():
        yield from (f"{place}.{name}".removeprefix(".") for name in part.get("properties", ()))


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
