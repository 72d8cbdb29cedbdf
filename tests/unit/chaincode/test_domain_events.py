"""One composite event carries all domain events of a transaction."""

import pytest
from pydantic import ValidationError

from tallystick.chaincode import DomainEvent
from tallystick.chaincode.events import EventRecord, encode_event, encode_record, pack, unpack


class Transferred(DomainEvent):
    kind = "token.Transferred"
    version = 2

    security: str
    quantity: int


def test_a_composite_event_is_json_with_type_version_and_data() -> None:
    payload = pack([encode_event(Transferred(security="ACME", quantity=5))])
    assert payload == (
        b'{"events":[{"type":"token.Transferred","version":2,'
        b'"data":{"security":"ACME","quantity":5}}]}'
    )


def test_unpacking_gives_back_the_events_in_order() -> None:
    events = [Transferred(security="A", quantity=1), Transferred(security="B", quantity=2**70)]
    assert unpack(pack(map(encode_event, events))) == [
        EventRecord(type="token.Transferred", version=2, data=event.model_dump())
        for event in events
    ]


def test_an_event_that_was_read_is_written_with_the_same_bytes() -> None:
    encoded = encode_event(Transferred(security="Ä", quantity=1))
    assert [encode_record(record) for record in unpack(pack([encoded]))] == [encoded]


def test_an_event_cannot_be_changed_once_made() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Transferred(security="A", quantity=1).quantity = 2  # type: ignore[misc]


@pytest.mark.parametrize("payload", [b"", b"{}", b'{"events":[{"type":"x"}]}'])
def test_a_payload_that_is_no_composite_event_is_refused(payload: bytes) -> None:
    with pytest.raises(ValidationError):
        unpack(payload)
