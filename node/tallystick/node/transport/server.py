"""gRPC servers: their construction, their lifetime, and services on them."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import grpc

from tallystick.node.errors import LedgerError
from tallystick.node.telemetry import spans
from tallystick.node.transport.credentials import ServerTls, certificate_hash
from tallystick.node.transport.malformed import RefuseMalformedRequests
from tallystick.node.transport.open_calls import OpenCall, OpenCalls
from tallystick.node.transport.options import backlog_options, server_options
from tallystick.node.transport.ports import Caller, StreamService
from tallystick.node.transport.single_requests import CountSingleRequests

ServicerContext = grpc.aio.ServicerContext[bytes, bytes]


class ListenError(LedgerError):
    """A server cannot listen where it was told to.

    Attributes:
        address: Host and port.
    """

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"cannot listen on {address}: {reason}; free the port or choose another address"
        )
        self.address = address


def new_server(
    *, max_concurrent_streams: int = 1_000, calls: OpenCalls | None = None
) -> grpc.aio.Server:
    """Return a server with Fabric's message limit and keepalive rules, serving nothing yet.

    Args:
        max_concurrent_streams: How many calls one connection may have open; more wait.
        calls: Those that are open, and how many may be in all; more are refused.
    """
    calls = calls or OpenCalls()
    traces = spans.interceptors()
    return grpc.aio.server(
        interceptors=(
            CountSingleRequests(calls, keeps=not traces),
            *traces,
            RefuseMalformedRequests(),
        ),
        options=[
            *server_options(max_concurrent_streams=max_concurrent_streams),
            *backlog_options(calls.limit),
        ],
        maximum_concurrent_rpcs=calls.limit,
    )


@asynccontextmanager
async def serving(
    server: grpc.aio.Server, address: str, *, tls: ServerTls | None, grace_s: float
) -> AsyncIterator[int]:
    """Serve on ``address`` for the length of the block; yield the bound port.

    Args:
        server: With all services added.
        address: ``host:port``; port 0 lets the system choose.
        tls: None serves in the clear, which only tests should.
        grace_s: How long calls in progress may take to end once the block is left.

    Raises:
        ListenError: The address cannot be bound.
    """
    try:
        if tls is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, tls.credentials())
    except RuntimeError as error:
        # gRPC's reason names the address again, and a variable for debugging.
        reason = "it is in use, or no address of this machine"
        raise ListenError(address, reason) from error
    await server.start()
    try:
        yield port
    finally:
        await server.stop(grace_s)


def add_stream_services(
    server: grpc.aio.Server,
    service_name: str,
    methods: Mapping[str, StreamService],
    calls: OpenCalls | None = None,
) -> None:
    """Serve ``methods`` as the streaming methods of ``service_name``, counted among ``calls``.

    Messages pass as bytes: what arrived is what a service signs off, stores or forwards.
    """
    calls = calls or OpenCalls()
    handlers = {name: _stream_handler(service, calls) for name, service in methods.items()}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service_name, handlers),))


def _stream_handler(
    service: StreamService, calls: OpenCalls
) -> "grpc.RpcMethodHandler[bytes, bytes]":
    async def handle(requests: AsyncIterator[bytes], context: ServicerContext) -> None:
        async with calls.opened(context) as call:
            responses = service(_heard(requests, call), caller_of(context, call))
            try:
                async for response in responses:
                    await context.write(response)
            finally:
                if isinstance(responses, AsyncGenerator):
                    await responses.aclose()  # else what it holds is held until it is collected

    # Without serializers, gRPC hands over the bytes themselves.
    return cast(
        "grpc.RpcMethodHandler[bytes, bytes]",
        grpc.stream_stream_rpc_method_handler(cast("Any", handle)),
    )


async def _heard(requests: AsyncIterator[bytes], call: OpenCall) -> AsyncGenerator[bytes, None]:
    async for request in requests:
        call.heard()
        yield request


def caller_of(context: ServicerContext, call: OpenCall) -> Caller:
    """Return what the connection behind ``context`` tells of the other side."""
    certificates = context.auth_context().get("x509_pem_cert", ())
    first = next(iter(certificates), None)
    return Caller(
        address=context.peer(),
        tls_certificate_hash=b"" if first is None else certificate_hash(first),
        call=call,
    )
