"""Requests that are not the message they should be, refused as Fabric's servers refuse them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import grpc
from google.protobuf.message import DecodeError

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Answer: TypeAlias = "Callable[[object, Context], Awaitable[object]]"
AnswerMany: TypeAlias = "Callable[[object, Context], AsyncIterator[object]]"


@dataclass(frozen=True, slots=True)
class _Malformed:
    """Takes the place of a request that could not be decoded."""

    problem: str


class RefuseMalformedRequests(grpc.aio.ServerInterceptor):
    """Answers INTERNAL where gRPC for Python would answer UNKNOWN and log a defect of ours.

    Only calls with a single request are concerned: streams here carry plain bytes.

    Source: the generic unary handler of grpc-go, which Fabric's servers are built on.
    """

    def __init__(self) -> None:
        self._guarded: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """Return the handler of a call, guarded; one for each method is made and kept."""
        method = handler_call_details.method
        guarded = self._guarded.get(method)
        if guarded is not None:
            return guarded
        handler = await continuation(handler_call_details)
        if handler is None or handler.request_streaming or handler.request_deserializer is None:
            return handler
        self._guarded[method] = guarded = _guarded(handler)
        return guarded


def _guarded(handler: Handler) -> Handler:
    assert handler.request_deserializer is not None
    read = _reader(handler.request_deserializer)
    if handler.response_streaming:
        many = _answering_many(cast("AnswerMany", handler.unary_stream))
        return grpc.unary_stream_rpc_method_handler(many, read, handler.response_serializer)
    one = _answering(cast("Answer", handler.unary_unary))
    return grpc.unary_unary_rpc_method_handler(one, read, handler.response_serializer)


def _reader(decode: Callable[[bytes], object]) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        try:
            return decode(data)
        except DecodeError as error:
            return _Malformed(f"grpc: error unmarshalling request: {error}")

    return read


def _answering(answer: Answer) -> Answer:
    async def guarded(request: object, context: Context) -> object:
        if isinstance(request, _Malformed):
            await context.abort(grpc.StatusCode.INTERNAL, request.problem)
        return await answer(request, context)

    return guarded


def _answering_many(answer: AnswerMany) -> AnswerMany:
    async def guarded(request: object, context: Context) -> AsyncIterator[object]:
        if isinstance(request, _Malformed):
            await context.abort(grpc.StatusCode.INTERNAL, request.problem)
        async for response in answer(request, context):
            yield response

    return guarded
