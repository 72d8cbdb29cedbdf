"""Orderers whose organisation is taken out of the channel that they order. Virtual time."""

import asyncio

import pytest
from tests.unit.ordering.etcd.fake import (
    KEYS,
    TTL_S,
    Orderer,
    Orderers,
    Story,
    envelope,
    ordered_by,
)
from tests.virtual_time import run

from tallystick.node.channel.config import ChannelConfig

OUT = "does not order the channel"


def take_out(orderers: Orderers, leaving: Orderer, *, with_block: int) -> None:
    """Let a block bring a configuration without the organisation of one orderer."""
    msp_ids = [each.msp_id for each in orderers.all.values() if each is not leaving]
    for each in orderers.all.values():
        each.configs[with_block + 1] = ordered_by(each.config, *msp_ids)


def told(config: ChannelConfig, story: Story) -> None:
    """Let a story happen to three orderers, each of an organisation of its own."""

    async def whole() -> None:
        msp_ids = ("AMSP", "BMSP", "CMSP")
        orderers = Orderers(ordered_by(config, *msp_ids))
        for each, msp_id in zip(orderers.all.values(), msp_ids, strict=True):
            each.msp_id = msp_id
        await orderers.start()
        await story(orderers)
        await orderers.stop()
        orderers.check_no_fork()

    run(whole)


def test_a_leader_whose_organisation_is_taken_out_leaves_the_lead_at_once(
    config: ChannelConfig, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        other, another = await orderers.followers()
        take_out(orderers, leader, with_block=2)
        assert await leader.order("before") is None
        began_s = asyncio.get_running_loop().time()
        forwards = [other.order(f"forwarded {number}") for number in range(12)]
        assert set(await asyncio.gather(*forwards)) == {None}
        assert asyncio.get_running_loop().time() - began_s < TTL_S / 2
        assert await orderers.leader() in (other, another)
        assert OUT in leader.problem
        assert "osnadmin channel remove" in leader.problem
        assert await leader.order("handed on") is None
        await orderers.level()
        entries = orderers.check_no_fork()
        assert len(entries) == 14, "nothing is ordered twice"
        assert leader.memory.entries[-1] == envelope("handed on"), "it copies"

    told(config, story)
    assert caplog.text.count(OUT) == 1, "said once"


def test_an_orderer_whose_organisation_is_taken_out_leads_never_until_it_is_back(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        leaving, other = await orderers.followers()
        take_out(orderers, leaving, with_block=1)
        assert await leader.order("taken out") is None
        await orderers.level()
        assert OUT in leaving.problem
        await leader.kill()
        await other.kill()
        await asyncio.sleep(TTL_S + 1)
        assert await leaving.order("alone") is not None
        assert KEYS.leader not in orderers.cluster.records
        await leaving.kill()
        leaving.config = leaving.configs[2]
        leaving.start()
        await asyncio.sleep(1)
        assert KEYS.leader not in orderers.cluster.records, "nor when it is started again"

        other.start()
        for each in orderers.all.values():
            each.configs[3] = each.config
        leaving.configs[3] = leader.config
        assert await leaving.order("taken in again") is None
        await orderers.level()
        assert leaving.problem == ""
        await other.drain()
        assert await leaving.order("leads") is None

    told(config, story)


def test_an_orderer_that_comes_to_lead_with_the_block_that_takes_it_out_leaves_at_once(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        leaving, other = await orderers.followers()
        take_out(orderers, leaving, with_block=1)
        leaving.memory.answers.clear()
        assert await leader.order("taken out") is None
        await other.kill()
        await leader.kill()
        await asyncio.sleep(TTL_S + 0.3)
        leaving.memory.answers.set()
        await asyncio.sleep(1)
        assert leaving.memory.height == 2
        assert KEYS.leader not in orderers.cluster.records

    told(config, story)
