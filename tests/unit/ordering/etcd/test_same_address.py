"""Orderers that are told to have the same address. Virtual time."""

import asyncio

import pytest
from tests.unit.ordering.etcd.fake import KEYS, TTL_S, Orderers, envelope, ordered_by, told

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.ordering.admission import Refused
from tallystick.node.ordering.etcd.port import Put
from tallystick.protos.tallystick.ordered_log_pb2 import Leader

CLASH = "another orderer leads, and has the advertised_address of this one"


@pytest.mark.parametrize("msp_id", ["OrdererMSP", "AnotherMSP"])
def test_an_orderer_with_the_address_of_the_leader_lets_it_lead_and_says_so(
    config: ChannelConfig, caplog: pytest.LogCaptureFixture, msp_id: str
) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        (other, third) = await orderers.followers()
        await other.kill()
        other.address, other.msp_id = leader.name, msp_id
        term = orderers.cluster.records[KEYS.leader].create_revision
        other.start()
        await asyncio.sleep(60)
        assert orderers.cluster.records[KEYS.leader].create_revision == term, "they do not flap"
        assert CLASH in other.problem
        refused = await other.order("not handed on to itself")
        assert isinstance(refused, Refused)
        assert "set that of each orderer" in refused.info
        assert await third.order("handed on") is None
        await orderers.level()
        assert other.memory.entries == [envelope("handed on")], "it copies"
        assert leader.problem == ""

    told(ordered_by(config, "OrdererMSP", "AnotherMSP"), story)
    assert caplog.text.count(CLASH) == 1, "said once, however long it lasts"


def test_orderers_with_one_address_lead_one_after_the_other(config: ChannelConfig) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        (other, third) = await orderers.followers()
        await other.kill()
        await third.kill()
        other.address = leader.name
        other.start()
        await asyncio.sleep(60)
        assert CLASH in other.problem
        await leader.kill()
        await asyncio.sleep(TTL_S + 1)
        assert other.problem == ""
        assert await other.order("leads") is None

    told(config, story, count=3)


def test_a_record_of_the_release_before_that_is_left_over_ends_with_its_lease(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        (only_one,) = orderers.all.values()
        await only_one.drain()
        value = Leader(address=only_one.name, msp_id=only_one.msp_id).SerializeToString()
        lease = await only_one.etcd.grant(TTL_S)
        await only_one.etcd.commit([], [Put(KEYS.leader, value, lease)])
        only_one.start()
        began_s = asyncio.get_running_loop().time()
        assert await only_one.order("after the update") is None
        assert asyncio.get_running_loop().time() - began_s < TTL_S + 0.5

    told(config, story, count=1)
