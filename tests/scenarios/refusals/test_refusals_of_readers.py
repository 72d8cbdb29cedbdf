"""Who may not read, and what may not be asked: blocks (wire.md §6), commits, events (§5.3)."""

from collections.abc import Callable
from typing import Final

import grpc
import pytest
from tests.scenarios.refusals.doors import (
    ORDERER_DELIVER,
    PEER_DELIVER,
    PEER_DELIVER_FILTERED,
    PEER_DELIVER_PRIVATE,
    Failure,
    chaincode_events,
    deliver,
    gateway,
    too_large_for_a_stream,
)
from tests.scenarios.refusals.network import CHAINCODE, CHANNEL_ID, RefusalNetwork
from tests.scenarios.refusals.requests import endorsed, high_s, resigned, seek

from tallystick.node.transport.options import MAX_MESSAGE_BYTES
from tallystick.protos.common.common_pb2 import Envelope, Payload, Status
from tallystick.protos.gateway.gateway_pb2 import (
    ChaincodeEventsRequest,
    CommitStatusRequest,
    CommitStatusResponse,
    SignedChaincodeEventsRequest,
    SignedCommitStatusRequest,
)
from tallystick.protos.orderer.ab_pb2 import (
    SeekInfo,
    SeekNewest,
    SeekOldest,
    SeekPosition,
    SeekSpecified,
)
from tallystick.wire.signing import Signer

pytestmark = pytest.mark.asyncio(loop_scope="module")

OLDEST = SeekPosition(oldest=SeekOldest())
NEWEST = SeekPosition(newest=SeekNewest())
FIRST = SeekInfo(start=OLDEST, stop=OLDEST)
QUARTER_OF_AN_HOUR_S: Final = 15 * 60
PEER_DOORS = [PEER_DELIVER, PEER_DELIVER_FILTERED, PEER_DELIVER_PRIVATE]
DOORS = [ORDERER_DELIVER, *PEER_DOORS]

Ask = Callable[[RefusalNetwork], Envelope]


def at(number: int) -> SeekPosition:
    return SeekPosition(specified=SeekSpecified(number=number))


def asked_by(who: Callable[[RefusalNetwork], Signer]) -> Ask:
    return lambda network: seek(network, FIRST, who(network))


def asking_for(wanted: SeekInfo) -> Ask:
    return lambda network: seek(network, wanted)


def asked(offset_s: float | None) -> Ask:
    return lambda network: seek(network, FIRST, offset_s=offset_s)


def forged(network: RefusalNetwork) -> Envelope:
    envelope = seek(network, FIRST)
    return resigned(envelope, network.people.colleague.sign(envelope.payload))


def with_high_s(network: RefusalNetwork) -> Envelope:
    envelope = seek(network, FIRST)
    return resigned(envelope, high_s(envelope.signature))


def garbage_for_a_seek(network: RefusalNetwork) -> Envelope:
    payload = Payload.FromString(seek(network, FIRST).payload)
    payload.data = b"\xff"
    encoded = payload.SerializeToString()
    return Envelope(payload=encoded, signature=network.people.client.sign(encoded))


BAD_REQUEST, FORBIDDEN, NOT_FOUND = Status.BAD_REQUEST, Status.FORBIDDEN, Status.NOT_FOUND


@pytest.mark.parametrize("path", DOORS)
@pytest.mark.parametrize(
    ("ask", "status"),
    [
        pytest.param(forged, FORBIDDEN, id="forged"),
        pytest.param(with_high_s, FORBIDDEN, id="the signature's other half (§2)"),
        pytest.param(
            asked_by(lambda network: network.people.revoked),
            FORBIDDEN,
            id="by a revoked client (§14.5)",
        ),
        pytest.param(
            asked_by(lambda network: network.people.expired), FORBIDDEN, id="by an expired client"
        ),
        pytest.param(
            asked_by(lambda network: network.people.stranger),
            FORBIDDEN,
            id="by an organisation that is not on the channel",
        ),
        pytest.param(
            lambda network: seek(network, FIRST, channel_id="elsewhere"),
            NOT_FOUND,
            id="for an unknown channel",
        ),
        pytest.param(
            asked(-QUARTER_OF_AN_HOUR_S - 1), BAD_REQUEST, id="replayed a quarter of an hour later"
        ),
        pytest.param(asked(QUARTER_OF_AN_HOUR_S + 1), BAD_REQUEST, id="from the future"),
        pytest.param(asked(None), BAD_REQUEST, id="without a time"),
        pytest.param(lambda _: Envelope(payload=b"\xff"), BAD_REQUEST, id="garbage for a payload"),
        pytest.param(lambda _: Envelope(), BAD_REQUEST, id="nothing"),
        pytest.param(garbage_for_a_seek, BAD_REQUEST, id="garbage for a range"),
        pytest.param(asking_for(SeekInfo(stop=NEWEST)), BAD_REQUEST, id="no start"),
        pytest.param(asking_for(SeekInfo(start=OLDEST)), BAD_REQUEST, id="no stop"),
        pytest.param(
            asking_for(SeekInfo(start=at(2), stop=at(1))), BAD_REQUEST, id="a stop before the start"
        ),
        pytest.param(
            asking_for(SeekInfo(start=at(1_000), stop=at(1_001))),
            NOT_FOUND,
            id="a start beyond the chain",
        ),
    ],
)
async def test_who_may_not_read_or_asks_badly_gets_no_blocks(
    network: RefusalNetwork, path: str, ask: Ask, status: int
) -> None:  # §6
    assert await deliver(network, path, ask(network)) == [status]


@pytest.mark.parametrize("path", DOORS)
async def test_what_is_no_envelope_gets_no_blocks(network: RefusalNetwork, path: str) -> None:
    assert await deliver(network, path, b"\xff") == [BAD_REQUEST]  # §6


@pytest.mark.parametrize("path", PEER_DOORS)
async def test_who_orders_may_not_read_from_peers(network: RefusalNetwork, path: str) -> None:
    ask = asked_by(lambda network: network.people.orderer)  # §6: the peer's readers are members
    assert await deliver(network, path, ask(network)) == [FORBIDDEN]


@pytest.mark.parametrize("path", DOORS)
async def test_a_block_that_is_not_there_ends_a_range_that_does_not_wait(
    network: RefusalNetwork, path: str
) -> None:  # §6
    height = network.height
    wanted = SeekInfo(start=at(height - 1), stop=at(height), behavior=SeekInfo.FAIL_IF_NOT_READY)
    assert await deliver(network, path, seek(network, wanted)) == [0, NOT_FOUND]


@pytest.mark.parametrize("path", DOORS)
async def test_readers_get_their_blocks(network: RefusalNetwork, path: str) -> None:  # §6
    assert await deliver(network, path, seek(network, FIRST)) == [0, Status.SUCCESS]


@pytest.mark.parametrize("path", [ORDERER_DELIVER, PEER_DELIVER])
async def test_a_request_larger_than_a_message_may_be_is_refused(
    network: RefusalNetwork, path: str
) -> None:  # §1
    answer = await too_large_for_a_stream(network, path, MAX_MESSAGE_BYTES + 1)
    assert answer.code is grpc.StatusCode.RESOURCE_EXHAUSTED


# --- commits and events ---


def commit_status(
    signer: Signer, *, creator: Signer | None = None, channel_id: str = CHANNEL_ID
) -> SignedCommitStatusRequest:
    """Return a question about a transaction that nobody knows."""
    request = CommitStatusRequest(
        identity=(creator or signer).identity, channel_id=channel_id, transaction_id="0" * 64
    ).SerializeToString()
    return SignedCommitStatusRequest(request=request, signature=signer.sign(request))


def events(
    signer: Signer, *, creator: Signer | None = None, channel_id: str = CHANNEL_ID
) -> SignedChaincodeEventsRequest:
    """Return a subscription to what the contract emits."""
    request = ChaincodeEventsRequest(
        identity=(creator or signer).identity, channel_id=channel_id, chaincode_id=CHAINCODE
    ).SerializeToString()
    return SignedChaincodeEventsRequest(request=request, signature=signer.sign(request))


Question = SignedCommitStatusRequest | SignedChaincodeEventsRequest


async def answer_to(network: RefusalNetwork, question: Question) -> bytes | Failure:
    if isinstance(question, SignedCommitStatusRequest):
        return await gateway(network, "CommitStatus", question)
    return await chaincode_events(network, question)


@pytest.mark.parametrize("question", [commit_status, events])
@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(
            lambda network, question: question(
                network.people.colleague, creator=network.people.client
            ),
            id="forged",
        ),
        pytest.param(
            lambda network, question: question(network.people.revoked),
            id="by a revoked client (§14.5)",
        ),
        pytest.param(
            lambda network, question: question(network.people.stranger),
            id="by an organisation that is not on the channel",
        ),
        pytest.param(
            lambda network, question: question(network.people.orderer),
            id="by an organisation that may not read",
        ),
        pytest.param(
            lambda network, question: question(network.people.client, channel_id="elsewhere"),
            id="about another channel",
        ),
    ],
)
async def test_the_gateway_tells_commits_and_events_to_readers_only(
    network: RefusalNetwork,
    question: Callable[..., Question],
    ask: Callable[[RefusalNetwork, Callable[..., Question]], Question],
) -> None:  # §5.3
    answer = await answer_to(network, ask(network, question))
    assert isinstance(answer, Failure), answer
    assert answer.code is grpc.StatusCode.PERMISSION_DENIED
    assert answer.details == ()


@pytest.mark.parametrize(
    "question",
    [
        pytest.param(SignedCommitStatusRequest(), id="no question"),
        pytest.param(SignedCommitStatusRequest(request=b"\xff"), id="garbage for a question"),
        pytest.param(SignedChaincodeEventsRequest(), id="no subscription"),
        pytest.param(SignedChaincodeEventsRequest(request=b"\xff"), id="garbage for one"),
    ],
)
async def test_the_gateway_is_asked_what_it_cannot_read(
    network: RefusalNetwork, question: Question
) -> None:  # §5.3
    answer = await answer_to(network, question)
    assert isinstance(answer, Failure), answer
    assert answer.code is grpc.StatusCode.INVALID_ARGUMENT


async def test_who_asks_after_a_transaction_ordered_twice_is_told_the_first_verdict(
    network: RefusalNetwork,
) -> None:
    transaction = await endorsed(network)  # §5.5
    height = network.height
    await network.order(transaction.encoded())
    await network.order(transaction.encoded())
    identifier = transaction.transaction_id
    request = CommitStatusRequest(
        identity=network.people.client.identity, channel_id=CHANNEL_ID, transaction_id=identifier
    ).SerializeToString()
    question = SignedCommitStatusRequest(
        request=request, signature=network.people.client.sign(request)
    )
    answer = await answer_to(network, question)
    assert isinstance(answer, bytes), answer
    assert CommitStatusResponse.FromString(answer) == CommitStatusResponse(block_number=height)
