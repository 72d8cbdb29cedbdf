"""Envelopes that are not ordered: at the orderer (wire.md §7.1), through the gateway (§5.3)."""

import re
from collections.abc import Callable

import grpc
import pytest
from tests.scenarios.refusals.doors import (
    Failure,
    broadcast,
    gateway,
    too_large_for_a_stream,
)
from tests.scenarios.refusals.network import CHANNEL_ID, MAX_ENVELOPE_BYTES, RefusalNetwork
from tests.scenarios.refusals.requests import endorsed, high_s, message, resigned

from tallystick.node.transport.options import MAX_MESSAGE_BYTES
from tallystick.protos.common.common_pb2 import (
    CONFIG,
    ORDERER_TRANSACTION,
    Envelope,
    Payload,
    Status,
)
from tallystick.protos.gateway.gateway_pb2 import SubmitRequest

pytestmark = pytest.mark.asyncio(loop_scope="module")

Make = Callable[[RefusalNetwork], Envelope]

ABORTED = grpc.StatusCode.ABORTED
FAILED_PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT
RESOURCE_EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED

DENIED = "sub-policies were satisfied, but this policy requires .*permission denied"
EMPTY = "Message was empty"
NO_CHANNEL = "could not determine channel ID"


def forged(network: RefusalNetwork) -> Envelope:
    envelope = message(network)
    return resigned(envelope, network.people.colleague.sign(envelope.payload))


def altered(network: RefusalNetwork) -> Envelope:
    envelope = message(network, data=b"text")
    return Envelope(
        payload=envelope.payload.replace(b"text", b"TEXT"), signature=envelope.signature
    )


def with_high_s(network: RefusalNetwork) -> Envelope:
    envelope = message(network)
    return resigned(envelope, high_s(envelope.signature))


def without_creator(_: RefusalNetwork) -> Envelope:
    return Envelope(payload=Payload(data=b"data").SerializeToString(), signature=b"signature")


def oversized(network: RefusalNetwork) -> Envelope:
    return message(network, data=bytes(MAX_ENVELOPE_BYTES))


REFUSED = [
    pytest.param(forged, Status.FORBIDDEN, DENIED, id="forged"),
    pytest.param(altered, Status.FORBIDDEN, DENIED, id="altered after signing"),
    pytest.param(with_high_s, Status.FORBIDDEN, DENIED, id="the signature's other half (§2)"),
    pytest.param(
        lambda network: message(network, network.people.revoked),
        Status.FORBIDDEN,
        DENIED,
        id="by a revoked client (§14.5)",
    ),
    pytest.param(
        lambda network: message(network, network.people.stranger),
        Status.FORBIDDEN,
        DENIED,
        id="by an organisation that is not on the channel",
    ),
    pytest.param(
        lambda network: message(network, network.people.expired),
        Status.BAD_REQUEST,
        "broadcast client identity expired 86400s before",
        id="by an expired client",
    ),
    pytest.param(
        lambda network: message(network, channel_id="elsewhere"),
        Status.BAD_REQUEST,
        "channel does not exist",
        id="for an unknown channel",
    ),
    pytest.param(
        lambda network: message(network, header_type=CONFIG),
        Status.BAD_REQUEST,
        "message is of type that cannot be processed directly",
        id="a configuration",
    ),
    pytest.param(
        lambda network: message(network, header_type=ORDERER_TRANSACTION),
        Status.BAD_REQUEST,
        "message is of type that is no longer supported",
        id="a type of former times",
    ),
    pytest.param(
        lambda _: Envelope(payload=b"\xff", signature=b"signature"),
        Status.BAD_REQUEST,
        NO_CHANNEL,
        id="garbage for a payload",
    ),
    pytest.param(without_creator, Status.BAD_REQUEST, NO_CHANNEL, id="no headers"),
    pytest.param(
        lambda _: Envelope(signature=b"signature"), Status.BAD_REQUEST, EMPTY, id="no payload"
    ),
    pytest.param(
        oversized,
        Status.BAD_REQUEST,
        rf"message payload is \d+ bytes and exceeds maximum allowed {MAX_ENVELOPE_BYTES} bytes",
        id="oversized",
    ),
]


@pytest.mark.parametrize(("make", "status", "text"), REFUSED)
async def test_the_orderer_refuses_an_envelope(
    network: RefusalNetwork, make: Make, status: int, text: str
) -> None:  # §7.1
    height = network.height
    ((found, info),) = await broadcast(network, make(network))
    assert found == status
    assert re.search(text, info)
    assert await network.order(message(network).SerializeToString())  # a block later …
    assert network.height == height + 1  # … it is the only one


@pytest.mark.parametrize(("make", "status", "text"), REFUSED)
async def test_the_gateway_tells_what_the_orderer_said(
    network: RefusalNetwork, make: Make, status: int, text: str
) -> None:  # §5.3
    answer = await gateway(network, "Submit", submission(make(network)))
    assert isinstance(answer, Failure), answer
    assert answer.code is ABORTED
    name = Status.Name(Status.ValueType(status))
    assert answer.text.startswith(
        f"received unsuccessful response from orderer: status={name}, info="
    )
    assert re.search(text, answer.text)


def submission(envelope: Envelope, channel_id: str = CHANNEL_ID) -> SubmitRequest:
    return SubmitRequest(channel_id=channel_id, prepared_transaction=envelope)


@pytest.mark.parametrize(
    "envelope",
    [pytest.param(b"\xff", id="garbage"), pytest.param(b"", id="nothing")],
)
async def test_the_orderer_refuses_what_is_no_envelope(
    network: RefusalNetwork, envelope: bytes
) -> None:  # §7.1
    ((status, _),) = await broadcast(network, envelope)
    assert status == Status.BAD_REQUEST


async def test_the_first_refusal_ends_the_stream(network: RefusalNetwork) -> None:  # §7.1
    answers = await broadcast(network, message(network), forged(network), message(network))
    assert [status for status, _ in answers] == [Status.SUCCESS, Status.FORBIDDEN]


async def test_an_envelope_larger_than_a_message_may_be_is_refused(
    network: RefusalNetwork,
) -> None:  # §1
    path = "/orderer.AtomicBroadcast/Broadcast"
    answer = await too_large_for_a_stream(network, path, MAX_MESSAGE_BYTES + 1)
    assert answer.code is RESOURCE_EXHAUSTED
    submitted = await gateway(network, "Submit", bytes(MAX_MESSAGE_BYTES + 1))
    assert isinstance(submitted, Failure)
    assert submitted.code is RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    ("request_of", "code"),
    [
        pytest.param(
            lambda _: SubmitRequest(channel_id=CHANNEL_ID), INVALID_ARGUMENT, id="no envelope"
        ),
        pytest.param(
            lambda network: submission(resigned(message(network), b"")),
            INVALID_ARGUMENT,
            id="an envelope that is not signed",
        ),
        pytest.param(
            lambda network: submission(message(network), "elsewhere"),
            FAILED_PRECONDITION,
            id="another channel",
        ),
    ],
)
async def test_the_gateway_does_not_send_what_it_cannot_read_to_an_orderer(
    network: RefusalNetwork,
    request_of: Callable[[RefusalNetwork], SubmitRequest],
    code: grpc.StatusCode,
) -> None:  # §5.3
    answer = await gateway(network, "Submit", request_of(network))
    assert isinstance(answer, Failure), answer
    assert answer.code is code


async def test_what_is_in_order_is_submitted(network: RefusalNetwork) -> None:
    transaction = await endorsed(network)
    assert await gateway(network, "Submit", submission(transaction.envelope())) == b""
