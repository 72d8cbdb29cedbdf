"""Keys behind the end of the log in etcd, and blocks deleted from it. Virtual time."""

import asyncio

import pytest
from tests.unit.ordering.etcd.fake import KEYS, TTL_S, Orderers, envelope, told

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.ordering.admission import Refused
from tallystick.node.ordering.etcd.chain import LACK_PATIENCE_S
from tallystick.node.ordering.etcd.log import OrderedLog
from tallystick.node.ordering.etcd.port import Deletion, Put, only
from tallystick.node.ordering.etcd.retention import Retention
from tallystick.protos.tallystick.ordered_log_pb2 import OrderedBatch

FAR = 0xFFFF_FFFF


async def write_stray(orderers: Orderers, number: int = FAR) -> None:
    """Write a key as that of a block, which no orderer has ordered."""
    etcd = orderers.all["orderer0:7050"].etcd
    await etcd.commit([], [Put(KEYS.block(number), b"stray")])


async def delete_block(orderers: Orderers, number: int) -> None:
    etcd = orderers.all["orderer0:7050"].etcd
    await etcd.commit([], [Deletion(only(KEYS.block(number)))])


def test_orderers_go_on_in_spite_of_a_key_behind_the_end_of_the_log(
    config: ChannelConfig, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        assert await leader.order("before") is None
        await write_stray(orderers)
        for number in range(20):
            assert await leader.order(str(number)) is None
        await asyncio.sleep(1)
        assert {len(each.memory.entries) for each in orderers.all.values()} == {21}
        assert {each.problem for each in orderers.all.values()} == {""}

    told(config, story)
    (warning,) = [each.message for each in caplog.records if "etcdctl del" in each.message]
    assert f"etcdctl del {KEYS.block(FAR).decode()}`" in warning, "said once, with what to do"


@pytest.mark.parametrize("how", ["kill", "drain"])
def test_a_leader_is_replaced_in_spite_of_such_a_key_when_all_say_what_they_have(
    config: ChannelConfig, how: str
) -> None:
    async def story(orderers: Orderers) -> None:
        first = await orderers.leader()
        assert await first.order("before") is None
        await orderers.level()
        await write_stray(orderers)
        await (first.kill() if how == "kill" else first.drain())
        await asyncio.sleep(TTL_S + 2)
        other = next(each for each in orderers.all.values() if each is not first)
        refused = await other.order("nobody knows whether a block is missing")
        assert isinstance(refused, Refused)
        assert "no block 2, which comes before it; whether an orderer has it" in refused.info
        assert first.name in refused.info
        assert f"etcdctl del {KEYS.block(FAR).decode()}" in refused.info
        first.start()
        second = await orderers.leader()
        assert await second.order("after") is None
        assert await other.order("by another") is None
        await asyncio.sleep(1)
        for each in orderers.all.values():
            assert each.memory.entries[1:] == [envelope("after"), envelope("by another")]

    told(config, story)


def test_once_the_key_is_deleted_ordering_goes_on_by_itself(config: ChannelConfig) -> None:
    async def story(orderers: Orderers) -> None:
        leader, other, _ = [await orderers.leader(), *await orderers.followers()]
        assert await leader.order("before") is None
        await orderers.level()
        await write_stray(orderers)
        await leader.kill()
        await asyncio.sleep(TTL_S + 2)
        assert isinstance(await other.order("in between"), Refused)
        await delete_block(orderers, FAR)
        await asyncio.sleep(1)
        assert await other.order("after") is None

    told(config, story)


@pytest.mark.parametrize("is_deleted", [False, True])
def test_the_last_block_of_a_leader_is_read_in_etcd_if_no_orderer_has_a_copy(
    config: ChannelConfig, *, is_deleted: bool
) -> None:
    async def story(orderers: Orderers) -> None:
        leader, *others = [await orderers.leader(), *await orderers.followers()]
        assert await leader.order("before") is None
        await orderers.level()
        await write_stray(orderers)
        await asyncio.sleep(0.5)
        if is_deleted:
            await delete_block(orderers, FAR)
        leader.memory.answers.clear()
        assert await leader.order("in etcd alone") is None
        await leader.kill()
        await asyncio.sleep(TTL_S + 2)
        for each in others:
            assert each.memory.entries == [envelope("before"), envelope("in etcd alone")]
        if is_deleted:
            assert await others[0].order("after") is None

    told(config, story)


def test_a_block_that_was_deleted_from_the_log_is_ordered_by_nobody_again(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        absent, _ = await orderers.followers()
        assert await leader.order("1") is None
        await orderers.level()
        await absent.kill()
        for name in ("2", "3"):
            assert await leader.order(name) is None
        await orderers.level()
        await delete_block(orderers, 2)
        absent.start()
        await asyncio.sleep(1)
        assert absent.memory.entries == [envelope(name) for name in ("1", "2", "3")]
        for each in orderers.all.values():
            await each.kill()
        absent.memory.blocks[2:] = []
        absent.start()
        await asyncio.sleep(TTL_S + 2)
        assert isinstance(await absent.order("in place of it"), Refused)
        leader.start()
        await orderers.level()
        assert absent.memory.entries == [envelope(name) for name in ("1", "2", "3")]

    told(config, story)


def test_the_first_block_is_ordered_by_nobody_while_there_is_a_later_one(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        for each in orderers.all.values():
            await each.kill()
        await write_stray(orderers)
        for each in orderers.all.values():
            each.start()
        await asyncio.sleep(TTL_S + 2)
        some = orderers.all["orderer0:7050"]
        refused = await some.order("1")
        assert isinstance(refused, Refused)
        assert "and no block 1, which comes before it, nor has any orderer" in refused.info
        assert "start an orderer that has the blocks before it, or restore one" in refused.info
        assert "Only if no orderer ever wrote it, delete it with `etcdctl del" in refused.info
        await delete_block(orderers, FAR)
        await asyncio.sleep(1)
        assert await some.order("1") is None

    told(config, story)


def test_a_key_that_is_reached_stops_the_channel_and_forks_nothing(config: ChannelConfig) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        assert await leader.order("1") is None
        await orderers.level()
        await write_stray(orderers, 4)
        for name in ("2", "3"):
            assert await leader.order(name) is None
        assert isinstance(await leader.order("4"), Refused)
        await asyncio.sleep(TTL_S + 2)
        assert "for block 4 is not to be trusted" in leader.problem

    told(config, story)


def test_whoever_fetches_in_vain_what_another_orderer_says_it_has_says_so(
    config: ChannelConfig, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(orderers: Orderers) -> None:
        leader, overstating, other = [await orderers.leader(), *await orderers.followers()]
        assert await leader.order("before") is None
        await orderers.level()
        await write_stray(orderers)
        overstating.says = 900
        overstating.etcd.is_reachable = False  # it leads nobody, and answers whoever asks
        await leader.drain()
        await asyncio.sleep(TTL_S + 2)
        refused = await other.order("in between")
        assert isinstance(refused, Refused)
        assert f"block 2 does not come from {overstating.name}" in refused.info
        assert f'`ignore_heights_of = ["{overstating.name}"]`' in refused.info
        assert refused.info == other.problem
        await asyncio.sleep(10)
        assert caplog.text.count("does not come from") == 1, "said once"

        leader.start()
        await other.kill()
        other.ignored = (overstating.name,)
        other.start()
        assert await other.order("after") is None

    told(config, story)


def test_an_orderer_to_which_nobody_delivers_what_etcd_has_trimmed_says_so_until_it_comes(
    config: ChannelConfig, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(orderers: Orderers) -> None:
        leader, absent, other = [await orderers.leader(), *await orderers.followers()]
        await absent.kill()
        for number in range(20):
            assert await leader.order(str(number)) is None
            await asyncio.sleep(0.05)
        leader.is_silent = other.is_silent = True
        absent.start()
        await asyncio.sleep(LACK_PATIENCE_S - 2)
        assert absent.problem == "", "it may be about to catch up"
        await asyncio.sleep(4 + 2)
        assert absent.problem.startswith("lacks block 1, which no orderer delivers: ")
        assert f"does not come from {leader.name}, {other.name}: see the log" in absent.problem
        assert (leader.problem, other.problem) == ("", "")
        await leader.kill()
        await asyncio.sleep(10)
        assert caplog.text.count("which no orderer delivers") <= 2, "said once, and when it changes"

        other.is_silent = False
        await orderers.level()
        await orderers.leader()
        assert absent.problem == ""

    told(config, story, retention=Retention(max_blocks=5, every_blocks=2))


def test_an_orderer_that_may_lack_a_block_says_who_has_to_answer_before_that_is_known(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        leader, one, other = [await orderers.leader(), *await orderers.followers()]
        assert await leader.order("before") is None
        await write_stray(orderers)
        await asyncio.sleep(LACK_PATIENCE_S + 10)
        assert {each.problem for each in orderers.all.values()} == {""}, "nobody has another block"
        await one.kill()
        await asyncio.sleep(10)
        assert other.problem.startswith(
            "lacks block 2, which no orderer delivers: etcd has the key"
        )
        assert f"there is no answer from {one.name}: start it, or mend the line" in other.problem
        one.start()
        await asyncio.sleep(10)
        assert other.problem == ""

    told(config, story)


def test_whoever_leaves_last_leaves_the_newest_block_in_spite_of_a_key_behind_it(
    config: ChannelConfig,
) -> None:
    """Else an orderer that joins again, and deletes that key, would begin the channel anew."""

    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        for name in ("1", "2", "3"):
            assert await leader.order(name) is None
        await orderers.level()
        await write_stray(orderers)
        for each in orderers.all.values():
            chain = each.chain
            assert chain is not None
            await each.drain()
            await chain.leave()
        assert list(orderers.cluster.records) == [KEYS.block(3), KEYS.block(FAR)]

        newcomer = orderers.all["orderer0:7050"]
        for each in orderers.all.values():
            del each.memory.blocks[1:]
        await delete_block(orderers, FAR)
        newcomer.start()
        await asyncio.sleep(TTL_S)
        refused = await newcomer.order("begun anew")
        assert isinstance(refused, Refused), "the channel would fork"
        assert f"etcd has the key {KEYS.block(3).decode()}, and no block 1" in refused.info
        assert "The log may have been trimmed up to that key: start an orderer" in refused.info

    told(config, story)


def test_what_the_last_one_to_leave_has_not_copied_stays(config: ChannelConfig) -> None:
    async def story(orderers: Orderers) -> None:
        (only_one,) = orderers.all.values()
        assert await only_one.order("1") is None
        await orderers.level()
        log = OrderedLog(only_one.etcd, KEYS)
        term = orderers.cluster.records[KEYS.leader].create_revision
        chain = only_one.chain
        assert chain is not None
        only_one.memory.answers.clear()
        for number in (2, 3):
            batch = OrderedBatch(
                previous_hash=only_one.memory.last_hash, envelopes=[envelope(f"{number}")]
            )
            await log.append(term, number, batch)
        await only_one.kill()
        await asyncio.sleep(TTL_S + 1)
        await chain.leave()
        assert sorted(orderers.cluster.records) == [KEYS.block(number) for number in (1, 2, 3)]

    told(config, story, count=1)
