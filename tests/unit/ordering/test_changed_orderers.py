"""An orderer whose organisation began to order a channel after its first block, or ceased to."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from tests.unit.conftest import CHANNEL_ID, NOW_NS, ChannelMaterial

from tallystick.node.channel.config import BatchParameters
from tallystick.node.channel.config_delta import compute_update
from tallystick.node.channel.config_edits import (
    with_orderer_organization,
    without_orderer_organization,
)
from tallystick.node.channel.config_signing import unsigned_update, with_signature
from tallystick.node.channel.genesis import Endpoint, OrdererOrganization
from tallystick.node.membership.directory import msp_config_from_directory
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.node.orderer import OrdererNode
from tallystick.node.orderer_channel import OrdererEnvironment
from tallystick.node.ordering.served_channels import NotOrdererError
from tallystick.node.settings import MspSettings, OrdererSettings
from tallystick.protos.common.common_pb2 import Block, Status
from tallystick.protos.common.configtx_pb2 import Config

FOUNDER, NEWCOMER = "OrdererMSP", "StrangerMSP"
PROMPT = BatchParameters(timeout_s=0.01)


@dataclass(frozen=True)
class Site:
    """One folder of blocks, in which orderers of either organisation can be started."""

    material: ChannelMaterial
    directory: Path

    def node(self, msp_id: str, directory: Path | None = None) -> OrdererNode:
        nonces = count()
        settings = OrdererSettings(
            listen_address="127.0.0.1:0",
            data_directory=directory or self.directory,
            store="sqlite",
            msp=MspSettings(id=msp_id, directory=self.material.directory),
            tls=None,
        )
        return OrdererNode(
            settings,
            self.material.orderer if msp_id == FOUNDER else self.material.stranger,
            [self.material.genesis(PROMPT)],
            OrdererEnvironment(
                clock=lambda: NOW_NS, new_nonce=lambda: next(nonces).to_bytes(24, "big")
            ),
        )

    def administrator(self, organization: str) -> SigningIdentity:
        directory = self.material.directory / organization / "users" / "Admin" / "msp"
        return SigningIdentity.from_directory(directory, f"{organization.capitalize()}MSP")

    async def change(self, edit: Callable[[Config], Config]) -> None:
        """Let the founder's orderer, started for that, order a new configuration."""
        async with self.node(FOUNDER) as node:
            before = node.channels[CHANNEL_ID].config
            update = unsigned_update(compute_update(CHANNEL_ID, before.config, edit(before.config)))
            nonces = count()
            for organization in ("orderer", "stranger")[: len(before.orderers)]:
                update = with_signature(
                    update,
                    self.administrator(organization),
                    new_nonce=lambda: next(nonces).to_bytes(24, "big"),
                    now_ns=NOW_NS,
                )
            answer = await node.connection().broadcast(update.SerializeToString())
            assert answer.status == Status.SUCCESS, answer.info

    async def add_newcomer(self) -> None:
        msp = msp_config_from_directory(self.material.directory / "stranger" / "msp", NEWCOMER)
        organization = OrdererOrganization(NEWCOMER, msp, (Endpoint("localhost", 7051),))
        await self.change(
            lambda config: with_orderer_organization(CHANNEL_ID, config, organization)
        )

    async def remove_founder(self) -> None:
        await self.change(lambda config: without_orderer_organization(CHANNEL_ID, config, FOUNDER))


@pytest.fixture
def site(tmp_path: Path, channel_material: ChannelMaterial) -> Site:
    return Site(channel_material, tmp_path / "orderer")


async def test_an_organisation_that_the_first_block_does_not_name_orders_once_it_may(
    site: Site,
) -> None:
    await site.add_newcomer()
    async with site.node(NEWCOMER) as node:
        channel = node.channels[CHANNEL_ID]
        answer = await node.connection().broadcast(site.material.envelope())
        assert answer.status == Status.SUCCESS
        async with asyncio.timeout(5):
            await channel.source.watch.wait_for(3)


async def test_an_organisation_that_was_taken_out_keeps_its_blocks_and_the_rest_of_its_orderer(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    await site.add_newcomer()
    await site.remove_founder()
    with caplog.at_level(logging.WARNING):
        async with site.node(FOUNDER) as node:
            channel = node.channels[CHANNEL_ID]
            assert channel.config.orderer_msp_ids == (NEWCOMER,)
            assert Block.FromString(channel.source.read(2)).header.number == 2
            assert not node.health_checks["blocks"]()
    assert "by configuration 2, OrdererMSP does not order it, but StrangerMSP do" in caplog.text


async def test_who_has_no_block_of_a_channel_that_others_order_does_not_begin_it(
    site: Site, tmp_path: Path
) -> None:
    await site.add_newcomer()
    elsewhere = tmp_path / "elsewhere"
    with pytest.raises(NotOrdererError, match="StrangerMSP is not among the orderer organisations"):
        async with site.node(NEWCOMER, elsewhere):
            pass
    assert not (elsewhere / "channels").exists()
