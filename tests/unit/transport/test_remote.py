"""Connections over gRPC, against servers that misbehave on purpose."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from tests.scenarios.outcome import Outcome, State
from tests.traces import collecting
from tests.unit.conftest import ChannelMaterial

from tallystick.node.cluster.ports import free_ports
from tallystick.node.membership.ca import CertificateAuthority, CertificateRequest, Purpose
from tallystick.node.transport.channels import ChannelPool, open_channel
from tallystick.node.transport.credentials import ClientTls, KeyPair, ServerTls, certificate_hash
from tallystick.node.transport.options import MAX_MESSAGE_BYTES
from tallystick.node.transport.ports import (
    Caller,
    OrdererConnection,
    OrdererUnreachableError,
    StreamService,
)
from tallystick.node.transport.remote import (
    CONNECT_TIMEOUT_S,
    OTHERS_TIMEOUT_S,
    RemoteEndorser,
    RemoteOrderer,
)
from tallystick.node.transport.server import (
    ListenError,
    add_stream_services,
    new_server,
    serving,
)
from tallystick.node.transport.tasks import supervised_tasks
from tallystick.protos.common.common_pb2 import Status
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse, DeliverResponse
from tallystick.protos.peer.proposal_pb2 import SignedProposal
from tallystick.wire.errors import MalformedMessageError

ADDRESS = "127.0.0.1:0"


@dataclass
class FakeOrderer:
    """Answers SUCCESS with the envelope as info, except where a test wants otherwise."""

    received: list[bytes] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)
    refuses: Callable[[bytes], bool] = lambda _: False
    ends_before: Callable[[bytes], bool] = lambda _: False
    delivers: list[bytes] = field(default_factory=list)
    streams: int = 0

    async def broadcast(
        self, requests: AsyncIterator[bytes], caller: Caller
    ) -> AsyncIterator[bytes]:
        self.streams += 1
        self.callers.append(caller)
        async for envelope in requests:
            if self.ends_before(envelope):
                return
            self.received.append(envelope)
            refused = self.refuses(envelope)
            status = Status.FORBIDDEN if refused else Status.SUCCESS
            yield BroadcastResponse(status=status, info=envelope.decode()).SerializeToString()
            if refused:
                return

    async def deliver(self, requests: AsyncIterator[bytes], caller: Caller) -> AsyncIterator[bytes]:
        self.callers.append(caller)
        async for _ in requests:
            for response in self.delivers:
                yield response
            return


@dataclass
class HangingOrderer(FakeOrderer):
    """Takes envelopes, and answers none.

    Attributes:
        reached: Whether it has one.
    """

    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def broadcast(self, requests: AsyncIterator[bytes], _: Caller) -> AsyncIterator[bytes]:
        async for envelope in requests:
            self.reached.set()
            await asyncio.Event().wait()
            yield envelope


@asynccontextmanager
async def connected(
    services: FakeOrderer,
    server_tls: ServerTls | None = None,
    client_tls: ClientTls | None = None,
    connect_timeout_s: float = CONNECT_TIMEOUT_S,
) -> AsyncIterator[RemoteOrderer]:
    server = new_server()
    methods: dict[str, StreamService] = {
        "Broadcast": services.broadcast,
        "Deliver": services.deliver,
    }
    add_stream_services(server, "orderer.AtomicBroadcast", methods)
    async with asyncio.timeout(20), AsyncExitStack() as stack:
        port = await stack.enter_async_context(serving(server, ADDRESS, tls=server_tls, grace_s=0))
        pool = await stack.enter_async_context(ChannelPool())
        tasks = await stack.enter_async_context(supervised_tasks())
        endpoint = f"localhost:{port}"
        yield await stack.enter_async_context(
            RemoteOrderer(
                pool.channel(endpoint, client_tls),
                endpoint=endpoint,
                tasks=tasks,
                connect_timeout_s=connect_timeout_s,
            )
        )


async def broadcast_all(
    orderer: OrdererConnection, envelopes: list[bytes]
) -> list[BroadcastResponse | BaseException]:
    return await asyncio.gather(*map(orderer.broadcast, envelopes), return_exceptions=True)


async def test_all_envelopes_share_one_stream_and_each_caller_gets_its_own_answer() -> None:
    fake = FakeOrderer()
    envelopes = [b"%d" % index for index in range(50)]
    async with connected(fake) as orderer:
        first = await orderer.broadcast(b"first")
        answers = await broadcast_all(orderer, envelopes)
    assert first.info == "first"
    assert [a.info for a in answers if isinstance(a, BroadcastResponse)] == [
        envelope.decode() for envelope in envelopes
    ]
    assert fake.received == [b"first", *envelopes]
    assert fake.streams == 1


async def test_what_stood_behind_a_refused_envelope_is_sent_again_in_order() -> None:  # §7.1
    fake = FakeOrderer(refuses=lambda envelope: envelope.startswith(b"bad"))
    envelopes = [b"1", b"bad 1", b"2", b"bad 2", b"bad 3", b"3"]
    async with connected(fake) as orderer:
        answers = await broadcast_all(orderer, envelopes)
    statuses = [a.status for a in answers if isinstance(a, BroadcastResponse)]
    assert statuses == [200, 403, 200, 403, 403, 200]
    assert fake.received == envelopes


async def test_a_stream_that_ends_without_answers_fails_those_who_wait_and_is_opened_anew() -> None:
    fake = FakeOrderer(ends_before=lambda envelope: envelope == b"2")
    async with connected(fake) as orderer:
        answers = await broadcast_all(orderer, [b"1", b"2", b"3"])
        assert isinstance(answers[0], BroadcastResponse)
        for answer in answers[1:]:
            assert isinstance(answer, OrdererUnreachableError)
        assert (await orderer.broadcast(b"4")).info == "4"


async def test_an_answer_that_nobody_asked_for_ends_the_stream() -> None:
    fake = FakeOrderer()

    async def twice(requests: AsyncIterator[bytes], caller: Caller) -> AsyncIterator[bytes]:
        async for response in FakeOrderer.broadcast(fake, requests, caller):
            yield response
            yield response

    fake.broadcast = twice  # type: ignore[method-assign]
    async with connected(fake) as orderer:
        assert (await orderer.broadcast(b"1")).info == "1"


async def test_one_who_gives_up_does_not_shift_the_answers_of_others() -> None:
    fake = FakeOrderer()
    async with connected(fake) as orderer:
        await orderer.broadcast(b"0")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await orderer.broadcast(b"1")
        assert (await orderer.broadcast(b"2")).info == "2"


async def test_an_orderer_that_is_not_there_is_named() -> None:
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(ChannelPool())
        tasks = await stack.enter_async_context(supervised_tasks())
        orderer = await stack.enter_async_context(
            RemoteOrderer(
                pool.channel("localhost:1", None),
                endpoint="localhost:1",
                tasks=tasks,
                connect_timeout_s=0.05,
            )
        )
        with pytest.raises(OrdererUnreachableError, match="no answer from orderer localhost:1"):
            await orderer.broadcast(b"1")
        with pytest.raises(OrdererUnreachableError):
            await anext(orderer.deliver(b"seek"))


@pytest.mark.parametrize("connect_timeout_s", [OTHERS_TIMEOUT_S, CONNECT_TIMEOUT_S])
async def test_an_orderer_is_connected_where_it_serves_and_not_where_the_port_refuses(
    connect_timeout_s: float,
) -> None:
    async with connected(FakeOrderer(), connect_timeout_s=connect_timeout_s) as orderer:
        while not await orderer.connected():  # noqa: ASYNC110 -- `connected` has a deadline
            await asyncio.sleep(0.01)
    now_s, took_s = asyncio.get_running_loop().time, []
    async with asyncio.timeout(60), ChannelPool() as pool, supervised_tasks() as tasks:
        for refusing in (f"localhost:{port}" for port in free_ports(3)):
            orderer = RemoteOrderer(
                pool.channel(refusing, None),
                endpoint=refusing,
                tasks=tasks,
                connect_timeout_s=connect_timeout_s,
            )
            began_s = now_s()
            assert not await orderer.connected()
            took_s.append(now_s() - began_s)
    assert min(took_s) < connect_timeout_s + 1


async def test_an_orderer_that_was_away_takes_the_first_envelope_after_its_return() -> None:
    fake = FakeOrderer()
    server = new_server()
    add_stream_services(server, "orderer.AtomicBroadcast", {"Broadcast": fake.broadcast})
    async with asyncio.timeout(20), AsyncExitStack() as stack:
        address = f"localhost:{next(free_ports(1))}"
        pool = await stack.enter_async_context(ChannelPool())
        tasks = await stack.enter_async_context(supervised_tasks())
        channel = pool.channel(address, None)
        orderer = await stack.enter_async_context(
            RemoteOrderer(channel, endpoint=address, tasks=tasks)
        )
        state = channel.get_state(try_to_connect=True)
        while state is not grpc.ChannelConnectivity.TRANSIENT_FAILURE:
            await channel.wait_for_state_change(state)
            state = channel.get_state()
        await stack.enter_async_context(serving(server, address, tls=None, grace_s=0))
        assert (await orderer.broadcast(b"1")).info == "1"


async def test_leaving_a_connection_fails_those_who_still_wait() -> None:
    fake = FakeOrderer()
    released = asyncio.Event()

    async def hesitant(requests: AsyncIterator[bytes], caller: Caller) -> AsyncIterator[bytes]:  # noqa: ARG001
        async for _ in requests:
            released.set()
            await asyncio.Event().wait()
            yield b""

    fake.broadcast = hesitant  # type: ignore[method-assign]
    async with connected(fake) as orderer, asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(fails_unreachable(orderer))
        await released.wait()
        orderer.close()
        assert await waiting


async def test_who_waits_on_a_stream_closed_before_its_first_step_fails_and_another_opens() -> None:
    fake = FakeOrderer()
    async with connected(fake) as orderer, asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(fails_unreachable(orderer))
        await asyncio.sleep(0)  # the envelope waits, and its stream has not taken a step
        orderer.close()
        assert (await orderer.broadcast(b"2")).info == "2"
        assert await waiting
    assert fake.received == [b"2"]


async def test_who_waits_learns_that_the_tasks_of_a_connection_ended_before_it_began() -> None:
    async def end(group: asyncio.TaskGroup, waiters: asyncio.TaskGroup) -> None:
        orderer = RemoteOrderer(open_channel("localhost:1", None), endpoint="a:1", tasks=group)
        waiters.create_task(fails_unreachable(orderer))
        await asyncio.sleep(0)
        raise ListenError("a:1", "taken")

    async with asyncio.timeout(20), asyncio.TaskGroup() as waiters:
        with pytest.raises(ListenError):
            async with supervised_tasks() as group:
                await end(group, waiters)


async def fails_unreachable(orderer: OrdererConnection) -> bool:
    with pytest.raises(OrdererUnreachableError):
        await orderer.broadcast(b"1")
    return True


async def test_delivered_messages_arrive_in_order_and_the_stream_ends_with_the_server() -> None:
    responses = [DeliverResponse(status=Status.SUCCESS), DeliverResponse(status=Status.NOT_FOUND)]
    fake = FakeOrderer(delivers=[response.SerializeToString() for response in responses])
    async with connected(fake) as orderer:
        assert [response async for response in orderer.deliver(b"seek")] == responses


async def test_a_delivered_message_that_cannot_be_read_is_an_error() -> None:
    async with connected(FakeOrderer(delivers=[b"\xff"])) as orderer:
        with pytest.raises(MalformedMessageError):
            await anext(orderer.deliver(b"seek"))


@pytest.fixture
def tls_directory(channel_material: ChannelMaterial) -> Path:
    return channel_material.directory / "orderer" / "orderers" / "orderer0" / "tls"


@pytest.fixture
def key_pair(tls_directory: Path) -> KeyPair:
    return KeyPair(
        (tls_directory / "server.crt").read_bytes(), (tls_directory / "server.key").read_bytes()
    )


async def test_with_mutual_tls_a_service_learns_the_hash_of_the_clients_certificate(
    tls_directory: Path, key_pair: KeyPair
) -> None:  # §1
    roots = (tls_directory / "ca.crt").read_bytes()
    fake = FakeOrderer()
    client = ClientTls(roots, key_pair)
    async with connected(fake, ServerTls(key_pair, roots, True), client) as orderer:  # noqa: FBT003
        await orderer.broadcast(b"1")
    assert fake.callers[0].tls_certificate_hash == client.certificate_hash
    assert client.certificate_hash == certificate_hash(key_pair.certificate)


def of_another_authority(since: datetime) -> KeyPair:
    authority = CertificateAuthority.create("tls", "stranger.example", now=since)
    pair = authority.issue(CertificateRequest("client", purpose=Purpose.TLS), now=since)
    return KeyPair(pair.certificate_pem, pair.key_pem)


LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "client_of",
    [
        pytest.param(ClientTls, id="no certificate"),
        pytest.param(
            lambda roots: ClientTls(roots, of_another_authority(datetime.now(UTC))),
            id="one of another authority",
        ),
        pytest.param(
            lambda roots: ClientTls(roots, of_another_authority(LONG_AGO)), id="one that has ended"
        ),
        pytest.param(lambda _: None, id="no TLS at all"),
    ],
)
async def test_a_client_without_a_good_certificate_comes_to_a_port_that_requires_one(
    outcome: Outcome,
    tls_directory: Path,
    key_pair: KeyPair,
    client_of: Callable[[bytes], ClientTls | None],
) -> None:
    roots = (tls_directory / "ca.crt").read_bytes()
    server = ServerTls(key_pair, roots, requires_client_certificate=True)
    fake = FakeOrderer()
    nobody = State("nothing of it was received", lambda: (list(fake.received), list(fake.callers)))
    async with connected(fake, server, client_of(roots), connect_timeout_s=0.05) as orderer:
        with outcome.refuses(OrdererUnreachableError, leaves=nobody):
            await orderer.broadcast(b"1")


async def test_messages_above_grpcs_own_limit_pass_and_those_above_fabrics_do_not() -> None:  # §1
    async with connected(FakeOrderer()) as orderer:
        large = b"x" * (5 * 1024 * 1024)
        assert (await orderer.broadcast(large)).info == large.decode()
        with pytest.raises(OrdererUnreachableError, match="code = ResourceExhausted"):
            await orderer.broadcast(bytes(MAX_MESSAGE_BYTES + 1))


def answers(port: int) -> bool:
    """Return that somebody takes a connection; OSError says that nobody does."""
    with socket.create_connection(("127.0.0.1", port), timeout=10):
        return True


async def test_a_port_in_use_is_an_error_that_names_it(outcome: Outcome) -> None:
    async with serving(new_server(), ADDRESS, tls=None, grace_s=0) as port:
        taken = f"127.0.0.1:{port}"
        with outcome.refuses(
            ListenError,
            leaves=State("who listened there still does", lambda: answers(port)),
            match=f"cannot listen on {taken}",
        ):
            async with serving(new_server(), taken, tls=None, grace_s=0):
                pass


async def test_a_pool_opens_one_channel_per_address_and_credentials() -> None:
    async with ChannelPool() as pool:
        channel = pool.channel("localhost:1", None)
        assert pool.channel("localhost:1", None) is channel
        assert pool.channel("localhost:2", None) is not channel
        assert pool.channel("localhost:1", ClientTls(b"")) is not channel


async def test_a_pool_opens_anew_what_it_forgot_and_leaves_the_former_to_who_has_it() -> None:
    async with ChannelPool() as pool:
        channel = pool.channel("localhost:1", None)
        pool.forget("localhost:1", None)
        pool.forget("localhost:2", None)
        assert pool.channel("localhost:1", None) is not channel
        assert channel.get_state() is grpc.ChannelConnectivity.IDLE, "it is open"
        await channel.close()


async def test_an_endorser_that_cannot_be_reached_raises_grpcs_own_error() -> None:
    channel = open_channel("localhost:1", None)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await RemoteEndorser(channel).process_proposal(SignedProposal())
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    await channel.close()


async def test_a_single_failure_of_supervised_tasks_is_raised_as_itself() -> None:
    async def fail() -> None:
        raise ListenError("a:1", "taken")

    async def run() -> None:
        async with supervised_tasks() as tasks:
            tasks.create_task(fail())
            await asyncio.Event().wait()

    with pytest.raises(ListenError):
        await run()


async def test_several_failures_of_supervised_tasks_stay_together() -> None:
    async def fail(port: int) -> None:
        raise ListenError(f"a:{port}", "taken")

    async def run() -> None:
        async with supervised_tasks() as tasks:
            for port in (1, 2):
                tasks.create_task(fail(port))

    with pytest.raises(ExceptionGroup) as caught:
        await run()
    assert len(caught.value.exceptions) == 2


async def test_an_envelope_that_is_traced_has_a_stream_of_its_own() -> None:
    fake = FakeOrderer(refuses=lambda envelope: envelope == b"refused")
    with collecting(ALWAYS_ON) as collected:
        async with connected(fake) as orderer:
            with collected.tracer.start_as_current_span("root"):
                answers = await broadcast_all(orderer, [b"1", b"refused", b"2"])
            untraced = await broadcast_all(orderer, [b"3", b"4"])
    assert [a.status for a in answers if isinstance(a, BroadcastResponse)] == [200, 403, 200]
    assert [a.status for a in untraced if isinstance(a, BroadcastResponse)] == [200, 200]
    assert fake.streams == 3 + 1


async def test_a_traced_envelope_without_an_answer_fails() -> None:
    fake = FakeOrderer(ends_before=lambda _: True)
    with collecting(ALWAYS_ON) as collected:
        async with connected(fake) as orderer:
            with (
                collected.tracer.start_as_current_span("root"),
                pytest.raises(OrdererUnreachableError, match="ended before the response"),
            ):
                await orderer.broadcast(b"1")
    assert not fake.received


async def test_a_traced_envelope_waits_for_nothing_once_its_orderer_is_let_go() -> None:
    fake = HangingOrderer()
    with collecting(ALWAYS_ON) as collected:
        async with connected(fake) as orderer, asyncio.TaskGroup() as tasks:
            with collected.tracer.start_as_current_span("root"):
                waiting = tasks.create_task(broadcast_all(orderer, [b"1"]))
            await fake.reached.wait()
            orderer.close()
            (failed,) = await waiting
    assert isinstance(failed, OrdererUnreachableError)
