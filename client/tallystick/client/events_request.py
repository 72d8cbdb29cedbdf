"""What a peer is asked for events with, and a signature on it. Source: wire.md §5.6, §5.7."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar

from tallystick.client.event_stream import EventStream
from tallystick.client.session import Session
from tallystick.client.transport import GatewayTransport
from tallystick.wire.hashing import sha256

EventT = TypeVar("EventT")
EventT_co = TypeVar("EventT_co", covariant=True)


@dataclass(frozen=True, slots=True)
class SignedContent:
    """Bytes and the signature over them, which is empty before they are signed."""

    content: bytes
    signature: bytes = b""


class EventKind(Protocol[EventT_co]):
    """One kind of events: how requests for them travel, and what comes back."""

    def source(self, content: bytes) -> str:
        """Return in words which events are asked for."""

    def encode(self, request: SignedContent) -> bytes:
        """Return the message that a peer takes."""

    def decode(self, data: bytes) -> SignedContent:
        """Return what is in that message.

        Raises:
            MalformedMessageError: ``data`` is no such message.
        """

    def events(
        self, transport: GatewayTransport, request: SignedContent
    ) -> AsyncGenerator[EventT_co, None]:
        """Yield what a peer answers."""


class EventsRequest(Generic[EventT]):
    """A request for events, signed when it is first sent."""

    __slots__ = ("_kind", "_session", "_signed")

    def __init__(self, session: Session, kind: EventKind[EventT], signed: SignedContent) -> None:
        self._session = session
        self._kind = kind
        self._signed = signed

    @classmethod
    def from_bytes(cls, session: Session, kind: EventKind[EventT], data: bytes) -> Self:
        """Return the request in ``data``, as ``to_bytes`` wrote it.

        Raises:
            MalformedMessageError: ``data`` is no request for such events.
        """
        signed = kind.decode(data)
        kind.source(signed.content)  # or the content is found unreadable after it was signed
        return cls(session, kind, signed)

    @property
    def digest(self) -> bytes:
        """SHA-256 of what has to be signed."""
        return sha256(self._signed.content)

    def add_signature(self, signature: bytes) -> None:
        """Take a signature over ``digest`` that was made elsewhere.

        Raises:
            BadSignatureError: It is not a DER signature.
        """
        self._signed = SignedContent(
            self._signed.content, self._session.signer.normalised(signature)
        )

    def to_bytes(self) -> bytes:
        """Return the message that a peer takes, with the signature if there is one.

        It is ``gateway.SignedChaincodeEventsRequest`` for chaincode events, ``common.Envelope`` for
        blocks.
        """
        return self._kind.encode(self._signed)

    def events(self) -> EventStream[EventT]:
        """Return the events; the request is signed and sent when the first one is awaited.

        That raises MissingSignerError if it must be signed elsewhere first.
        """
        return EventStream(self._kind.source(self._signed.content), self._answered())

    async def _answered(self) -> AsyncGenerator[EventT, None]:
        content = self._signed.content
        if not self._signed.signature:
            self._signed = SignedContent(content, await self._session.sign(content))
        asked = self._kind.events(self._session.transport, self._signed)
        async with aclosing(asked) as events:
            async for event in events:
                yield event
