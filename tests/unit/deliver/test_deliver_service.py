"""Deliver streams on peers and orderers: wire.md §6."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from tests.unit.conftest import CHANNEL_ID, NEWEST, NOW_NS, OLDEST, ChannelMaterial, at

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.deliver.height import HeightWatch
from tallystick.node.deliver.responses import BlockForm
from tallystick.node.deliver.service import DeliverRules, DeliverService
from tallystick.node.deliver.source import BlockSource
from tallystick.node.ledger.block_store import CorruptBlockError
from tallystick.node.ledger.inspection_record import InspectionRecord
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.limits.streams import ClientStreams
from tallystick.node.membership.identity import Identity
from tallystick.node.transport.ports import LOCAL_CALLER, Caller
from tallystick.protos.common.common_pb2 import (
    DELIVER_SEEK_INFO,
    Block,
    BlockData,
    BlockHeader,
    BlockMetadata,
    ChannelHeader,
    Status,
)
from tallystick.protos.common.configtx_pb2 import Config
from tallystick.protos.ledger.rwset.rwset_pb2 import TxPvtReadWriteSet
from tallystick.protos.orderer.ab_pb2 import SeekInfo
from tallystick.protos.peer.events_pb2 import DeliverResponse
from tallystick.wire.messages import timestamp_from_ns

SECOND_NS = 1_000_000_000
WINDOW_NS = 15 * 60 * SECOND_NS
TEN_YEARS_NS = 3_651 * 24 * 3600 * SECOND_NS
CERTIFICATE_HASH = b"h" * 32


def block(number: int) -> Block:
    return Block(
        header=BlockHeader(number=number),
        data=BlockData(data=[b"entry %d" % number]),
        metadata=BlockMetadata(metadata=[b"signatures", b"", b"\x00", b"", b""]),
    )


@dataclass
class BlockList:
    """Blocks in memory, which counts how often it is read."""

    blocks: list[Block]
    reads: int = 0
    damaged: set[int] = field(default_factory=set)
    first_block: int = 0

    def read_bytes(self, number: int) -> bytes:
        self.reads += 1
        if number in self.damaged:
            raise CorruptBlockError(number=number, path=Path("000000.blocks"), offset=7)
        return self.blocks[number].SerializeToString()


@dataclass
class Node:
    """One node with one channel, and what a test may turn."""

    material: ChannelMaterial
    now_ns: int = NOW_NS
    fault: str = ""
    binds_to_tls: bool = False
    streams: int = 2
    blocks: BlockList = field(default_factory=lambda: BlockList([block(n) for n in range(3)]))

    def __post_init__(self) -> None:
        self.config: ChannelConfig = self.material.config()
        self.watch = HeightWatch(len(self.blocks.blocks))
        record = InspectionRecord(MemoryStore())
        self.source = BlockSource(self.blocks, self.watch, record)
        self.policies_asked: list[BlockForm] = []
        self.service = DeliverService(
            lambda channel_id: self if channel_id == CHANNEL_ID else None,
            DeliverRules(
                policy=self._policy, clock=lambda: self.now_ns, binds_to_tls=self.binds_to_tls
            ),
            ClientStreams(self.streams),
            self._private_data,
        )

    def _policy(self, config: ChannelConfig, form: BlockForm) -> str:
        assert config is self.config
        self.policies_asked.append(form)
        return "/Channel/Readers"

    def _private_data(
        self, channel_id: str, number: int, reader: Identity
    ) -> dict[int, TxPvtReadWriteSet]:
        assert (channel_id, reader.msp_id) == (CHANNEL_ID, "ClearingMSP")
        return {number: TxPvtReadWriteSet()}

    def append(self) -> None:
        self.blocks.blocks.append(block(len(self.blocks.blocks)))
        self.watch.advance(len(self.blocks.blocks))

    def request(self, start: object = OLDEST, stop: object = NEWEST, **options: object) -> bytes:
        return self.material.seek(SeekInfo(start=start, stop=stop, **options))  # type: ignore[arg-type]

    def request_of_client(self, start: object = OLDEST, stop: object = NEWEST) -> bytes:
        wanted = SeekInfo(start=start, stop=stop)  # type: ignore[arg-type]
        return self.material.seek(wanted, signer=self.material.client)

    def deliver(
        self, *requests: bytes, caller: Caller = LOCAL_CALLER
    ) -> AsyncGenerator[bytes, None]:
        return self.service.deliver(stream(*requests), caller)


async def stream(*requests: bytes) -> AsyncIterator[bytes]:
    for request in requests:
        yield request


async def received(responses: AsyncIterator[bytes]) -> list[int | str]:
    """Block numbers, and names of statuses."""
    async with asyncio.timeout(5):
        return [summary(response) async for response in responses]


def summary(encoded: bytes) -> int | str:
    response = DeliverResponse.FromString(encoded)
    if response.WhichOneof("Type") == "status":
        return Status.Name(response.status)
    return response.block.header.number


@pytest.fixture
def node(channel_material: ChannelMaterial) -> Node:
    return Node(channel_material)


async def test_a_range_ends_with_success_and_the_stream_takes_the_next_request(node: Node) -> None:
    responses = node.deliver(node.request(), node.request(at(1), at(1)))
    assert await received(responses) == [0, 1, 2, "SUCCESS", 1, "SUCCESS"]


async def test_a_stream_without_requests_ends_quietly(node: Node) -> None:
    assert await received(node.deliver()) == []


async def test_the_stream_ends_with_the_first_status_that_is_not_success(node: Node) -> None:
    responses = node.deliver(node.request(at(2), at(1)), node.request())
    assert await received(responses) == ["BAD_REQUEST"]


async def test_blocks_arrive_as_they_were_stored(node: Node) -> None:
    (response, _) = [encoded async for encoded in node.deliver(node.request(at(1), at(1)))]
    assert response == DeliverResponse(block=block(1)).SerializeToString()


async def test_a_half_closed_stream_still_gets_blocks_to_come(node: Node) -> None:
    """§6, §19 item 8."""
    async with asyncio.timeout(5), aclosing(node.deliver(node.request(at(2), at(4)))) as responses:
        assert summary(await anext(responses)) == 2
        node.append()
        assert summary(await anext(responses)) == 3
        node.append()
        assert await received(responses) == [4, "SUCCESS"]


async def test_fail_if_not_ready_answers_404_when_blocks_run_out(node: Node) -> None:  # §6
    request = node.request(at(2), at(4), behavior=SeekInfo.FAIL_IF_NOT_READY)
    assert await received(node.deliver(request)) == [2, "NOT_FOUND"]


def header(**changes: object) -> ChannelHeader:
    fields = {
        "type": DELIVER_SEEK_INFO,
        "channel_id": CHANNEL_ID,
        "timestamp": timestamp_from_ns(NOW_NS),
        **changes,
    }
    return ChannelHeader(**fields)  # type: ignore[arg-type]


ALL = SeekInfo(start=OLDEST, stop=NEWEST)


@pytest.mark.parametrize(
    ("make", "status"),
    [
        pytest.param(lambda _: b"\xff", "BAD_REQUEST", id="§6 unparsable"),
        pytest.param(lambda _: b"", "BAD_REQUEST", id="§6 no channel header"),
        pytest.param(
            lambda material: material.seek(ALL, header(timestamp=None)),
            "BAD_REQUEST",
            id="§6 no timestamp",
        ),
        pytest.param(
            lambda material: material.seek(
                ALL, header(timestamp=timestamp_from_ns(NOW_NS - WINDOW_NS - SECOND_NS))
            ),
            "BAD_REQUEST",
            id="§6 §19 item 20, too old",
        ),
        pytest.param(
            lambda material: material.seek(
                ALL, header(timestamp=timestamp_from_ns(NOW_NS + WINDOW_NS + SECOND_NS))
            ),
            "BAD_REQUEST",
            id="§6 too new",
        ),
        pytest.param(
            lambda material: material.seek(ALL, header(channel_id="bonds")),
            "NOT_FOUND",
            id="§6 unknown channel",
        ),
        pytest.param(
            lambda material: material.seek(ALL, signer=material.stranger),
            "FORBIDDEN",
            id="§6 creator is not on the channel",
        ),
        pytest.param(
            lambda material: material.seek(SeekInfo(), signer=material.stranger),
            "FORBIDDEN",
            id="§6 access is judged before the range",
        ),
        pytest.param(
            lambda material: material.seek(SeekInfo()), "BAD_REQUEST", id="§6 no start, no stop"
        ),
        pytest.param(
            lambda material: material.seek(SeekInfo(start=at(4), stop=at(4))),
            "NOT_FOUND",
            id="§6 start beyond the height",
        ),
    ],
)
async def test_a_bad_request_gets_its_status(
    node: Node, make: Callable[[ChannelMaterial], bytes], status: str
) -> None:
    assert await received(node.deliver(make(node.material))) == [status]


@pytest.mark.parametrize(
    ("make", "level", "told"),
    [
        pytest.param(
            lambda material: material.seek(ALL, signer=material.stranger),
            "WARNING",
            "on channel 'securities' ends with FORBIDDEN: ",
            id="a stranger",
        ),
        pytest.param(
            lambda material: material.seek(ALL, header(timestamp=timestamp_from_ns(NOW_NS // 2))),
            "WARNING",
            "off this node's clock, and at most 900 s are allowed; check the clocks",
            id="a clock that is far off",
        ),
        pytest.param(
            lambda _: b"\xff", "WARNING", "ends with BAD_REQUEST: malformed", id="garbage"
        ),
        pytest.param(
            lambda material: material.seek(SeekInfo(start=at(9), stop=at(9))),
            "INFO",
            "block 9 is beyond the next one",
            id="a block to come",
        ),
    ],
)
async def test_the_log_has_the_reason_for_which_a_response_has_no_room(
    node: Node,
    caplog: pytest.LogCaptureFixture,
    make: Callable[[ChannelMaterial], bytes],
    level: str,
    told: str,
) -> None:
    caplog.set_level("INFO")
    await received(node.deliver(make(node.material)))
    (record,) = [each for each in caplog.records if "ends with" in each.message]
    assert told in record.message
    assert record.levelname == level


@pytest.mark.parametrize("timestamp_ns", [NOW_NS, 0])
async def test_a_request_with_an_endless_name_does_not_fill_the_log(
    node: Node, caplog: pytest.LogCaptureFixture, timestamp_ns: int
) -> None:
    caplog.set_level("INFO")
    named = header(channel_id="\0" * 1_000_000, timestamp=timestamp_from_ns(timestamp_ns))
    await received(node.deliver(node.material.seek(ALL, named)))
    (record,) = [each for each in caplog.records if "ends with" in each.message]
    assert len(record.message) < 10_000


async def test_a_node_in_error_answers_503_unless_asked_for_its_best_effort(node: Node) -> None:
    node.fault = "the chain has no leader"
    assert await received(node.deliver(node.request())) == ["SERVICE_UNAVAILABLE"]  # §6
    request = node.request(error_response=SeekInfo.BEST_EFFORT)
    assert await received(node.deliver(request)) == [0, 1, 2, "SUCCESS"]


@pytest.mark.parametrize(
    ("claimed", "actual", "first"),
    [
        pytest.param(CERTIFICATE_HASH, CERTIFICATE_HASH, 0, id="§1 bound"),
        pytest.param(b"", CERTIFICATE_HASH, "BAD_REQUEST", id="§1 no hash"),
        pytest.param(b"x" * 32, CERTIFICATE_HASH, "BAD_REQUEST", id="§1 another's hash"),
    ],
)
async def test_where_client_certificates_are_required_a_request_names_its_own(
    channel_material: ChannelMaterial, claimed: bytes, actual: bytes, first: int | str
) -> None:
    node = Node(channel_material, binds_to_tls=True)
    request = channel_material.seek(ALL, header(tls_cert_hash=claimed))
    responses = await received(node.deliver(request, caller=Caller("test", actual)))
    assert responses[0] == first


async def test_a_request_without_binding_may_name_any_certificate(node: Node) -> None:  # §1
    request = node.material.seek(ALL, header(tls_cert_hash=b"anything"))
    assert await received(node.deliver(request)) == [0, 1, 2, "SUCCESS"]


async def test_the_policy_is_asked_once_until_the_configuration_changes(node: Node) -> None:  # §6
    async with asyncio.timeout(5), aclosing(node.deliver(node.request(at(0), at(9)))) as responses:
        for number in range(3):
            assert summary(await anext(responses)) == number
        assert node.policies_asked == [BlockForm.WHOLE]
        node.config = replace(node.config, sequence=1)
        node.append()
        assert summary(await anext(responses)) == 3
        assert node.policies_asked == [BlockForm.WHOLE] * 2


async def test_a_reader_whose_access_is_withdrawn_gets_403_instead_of_the_next_block(
    node: Node,
) -> None:  # §6
    async with asyncio.timeout(5), aclosing(node.deliver(node.request(at(2), at(9)))) as responses:
        assert summary(await anext(responses)) == 2
        changed = Config.FromString(node.config.config.SerializeToString())
        del changed.channel_group.policies["Readers"]
        changed.sequence = 1
        node.config = ChannelConfig.from_config(CHANNEL_ID, changed)
        node.append()
        assert await received(responses) == ["FORBIDDEN"]


async def test_a_reader_whose_certificate_expires_gets_403_instead_of_the_next_block(
    node: Node,
) -> None:  # §6
    async with asyncio.timeout(5), aclosing(node.deliver(node.request(at(2), at(9)))) as responses:
        assert summary(await anext(responses)) == 2
        node.now_ns += TEN_YEARS_NS
        node.append()
        assert await received(responses) == ["FORBIDDEN"]


async def test_a_stopping_node_sends_what_it_has_and_then_503(node: Node) -> None:
    node.watch.close()
    responses = await received(node.deliver(node.request(at(1), at(9))))
    assert responses == [1, 2, "SERVICE_UNAVAILABLE"]


async def test_a_damaged_block_ends_the_stream_with_503_and_is_named(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    node.blocks.damaged.add(1)
    responses = await received(node.deliver(node.request()))
    assert responses == [0, "SERVICE_UNAVAILABLE"]
    assert node.source.damage.startswith("block 1 is lost: 000000.blocks is damaged at byte 7")
    assert node.source.damage in caplog.messages


async def test_several_readers_of_a_new_block_cost_one_read(node: Node) -> None:
    first = await received(node.deliver(node.request(at(2), at(2))))
    again = await received(node.deliver(node.request(at(2), at(2))))
    assert first == again == [2, "SUCCESS"]
    assert node.blocks.reads == 1


async def test_only_a_few_of_the_newest_blocks_are_kept(channel_material: ChannelMaterial) -> None:
    node = Node(channel_material, blocks=BlockList([block(n) for n in range(20)]))
    await received(node.deliver(node.request(), node.request()))
    assert node.blocks.reads == 12 + 20


async def test_private_data_travels_with_the_block_to_who_may_see_it(node: Node) -> None:  # §6
    responses = [
        DeliverResponse.FromString(encoded)
        async for encoded in node.service.deliver_with_private_data(
            stream(node.request(at(1), at(1))), LOCAL_CALLER
        )
    ]
    delivered = responses[0].block_and_private_data
    assert delivered.block == block(1)
    assert dict(delivered.private_data_map) == {1: TxPvtReadWriteSet()}
    assert responses[1].status == Status.SUCCESS


async def test_filtered_blocks_have_a_policy_of_their_own(node: Node) -> None:
    requests = stream(node.request(at(1), at(1)))
    responses = [
        DeliverResponse.FromString(encoded)
        async for encoded in node.service.deliver_filtered(requests, LOCAL_CALLER)
    ]
    assert responses[0].filtered_block.number == 1
    assert node.policies_asked == [BlockForm.FILTERED]


async def test_headers_come_without_data_when_asked_for(node: Node) -> None:  # §6
    request = node.request(at(1), at(1), content_type=SeekInfo.HEADER_WITH_SIG)
    (encoded, _) = [encoded async for encoded in node.deliver(request)]
    bare = DeliverResponse.FromString(encoded).block
    assert bare.header == block(1).header
    assert bare.metadata == block(1).metadata
    assert not bare.HasField("data")


async def test_a_client_with_too_many_streams_gets_no_other_until_it_closes_one(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    first, second = (node.deliver(node.request_of_client(at(0), at(9))) for _ in range(2))
    assert [summary(await anext(each)) for each in (first, second)] == [0, 0]
    assert await received(node.deliver(node.request_of_client())) == ["SERVICE_UNAVAILABLE"]
    assert "has 2 streams of blocks and events open here" in caplog.text
    await second.aclose()
    assert await received(node.deliver(node.request_of_client())) == [0, 1, 2, "SUCCESS"]
    await first.aclose()


async def test_a_client_holds_its_place_between_the_requests_of_a_stream(node: Node) -> None:
    node = replace(node, streams=1)
    waits = asyncio.Event()

    async def one_and_wait() -> AsyncIterator[bytes]:
        yield node.request_of_client()
        await waits.wait()
        yield node.request_of_client(at(1), at(1))

    responses = node.service.deliver(one_and_wait(), LOCAL_CALLER)
    assert [summary(await anext(responses)) for _ in range(4)] == [0, 1, 2, "SUCCESS"]
    assert await received(node.deliver(node.request_of_client())) == ["SERVICE_UNAVAILABLE"]
    waits.set()
    assert await received(responses) == [1, "SUCCESS"]
    assert await received(node.deliver(node.request_of_client())) == [0, 1, 2, "SUCCESS"]
