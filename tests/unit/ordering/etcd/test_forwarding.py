"""What becomes of an envelope that is handed on to a leader who may be gone. Virtual time."""

import asyncio

from tests.unit.ordering.etcd.fake import (
    TTL_S,
    FakeFellows,
    Orderer,
    Orderers,
    envelope,
    submission,
    told,
)

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.ordering.admission import Refused
from tallystick.node.ordering.chain import unavailable
from tallystick.node.ordering.etcd.roles import Seeking
from tallystick.protos.common.common_pb2 import CONFIG_UPDATE, Status
from tallystick.protos.orderer.ab_pb2 import BroadcastResponse


def test_an_update_of_the_configuration_is_not_forwarded_twice(config: ChannelConfig) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        (other, _) = await orderers.followers()
        leader.hangs, leader.etcd.is_reachable = True, False
        refused = await order_update(other)
        assert isinstance(refused, Refused)
        assert "the update may be ordered all the same" in refused.info

    told(config, story)


def test_an_update_waits_for_the_successor_of_a_leader_whom_nobody_reaches(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        (other, _) = await orderers.followers()
        leader.is_reachable = leader.etcd.is_reachable = False
        assert await order_update(other) is None

    told(config, story)


async def order_update(orderer: Orderer) -> Refused | None:
    assert orderer.chain is not None
    update = submission(envelope("update"), header_type=CONFIG_UPDATE)
    return await orderer.chain.order(update)


def test_what_comes_to_the_leader_by_way_of_several_orderers_is_ordered_once(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        everybody = [leader, *await orderers.followers()]
        assert await asyncio.gather(*(each.order("x") for each in everybody)) == [None] * 3
        await orderers.level()
        assert leader.memory.entries == [envelope("x")]

    told(config, story)


def test_who_gives_up_at_once_takes_no_room_any_more(config: ChannelConfig) -> None:
    async def story(orderers: Orderers) -> None:
        await orderers.leader()
        (other, _) = await orderers.followers()
        assert other.chain is not None
        answer = other.chain.order(submission(envelope("x")))
        answer.cancel()  # before its task takes a step
        await asyncio.wait([answer])
        assert other.chain.waiting == other.chain._forwarding._bytes == 0

    told(config, story)


def test_a_status_that_nobody_knows_is_an_error_of_the_leader(config: ChannelConfig) -> None:
    class Odd(FakeFellows):
        async def forward(self, address: str, envelope: bytes) -> BroadcastResponse:  # noqa: ARG002
            return BroadcastResponse(status=999, info="made up")  # type: ignore[arg-type]

    async def story(orderers: Orderers) -> None:
        await orderers.leader()
        (other, _) = await orderers.followers()
        assert other.chain is not None
        other.chain._forwarding._fellows = Odd({}, other.name)
        assert await other.order("x") == Refused(Status.INTERNAL_SERVER_ERROR, "made up")

    told(config, story)


def test_an_envelope_waits_for_a_leader_only_so_long(config: ChannelConfig) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        (other, _) = await orderers.followers()
        leader.is_reachable = False  # it leads, and nobody reaches it
        began_s = asyncio.get_running_loop().time()
        reason = f"cannot be reached after 5 s: {leader.name} does not answer; try again"
        assert await other.order("x") == unavailable(
            f"orderer {leader.name}, which leads, {reason}"
        )
        assert 4 < asyncio.get_running_loop().time() - began_s < 7

    told(config, story)


def test_an_update_is_told_that_the_leader_cannot_be_reached(config: ChannelConfig) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        (other, _) = await orderers.followers()
        leader.is_reachable = False
        assert await order_update(other) == unavailable(
            f"orderer {leader.name}, which leads, cannot be reached after 5 s; try again"
        )

    told(config, story)


def test_an_envelope_is_told_that_nobody_leads_once_the_leader_that_was_not_reached_does_not(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        (other, third) = await orderers.followers()
        await third.kill()
        leader.is_reachable = False
        refused = asyncio.get_running_loop().create_task(other.order("x"))
        await asyncio.sleep(1)
        assert other.chain is not None
        other.chain._progress.role = Seeking()
        assert await refused == unavailable("nobody leads the orderers after 5 s; try again")

    told(config, story)


def test_what_a_leader_that_hangs_was_given_is_sent_to_its_successor(
    config: ChannelConfig,
) -> None:
    async def story(orderers: Orderers) -> None:
        leader = await orderers.leader()
        (other, _) = await orderers.followers()
        leader.hangs, leader.etcd.is_reachable = True, False
        began_s = asyncio.get_running_loop().time()
        assert await other.order("given to one that hangs") is None
        assert asyncio.get_running_loop().time() - began_s < TTL_S + 2

    told(config, story)
