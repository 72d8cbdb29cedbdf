"""Domain events: what happened, in the words of the business.

A transaction carries one chaincode event only, so all domain events of a transaction, those of the
chaincodes it called included, travel in one composite event::

    {"events": [{"type": "token.Transferred", "version": 1, "data": {…}}, …]}
"""

from collections.abc import Iterable
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, JsonValue

EVENT_NAME = "tallystick.events"


class DomainEvent(BaseModel):
    """Something that happened; its fields are the facts.

    A subclass sets ``kind``, such as ``token.Transferred``, and raises ``version`` when the fields
    change in a way that old readers misread.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str]
    version: ClassVar[int] = 1


class EventRecord(BaseModel):
    """One domain event as a reader finds it."""

    model_config = ConfigDict(frozen=True)

    type: str
    version: int
    data: dict[str, JsonValue]


class _CompositeEvent(BaseModel):
    events: list[EventRecord]


def encode_event(event: DomainEvent) -> bytes:
    """Return one event as an element of the composite event's list."""
    data = event.__pydantic_serializer__.to_json(event)
    return b'{"type":"%s","version":%d,"data":%s}' % (event.kind.encode(), event.version, data)


def encode_record(record: EventRecord) -> bytes:
    """Return an event that was read, as an element of the composite event's list."""
    return record.__pydantic_serializer__.to_json(record)


def pack(encoded_events: Iterable[bytes]) -> bytes:
    """Return the payload of the composite event."""
    return b'{"events":[' + b",".join(encoded_events) + b"]}"


def unpack(payload: bytes) -> list[EventRecord]:
    """Return the domain events in the payload of a composite event, in the order of their emission.

    Raises:
        pydantic.ValidationError: The payload is not a composite event.
    """
    return _CompositeEvent.model_validate_json(payload).events
