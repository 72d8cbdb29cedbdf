"""Python chaincode on a real stream to a strict peer, both ways of opening it, TLS or not (§9)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from random import Random
from threading import Thread

import grpc
import pytest
from tests.unit.chaincode.strict_peer import StrictPeer
from tests.unit.runtime.elsewhere import Authority

from tallystick.chaincode.errors import Refusal
from tallystick.chaincode.shim import Host, PeerSettings, ServerSettings, serving, stay_registered
from tallystick.chaincode.shim.settings import Tls
from tallystick.chaincode.shim.stub import ShimStub
from tallystick.chaincode.shim.workers import Workers
from tallystick.chaincode.stub import ChaincodeStub
from tallystick.protos.peer.chaincode_shim_pb2 import ChaincodeMessage, WriteBatchState
from tallystick.protos.peer.chaincode_shim_pb2_grpc import ChaincodeStub as Dialler
from tallystick.protos.peer.proposal_response_pb2 import Response

Type = ChaincodeMessage.Type
PACKAGE_ID = "cc_1.0:00"


def write_all(stub: ShimStub) -> str:
    stub.put_state("k", b"v")
    stub.del_state("k")
    stub.put_state_metadata("k", "VALIDATION_PARAMETER", b"p")
    stub.put_private_data("c", "k", b"v")
    stub.del_private_data("c", "k")
    stub.purge_private_data("c", "k")
    return ""


def leave_early(stub: ShimStub) -> str:
    found = [key for key, _ in islice(stub.get_state_range("", ""), 3)]
    stub.get_state("k")
    return json.dumps(found)


def ask_from_two_threads(stub: ShimStub) -> str:
    others = [Thread(target=stub.get_state, args=(f"k{number}",)) for number in range(4)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    return ""


def call_other(stub: ShimStub) -> str:
    reply = stub.invoke_chaincode("other", [b"f", b"x"])
    assert reply.event is not None
    return f"{reply.response.payload.decode()} {reply.event.event_name}"


def announce(stub: ShimStub) -> str:
    stub.set_event("happened", b"e")
    return ""


def fail(_: ShimStub) -> str:
    raise RuntimeError("a defect")


def page_of(stub: ShimStub) -> str:
    first = stub.get_state_page("", "", 2, "")
    second = stub.get_state_page("", "", 2, first.bookmark)
    return json.dumps([key for key, _ in (*first.rows, *second.rows)])


PROBES: dict[str, Callable[[ShimStub], str]] = {
    "get": lambda stub: repr([stub.get_state("k"), stub.get_state("absent")]),
    "get many": lambda stub: repr(stub.get_states(["a", "absent", "b"])),
    "write": write_all,
    "range": lambda stub: str(len(list(stub.get_state_range("", "")))),
    "leave early": leave_early,
    "page": page_of,
    "history": lambda stub: str([c.transaction_id for c in stub.get_history("k")][-1]),
    "rich query": lambda stub: str(list(stub.get_query_result("{}"))),
    "private": lambda stub: repr(stub.get_private_data("c", "k")),
    "private hash": lambda stub: repr(stub.get_private_data_hash("c", "k")),
    "private range": lambda stub: str(len(list(stub.get_private_data_range("c", "", "")))),
    "metadata": lambda stub: repr(dict(stub.get_state_metadata("k"))),
    "invoke": call_other,
    "invoke absent": lambda stub: repr(stub.invoke_chaincode("absent", [b"f"])),
    "event": announce,
    "fail": fail,
    "threads": ask_from_two_threads,
}


class Prober:
    """A chaincode that tries one thing."""

    def invoke(self, stub: ChaincodeStub) -> Response:
        assert isinstance(stub, ShimStub)
        try:
            answer = PROBES[stub.args[0].decode()](stub)
        except Refusal as refusal:
            return Response(status=refusal.status, message=str(refusal))
        return Response(status=200, payload=answer.encode())


def host(handshake_timeout_s: float = 10.0) -> Host:
    return Host(Prober(), PACKAGE_ID, Workers(8), handshake_timeout_s)


@dataclass
class Listener:
    """A peer's side in client mode: hands each stream that is opened to who waits for it."""

    streams: asyncio.Queue[grpc.aio.ServicerContext[ChaincodeMessage, ChaincodeMessage]] = field(
        default_factory=asyncio.Queue
    )
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def register(
        self,
        _requests: AsyncIterator[ChaincodeMessage],
        context: grpc.aio.ServicerContext[ChaincodeMessage, ChaincodeMessage],
    ) -> None:
        self.streams.put_nowait(context)
        await self.release.wait()


@asynccontextmanager
async def listening(tls: Tls | None) -> AsyncIterator[tuple[Listener, int]]:
    listener, server = Listener(), grpc.aio.server()
    handler = grpc.stream_stream_rpc_method_handler(
        listener.register,
        request_deserializer=ChaincodeMessage.FromString,
        response_serializer=ChaincodeMessage.SerializeToString,
    )
    service = grpc.method_handlers_generic_handler("protos.ChaincodeSupport", {"Register": handler})
    server.add_generic_rpc_handlers((service,))
    if tls is None:
        port = server.add_insecure_port("localhost:0")
    else:
        pairs = [(tls.private_key, tls.certificate)]
        credentials = grpc.ssl_server_credentials(pairs, tls.roots, require_client_auth=True)
        port = server.add_secure_port("localhost:0", credentials)
    await server.start()
    try:
        yield listener, port
    finally:
        listener.release.set()
        await server.stop(None)


@asynccontextmanager
async def dialled(*, tls: bool, offers: bool) -> AsyncIterator[StrictPeer]:
    """The peer dials the chaincode."""
    chaincodes, peers = Authority(), Authority()
    material = chaincodes.issue(peers.roots) if tls else None
    own = peers.issue()
    async with serving(host(), ServerSettings("localhost:0", material)) as port:
        address = f"localhost:{port}"
        credentials = grpc.ssl_channel_credentials(
            chaincodes.roots, own.private_key, own.certificate
        )
        channel = (
            grpc.aio.secure_channel(address, credentials)
            if tls
            else grpc.aio.insecure_channel(address)
        )
        async with channel:
            yield StrictPeer(Dialler(channel).Connect(), offers)


@asynccontextmanager
async def registering(*, tls: bool, offers: bool) -> AsyncIterator[StrictPeer]:
    """The chaincode dials the peer."""
    chaincodes, peers = Authority(), Authority()
    material = peers.issue(chaincodes.roots) if tls else None
    own = chaincodes.issue(peers.roots) if tls else None
    async with listening(material) as (listener, port), asyncio.TaskGroup() as tasks:
        settings = PeerSettings(f"localhost:{port}", own)
        task = tasks.create_task(stay_registered(host(), settings, random=Random(1)))
        yield StrictPeer(await listener.streams.get(), offers)
        task.cancel()


MODES = {"server": dialled, "client": registering}


@pytest.fixture(params=[f"{mode}, {tls}" for mode in MODES for tls in ("clear", "tls")])
async def peer(request: pytest.FixtureRequest) -> AsyncIterator[StrictPeer]:
    """A peer that offers what newer Fabric offers, ready for calls."""
    mode, _, tls = request.param.partition(", ")
    async with MODES[mode](tls=tls == "tls", offers=True) as peer:
        await peer.shake_hands(PACKAGE_ID)
        yield peer


@pytest.fixture(params=list(MODES))
async def old_peer(request: pytest.FixtureRequest) -> AsyncIterator[StrictPeer]:
    """A peer that offers nothing."""
    async with MODES[request.param](tls=False, offers=False) as peer:
        await peer.shake_hands(PACKAGE_ID)
        yield peer


REQUESTS = [
    ("get", "[b':k', None]", ["GET_STATE"] * 2),
    ("get many", "[b':a', None, b':b']", ["GET_STATE_MULTIPLE"] * 2),
    ("write", "", ["WRITE_BATCH_STATE"] * 2),
    ("range", "250", ["GET_STATE_BY_RANGE", "QUERY_STATE_NEXT", "QUERY_STATE_NEXT"]),
    (
        "leave early",
        '["000", "001", "002"]',
        ["GET_STATE_BY_RANGE", "QUERY_STATE_CLOSE", "GET_STATE"],
    ),
    ("page", '["000", "001", "002", "003"]', ["GET_STATE_BY_RANGE"] * 2),
    ("history", "t100", ["GET_HISTORY_FOR_KEY", "QUERY_STATE_NEXT"]),
    ("private", "b'c:k'", ["GET_STATE"]),
    ("private hash", "b'c:k'", ["GET_PRIVATE_DATA_HASH"]),
    ("private range", "250", ["GET_STATE_BY_RANGE", "QUERY_STATE_NEXT", "QUERY_STATE_NEXT"]),
    ("metadata", "{'VALIDATION_PARAMETER': b'policy'}", ["GET_STATE_METADATA"]),
    ("invoke", "f x called", ["INVOKE_CHAINCODE"]),
]
ONE_BY_ONE = {
    "get many": ["GET_STATE"] * 3,
    "write": [
        "PUT_STATE",
        "DEL_STATE",
        "PUT_STATE_METADATA",
        "PUT_STATE",
        "DEL_STATE",
        "PURGE_PRIVATE_DATA",
    ],
}


async def test_every_request_is_made_as_the_peer_takes_it(peer: StrictPeer) -> None:
    """§9.3."""
    for probe, answer, requests in REQUESTS:
        peer.requests.clear()
        assert (probe, await peer.answered(probe)) == (probe, answer)
        assert (probe, peer.requests) == (probe, requests)
    assert peer.closed_queries == ["q1"]


async def test_a_peer_that_offers_nothing_is_asked_one_thing_at_a_time(
    old_peer: StrictPeer,
) -> None:
    """§9.1, §9.3."""
    for probe, answer, requests in REQUESTS:
        old_peer.requests.clear()
        assert (probe, await old_peer.answered(probe)) == (probe, answer)
        assert (probe, old_peer.requests) == (probe, ONE_BY_ONE.get(probe, requests))


async def test_writes_travel_in_their_order(peer: StrictPeer) -> None:
    """§9.3."""
    await peer.answered("write")
    records = [rec for each in peer.payloads for rec in WriteBatchState.FromString(each).rec]
    assert [(record.type, record.collection) for record in records] == [
        (9, ""),
        (10, ""),
        (21, ""),
        (9, "c"),
        (10, "c"),
        (23, "c"),
    ]


@pytest.mark.parametrize(
    ("probe", "text"),
    [
        ("rich query", "GET_QUERY_RESULT failed: transaction ID: t1: not supported for leveldb"),
        ("invoke absent", "it is not there"),
    ],
)
async def test_a_refusal_reaches_the_contract_in_the_peers_words(
    peer: StrictPeer, probe: str, text: str
) -> None:
    """§9.2."""
    end = await peer.call(probe)
    assert end.type == Type.COMPLETED
    response = Response.FromString(end.payload)
    assert response.status == 500
    assert text in response.message


async def test_a_failure_of_the_chaincode_itself_is_told(peer: StrictPeer) -> None:
    """§9.2."""
    end = await peer.call("fail")
    assert (end.type, end.payload) == (Type.ERROR, b"RuntimeError: a defect")
    assert await peer.answered("get") == "[b':k', None]"


async def test_an_initialisation_is_a_call_too(peer: StrictPeer) -> None:
    """§9.2."""
    await peer.start("get", is_init=True)
    assert Response.FromString((await peer.serve()).payload).payload == b"[b':k', None]"


async def test_an_event_travels_with_the_result(peer: StrictPeer) -> None:
    """§9.2."""
    end = await peer.call("event")
    assert (end.chaincode_event.event_name, end.chaincode_event.payload) == ("happened", b"e")


async def test_no_second_request_is_sent_before_the_first_is_answered(peer: StrictPeer) -> None:
    """§9.2, §19 item 24."""
    waiting: set[str] = set()

    async def none_waits(request: ChaincodeMessage) -> None:
        assert request.txid not in waiting
        waiting.add(request.txid)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):  # a second one would be here at once
                peer_read.append(await asyncio.shield(reading()))
        waiting.discard(request.txid)

    peer_read: list[object] = []
    pending: list[asyncio.Future[object]] = []

    def reading() -> asyncio.Future[object]:
        if not pending:
            pending.append(asyncio.ensure_future(_read(peer)))  # noqa: TID251
        return pending[0]

    await peer.start("threads")
    for _ in range(4):
        message = await reading()
        pending.clear()
        assert isinstance(message, ChaincodeMessage)
        peer._before_answer = none_waits
        await peer.answer(message)
    end = await reading()
    assert isinstance(end, ChaincodeMessage)
    assert end.type == Type.COMPLETED
    assert not peer_read


async def _read(peer: StrictPeer) -> object:
    return await peer.stream.read()


async def test_transactions_interleave_on_one_stream(peer: StrictPeer) -> None:
    """§9.2."""
    ids = [f"t{number}" for number in range(5)]
    for txid in ids:
        await peer.start("get", txid=txid)
    ended: set[str] = set()
    while len(ended) < len(ids):
        message = await peer.read()
        if message.type == Type.COMPLETED:
            ended.add(message.txid)
        else:
            await peer.answer(message)
    assert ended == set(ids)


async def test_what_is_late_is_left_alone_and_keepalive_is_returned(peer: StrictPeer) -> None:
    """§9.1, §9.2, §19 item 10."""
    for kind in (Type.RESPONSE, Type.ERROR):
        late = ChaincodeMessage(type=kind, txid="gone", channel_id="ch", payload=b"late")
        await peer.stream.write(late)
    await peer.stream.write(ChaincodeMessage(type=Type.KEEPALIVE))
    assert (await peer.read()).type == Type.KEEPALIVE
    assert await peer.answered("get") == "[b':k', None]"


@pytest.mark.parametrize("mode", list(MODES))
async def test_a_peer_that_breaks_the_protocol_is_told_and_left(mode: str) -> None:
    """§9.1."""
    async with MODES[mode](tls=False, offers=True) as peer:
        assert (await peer.read()).type == Type.REGISTER
        await peer.stream.write(ChaincodeMessage(type=Type.READY))
        last = await peer.read()
        assert last.type == Type.ERROR
        assert b"READY has no place in state created" in last.payload


async def test_a_registration_without_an_answer_is_tried_again() -> None:
    """§9.1."""
    async with listening(None) as (listener, port), asyncio.TaskGroup() as tasks:
        settings = PeerSettings(f"localhost:{port}")
        task = tasks.create_task(stay_registered(host(2.0), settings, random=Random(1)))
        await listener.streams.get()  # the second of its kind: it gets no answer
        peer = StrictPeer(await listener.streams.get())
        await peer.shake_hands(PACKAGE_ID)
        assert await peer.answered("get") == "[b':k', None]"
        task.cancel()


async def test_a_stream_lost_in_mid_call_is_opened_again() -> None:
    """§9.2."""
    async with listening(None) as (listener, port), AsyncExitStack() as stack:
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        settings = PeerSettings(f"localhost:{port}")
        task = tasks.create_task(stay_registered(host(), settings, random=Random(1)))
        first = StrictPeer(await listener.streams.get())
        await first.shake_hands(PACKAGE_ID)
        await first.start("get")
        assert (await first.read()).type == Type.GET_STATE
        listener.release.set()  # the peer is gone, the request unanswered
        listener.release = asyncio.Event()
        second = StrictPeer(await listener.streams.get())
        await second.shake_hands(PACKAGE_ID)
        assert await second.answered("get") == "[b':k', None]"
        task.cancel()
