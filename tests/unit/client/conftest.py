"""A peer that plays a part: it answers as a test tells it, in memory or over gRPC with TLS."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NoReturn, TypeAlias, TypeVar

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from tallystick.client import ClientOptions, Deadlines, Gateway, Identity, PrivateKeySigner
from tallystick.client.errors import RpcFailure
from tallystick.client.options import Environment
from tallystick.node.membership.ca import (
    CertificateAuthority,
    CertificateRequest,
    KeyPair,
    Purpose,
)
from tallystick.protos.common.common_pb2 import Envelope
from tallystick.protos.gateway import gateway_pb2
from tallystick.protos.peer.events_pb2 import DeliverResponse
from tallystick.protos.peer.proposal_pb2 import ChaincodeAction
from tallystick.protos.peer.proposal_response_pb2 import (
    Endorsement,
    ProposalResponsePayload,
    Response,
)
from tallystick.protos.peer.transaction_pb2 import TxValidationCode
from tallystick.wire.envelope import build_transaction_payload

NOW_NS = 1_800_000_000_000_000_000
CHANNEL_ID = "securities"

UNREADABLE = "the details of this failure cannot be read"

RequestT = TypeVar("RequestT", bound=Message)
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"  # Any: handlers of many types share a table
Context: TypeAlias = "grpc.aio.ServicerContext[Message, Message]"


@dataclass
class FakePeer:
    """Answers every call; satisfies ``GatewayTransport``.

    Attributes:
        failures: Raised, oldest first, before any call of the named method succeeds.
        codes: Verdicts on the next transactions; valid when there are none.
        hangs: Methods that never answer.
        events: What streams deliver before they fall silent.
        requests: What was asked, in order.
        asked: Set with the first request.
        open_streams: How many streams nobody has closed.
    """

    failures: dict[str, deque[RpcFailure]] = field(default_factory=dict)
    codes: deque[int] = field(default_factory=deque)
    hangs: set[str] = field(default_factory=set)
    events: list[gateway_pb2.ChaincodeEventsResponse] = field(default_factory=list)
    blocks: list[DeliverResponse] = field(default_factory=list)
    stream_failure: RpcFailure | None = None
    streams_end: bool = False
    requests: list[object] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    open_streams: int = 0
    all_closed: asyncio.Event = field(default_factory=asyncio.Event)
    is_closed: bool = False

    def fail(self, method: str, *failures: RpcFailure) -> None:
        """Make the next calls of ``method`` fail."""
        self.failures.setdefault(method, deque()).extend(failures)

    async def evaluate(self, request: gateway_pb2.EvaluateRequest) -> gateway_pb2.EvaluateResponse:
        await self._take("evaluate", request)
        return gateway_pb2.EvaluateResponse(result=Response(status=200, payload=b"answer"))

    async def endorse(self, request: gateway_pb2.EndorseRequest) -> gateway_pb2.EndorseResponse:
        await self._take("endorse", request)
        action = ChaincodeAction(response=Response(status=200, payload=b"result"))
        payload = build_transaction_payload(
            request.proposed_transaction.proposal_bytes,
            ProposalResponsePayload(extension=action.SerializeToString()).SerializeToString(),
            [Endorsement(endorser=b"peer", signature=b"signature")],
        )
        return gateway_pb2.EndorseResponse(prepared_transaction=Envelope(payload=payload))

    async def submit(self, request: gateway_pb2.SubmitRequest) -> gateway_pb2.SubmitResponse:
        await self._take("submit", request)
        return gateway_pb2.SubmitResponse()

    async def commit_status(
        self, request: gateway_pb2.SignedCommitStatusRequest
    ) -> gateway_pb2.CommitStatusResponse:
        await self._take("commit_status", request)
        code = self.codes.popleft() if self.codes else TxValidationCode.VALID
        return gateway_pb2.CommitStatusResponse(
            result=TxValidationCode.ValueType(code), block_number=7
        )

    async def chaincode_events(
        self, request: gateway_pb2.SignedChaincodeEventsRequest
    ) -> AsyncGenerator[gateway_pb2.ChaincodeEventsResponse, None]:
        async with self._stream(request):
            for response in self.events:
                yield response
            await self._after_the_last()

    async def deliver(self, request: Envelope) -> AsyncGenerator[DeliverResponse, None]:
        async with self._stream(request):
            for response in self.blocks:
                yield response
            await self._after_the_last()

    def deliver_filtered(self, request: Envelope) -> AsyncGenerator[DeliverResponse, None]:
        return self.deliver(request)

    def deliver_with_private_data(self, request: Envelope) -> AsyncGenerator[DeliverResponse, None]:
        return self.deliver(request)

    async def close(self) -> None:
        self.is_closed = True

    async def _take(self, method: str, request: object) -> None:
        self.requests.append(request)
        self.asked.set()
        if method in self.hangs:
            await asyncio.Event().wait()
        if self.failures.get(method):
            raise self.failures[method].popleft()

    @asynccontextmanager
    async def _stream(self, request: object) -> AsyncIterator[None]:
        self.requests.append(request)
        self.open_streams += 1
        self.all_closed.clear()
        try:
            yield
        finally:
            self.open_streams -= 1
            if not self.open_streams:
                self.all_closed.set()

    async def _after_the_last(self) -> None:
        if self.stream_failure is not None:
            raise self.stream_failure
        if not self.streams_end:
            await asyncio.Event().wait()


@dataclass
class Pauses:
    """A ``sleep`` that takes no time and remembers for how long it was asked."""

    asked_s: list[float] = field(default_factory=list)

    async def sleep(self, delay_s: float) -> None:
        self.asked_s.append(delay_s)


@dataclass(frozen=True)
class Client:
    """A client's own things, and gateways made of them."""

    identity: Identity
    signer: PrivateKeySigner
    pauses: Pauses = field(default_factory=Pauses)

    def options(self, deadlines: Deadlines | None = None) -> ClientOptions:
        """Return options under which nothing is left to chance but the nonces."""
        draws = Random(1)
        environment = Environment(
            now_ns=lambda: NOW_NS,
            nonce=lambda: draws.randbytes(24),
            random=Random(2),
            sleep=self.pauses.sleep,
        )
        return ClientOptions(deadlines=deadlines or Deadlines(), environment=environment)

    def gateway(self, peer: FakePeer, deadlines: Deadlines | None = None) -> Gateway:
        """Return a gateway at a peer in memory."""
        return Gateway.over(
            peer, identity=self.identity, signer=self.signer, options=self.options(deadlines)
        )


@dataclass(frozen=True)
class Authorities:
    """A certificate authority, and what it issued."""

    authority: CertificateAuthority
    user: KeyPair
    server: KeyPair

    @property
    def root_pem(self) -> bytes:
        return self.authority.to_pem().certificate_pem

    @property
    def user_certificate_hash(self) -> bytes:
        certificate = x509.load_pem_x509_certificate(self.user.certificate_pem)
        return certificate.fingerprint(SHA256())

    def write_profile(self, directory: Path, address: str) -> Path:
        """Write a client profile beside the files that it names."""
        (directory / "ca.crt").write_bytes(self.root_pem)
        (directory / "user.crt").write_bytes(self.user.certificate_pem)
        (directory / "user.key").write_bytes(self.user.key_pem)
        profile = directory / "ATSMSP.json"
        profile.write_text(
            f'{{"channel": "{CHANNEL_ID}", "msp_id": "ATSMSP", "gateway": "{address}",'
            ' "tls_ca": "ca.crt", "certificate": "user.crt", "key": "user.key"}'
        )
        return profile


@pytest.fixture(scope="session")
def authorities() -> Authorities:
    """Certificates that are valid now, made once."""
    now = datetime.now(tz=UTC) - timedelta(hours=1)
    authority = CertificateAuthority.create("ca.ats.example", "ATS", now=now)
    server = CertificateRequest("peer", hosts=("localhost", "127.0.0.1"), purpose=Purpose.TLS)
    return Authorities(
        authority=authority,
        user=authority.issue(CertificateRequest("user", ("client",)), now=now),
        server=authority.issue(server, now=now),
    )


@pytest.fixture
def client(authorities: Authorities) -> Client:
    """A client without a connection."""
    return Client(
        identity=Identity("ATSMSP", authorities.user.certificate_pem),
        signer=PrivateKeySigner.from_pem(authorities.user.key_pem),
    )


@pytest.fixture
def peer() -> FakePeer:
    """A peer that agrees to everything until told otherwise."""
    return FakePeer()


@asynccontextmanager
async def serving(
    peer: FakePeer,
    authorities: Authorities,
    *,
    mutual_tls: bool = False,
    address: str = "localhost:0",
) -> AsyncIterator[str]:
    """Serve ``peer`` with TLS, by default on a free port; yield its address."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(_handlers(peer))
    credentials = grpc.ssl_server_credentials(
        [(authorities.server.key_pem, authorities.server.certificate_pem)],
        root_certificates=authorities.root_pem if mutual_tls else None,
        require_client_auth=mutual_tls,
    )
    port = server.add_secure_port(address, credentials)
    await server.start()
    try:
        yield f"localhost:{port}"
    finally:
        await server.stop(grace=None)


def _handlers(peer: FakePeer) -> tuple[grpc.GenericRpcHandler, ...]:
    gateway: dict[str, Handler] = {
        "Evaluate": _unary(peer.evaluate, gateway_pb2.EvaluateRequest),
        "Endorse": _unary(peer.endorse, gateway_pb2.EndorseRequest),
        "Submit": _unary(peer.submit, gateway_pb2.SubmitRequest),
        "CommitStatus": _unary(peer.commit_status, gateway_pb2.SignedCommitStatusRequest),
        "ChaincodeEvents": _stream(peer.chaincode_events, gateway_pb2.SignedChaincodeEventsRequest),
    }
    deliver: dict[str, Handler] = {
        "Deliver": _seek(peer.deliver),
        "DeliverFiltered": _seek(peer.deliver_filtered),
        "DeliverWithPrivateData": _seek(peer.deliver_with_private_data),
    }
    return (
        grpc.method_handlers_generic_handler("gateway.Gateway", gateway),
        grpc.method_handlers_generic_handler("protos.Deliver", deliver),
    )


def _unary(
    method: Callable[[RequestT], Awaitable[Message]], request_type: type[RequestT]
) -> "grpc.RpcMethodHandler[RequestT, Message]":
    async def handle(request: RequestT, context: Context) -> Message:
        try:
            return await method(request)
        except RpcFailure as failure:
            await _abort(failure, context)

    return grpc.unary_unary_rpc_method_handler(handle, request_type.FromString, _encode)


def _stream(
    method: Callable[[RequestT], AsyncGenerator[Message, None]], request_type: type[RequestT]
) -> "grpc.RpcMethodHandler[RequestT, Message]":
    async def handle(request: RequestT, context: Context) -> AsyncIterator[Message]:
        try:
            async with aclosing(method(request)) as responses:
                async for response in responses:
                    yield response
        except RpcFailure as failure:
            await _abort(failure, context)

    return grpc.unary_stream_rpc_method_handler(handle, request_type.FromString, _encode)


def _seek(
    method: Callable[[Envelope], AsyncGenerator[DeliverResponse, None]],
) -> "grpc.RpcMethodHandler[Envelope, DeliverResponse]":
    async def handle(
        requests: AsyncIterator[Envelope], context: Context
    ) -> AsyncIterator[DeliverResponse]:
        del context
        async with aclosing(method(await anext(requests))) as responses:
            async for response in responses:
                yield response

    return grpc.stream_stream_rpc_method_handler(handle, Envelope.FromString, _encode)


def _encode(message: Message) -> bytes:
    return message.SerializeToString()


async def _abort(failure: RpcFailure, context: Context) -> NoReturn:
    """Answer as a peer does. Source: wire.md §5.3."""
    status = Status(code=failure.code.value[0], message=failure.message)
    for detail in failure.details:
        packed = AnyMessage()
        packed.Pack(
            gateway_pb2.ErrorDetail(
                address=detail.address, msp_id=detail.msp_id, message=detail.message
            )
        )
        status.details.append(packed)
    content = status.SerializeToString() if failure.message != UNREADABLE else b"\xff"
    trailer = (("grpc-status-details-bin", content),)
    await context.abort(failure.code, failure.message, trailer if failure.details else ())
