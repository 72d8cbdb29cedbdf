"""The client of etcd, against servers that answer as etcd would."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import grpc
import pytest

from tallystick.node.ordering.etcd.client import EtcdClient
from tallystick.node.ordering.etcd.port import EtcdUnavailableError, LeaseLostError, Put, only
from tallystick.node.ordering.etcd.remedies import remedy_for
from tallystick.node.ordering.etcd.versions import UnsupportedEtcdError
from tallystick.protos.etcd.kv_pb2 import Event, KeyValue
from tallystick.protos.etcd.rpc_pb2 import (
    RangeRequest,
    RangeResponse,
    ResponseHeader,
    StatusRequest,
    StatusResponse,
    TxnRequest,
    TxnResponse,
    WatchRequest,
    WatchResponse,
)

Context = grpc.aio.ServicerContext[Any, Any]


NO_SPACE = "etcdserver: mvcc: database space exceeded"
NO_LEASE = (grpc.StatusCode.NOT_FOUND, "etcdserver: requested lease not found")


class OneMember:
    """A member of some release, which may lack a leader, and refuses transactions."""

    def __init__(
        self,
        version: str = "3.4.23",
        *,
        has_leader: bool = True,
        fault: tuple[grpc.StatusCode, str] = NO_LEASE,
    ) -> None:
        self.version = version
        self.fault = fault
        self.has_leader = has_leader
        self.asked = 0
        self.watched = asyncio.Event()
        self.speaks = asyncio.Event()
        self.speaks.set()

    async def status(self, _: StatusRequest, __: Context) -> StatusResponse:
        return StatusResponse(version=self.version)

    async def range(self, request: RangeRequest, context: Context) -> RangeResponse:
        self.asked += 1
        await self.speaks.wait()
        if not self.has_leader:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "etcdserver: no leader")
        found = KeyValue(key=request.key, value=b"value", create_revision=3, lease=5)
        return RangeResponse(header=ResponseHeader(revision=9), kvs=[found], more=True)

    async def txn(self, _: TxnRequest, context: Context) -> None:
        await context.abort(*self.fault)

    async def watch(
        self, requests: AsyncIterator[WatchRequest], _: Context
    ) -> AsyncIterator[WatchResponse]:
        async for request in requests:
            yield WatchResponse(created=True)
            self.watched.set()
            await self.speaks.wait()
            changed = KeyValue(key=request.create_request.key, mod_revision=10)
            yield WatchResponse(events=[Event(kv=changed)])

    def serve(self, server: grpc.aio.Server) -> None:
        services: dict[str, dict[str, Any]] = {
            "etcdserverpb.KV": {
                "Range": grpc.unary_unary_rpc_method_handler(
                    self.range, RangeRequest.FromString, RangeResponse.SerializeToString
                ),
                "Txn": grpc.unary_unary_rpc_method_handler(
                    self.txn, TxnRequest.FromString, TxnResponse.SerializeToString
                ),
            },
            "etcdserverpb.Watch": {
                "Watch": grpc.stream_stream_rpc_method_handler(
                    self.watch, WatchRequest.FromString, WatchResponse.SerializeToString
                )
            },
            "etcdserverpb.Maintenance": {
                "Status": grpc.unary_unary_rpc_method_handler(
                    self.status, StatusRequest.FromString, StatusResponse.SerializeToString
                )
            },
        }
        server.add_generic_rpc_handlers(
            tuple(
                grpc.method_handlers_generic_handler(name, methods)
                for name, methods in services.items()
            )
        )


AT_ONCE_S = 0.0
"""For a client that is to give up as soon as one member has said why."""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each answer come, however busy the machine is: what is tested is not how long it took."""
    monkeypatch.setattr("tallystick.node.ordering.etcd.client._ATTEMPT_S", 60.0)


@asynccontextmanager
async def client_of(
    members: Sequence[OneMember], *, timeout_s: float = 60.0
) -> AsyncIterator[EtcdClient]:
    servers, endpoints = [], []
    for member in members:
        server = grpc.aio.server()
        member.serve(server)
        endpoints.append(f"localhost:{server.add_insecure_port('localhost:0')}")
        await server.start()
        servers.append(server)
    try:
        async with (
            asyncio.timeout(60),
            EtcdClient(endpoints, None, timeout_s=timeout_s) as client,
        ):
            yield client
    finally:
        for server in servers:
            await server.stop(None)


async def test_what_is_found_is_told_with_its_revisions() -> None:
    async with client_of([OneMember()]) as client:
        found = await client.read(only(b"key"))
    (record,) = found.records
    assert (record.key, record.value) == (b"key", b"value")
    assert (record.create_revision, record.lease) == (3, 5)
    assert (found.revision, found.more) == (9, True)


async def test_a_member_without_a_leader_is_left_for_another_one() -> None:
    lost, well = OneMember(has_leader=False), OneMember()
    async with client_of([lost, well]) as client:
        await client.read(only(b"key"))
        await client.read(only(b"key"))
    assert (lost.asked, well.asked) == (1, 2)


async def test_if_no_member_answers_the_reason_is_etcds() -> None:
    async with client_of([OneMember(has_leader=False)], timeout_s=AT_ONCE_S) as client:
        with pytest.raises(EtcdUnavailableError, match="etcdserver: no leader"):
            await client.read(only(b"key"))


async def test_a_lease_that_has_ended_is_no_reason_to_ask_another_member() -> None:
    async with client_of([OneMember()]) as client:
        with pytest.raises(LeaseLostError):
            await client.commit([], [Put(b"key", b"value", lease=7)])


async def test_when_the_space_of_etcd_is_used_up_the_error_says_how_to_make_room() -> None:
    full = OneMember(fault=(grpc.StatusCode.RESOURCE_EXHAUSTED, NO_SPACE))
    async with client_of([full], timeout_s=AT_ONCE_S) as client:
        with pytest.raises(EtcdUnavailableError, match="etcdctl alarm disarm") as refused:
            await client.commit([], [Put(b"key", b"value")])
    assert NO_SPACE in str(refused.value)
    assert "does not answer" not in str(refused.value)


@pytest.mark.parametrize(
    ("code", "details", "words"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, "etcdserver: permission denied", "let a role of etcd"),
        (grpc.StatusCode.INVALID_ARGUMENT, "etcdserver: user name is empty", "let a role of etcd"),
        (grpc.StatusCode.INVALID_ARGUMENT, "etcdserver: request is too large", "--max-request"),
        (grpc.StatusCode.UNIMPLEMENTED, "unknown service etcdserverpb.KV", "is etcd 3.4 or later"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, NO_SPACE, "etcdctl defrag --cluster"),
        (
            grpc.StatusCode.UNAVAILABLE,
            "Ssl handshake failed: SSL_ERROR_SSL: CERTIFICATE_VERIFY_FAILED",
            "root_certificates",
        ),
    ],
)
def test_each_refusal_names_its_own_remedy(code: grpc.StatusCode, details: str, words: str) -> None:
    assert words in remedy_for(code, details)


@pytest.mark.parametrize(
    ("code", "details"),
    [
        (grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded"),
        (grpc.StatusCode.UNAVAILABLE, "etcdserver: no leader"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "etcdserver: too many requests"),
    ],
)
def test_a_member_that_is_away_or_busy_has_no_other_remedy_than_to_run(
    code: grpc.StatusCode, details: str
) -> None:
    assert not remedy_for(code, details)


async def test_a_member_of_a_release_that_corrupts_data_stops_an_orderer_from_starting() -> None:
    async with client_of([OneMember(), OneMember("3.5.1")]) as client:
        with pytest.raises(UnsupportedEtcdError, match=r"3\.5\.1 .* can lose data"):
            await client.check_versions()


async def test_such_a_member_is_not_asked_for_anything_when_it_comes_later() -> None:
    bad = OneMember("3.5.0")
    async with client_of([bad], timeout_s=AT_ONCE_S) as client:
        with pytest.raises(EtcdUnavailableError, match="can lose data in a crash"):
            await client.read(only(b"key"))
    assert bad.asked == 0


async def test_a_member_that_is_away_does_not_stop_an_orderer_from_starting() -> None:
    async with EtcdClient(["localhost:1"], None, timeout_s=AT_ONCE_S) as client:
        await client.check_versions()
        with pytest.raises(EtcdUnavailableError):
            await client.read(only(b"key"))


async def test_who_waits_for_changes_leaves_a_member_that_no_longer_answers_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    silent, well = OneMember(), OneMember()
    silent.speaks.clear()
    async with (
        client_of([silent, well]) as client,
        aclosing(client.watch(only(b"key"), 9)) as changes,
        asyncio.TaskGroup() as tasks,
    ):
        waiting = tasks.create_task(anext(changes))
        await silent.watched.wait()
        monkeypatch.setattr("tallystick.node.ordering.etcd.client._ATTEMPT_S", 0.5)
        await client.read(only(b"key"))
        (change,) = await waiting
    assert change.key == b"key"
    assert well.watched.is_set()


async def test_who_is_cancelled_while_it_waits_for_changes_waits_no_longer() -> None:
    silent = OneMember()
    silent.speaks.clear()
    async with client_of([silent]) as client, asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(anext(client.watch(only(b"key"), 9)))
        await silent.watched.wait()
        waiting.cancel()
    assert waiting.cancelled()
