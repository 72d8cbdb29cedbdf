"""The heights in etcd of orderers that the channel names no more. Virtual time."""

import asyncio

import pytest
from tests.unit.ordering.etcd.fake import KEYS, Orderers, told

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.ordering.etcd.log import OrderedLog, SupersededError
from tallystick.node.ordering.etcd.port import Put
from tallystick.node.ordering.etcd.retention import Retention

GONE = KEYS.height("moved.example:7050")
SELDOM = Retention(every_blocks=1000)


def test_the_height_of_an_orderer_that_moved_goes_when_the_log_is_trimmed(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        await leader.etcd.commit([], [Put(GONE, b"1")])
        for number in range(4):
            assert await leader.order(f"{number}") is None
            await orderers.level()
        await asyncio.sleep(1)
        assert GONE not in orderers.cluster.records
        named = {KEYS.height(name) for name in orderers.all}
        assert named <= orderers.cluster.records.keys()

    told(config, story, retention=Retention(every_blocks=2))


def test_who_leads_no_more_deletes_no_height(config: ChannelConfig) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        await leader.etcd.commit([], [Put(GONE, b"1")])
        term = orderers.cluster.records[KEYS.leader].create_revision
        with pytest.raises(SupersededError):
            await OrderedLog(leader.etcd, KEYS).forget(term - 1, ["moved.example:7050"])
        assert GONE in orderers.cluster.records

    told(config, story, retention=SELDOM)


def test_more_heights_than_a_transaction_may_change_go_step_by_step(config: ChannelConfig) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        for number in range(150):
            await leader.etcd.commit([], [Put(KEYS.height(f"moved{number}:7050"), b"1")])
        log = OrderedLog(leader.etcd, KEYS)
        term = orderers.cluster.records[KEYS.leader].create_revision
        strangers = (await log.heights()).keys() - orderers.all.keys()
        await log.forget(term, strangers)
        assert len((await log.heights()).keys() - orderers.all.keys()) == 50

    told(config, story, count=1, retention=SELDOM)


def test_who_leaves_a_channel_last_takes_the_heights_of_orderers_that_moved_along(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        for number in range(3):
            assert await leader.order(f"{number}") is None
        await orderers.level()
        await leader.etcd.commit([], [Put(GONE, b"1")])
        newest = await OrderedLog(leader.etcd, KEYS).newest()
        assert newest == 3
        for each in orderers.all.values():
            assert KEYS.block(1) in orderers.cluster.records
            chain = each.chain
            assert chain is not None
            await each.drain()
            await chain.leave()
        assert list(orderers.cluster.records) == [KEYS.block(newest)]

    told(config, story, retention=SELDOM)


def test_who_lacks_blocks_of_the_log_takes_nothing_along_that_others_may_need(
    config: ChannelConfig,
) -> None:
    """The block that it lacks may be what names them."""

    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        (behind, other) = await orderers.followers()
        behind.memory.answers.clear()
        assert await leader.order("not copied") is None
        newcomer = KEYS.height("newcomer.example:7050")
        await leader.etcd.commit([], [Put(newcomer, b"1")])
        for each in (leader, other, behind):
            chain = each.chain
            assert chain is not None
            await each.drain()
            await chain.leave()
        assert {newcomer, KEYS.block(1)} <= orderers.cluster.records.keys()

    told(config, story, retention=SELDOM)
