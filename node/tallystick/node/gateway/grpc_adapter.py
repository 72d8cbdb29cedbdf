"""Serves a ``GatewayService`` as ``gateway.Gateway`` over gRPC."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import aclosing
from typing import NoReturn, TypeVar

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import status_pb2

from tallystick.node.gateway.errors import GatewayError
from tallystick.node.gateway.service import GatewayService
from tallystick.node.limits.errors import TooBusyError
from tallystick.node.limits.streams import TooManyStreamsError
from tallystick.node.transport.pushback import pushback
from tallystick.protos.gateway import gateway_pb2, gateway_pb2_grpc

STATUS_DETAILS_TRAILER = "grpc-status-details-bin"

Request = TypeVar("Request")
Response = TypeVar("Response")
Answer = TypeVar("Answer")


class GatewayServicer(gateway_pb2_grpc.GatewayServicer):
    """Passes calls on; turns errors into a status.

    The trailer holds the details of a ``GatewayError``, or when to come again.
    """

    def __init__(self, service: GatewayService) -> None:
        self._service = service

    async def Evaluate(  # noqa: N802  # the name is the wire's
        self,
        request: gateway_pb2.EvaluateRequest,
        context: grpc.aio.ServicerContext[
            gateway_pb2.EvaluateRequest, Awaitable[gateway_pb2.EvaluateResponse]
        ],
    ) -> gateway_pb2.EvaluateResponse:
        """Answer ``Evaluate``."""
        return await _answered(self._service.evaluate(request), context)

    async def Endorse(  # noqa: N802
        self,
        request: gateway_pb2.EndorseRequest,
        context: grpc.aio.ServicerContext[
            gateway_pb2.EndorseRequest, Awaitable[gateway_pb2.EndorseResponse]
        ],
    ) -> gateway_pb2.EndorseResponse:
        """Answer ``Endorse``."""
        return await _answered(self._service.endorse(request), context)

    async def Submit(  # noqa: N802
        self,
        request: gateway_pb2.SubmitRequest,
        context: grpc.aio.ServicerContext[
            gateway_pb2.SubmitRequest, Awaitable[gateway_pb2.SubmitResponse]
        ],
    ) -> gateway_pb2.SubmitResponse:
        """Answer ``Submit``."""
        return await _answered(self._service.submit(request), context)

    async def CommitStatus(  # noqa: N802
        self,
        request: gateway_pb2.SignedCommitStatusRequest,
        context: grpc.aio.ServicerContext[
            gateway_pb2.SignedCommitStatusRequest, Awaitable[gateway_pb2.CommitStatusResponse]
        ],
    ) -> gateway_pb2.CommitStatusResponse:
        """Answer ``CommitStatus``."""
        return await _answered(self._service.commit_status(request), context)

    async def ChaincodeEvents(  # noqa: N802
        self,
        request: gateway_pb2.SignedChaincodeEventsRequest,
        context: grpc.aio.ServicerContext[
            gateway_pb2.SignedChaincodeEventsRequest,
            AsyncIterator[gateway_pb2.ChaincodeEventsResponse],
        ],
    ) -> AsyncIterator[gateway_pb2.ChaincodeEventsResponse]:
        """Answer ``ChaincodeEvents``."""
        try:
            async with aclosing(self._service.chaincode_events(request)) as responses:
                async for response in responses:
                    yield response
        except GatewayError as error:
            await _abort(error, context)
        except TooManyStreamsError as error:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))


async def _answered(
    call: Awaitable[Response], context: grpc.aio.ServicerContext[Request, Answer]
) -> Response:
    try:
        return await call
    except GatewayError as error:
        await _abort(error, context)
    except TooBusyError as error:
        await context.abort(
            grpc.StatusCode.RESOURCE_EXHAUSTED, str(error), pushback(error.retry_after_s)
        )


async def _abort(
    error: GatewayError, context: grpc.aio.ServicerContext[Request, Answer]
) -> NoReturn:
    trailer = ((STATUS_DETAILS_TRAILER, status_details(error)),) if error.details else ()
    await context.abort(error.code, error.message, trailer)


def status_details(error: GatewayError) -> bytes:
    """Return ``google.rpc.Status`` bytes whose details are all ``gateway.ErrorDetail``.

    The Node client decodes every detail as that type, so no other may appear. Source: wire.md §5.3.
    """
    status = status_pb2.Status(code=error.code.value[0], message=error.message)
    for detail in error.details:
        packed = AnyMessage()
        packed.Pack(
            gateway_pb2.ErrorDetail(
                address=detail.address, msp_id=detail.msp_id, message=detail.message
            )
        )
        status.details.append(packed)
    return status.SerializeToString()
