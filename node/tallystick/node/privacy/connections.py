"""Ways to reach another peer's private data service, and to serve one's own."""

from collections.abc import Awaitable

import grpc

from tallystick.node.privacy.node import PrivateDataRefusedError
from tallystick.node.privacy.service import PrivateDataService
from tallystick.protos.tallystick import private_data_pb2_grpc
from tallystick.protos.tallystick.private_data_pb2 import (
    Acknowledgement,
    PrivateSets,
    SignedRequest,
)


class RemotePrivateData:
    """A ``PrivateDataConnection`` over gRPC."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = private_data_pb2_grpc.PrivateDataStub(channel)

    async def push(self, request: SignedRequest) -> Acknowledgement:
        """Hand over private results."""
        try:
            return await self._stub.Push(request)
        except grpc.aio.AioRpcError as error:
            raise _refused(error) from error

    async def fetch(self, request: SignedRequest) -> PrivateSets:
        """Ask for private sets."""
        try:
            return await self._stub.Fetch(request)
        except grpc.aio.AioRpcError as error:
            raise _refused(error) from error


class PrivateDataServicer(private_data_pb2_grpc.PrivateDataServicer):
    """Serves ``tallystick.PrivateData``; a refusal fails the call."""

    def __init__(self, service: PrivateDataService) -> None:
        self._service = service

    async def Push(  # noqa: N802  # the name is the wire's
        self,
        request: SignedRequest,
        context: grpc.aio.ServicerContext[SignedRequest, Awaitable[Acknowledgement]],
    ) -> Acknowledgement:
        """Answer ``Push``."""
        try:
            return await self._service.push(request)
        except PrivateDataRefusedError as error:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, str(error))

    async def Fetch(  # noqa: N802  # the name is the wire's
        self,
        request: SignedRequest,
        context: grpc.aio.ServicerContext[SignedRequest, Awaitable[PrivateSets]],
    ) -> PrivateSets:
        """Answer ``Fetch``."""
        try:
            return await self._service.fetch(request)
        except PrivateDataRefusedError as error:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, str(error))


def _refused(error: grpc.aio.AioRpcError) -> PrivateDataRefusedError:
    return PrivateDataRefusedError(f"{error.code().name}: {error.details()}")
