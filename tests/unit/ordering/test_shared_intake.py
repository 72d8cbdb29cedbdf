"""Where a leader takes in one envelope that comes several times."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest
from tests.unit.conftest import ChannelMaterial

from tallystick.node.channel.config import BatchParameters, ChannelConfig
from tallystick.node.ordering.admission import Admitted, Reconfiguration, Refused, Submission
from tallystick.node.ordering.chain import SHUTTING_DOWN, Answer, unavailable
from tallystick.node.ordering.intake import SharedIntake
from tallystick.node.ordering.sequencer import Batch, QueueLimits
from tallystick.node.policies.evaluate import SignedData
from tallystick.protos.common.common_pb2 import CONFIG_UPDATE, Status

FORBIDDEN = Refused(Status.FORBIDDEN, "permission denied")


@dataclass
class CountingRules:
    """Counts what it judges, and refuses what it is told to."""

    config: ChannelConfig
    judged: list[bytes] = field(default_factory=list)
    forbidden: set[bytes] = field(default_factory=set)

    def admit(self, submission: Submission) -> Admitted | Refused:
        self.judged.append(submission.envelope)
        if submission.envelope in self.forbidden:
            return FORBIDDEN
        update = None
        if submission.header_type == CONFIG_UPDATE:
            update = Reconfiguration(submission, self.config)
        envelope = b"wrapped " * (update is not None) + submission.envelope
        return Admitted(envelope, submission.size_bytes, self.config.sequence, update)

    def admit_again(self, admitted: Admitted) -> Admitted | Refused:
        if admitted.envelope in self.forbidden:
            return FORBIDDEN
        return replace(admitted, sequence=self.config.sequence)

    def adopt(self, config: ChannelConfig) -> None:
        self.config = config


class Leader:
    """An intake, and whoever takes batches out of it."""

    def __init__(self, config: ChannelConfig, limits: QueueLimits) -> None:
        self.rules = CountingRules(config)
        self.intake = SharedIntake(self.rules, limits)

    def order(self, name: str, *, header_type: int = 3) -> Answer:
        content = name.encode()
        signed = SignedData(b"", b"", b"")
        return self.intake.order(
            Submission(content, len(content), "securities", header_type, signed)
        )

    async def batch(self) -> Batch:
        batch = await self.intake.next_batch()
        assert batch is not None
        return batch

    @property
    def keeps_nothing(self) -> bool:
        intake = self.intake
        return (intake._others, intake._joined, intake._joined_bytes) == ({}, 0, 0)


@pytest.fixture
def config(channel_material: ChannelMaterial) -> ChannelConfig:
    return channel_material.config(BatchParameters(max_message_count=500, timeout_s=0.01))


@pytest.fixture
def leader(config: ChannelConfig) -> Leader:
    return Leader(config, QueueLimits(max_envelopes=3, max_bytes=30))


async def test_an_envelope_that_comes_again_is_ordered_once_and_both_get_the_answer(
    leader: Leader,
) -> None:
    first, other, again = leader.order("a"), leader.order("b"), leader.order("a")
    batch = await leader.batch()
    assert batch.envelopes == [b"a", b"b"]
    later = leader.order("a")  # its block is being written
    assert leader.rules.judged == [b"a", b"b"]
    assert not any(answer.done() for answer in (first, other, again, later))
    batch.settle(None)
    assert {await each for each in (first, other, again, later)} == {None}
    assert leader.keeps_nothing


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(unavailable("etcd does not answer"), id="it could not be written"),
        pytest.param(None, id="it is ordered"),
    ],
)
async def test_whoever_gives_up_leaves_the_others_their_answer(
    leader: Leader, refused: Refused | None
) -> None:
    first, second, third = (leader.order("a") for _ in range(3))
    first.cancel()
    second.cancel()
    batch = await leader.batch()
    assert batch.envelopes == [b"a"]
    batch.settle(refused)
    assert await third == refused
    assert leader.keeps_nothing


async def test_what_was_answered_is_judged_and_ordered_anew_when_it_comes_again(
    leader: Leader,
) -> None:
    for _ in range(2):
        answer = leader.order("a")
        (await leader.batch()).settle(None)
        assert await answer is None
    assert leader.rules.judged == [b"a", b"a"]


async def test_what_is_refused_at_once_is_kept_no_longer(leader: Leader) -> None:
    leader.rules.forbidden.add(b"a")
    assert [await leader.order("a"), await leader.order("a")] == [FORBIDDEN, FORBIDDEN]
    assert leader.rules.judged == [b"a", b"a"]
    assert leader.keeps_nothing


async def test_an_update_that_comes_again_while_it_waits_is_ordered_once(leader: Leader) -> None:
    first, again = (leader.order("u", header_type=CONFIG_UPDATE) for _ in range(2))
    batch = await leader.batch()
    assert batch.envelopes == [b"wrapped u"]
    assert batch.config is not None
    batch.settle(None)
    assert [await first, await again] == [None, None]
    assert leader.keeps_nothing


async def test_all_learn_that_their_envelope_may_no_longer_be_ordered(leader: Leader) -> None:
    first, again = leader.order("a"), leader.order("a")
    leader.rules.adopt(replace(leader.rules.config, sequence=7))
    leader.rules.forbidden.add(b"a")
    leader.intake.drain()
    assert await leader.intake.next_batch() is None
    assert [await first, await again] == [FORBIDDEN, FORBIDDEN]
    assert leader.keeps_nothing


async def test_all_learn_that_the_leader_leads_no_more(leader: Leader) -> None:
    first, again = leader.order("a"), leader.order("a")
    leader.intake.close(SHUTTING_DOWN)
    assert [await first, await again, await leader.order("a")] == [SHUTTING_DOWN] * 3
    assert leader.keeps_nothing


@pytest.mark.parametrize(
    ("size_bytes", "others"),
    [
        pytest.param(1, 3, id="as many as may wait"),
        pytest.param(12, 2, id="as large as may wait"),
    ],
)
async def test_so_many_may_wait_beside_the_first_and_no_more(
    leader: Leader, size_bytes: int, others: int
) -> None:
    waiting = [leader.order("a" * size_bytes) for _ in range(1 + others)]
    refused = await leader.order("a" * size_bytes)
    assert refused is not None
    assert refused.status == Status.SERVICE_UNAVAILABLE
    assert f"{others} envelopes wait for the answers to others like them" in refused.info
    batch = await leader.batch()
    batch.settle(None)
    assert await asyncio.gather(*waiting) == [None] * (1 + others)
    assert leader.keeps_nothing
