"""Two channels of the same orderers on one etcd: each has a leader and a log of its own."""

from tests.unit.conftest import CHANNEL_ID
from tests.unit.ordering.conftest import Lines
from tests.unit.ordering.etcd.fake import Orderers, envelope
from tests.virtual_time import run

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.ordering.etcd.log import OrderedLog
from tallystick.node.ordering.etcd.retention import Retention

OTHER_CHANNEL_ID = f"{CHANNEL_ID}0"  # ranges of keys often end with "0", which follows "/"


async def begin(config: ChannelConfig) -> tuple[Orderers, Orderers]:
    """Start two channels on one cluster; only the log of the first is trimmed soon."""
    first = Orderers(config, retention=Retention(every_blocks=2))
    second = Orderers(config, cluster=first.cluster, channel_id=OTHER_CHANNEL_ID)
    for each in (first, second):
        await each.start()
    return first, second


async def order_in_turn(first: Orderers, second: Orderers, numbers: range) -> None:
    """Let each channel order an envelope for each number, and all orderers copy it."""
    for number in numbers:
        for channel, name in ((first, "first"), (second, "second")):
            assert await (await channel.leader()).order(f"{name} {number}") is None
            await channel.level()


def term(channel: Orderers) -> int:
    return channel.cluster.records[channel.keys.leader].create_revision


def test_blocks_of_one_channel_are_never_in_the_other(config: ChannelConfig) -> None:
    async def story() -> None:
        first, second = await begin(config)
        await order_in_turn(first, second, range(10))
        for channel, name in ((first, "first"), (second, "second")):
            await channel.stop()
            expected = [envelope(f"{name} {number}") for number in range(10)]
            assert channel.check_no_fork() == expected
            assert all(each.memory.entries == expected for each in channel.all.values())

    run(story)


def test_every_key_belongs_to_one_of_two_channels(config: ChannelConfig) -> None:
    async def story() -> None:
        first, second = await begin(config)
        await order_in_turn(first, second, range(2))
        beginnings = [each.keys.leader.removesuffix(b"leader") for each in (first, second)]
        owners = [
            [key.startswith(beginning) for beginning in beginnings] for key in first.cluster.records
        ]
        assert all(sum(each) == 1 for each in owners)
        for column in zip(*owners, strict=True):
            assert sum(column) >= 1 + len(first.all), "a leader, and a height of each orderer"
        for each in (first, second):
            await each.stop()

    run(story)


def test_a_channel_whose_leader_is_lost_elects_another_and_the_other_channel_keeps_its_own(
    config: ChannelConfig,
) -> None:
    async def story() -> None:
        first, second = await begin(config)
        lost, kept = await first.leader(), await second.leader()
        first_term, second_term = term(first), term(second)
        assert first_term != second_term
        await lost.kill()
        assert await (await second.leader()).order("meanwhile") is None
        successor = await first.leader()
        assert successor is not lost
        assert await successor.order("afterwards") is None
        assert term(first) != first_term
        assert (await second.leader(), term(second)) == (kept, second_term)
        for each in (first, second):
            await each.level()
            await each.stop()
        assert first.check_no_fork() == [envelope("afterwards")]
        assert second.check_no_fork() == [envelope("meanwhile")]

    run(story)


def test_trimming_the_log_of_one_channel_leaves_that_of_the_other(config: ChannelConfig) -> None:
    async def story() -> None:
        first, second = await begin(config)
        absent = (await second.followers())[0]
        await absent.kill()
        await order_in_turn(first, second, range(20))
        logs = [OrderedLog(absent.etcd, each.keys) for each in (first, second)]
        trimmed, whole = [await log.first() for log in logs]
        assert trimmed is not None
        assert trimmed > 10
        assert whole == 1
        assert first.cluster.compacted > 0, "etcd forgets what was in either channel"
        absent.start()
        await second.level()
        assert absent.memory.entries == kept_entries(second)
        for each in (first, second):
            await each.stop()

    run(story)


def test_lines_of_the_log_say_which_channel_they_are_about(
    config: ChannelConfig, lines: Lines
) -> None:
    async def story() -> None:
        first = Orderers(config, retention=Retention(max_blocks=5, every_blocks=2))
        second = Orderers(config, cluster=first.cluster, channel_id=OTHER_CHANNEL_ID)
        for each in (first, second):
            await each.start()
        absent = (await first.followers())[0]
        await absent.kill()
        await order_in_turn(first, second, range(10))
        chain = absent.start()
        await first.level()
        for each in (first, second):
            await each.stop()
        absent.etcd.is_reachable = False
        await chain.leave()

    run(story)
    leading = lines.about("leads since revision")
    assert leading == [{"channel": CHANNEL_ID}, {"channel": OTHER_CHANNEL_ID}]
    for part in ("the log in etcd begins at block", "fetches blocks", "stays there"):
        assert {about["channel"] for about in lines.about(part)} == {CHANNEL_ID}, part
    assert [line for line, about in lines.told if not about] == []


def kept_entries(channel: Orderers) -> list[bytes]:
    return max((each.memory.entries for each in channel.all.values()), key=len)
