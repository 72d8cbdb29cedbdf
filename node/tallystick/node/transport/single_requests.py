"""Calls with a single request: they count as open, and as silent until the request is there.

gRPC for Python gives a call to its service once the request has come, and until then lets nobody
end it. So each such method is served as one that takes a stream, of which one message is read: on
the wire that is the same.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeAlias, cast

import grpc

from tallystick.node.transport.open_calls import OpenCalls

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Answer: TypeAlias = "Callable[[object, Context], Awaitable[object]]"
AnswerMany: TypeAlias = "Callable[[object, Context], AsyncGenerator[object, None]]"


class CountSingleRequests(grpc.aio.ServerInterceptor):
    """Lets ``calls`` know of every call with a single request. The outermost interceptor."""

    def __init__(self, calls: OpenCalls, *, keeps: bool) -> None:
        """Tell ``calls``.

        Args:
            calls: Those of the server.
            keeps: Whether a method's handler is the same at every call, and need not be asked for.
        """
        self._calls = calls
        self._keeps = keeps
        self._kept: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """Return the handler of a call."""
        kept = self._kept.get(handler_call_details.method)
        if kept is not None:
            return kept
        handler = await continuation(handler_call_details)
        if handler is None or handler.request_streaming:
            return handler
        counted = _counted(handler, self._calls)
        if self._keeps:
            self._kept[handler_call_details.method] = counted
        return counted


def _counted(handler: Handler, calls: OpenCalls) -> Handler:
    if handler.response_streaming:
        many = _many(cast("AnswerMany", handler.unary_stream), calls)
        return grpc.stream_stream_rpc_method_handler(
            cast("Any", many), handler.request_deserializer, handler.response_serializer
        )
    one = _one(cast("Answer", handler.unary_unary), calls)
    return grpc.stream_unary_rpc_method_handler(
        cast("Any", one), handler.request_deserializer, handler.response_serializer
    )


def _one(answer: Answer, calls: OpenCalls) -> Answer:
    async def counted(_: object, context: Context) -> object:
        async with calls.opened(context) as call:
            request = await _request(context)
            call.heard()
            return await answer(request, context)

    return counted


def _many(answer: AnswerMany, calls: OpenCalls) -> "Callable[[object, Context], Awaitable[None]]":
    async def counted(_: object, context: Context) -> None:
        async with calls.opened(context) as call:
            request = await _request(context)
            call.heard()
            async with aclosing(answer(request, context)) as responses:
                async for response in responses:
                    await context.write(response)

    return counted


async def _request(context: Context) -> object:
    request = await context.read()
    if request is grpc.aio.EOF:
        await context.abort(grpc.StatusCode.INTERNAL, "the call ended without its request")
    return request
