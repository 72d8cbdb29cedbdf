"""Orderers that are started while etcd is away, or gives them nothing. Virtual time."""

import asyncio

from simulation.etcd import EtcdConnection
from tests.unit.ordering.etcd.fake import Orderers, told

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.ordering.admission import Refused
from tallystick.node.ordering.etcd.port import EtcdUnavailableError
from tallystick.node.ordering.etcd.remedies import MAKE_ROOM
from tallystick.protos.common.common_pb2 import Status


class FullEtcd(EtcdConnection):
    """A way to a cluster that gives nobody a lease: its space is used up."""

    async def grant(self, ttl_s: int) -> int:
        await super().grant(ttl_s)
        raise EtcdUnavailableError("database space exceeded", MAKE_ROOM)


async def refused_at_once(orderers: Orderers, name: str) -> Refused:
    """Return why an envelope is refused."""
    clock = asyncio.get_running_loop().time
    began_s = clock()
    refused = await orderers.all[name].order("meanwhile")
    assert isinstance(refused, Refused)
    assert refused.status == Status.SERVICE_UNAVAILABLE
    assert clock() - began_s < 0.1
    return refused


def test_an_orderer_that_is_started_while_etcd_is_away_says_so_and_refuses_at_once(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        await orderers.stop()
        orderers.cluster.has_quorum = False
        for each in orderers.all.values():
            each.start()
        await asyncio.sleep(3)
        for name, each in orderers.all.items():
            assert "etcd does not answer" in each.problem
            assert (
                "check that most of its members run" in (await refused_at_once(orderers, name)).info
            )
        orderers.cluster.has_quorum = True
        orderers.cluster.tell()
        assert await (await orderers.leader()).order("as soon as it answers") is None

    told(config, story)


def test_an_orderer_to_which_etcd_gives_no_lease_follows_and_says_why_it_does_not_lead(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        refused, absent = await orderers.followers()
        await absent.kill()
        await refused.kill()
        refused.etcd = FullEtcd(orderers.cluster, refused.name)
        refused.start()
        await asyncio.sleep(1)
        assert refused.problem == ""
        assert await refused.order("handed on") is None
        await leader.drain()
        await asyncio.sleep(1)
        assert "database space exceeded" in refused.problem
        assert "etcdctl alarm disarm" in (await refused_at_once(orderers, refused.name)).info
        absent.start()
        await asyncio.sleep(1)
        assert await refused.order("handed on again") is None

    told(config, story)
