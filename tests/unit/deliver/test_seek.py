"""Which blocks a request asks for: wire.md §6."""

import pytest
from tests.unit.conftest import NEWEST, NEXT_COMMIT, OLDEST, at

from tallystick.node.deliver.seek import BlockRange, SeekRefused, resolve
from tallystick.protos.common.common_pb2 import Status
from tallystick.protos.orderer.ab_pb2 import SeekInfo, SeekPosition
from tallystick.wire.envelope import FOREVER_BLOCK_NUMBER

HEIGHT = 5


@pytest.mark.parametrize(
    ("start", "stop", "blocks"),
    [
        pytest.param(OLDEST, OLDEST, BlockRange(0, 0), id="§6 oldest to oldest"),
        pytest.param(OLDEST, NEWEST, BlockRange(0, 4), id="§6 oldest to newest"),
        pytest.param(NEWEST, NEWEST, BlockRange(4, 4), id="§6 newest to newest is one block"),
        pytest.param(NEWEST, at(9), BlockRange(4, 9), id="§6 newest is the last block"),
        pytest.param(NEXT_COMMIT, at(9), BlockRange(5, 9), id="§6 next_commit is the height"),
        pytest.param(at(2), at(2), BlockRange(2, 2), id="§6 one block"),
        pytest.param(at(2), OLDEST, BlockRange(2, 2), id="§6 stop oldest means the start"),
        pytest.param(at(5), at(5), BlockRange(5, 5), id="§6 specified(height) waits"),
        pytest.param(
            at(1),
            at(FOREVER_BLOCK_NUMBER),
            BlockRange(1, FOREVER_BLOCK_NUMBER),
            id="§19 item 9 forever",
        ),
        pytest.param(at(1), at(2**53 - 1), BlockRange(1, 2**53 - 1), id="§19 item 9 in Node"),
        pytest.param(
            NEXT_COMMIT,
            NEWEST,
            BlockRange(5, FOREVER_BLOCK_NUMBER),
            id="a stop that has passed already is never met",
        ),
    ],
)
def test_a_request_names_a_range(
    start: SeekPosition, stop: SeekPosition, blocks: BlockRange
) -> None:
    assert resolve(SeekInfo(start=start, stop=stop), HEIGHT) == blocks


@pytest.mark.parametrize(
    ("seek", "status"),
    [
        pytest.param(SeekInfo(stop=NEWEST), Status.BAD_REQUEST, id="§6 no start"),
        pytest.param(SeekInfo(start=OLDEST), Status.BAD_REQUEST, id="§6 no stop"),
        pytest.param(
            SeekInfo(start=SeekPosition(), stop=NEWEST), Status.BAD_REQUEST, id="an empty start"
        ),
        pytest.param(
            SeekInfo(start=OLDEST, stop=SeekPosition()), Status.BAD_REQUEST, id="an empty stop"
        ),
        pytest.param(
            SeekInfo(start=at(6), stop=at(9)), Status.NOT_FOUND, id="§6 start beyond the height"
        ),
        pytest.param(
            SeekInfo(start=at(3), stop=at(2)), Status.BAD_REQUEST, id="§6 stop before start"
        ),
        pytest.param(
            SeekInfo(start=OLDEST, stop=NEXT_COMMIT),
            Status.BAD_REQUEST,
            id="next_commit is no stop",
        ),
    ],
)
def test_a_request_that_names_none_is_refused(seek: SeekInfo, status: int) -> None:
    refused = resolve(seek, HEIGHT)
    assert isinstance(refused, SeekRefused)
    assert refused.status == status
    assert refused.reason


FIRST = 3
"""The first block of a chain that does not begin with block 0."""


@pytest.mark.parametrize(
    ("start", "stop", "answer"),
    [
        pytest.param(OLDEST, NEWEST, BlockRange(3, 4), id="the oldest is the first one kept"),
        pytest.param(at(3), at(3), BlockRange(3, 3), id="it can be named"),
        pytest.param(NEWEST, NEWEST, BlockRange(4, 4), id="the newest is the last as ever"),
        pytest.param(
            at(2),
            NEWEST,
            SeekRefused(
                Status.NOT_FOUND,
                "block 2 is not kept here: the blocks of this ledger begin with block 3",
            ),
            id="an earlier one is refused with the reason",
        ),
    ],
)
def test_blocks_that_are_not_kept(
    start: SeekPosition, stop: SeekPosition, answer: BlockRange | SeekRefused
) -> None:
    assert resolve(SeekInfo(start=start, stop=stop), HEIGHT, FIRST) == answer
