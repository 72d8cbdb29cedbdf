"""Which events a subscriber sees, and from where on (wire.md §5.6)."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass

import grpc
import pytest
from tests.unit.conftest import CHANNEL_ID, NEWEST, NEXT_COMMIT, NOW_NS, OLDEST, at
from tests.unit.gateway.conftest import CHAINCODE, Setting

from tallystick.node.gateway.chaincode_events import ChaincodeEventFilter, events_of
from tallystick.node.gateway.errors import GatewayError
from tallystick.node.ledger.transaction_index import TransactionLocation
from tallystick.protos.common.common_pb2 import (
    CONFIG,
    Block,
    BlockData,
    BlockHeader,
    BlockMetadata,
    ChannelHeader,
    Envelope,
)
from tallystick.protos.gateway.gateway_pb2 import ChaincodeEventsResponse
from tallystick.protos.orderer.ab_pb2 import SeekPosition
from tallystick.protos.peer.chaincode_event_pb2 import ChaincodeEvent
from tallystick.protos.peer.proposal_pb2 import ChaincodeAction
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponsePayload
from tallystick.wire.envelope import (
    ProposalArguments,
    build_payload,
    build_proposal,
    build_transaction_payload,
)

VALID, MVCC_READ_CONFLICT = 0, 11


@dataclass(frozen=True)
class Emitted:
    """A transaction of a block; its event, if it has one, is named after it."""

    transaction_id: str
    chaincode: str = CHAINCODE
    code: int = VALID
    silent: bool = False

    def entry(self) -> bytes:
        event = ChaincodeEvent(
            chaincode_id=self.chaincode, tx_id=self.transaction_id, event_name=self.transaction_id
        )
        action = ChaincodeAction(events=b"" if self.silent else event.SerializeToString())
        response = ProposalResponsePayload(extension=action.SerializeToString())
        proposal = build_proposal(
            ProposalArguments(CHANNEL_ID, self.chaincode, ()),
            creator=b"client",
            nonce=bytes(24),
            timestamp_ns=NOW_NS,
        )
        payload = build_transaction_payload(
            proposal.proposal_bytes, response.SerializeToString(), []
        )
        return Envelope(payload=payload).SerializeToString()


def block(number: int, *transactions: Emitted) -> Block:
    return Block(
        header=BlockHeader(number=number),
        data=BlockData(data=[each.entry() for each in transactions]),
        metadata=BlockMetadata(
            metadata=[b"", b"", bytes(each.code for each in transactions), b"", b""]
        ),
    )


def commit(setting: Setting, *transactions: Emitted) -> None:
    """Commit a block of these transactions, and wake who waits for it."""
    number = setting.ledger.height
    setting.ledger.blocks.append(block(number, *transactions))
    for index, each in enumerate(transactions):
        location = TransactionLocation(number, index, each.code)
        setting.ledger.transactions.setdefault(each.transaction_id, location)
    setting.watch.advance(setting.ledger.height)


def stream(setting: Setting, **request: object) -> AsyncGenerator[ChaincodeEventsResponse, None]:
    return setting.service().chaincode_events(setting.events_request(**request))


async def seen(setting: Setting, **request: object) -> list[tuple[int, list[str]]]:
    """Return the block number and transaction ids of each response until the peer stops."""
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        subscriber = tasks.create_task(_all_responses(setting, **request))
        await asyncio.sleep(0)
        commit(setting, Emitted("late"))
        await asyncio.sleep(0)
        setting.watch.close()
    return subscriber.result()


async def _all_responses(setting: Setting, **request: object) -> list[tuple[int, list[str]]]:
    responses: list[tuple[int, list[str]]] = []
    with suppress(GatewayError):
        async for response in stream(setting, **request):
            responses.append((response.block_number, [event.tx_id for event in response.events]))  # noqa: PERF401 - the stream ends with an error
    return responses


@pytest.fixture
def replayed(setting: Setting) -> Setting:
    """Four blocks: the second has nothing to see, the third has a transaction without event."""
    commit(setting, Emitted("a1"), Emitted("a2"))
    commit(setting, Emitted("b1", code=MVCC_READ_CONFLICT), Emitted("b2", chaincode="cash"))
    commit(setting, Emitted("c1"), Emitted("c2", silent=True), Emitted("c3"))
    commit(setting, Emitted("d1"))
    return setting


ALL = [(0, ["a1", "a2"]), (2, ["c1", "c3"]), (3, ["d1"]), (4, ["late"])]
FROM_2 = ALL[1:]
NEXT = [(4, ["late"])]


@pytest.mark.parametrize(
    ("start", "after", "expected"),
    [
        pytest.param(None, "", NEXT, id="no start: the next block"),
        pytest.param(NEXT_COMMIT, "", NEXT, id="next commit"),
        pytest.param(at(0), "", ALL, id="the first block"),
        pytest.param(at(1), "", FROM_2, id="a block in which nothing matches"),
        pytest.param(at(4), "", NEXT, id="the block that is not there yet"),
        pytest.param(at(5), "", [], id="a block beyond that one waits"),
        pytest.param(
            None,
            "c1",
            [(2, ["c3"]), (3, ["d1"]), (4, ["late"])],
            id="a checkpoint replaces the start: the rest of its block comes first",
        ),
        pytest.param(at(0), "d1", NEXT, id="a checkpoint comes before an earlier start"),
        pytest.param(at(4), "a2", FROM_2, id="a checkpoint comes before a later start"),
        pytest.param(OLDEST, "d1", NEXT, id="with a known checkpoint any start will do"),
        pytest.param(None, "b2", FROM_2, id="the checkpoint may be an event of another chaincode"),
        pytest.param(None, "c2", [], id="a checkpoint without event is never passed"),
        pytest.param(None, "b1", [], id="a checkpoint that is not valid is never passed"),
        pytest.param(at(0), "unknown", [], id="an unknown checkpoint: nothing until it passes"),
    ],
)
async def test_where_a_replay_starts(
    replayed: Setting,
    start: SeekPosition | None,
    after: str,
    expected: Sequence[tuple[int, list[str]]],
) -> None:
    found = await seen(replayed, start_position=start, after_transaction_id=after)
    assert found == list(expected)


@pytest.mark.parametrize(
    ("start", "after", "kind"),
    [
        pytest.param(OLDEST, "", "oldest", id="oldest"),
        pytest.param(NEWEST, "", "newest", id="newest"),
        pytest.param(OLDEST, "unknown", "oldest", id="oldest and an unknown checkpoint"),
    ],
)
async def test_positions_that_are_refused(
    replayed: Setting, start: SeekPosition, after: str, kind: str
) -> None:
    with pytest.raises(GatewayError, match=f"invalid start position type: {kind}") as caught:
        await anext(stream(replayed, start_position=start, after_transaction_id=after))
    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT


async def test_events_follow_the_blocks_as_they_come(setting: Setting) -> None:
    async with asyncio.timeout(10), aclosing(stream(setting)) as events:
        for name in ("first", "second"):
            async with asyncio.TaskGroup() as tasks:
                response = tasks.create_task(_next(events))
                await asyncio.sleep(0)
                commit(setting, Emitted(name), Emitted("other", chaincode="cash"))
            assert [event.event_name for event in response.result().events] == [name]


async def _next(events: AsyncGenerator[ChaincodeEventsResponse, None]) -> ChaincodeEventsResponse:
    return await anext(events)


async def test_a_long_replay_without_a_match_leaves_turns_to_others(setting: Setting) -> None:
    for name in ("t1", "t2", "t3"):
        commit(setting, Emitted(name, chaincode="cash"))
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(_next(stream(setting, start_position=at(0))))
        for read in range(3):
            assert setting.ledger.reads == read
            await asyncio.sleep(0)
        commit(setting, Emitted("match"))
    assert [event.tx_id for event in reading.result().events] == ["match"]


async def test_a_peer_that_stops_ends_the_stream(setting: Setting) -> None:
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(_first_failure(setting))
        await asyncio.sleep(0)
        setting.watch.close()
    assert waiting.result().code is grpc.StatusCode.UNAVAILABLE


async def _first_failure(setting: Setting) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await anext(stream(setting))
    return caught.value


# --- the filter by itself ---


def test_events_of_a_block_are_those_of_valid_endorser_transactions_in_order() -> None:
    entries = block(7, Emitted("t1"), Emitted("t2", code=MVCC_READ_CONFLICT), Emitted("t3"))
    config = build_payload(ChannelHeader(type=CONFIG), b"config", creator=b"orderer")
    entries.data.data.append(Envelope(payload=config).SerializeToString())
    entries.metadata.metadata[2] += bytes([VALID])
    assert [event.tx_id for event in events_of(entries)] == ["t1", "t3"]


def test_a_block_without_matching_events_gives_no_response() -> None:
    matching = ChaincodeEventFilter(CHAINCODE)
    assert matching.response(block(7, Emitted("t1", chaincode="cash"))) is None


def test_a_checkpoint_is_passed_once() -> None:
    matching = ChaincodeEventFilter(CHAINCODE, after_transaction_id="t1")
    first = matching.response(block(7, Emitted("t0"), Emitted("t1"), Emitted("t2")))
    second = matching.response(block(8, Emitted("t1"), Emitted("t3")))
    assert first is not None
    assert second is not None
    assert [event.tx_id for event in first.events] == ["t2"]
    assert [event.tx_id for event in second.events] == ["t1", "t3"]


async def test_events_of_blocks_that_a_snapshot_stands_for_are_not_here(replayed: Setting) -> None:
    replayed.ledger.first_block = 2
    with pytest.raises(GatewayError, match="begin with block 2") as refused:
        await anext(stream(replayed, start_position=at(1)))
    assert refused.value.code is grpc.StatusCode.NOT_FOUND
