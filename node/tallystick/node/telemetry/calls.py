"""Takes the trace of a caller over, and records the call."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol, TypeAlias, cast

import grpc
from google.protobuf.message import DecodeError
from opentelemetry.trace import Span

from tallystick.protos.gateway.gateway_pb2 import CommitStatusRequest, SignedCommitStatusRequest

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Answer: TypeAlias = "Callable[[object, Context], Awaitable[object]]"

BEGINS: Final = "gateway.Gateway/"
"""Calls of this service begin a trace; others only go on with one."""
CONTEXT: Final = frozenset({"traceparent", "tracestate"})


class CallRecorder(Protocol):
    """Who records calls."""

    def adopt(self, metadata: Mapping[str, str]) -> None:
        """Let the current task belong to the trace of whoever called."""

    def call(
        self, method: str, *, begins: bool, transaction_id: str
    ) -> AbstractContextManager[Span]:
        """Record the block as the answer to a call whose context `adopt` has taken over."""


class RecordCalls(grpc.aio.ServerInterceptor):
    """Records each call with a single request and response.

    Streams only take the context over: what comes in on one is marked message by message.
    """

    def __init__(self, recorder: CallRecorder) -> None:
        self._recorder = recorder

    async def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """Return the handler of a call. It runs in the task in which this one does."""
        handler = await continuation(handler_call_details)
        metadata = handler_call_details.invocation_metadata or ()
        self._recorder.adopt(
            {key: value for key, value in metadata if key in CONTEXT and isinstance(value, str)}
        )
        if handler is None or handler.request_streaming or handler.response_streaming:
            return handler
        answer = self._recorded(
            handler_call_details.method.lstrip("/"), cast("Answer", handler.unary_unary)
        )
        return grpc.unary_unary_rpc_method_handler(
            answer, handler.request_deserializer, handler.response_serializer
        )

    def _recorded(self, method: str, answer: Answer) -> Answer:
        async def recorded(request: object, context: Context) -> object:
            with self._recorder.call(
                method, begins=method.startswith(BEGINS), transaction_id=_transaction_of(request)
            ) as span:
                try:
                    return await answer(request, context)
                finally:
                    span.set_attribute("rpc.grpc.status_code", _number(context.code()))

        return recorded


def _transaction_of(request: object) -> str:
    """Return which transaction a request names outside of what is judged later; empty if none."""
    if isinstance(request, SignedCommitStatusRequest):
        try:
            return CommitStatusRequest.FromString(request.request).transaction_id
        except DecodeError:  # which the gateway refuses, and says why
            return ""
    named = getattr(request, "transaction_id", "")
    return named if isinstance(named, str) else ""


def _number(code: object) -> int:
    """Return a status as a number: gRPC tells it as a member of its enumeration, or as an int."""
    number = code.value[0] if isinstance(code, grpc.StatusCode) else code
    return number if isinstance(number, int) else 0
