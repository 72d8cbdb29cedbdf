"""``protos.Snapshot``, the service behind `peer snapshot`: for the peer's own administrators.

Source: wire.md §8.1, §8.3; hyperledger/fabric core/ledger/snapshotgrpc.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf.empty_pb2 import Empty

from tallystick.node.membership.errors import IdentityError
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.system.access import AccessControl, AccessDeniedError
from tallystick.node.system.snapshot_requests import SnapshotRequestError, SnapshotRequests
from tallystick.protos.peer.snapshot_pb2 import (
    QueryPendingSnapshotsResponse,
    SignedSnapshotRequest,
    SnapshotQuery,
    SnapshotRequest,
)
from tallystick.protos.peer.snapshot_pb2_grpc import SnapshotServicer
from tallystick.wire.errors import MalformedMessageError
from tallystick.wire.messages import decode

RequestT = TypeVar("RequestT", SnapshotRequest, SnapshotQuery)
_Context = grpc.aio.ServicerContext[SignedSnapshotRequest, Any]


@dataclass(frozen=True, slots=True)
class SnapshotAccess:
    """Who may ask.

    Attributes:
        access: Knows the peer's own administrators.
        checker: Verifies their signatures.
        clock: Now, in nanoseconds since the epoch.
    """

    access: AccessControl
    checker: SignatureChecker
    clock: Callable[[], int]

    def check(self, resource: str, request: RequestT, signed: SignedSnapshotRequest) -> None:
        """Return if the creator of a request signed it and may use ``resource``.

        Raises:
            AccessDeniedError: Not so.
        """
        if not request.HasField("signature_header"):
            raise AccessDeniedError(resource, "missing signature header")
        creator = request.signature_header.creator
        try:
            identity = self.access.local_msps.identity(creator)
        except IdentityError as error:
            raise AccessDeniedError(resource, str(error)) from error
        if identity.not_after_ns < self.clock():
            raise AccessDeniedError(resource, "client identity expired")
        if not self.checker.good(identity, signed.request, signed.signature):
            raise AccessDeniedError(resource, f"{identity} did not sign the request")
        self.access.check(resource, creator, None)


class SnapshotService(SnapshotServicer):
    """Takes requests for the channels of a peer."""

    def __init__(self, channels: Mapping[str, SnapshotRequests], access: SnapshotAccess) -> None:
        """Serve ``channels``, by channel id, which may change at any time."""
        self._channels = channels
        self._access = access

    async def Generate(  # noqa: N802 - the name is the wire's
        self, request: SignedSnapshotRequest, context: _Context
    ) -> Empty:
        """Ask for a snapshot."""
        wanted = await self._read(SnapshotRequest, "snapshot/submitrequest", request, context)
        requests = await self._requests(wanted.channel_id, context)
        return await _done(context, lambda: requests.submit(wanted.block_number))

    async def Cancel(  # noqa: N802 - the name is the wire's
        self, request: SignedSnapshotRequest, context: _Context
    ) -> Empty:
        """Withdraw a request."""
        wanted = await self._read(SnapshotRequest, "snapshot/cancelrequest", request, context)
        requests = await self._requests(wanted.channel_id, context)
        return await _done(context, lambda: requests.cancel(wanted.block_number))

    async def QueryPendings(  # noqa: N802 - the name is the wire's
        self, request: SignedSnapshotRequest, context: _Context
    ) -> QueryPendingSnapshotsResponse:
        """Tell which snapshots are asked for and not there yet."""
        wanted = await self._read(SnapshotQuery, "snapshot/listpending", request, context)
        requests = await self._requests(wanted.channel_id, context)
        return QueryPendingSnapshotsResponse(block_numbers=requests.pending)

    async def _read(
        self,
        kind: type[RequestT],
        resource: str,
        signed: SignedSnapshotRequest,
        context: _Context,
    ) -> RequestT:
        try:
            request = decode(kind, signed.request)
            self._access.check(resource, request, signed)
        except MalformedMessageError as error:
            await _refuse(context, grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except AccessDeniedError as error:
            await _refuse(context, grpc.StatusCode.PERMISSION_DENIED, str(error))
        return request

    async def _requests(self, channel_id: str, context: _Context) -> SnapshotRequests:
        if not channel_id:
            await _refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "missing channel ID")
        requests = self._channels.get(channel_id)
        if requests is None:
            problem = f"cannot find ledger for channel {channel_id}"
            await _refuse(context, grpc.StatusCode.NOT_FOUND, problem)
        return requests


async def _done(context: _Context, act: Callable[[], None]) -> Empty:
    try:
        act()
    except SnapshotRequestError as error:
        await _refuse(context, grpc.StatusCode.FAILED_PRECONDITION, str(error))
    return Empty()


async def _refuse(context: _Context, code: grpc.StatusCode, reason: str) -> NoReturn:
    await context.abort(code, reason)
