"""The chain of one orderer: wire.md §7.1, §7.2."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest
from tests.unit.conftest import CHANNEL_ID, ChannelMaterial
from tests.unit.ordering.conftest import Lines

from tallystick.node.channel.config import BatchParameters, ChannelConfig
from tallystick.node.deliver.height import HeightWatch
from tallystick.node.ledger import write_watch
from tallystick.node.membership.errors import SigningFailedError
from tallystick.node.ordering.admission import (
    Admitted,
    Reconfiguration,
    Refused,
    Submission,
    read_submission,
)
from tallystick.node.ordering.chain import SHUTTING_DOWN, Answer
from tallystick.node.ordering.sequencer import QueueLimits
from tallystick.node.ordering.solo import SoloChain
from tallystick.node.policies.evaluate import SignedData
from tallystick.protos.common.common_pb2 import Status

AN_HOUR_S = 3600.0


@dataclass
class RecordingWriter:
    """Keeps batches instead of writing blocks, and can be held up like a slow disk."""

    batches: list[list[bytes]] = field(default_factory=list)
    may_write: asyncio.Event = field(default_factory=asyncio.Event)
    signs: bool = True

    def __post_init__(self) -> None:
        self.may_write.set()

    @property
    def height(self) -> int:
        return 1 + len(self.batches)

    async def write(self, envelopes: Sequence[bytes]) -> None:
        await self.may_write.wait()
        if not self.signs:
            raise SigningFailedError("the token was taken out")
        self.batches.append(list(envelopes))

    async def write_config(self, envelope: bytes) -> None:
        await self.write([b"config: " + envelope])


@dataclass
class RecordingRules:
    """Takes any configuration, and refuses again what it is told to."""

    config: ChannelConfig
    no_longer_allowed: frozenset[bytes] = frozenset()
    changes: dict[bytes, Admitted] = field(default_factory=dict)
    judged_again: list[bytes] = field(default_factory=list)

    def admit(self, submission: Submission) -> Admitted | Refused:
        plain = Admitted(submission.envelope, submission.size_bytes, self.config.sequence)
        return self.changes.get(submission.envelope, plain)

    def admit_again(self, admitted: Admitted) -> Admitted | Refused:
        self.judged_again.append(admitted.envelope)
        if admitted.envelope in self.no_longer_allowed:
            return Refused(Status.FORBIDDEN, "permission denied")
        return replace(admitted, sequence=self.config.sequence)

    def adopt(self, config: ChannelConfig) -> None:
        self.config = config


@dataclass
class Solo:
    """A chain with its writer and the height that readers see."""

    chain: SoloChain
    writer: RecordingWriter
    watch: HeightWatch
    rules: RecordingRules

    def order(self, *names: str) -> list[Answer]:
        return [self.chain.order(submission(name.encode())) for name in names]


def submission(envelope: bytes) -> Submission:
    signed = SignedData(b"", b"", b"")
    return Submission(envelope, len(envelope), "securities", 3, signed)


MakeSolo = Callable[..., Solo]


@pytest.fixture
def solo(channel_material: ChannelMaterial) -> MakeSolo:
    def make(
        limits: QueueLimits | None = None,
        *,
        max_message_count: int = 500,
        timeout_s: float = AN_HOUR_S,
    ) -> Solo:
        writer, watch = RecordingWriter(), HeightWatch(1)
        batch = BatchParameters(max_message_count=max_message_count, timeout_s=timeout_s)
        rules = RecordingRules(channel_material.config(batch))
        chain = SoloChain(writer, rules, limits=limits or QueueLimits(), on_height=watch.advance)
        return Solo(chain, writer, watch, rules)

    return make


async def test_a_full_batch_becomes_a_block_at_once(solo: MakeSolo) -> None:
    one = solo(max_message_count=2)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        tasks.create_task(one.chain.run())
        one.order("a", "b", "c")
        await one.watch.wait_for(2)
        assert one.writer.batches == [[b"a", b"b"]]
        one.chain.drain()
    assert one.writer.batches == [[b"a", b"b"], [b"c"]]


async def test_a_batch_that_does_not_fill_becomes_a_block_when_its_time_is_up(
    solo: MakeSolo,
) -> None:  # §7.2
    one = solo(timeout_s=0.01)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        tasks.create_task(one.chain.run())
        one.order("a")
        await one.watch.wait_for(2)
        one.order("b")
        await one.watch.wait_for(3)
        one.chain.drain()
    assert one.writer.batches == [[b"a"], [b"b"]]


async def test_what_is_in_a_block_that_is_not_signed_is_refused_and_later_ones_are_ordered(
    solo: MakeSolo,
) -> None:
    one = solo(max_message_count=1)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        tasks.create_task(one.chain.run())
        one.writer.signs = False
        (answer,) = one.order("a")
        assert await answer == Refused(Status.SERVICE_UNAVAILABLE, "the token was taken out")
        assert one.chain.problem == "the token was taken out"
        one.writer.signs = True
        (answer,) = one.order("b")
        assert await answer is None
        one.chain.drain()
    assert (one.chain.problem, one.writer.batches) == ("", [[b"b"]])


async def test_without_envelopes_there_are_no_blocks(
    solo: MakeSolo,
) -> None:  # §11: empty blocks are invalid
    one = solo(timeout_s=0.001)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        tasks.create_task(one.chain.run())
        one.order("a")
        await one.watch.wait_for(2)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await one.watch.wait_for(3)
        one.chain.drain()
    assert one.writer.batches == [[b"a"]]


async def test_the_height_moves_only_when_a_block_is_durable(solo: MakeSolo) -> None:
    one = solo(max_message_count=1)
    one.writer.may_write.clear()
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        tasks.create_task(one.chain.run())
        one.order("a")
        await asyncio.sleep(0)
        assert one.chain.height == one.watch.height == 1
        one.writer.may_write.set()
        await one.watch.wait_for(2)
        assert one.chain.height == 2
        one.chain.drain()


async def test_a_disk_that_hangs_is_told(solo: MakeSolo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_watch, "OVERDUE_S", 0.0)
    one = solo(max_message_count=1)
    one.writer.may_write.clear()
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        tasks.create_task(one.chain.run())
        one.order("a")
        while not one.chain.problem:  # noqa: ASYNC110 - no event says it
            await asyncio.sleep(0)
        assert one.chain.problem.startswith("block 1 has been on its way to the disk")
        one.writer.may_write.set()
        await one.watch.wait_for(2)
        assert one.chain.problem == ""
        one.chain.drain()


async def test_an_envelope_is_acknowledged_once_its_block_is_durable_and_no_sooner(
    solo: MakeSolo,
) -> None:
    one = solo(max_message_count=1)
    one.writer.may_write.clear()
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        tasks.create_task(one.chain.run())
        (answer,) = one.order("a")
        for _ in range(5):
            await asyncio.sleep(0)
        assert not answer.done()
        one.writer.may_write.set()
        assert await answer is None
        assert one.chain.height == 2
        one.chain.drain()


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(QueueLimits(max_envelopes=2), id="too many envelopes"),
        pytest.param(QueueLimits(max_bytes=2), id="too many bytes"),
    ],
)
async def test_a_full_queue_turns_envelopes_away_and_keeps_those_it_has(
    solo: MakeSolo, limits: QueueLimits
) -> None:
    one = solo(limits, max_message_count=1)
    one.order("a", "b")
    (answer,) = one.order("c")
    refused = answer.result()
    assert refused is not None
    assert refused.status == Status.SERVICE_UNAVAILABLE
    assert refused.info.startswith("2 envelopes wait")
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        tasks.create_task(one.chain.run())
        await one.watch.wait_for(3)
        one.order("d")
        one.chain.drain()
    assert one.writer.batches == [[b"a"], [b"b"], [b"d"]]


async def test_a_draining_chain_writes_what_it_accepted_and_accepts_no_more(solo: MakeSolo) -> None:
    one = solo()
    one.order("a", "b")
    one.chain.drain()
    (late,) = one.order("c")
    assert late.result() == SHUTTING_DOWN
    async with asyncio.timeout(5):
        await one.chain.run()
    assert one.writer.batches == [[b"a", b"b"]]


def reconfiguration(
    material: ChannelMaterial, before: ChannelConfig, max_message_count: int = 500
) -> Admitted:
    """Return an ordered change of the limits, as the chain gets it; nobody looks into it here."""
    update = read_submission(material.envelope())
    assert isinstance(update, Submission)
    batch = BatchParameters(max_message_count=max_message_count, timeout_s=AN_HOUR_S)
    config = material.config(batch)
    config = replace(config, sequence=before.sequence + 1)
    return Admitted(b"new", 3, before.sequence, Reconfiguration(update, config))


async def test_a_configuration_travels_alone_and_closes_the_batch_before_it(
    solo: MakeSolo, channel_material: ChannelMaterial
) -> None:
    """wire.md §7.1."""
    one = solo()
    change = reconfiguration(channel_material, one.rules.config, max_message_count=1)
    one.rules.changes[b"change"] = change
    one.order("a", "b")
    one.order("change")
    one.order("c", "d")
    one.chain.drain()
    async with asyncio.timeout(5):
        await one.chain.run()
    # Since then a batch holds one envelope.
    assert one.writer.batches == [[b"a", b"b"], [b"config: new"], [b"c"], [b"d"]]


async def test_what_waited_while_the_configuration_changed_is_judged_again(
    solo: MakeSolo, channel_material: ChannelMaterial
) -> None:
    """wire.md §7.1: a writer who was removed must not be ordered on the strength of the past."""
    one = solo()
    one.rules.no_longer_allowed = frozenset({b"b"})
    one.order("a")
    one.rules.changes[b"change"] = reconfiguration(channel_material, one.rules.config)
    one.order("change")
    late = one.order("b", "c")
    one.chain.drain()
    async with asyncio.timeout(5):
        await one.chain.run()
    assert one.rules.judged_again == [b"b", b"c"]
    answers = [answer.result() for answer in late]
    assert answers == [Refused(Status.FORBIDDEN, "permission denied"), None]
    assert one.writer.batches == [[b"a"], [b"config: new"], [b"c"]]


async def test_the_log_says_which_transaction_had_waited_and_is_refused(
    solo: MakeSolo, channel_material: ChannelMaterial, lines: Lines
) -> None:
    one = solo()
    late = channel_material.envelope(transaction_id="b2")
    one.rules.no_longer_allowed = frozenset({late})
    one.rules.changes[b"change"] = reconfiguration(channel_material, one.rules.config)
    one.order("change")
    one.chain.order(submission(late))
    one.chain.drain()
    async with asyncio.timeout(5):
        await one.chain.run()
    refused = lines.about("had waited: permission denied")
    assert refused == [{"channel": CHANNEL_ID, "transaction_id": "b2"}]


async def test_the_log_says_on_which_channel_nothing_is_signed(
    solo: MakeSolo, lines: Lines
) -> None:
    one = solo()
    one.writer.signs = False
    one.order("a")
    one.chain.drain()
    async with asyncio.timeout(5):
        await one.chain.run()
    assert lines.about("the token was taken out") == [{"channel": CHANNEL_ID}]


async def test_of_two_changes_of_one_configuration_the_later_one_is_judged_again(
    solo: MakeSolo, channel_material: ChannelMaterial
) -> None:
    one = solo()
    one.rules.no_longer_allowed = frozenset({b"new"})
    one.rules.changes[b"change"] = reconfiguration(channel_material, one.rules.config)
    one.order("change")
    one.order("change")
    one.chain.drain()
    async with asyncio.timeout(5):
        await one.chain.run()
    assert one.writer.batches == [[b"config: new"]]


async def test_what_waits_is_counted_until_it_is_given_out(solo: MakeSolo) -> None:
    here = solo(max_message_count=3)
    assert here.chain.leads
    here.order("a", "b")
    assert here.chain.waiting == 2
    running = asyncio.get_running_loop().create_task(here.chain.run())
    await asyncio.sleep(0)
    assert here.chain.waiting == 2  # in an open batch
    answers = here.order("c", "d")
    await answers[0]
    assert here.chain.waiting == 1
    here.chain.drain()
    await running
    assert here.chain.waiting == 0
