"""etcd over gRPC: at whichever of its members answers, over TLS with a client certificate."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Final, Self, TypeVar

import grpc

from tallystick.node.ordering.etcd.conversion import (
    changes_of,
    last_revision,
    range_request,
    record_of,
    txn_request,
    watch_request,
)
from tallystick.node.ordering.etcd.member import REQUIRE_LEADER, Member
from tallystick.node.ordering.etcd.port import (
    Change,
    Committed,
    CompactedError,
    Condition,
    Deletion,
    EtcdUnavailableError,
    Found,
    KeyRange,
    LeaseLostError,
    Put,
    Values,
)
from tallystick.node.ordering.etcd.remedies import remedy_for
from tallystick.node.ordering.etcd.versions import UnsupportedEtcdError
from tallystick.node.transport.credentials import ClientTls
from tallystick.protos.etcd.rpc_pb2 import (
    CompactionRequest,
    LeaseGrantRequest,
    LeaseKeepAliveRequest,
    LeaseKeepAliveResponse,
    WatchResponse,
)

ResultT = TypeVar("ResultT")

TIMEOUT_S: Final = 2.5
"""How long all members together may take: longer than they need to elect a new leader."""
_ATTEMPT_S: Final = 1.0
"""How long one member may take. What orderers write is cut so that a line of 2 Mbit/s carries it in
a quarter of that."""
_LARGE_ATTEMPT_S: Final = 10.0
"""How long it may take with a value of 1 MiB: 2 Mbit/s carry it in 4.2 s, if nothing else is under
way. A member that hangs is noticed by pings before, and by all that is not large."""
_PAUSE_S: Final = 0.05

_log = logging.getLogger(__name__)

_FINAL: Final = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)
"""What every member would answer."""


class EtcdClient:
    """An ``Etcd``, to be entered as a context.

    It stays with one member until that fails. Everything that is asked may be asked twice: what
    writes names its conditions.
    """

    def __init__(
        self, endpoints: Sequence[str], tls: ClientTls | None, *, timeout_s: float = TIMEOUT_S
    ) -> None:
        """Prepare to use the members at ``endpoints``; None for ``tls`` connects in the clear."""
        assert endpoints, "at least one member"
        self._members = [Member(endpoint, tls) for endpoint in endpoints]
        self._timeout_s = timeout_s

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for member in self._members:
            await member.close()

    async def check_versions(self) -> None:
        """Return if no member that answers is of a release that is refused.

        Raises:
            UnsupportedEtcdError: One is.
        """
        for member in self._members:
            try:
                await member.check(_ATTEMPT_S)
            except grpc.aio.AioRpcError as error:
                _log.warning("etcd member %s: %s", member.endpoint, error.details())

    async def read(
        self,
        keys: KeyRange,
        *,
        limit: int = 0,
        newest_first: bool = False,
        values: Values = Values.SMALL,
    ) -> Found:
        """Return what is in a range, at most ``limit`` records unless it is 0."""
        request = range_request(keys, limit=limit, newest_first=newest_first, values=values)
        timeout_s = _LARGE_ATTEMPT_S if values is Values.LARGE else _ATTEMPT_S
        response = await self._ask(
            lambda member: member.kv.Range(request, timeout=timeout_s, metadata=REQUIRE_LEADER),
            timeout_s,
        )
        header = response.header
        records = tuple(map(record_of, response.kvs))
        return Found(records, header.revision, header.cluster_id, response.more)

    async def commit(
        self, conditions: Sequence[Condition], changes: Sequence[Put | Deletion]
    ) -> Committed:
        """Make all changes if all conditions hold, else none."""
        request = txn_request(conditions, changes)
        response = await self._ask(
            lambda member: member.kv.Txn(request, timeout=_ATTEMPT_S, metadata=REQUIRE_LEADER)
        )
        return Committed(response.succeeded, response.header.revision)

    async def grant(self, ttl_s: int) -> int:
        """Return a lease that ends after so many seconds, or a little later."""
        request = LeaseGrantRequest(TTL=ttl_s)
        response = await self._ask(
            lambda member: member.lease.LeaseGrant(
                request, timeout=_ATTEMPT_S, metadata=REQUIRE_LEADER
            )
        )
        return response.ID

    async def keep_alive(self, lease: int) -> bool:
        """Let a lease last its whole time again; return whether it had not ended."""

        async def once(member: Member) -> int:
            call = member.lease.LeaseKeepAlive(timeout=_ATTEMPT_S, metadata=REQUIRE_LEADER)
            try:
                await call.write(LeaseKeepAliveRequest(ID=lease))
                response = await call.read()
            finally:
                call.cancel()
            # At the end of the stream there is no response.
            return response.TTL if isinstance(response, LeaseKeepAliveResponse) else 0

        return await self._ask(once) > 0

    async def compact(self, revision: int) -> None:
        """Forget what was before a revision, but for what is still in force."""
        request = CompactionRequest(revision=revision)
        try:
            await self._ask(lambda member: member.kv.Compact(request, timeout=_ATTEMPT_S))
        except CompactedError:
            return  # another orderer has, for another channel

    async def watch(self, keys: KeyRange, revision: int) -> AsyncGenerator[Sequence[Change], None]:
        """Yield the changes to a range from a revision on, at one member after another."""
        clock = asyncio.get_running_loop().time
        failing_since_s: float | None = None
        while True:
            member, remedy = self._members[0], ""
            turns = member.turns
            try:
                async with aclosing(self._watched(member, turns, keys, revision)) as batches:
                    async for last, changes in batches:
                        failing_since_s = None
                        revision = max(revision, last + 1)
                        if changes:
                            yield changes
                reason = "it ended the stream of changes"
            except grpc.aio.AioRpcError as error:
                reason, remedy = _told(error)
            except UnsupportedEtcdError as error:
                reason = str(error)
            except TimeoutError:
                reason = "it does not take in time what is asked"
            self._turn_from(member, turns, reason)
            failing_since_s = clock() if failing_since_s is None else failing_since_s
            if clock() > failing_since_s + self._timeout_s:
                raise EtcdUnavailableError(reason, remedy)
            await asyncio.sleep(_PAUSE_S)

    async def _watched(
        self, member: Member, turns: int, keys: KeyRange, revision: int
    ) -> AsyncGenerator[tuple[int, Sequence[Change]], None]:
        """Yield changes with the revision of the last of them; 0 and none once it watches."""
        await member.check(_ATTEMPT_S)
        call = member.watch.Watch(metadata=REQUIRE_LEADER)
        try:
            async with asyncio.timeout(_ATTEMPT_S):
                await call.write(watch_request(keys, revision))
            # Not before: to write to a call that was cancelled as it began takes for ever.
            member.watching.add(call)
            if member.turns != turns:
                return
            while isinstance(response := await call.read(), WatchResponse):
                if response.compact_revision:
                    raise CompactedError(response.compact_revision)
                if response.canceled:
                    return
                yield last_revision(response), changes_of(response)
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is None or task.cancelling():
                raise
            # Only the stream was cancelled: somebody has turned away from its member.
        finally:
            member.watching.discard(call)
            call.cancel()

    async def _ask(
        self, attempt: Callable[[Member], Awaitable[ResultT]], attempt_s: float = _ATTEMPT_S
    ) -> ResultT:
        """Return what a member answers within ``attempt_s``; ask one after another until one does.

        Raises:
            EtcdUnavailableError: None does in time.
            LeaseLostError: What was asked names a lease that has ended.
            CompactedError: Or a revision that is gone.
        """
        clock = asyncio.get_running_loop().time
        deadline_s = clock() + self._timeout_s + attempt_s - _ATTEMPT_S
        while True:
            member, remedy = self._members[0], ""
            turns = member.turns
            try:
                await member.check(_ATTEMPT_S)
                return await attempt(member)
            except grpc.aio.AioRpcError as error:
                reason, remedy = _told(error)
                _raise_if_answered(error)
            except UnsupportedEtcdError as error:
                reason = str(error)
            self._turn_from(member, turns, reason)
            if clock() > deadline_s:
                raise EtcdUnavailableError(reason, remedy)
            await asyncio.sleep(_PAUSE_S)

    def _turn_from(self, member: Member, turns: int, reason: str) -> None:
        """Let another member have its turn, unless somebody else has turned away already.

        Whoever waits for changes there moves on, too: of a member that is silent, it cannot be told
        whether there are none. ``turns`` are those of the member when it was asked.
        """
        if member.turns != turns:
            return
        member.turns += 1
        member.forget_version()
        for call in member.watching:
            call.cancel()
        if member is self._members[0]:
            _log.info("turns away from etcd member %s: %s", member.endpoint, reason)
            self._members.append(self._members.pop(0))


def _raise_if_answered(error: grpc.aio.AioRpcError) -> None:
    """Raise what an error stands for, unless another member may answer otherwise."""
    match error.code():
        case grpc.StatusCode.NOT_FOUND:
            raise LeaseLostError from error
        case grpc.StatusCode.OUT_OF_RANGE:
            raise CompactedError(0) from error
        case code:
            if code in _FINAL:
                raise EtcdUnavailableError(*_told(error)) from error


def _told(error: grpc.aio.AioRpcError) -> tuple[str, str]:
    """Return what went wrong, and what to do about it."""
    details = error.details() or ""
    return details or error.code().name, remedy_for(error.code(), details)
