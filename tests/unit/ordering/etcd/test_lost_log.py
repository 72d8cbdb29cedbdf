"""A log in etcd that was lost, or put back from an old snapshot: no number is ordered twice."""

import asyncio

import pytest
from tests.unit.conftest import CHANNEL_ID
from tests.unit.ordering.etcd.fake import KEYS, Orderer, Orderers, envelope, new_cluster, told

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.ordering.admission import Refused
from tallystick.node.ordering.etcd.port import Record


def test_an_empty_log_is_not_begun_anew_behind_blocks_that_exist(config: ChannelConfig) -> None:
    async def story(orderers: Orderers) -> None:
        (only_one,) = orderers.all.values()
        assert await only_one.order("1") is None
        await orderers.level()
        await only_one.kill()
        orderers.cluster.records.clear()  # somebody wiped etcd
        only_one.start()
        refused = await only_one.order("2")
        assert isinstance(refused, Refused)
        assert "the log in etcd is empty, but 2 blocks are here" in refused.info
        assert "begin_at = { <channel> = 2 }" in only_one.problem
        await only_one.kill()
        only_one.begin_at = {CHANNEL_ID: 2}
        only_one.start()
        assert await only_one.order("2") is None

    told(config, story, count=1)


def test_an_orderer_with_fewer_blocks_does_not_begin_the_log(config: ChannelConfig) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        for number in range(3):
            assert await leader.order(str(number)) is None
        await orderers.level()
        for each in orderers.all.values():
            await each.kill()
        orderers.cluster.records.clear()
        first, second, new = orderers.all.values()
        new.memory.blocks[1:] = []
        for each in (first, second, new):
            each.begin_at = {CHANNEL_ID: 4}
        new.start()
        await asyncio.sleep(1)
        assert "an orderer that has all 4 blocks" in new.problem
        first.start()
        second.start()
        assert await second.order("goes on") is None
        await orderers.level()
        assert new.memory.entries[-1] == envelope("goes on")

    told(config, story)


async def restored_behind(orderers: Orderers) -> Orderer:
    """Restore a snapshot of etcd that lacks a block; start only an orderer that lacks it too."""
    leader = await orderers.leader()
    assert await leader.order("in the snapshot") is None
    await orderers.level()
    (absent, _) = await orderers.followers()
    await absent.kill()
    snapshot = orderers.snapshot()
    assert await leader.order("after it") is None
    await orderers.level()
    await orderers.restart_on(snapshot, absent.name)
    return absent


def test_behind_a_snapshot_that_is_too_old_no_number_is_ordered_again(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        absent = await restored_behind(orderers)
        others = [each for each in orderers.all.values() if each is not absent]
        refused = await absent.order("again")
        assert isinstance(refused, Refused), "the channel would fork"
        assert all(each.name in refused.info for each in others)
        assert "begin_at = { securities = 2 }" in refused.info

        for each in others:
            each.start()
        await asyncio.sleep(1)
        assert "has 3 blocks, and the log in etcd ends before block 2" in absent.problem
        assert all("the log in etcd ends with block 1" in each.problem for each in others)
        assert isinstance(await absent.order("again"), Refused)

        for each in orderers.all.values():
            each.begin_at = {CHANNEL_ID: 3}
        await orderers.restart_on(new_cluster(), *orderers.all)
        assert await (await orderers.leader()).order("as it goes on") is None
        await orderers.level()
        assert absent.memory.entries == [
            envelope(name) for name in ("in the snapshot", "after it", "as it goes on")
        ]

    told(config, story)


def test_whoever_knows_that_nobody_has_more_blocks_can_let_an_orderer_lead_alone(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        assert await leader.order("before") is None
        await orderers.level()
        leader.begin_at = {CHANNEL_ID: 2}
        await orderers.restart_on(orderers.snapshot(), leader.name)
        assert await leader.order("alone") is None

    told(config, story)


def test_an_empty_cluster_is_not_begun_before_all_orderers_are_heard(
    config: ChannelConfig, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        assert await leader.order("before") is None
        await orderers.level()
        new, _ = await orderers.followers()
        new.memory.blocks[1:] = []
        await orderers.restart_on(new_cluster(), new.name)
        refused = await new.order("begun anew")
        assert isinstance(refused, Refused), "the channel would fork"
        assert "no answer from" in refused.info
        await asyncio.sleep(10)

    told(config, story)
    assert caplog.text.count("does not lead: nobody has led in this cluster") == 1, "said once"


@pytest.mark.parametrize("where", ["when it is asked", "in etcd"])
def test_an_orderer_that_states_too_large_a_height_is_ignored_once_an_operator_says_so(
    config: ChannelConfig, where: str
) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        assert await leader.order("before") is None
        await orderers.level()
        overstating, *others = orderers.all.values()
        cluster = new_cluster()
        if where == "in etcd":
            stated = KEYS.height(overstating.name)
            cluster.records[stated] = Record(stated, b"900", 1)
        overstating.says = 900
        for each in others:
            each.begin_at = {CHANNEL_ID: 2}
        await orderers.restart_on(cluster, *orderers.all)
        overstating.etcd.is_reachable = False  # it leads nobody, and answers whoever asks
        await asyncio.sleep(1)
        for each in others:
            assert f"orderer {overstating.name}" in each.problem
            assert "900 blocks" in each.problem
            assert f'`ignore_heights_of = ["{overstating.name}"]`' in each.problem

        (honest, _) = others
        await honest.kill()
        honest.ignored = (overstating.name,)
        honest.start()
        assert await honest.order("goes on") is None
        overstating.etcd.is_reachable = True
        await orderers.level()
        assert orderers.check_no_fork() == [envelope("before"), envelope("goes on")]

    told(config, story)


def test_a_height_in_etcd_that_is_no_number_of_blocks_does_not_count(config: ChannelConfig) -> None:
    async def story(orderers: Orderers) -> None:
        cluster = new_cluster()
        stated = KEYS.height("gone.example:7050")
        cluster.records[stated] = Record(stated, b"9" * 5_000, 1)
        await orderers.restart_on(cluster, *orderers.all)
        leader = await orderers.leader()
        assert await leader.order("goes on") is None

    told(config, story)


def test_an_orderer_that_is_ignored_need_not_answer(config: ChannelConfig) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        assert await leader.order("before") is None
        await orderers.level()
        lost, other = await orderers.followers()
        leader.ignored = other.ignored = (lost.name,)
        await orderers.restart_on(orderers.snapshot(), leader.name, other.name)
        assert await other.order("without it") is None

    told(config, story)
