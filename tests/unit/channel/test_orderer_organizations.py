"""Who orders a channel changes while it runs: the edits, and whose signatures they need."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest
from tests.unit.channel.conftest import ORDERER, Consortium

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.config_delta import compute_update
from tallystick.node.channel.config_edits import (
    with_orderer_organization,
    without_orderer_organization,
)
from tallystick.node.channel.config_signing import unsigned_update, with_signature
from tallystick.node.channel.config_update import RefusedUpdate, authorize
from tallystick.node.channel.errors import ChannelConfigError
from tallystick.node.channel.genesis import (
    Endpoint,
    OrdererOrganization,
    build_genesis_block,
    orderer_organization_group,
)
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.protos.common.configtx_pb2 import Config
from tallystick.protos.msp.msp_config_pb2 import FabricMSPConfig, MSPConfig

CHANNEL_ID = "securities"
NEWCOMER = "BrokerMSP"
MEMBER = "AtsMSP"


@pytest.fixture(scope="module")
def channel(consortium: Consortium) -> ChannelConfig:
    """A channel that one organisation orders, and of which the newcomer is no member."""
    founders = tuple(one for one in consortium.application if one.msp_id != NEWCOMER)
    profile = replace(consortium.profile, application=founders)
    return ChannelConfig.from_block(build_genesis_block(profile, nonce=bytes(24), timestamp_ns=0))


def orderer(consortium: Consortium, msp_id: str, *ports: int) -> OrdererOrganization:
    endpoints = tuple(Endpoint(f"orderer.{msp_id}", port) for port in ports)
    return OrdererOrganization(msp_id, consortium.msp(msp_id), endpoints)


def updated(
    consortium: Consortium, channel: ChannelConfig, wanted: Config, *msp_ids: str
) -> ChannelConfig | str:
    """Return the configuration that these administrators put into force, or why they cannot."""
    nonces: Iterator[int] = count()
    update = unsigned_update(compute_update(CHANNEL_ID, channel.config, wanted))
    for msp_id in msp_ids:
        directory = consortium.directory / msp_id / "users" / "Admin" / "msp"
        update = with_signature(
            update,
            SigningIdentity.from_directory(directory, msp_id),
            new_nonce=lambda: next(nonces).to_bytes(24, "big"),
            now_ns=0,
        )
    result = authorize(channel, update)
    if isinstance(result, RefusedUpdate):
        return result.reason
    return ChannelConfig.from_config(CHANNEL_ID, result)


def with_newcomer(consortium: Consortium, channel: ChannelConfig) -> ChannelConfig:
    wanted = with_orderer_organization(
        CHANNEL_ID, channel.config, orderer(consortium, NEWCOMER, 7050, 7051)
    )
    following = updated(consortium, channel, wanted, ORDERER)
    assert isinstance(following, ChannelConfig)
    return following


def test_an_organisation_that_begins_to_order_is_like_one_that_ordered_from_the_beginning(
    consortium: Consortium, channel: ChannelConfig
) -> None:
    following = with_newcomer(consortium, channel)
    assert following.orderer_msp_ids == (NEWCOMER, ORDERER)
    assert following.orderers[0].endpoints == ("orderer.BrokerMSP:7050", "orderer.BrokerMSP:7051")
    of_both = replace(
        consortium.profile,
        application=tuple(one for one in consortium.application if one.msp_id != NEWCOMER),
        orderers=(consortium.orderer, orderer(consortium, NEWCOMER, 7050, 7051)),
    )
    founded = ChannelConfig.from_block(
        build_genesis_block(of_both, nonce=bytes(24), timestamp_ns=0)
    )
    groups = [
        each.config.channel_group.groups["Orderer"].groups[NEWCOMER]
        for each in (following, founded)
    ]
    assert groups[0] == groups[1] == orderer_organization_group(of_both.orderers[1])
    assert following.application_msp_ids == channel.application_msp_ids


def test_those_who_order_decide_who_orders(consortium: Consortium, channel: ChannelConfig) -> None:
    wanted = with_orderer_organization(
        CHANNEL_ID, channel.config, orderer(consortium, NEWCOMER, 7050)
    )
    refused = updated(consortium, channel, wanted, MEMBER, "ClearingMSP", "TransferMSP")
    assert isinstance(refused, str)
    assert "policy for [Group]  /Channel/Orderer not satisfied" in refused


def test_a_member_may_order_under_the_definition_that_it_has(
    consortium: Consortium, channel: ChannelConfig
) -> None:
    edited = with_orderer_organization(
        CHANNEL_ID, channel.config, orderer(consortium, MEMBER, 7050)
    )
    following = updated(consortium, channel, edited, ORDERER)
    assert isinstance(following, ChannelConfig)
    assert MEMBER in following.orderer_msp_ids
    assert MEMBER in following.application_msp_ids


def test_a_member_does_not_order_under_another_definition(
    consortium: Consortium, channel: ChannelConfig
) -> None:
    definition = FabricMSPConfig.FromString(consortium.msp(MEMBER).config)
    definition.root_certs.append(definition.root_certs[0])
    msp = MSPConfig(config=definition.SerializeToString())
    other = replace(orderer(consortium, MEMBER, 7050), msp=msp)
    with pytest.raises(ChannelConfigError, match=r"AtsMSP.* two groups define it differently"):
        with_orderer_organization(CHANNEL_ID, channel.config, other)


@pytest.mark.parametrize(
    ("msp_id", "ports", "problem"),
    [
        pytest.param(
            ORDERER, (7050,), "OrdererMSP orders it already; `tally channel set-", id="it orders"
        ),
        pytest.param(NEWCOMER, (), "where the orderers of BrokerMSP are reached", id="no address"),
    ],
)
def test_who_cannot_begin_to_order_is_told_why(
    consortium: Consortium,
    channel: ChannelConfig,
    msp_id: str,
    ports: tuple[int, ...],
    problem: str,
) -> None:
    with pytest.raises(ChannelConfigError, match=problem):
        with_orderer_organization(CHANNEL_ID, channel.config, orderer(consortium, msp_id, *ports))


def test_an_organisation_orders_no_more_if_a_majority_of_those_who_order_agrees(
    consortium: Consortium, channel: ChannelConfig
) -> None:
    both = with_newcomer(consortium, channel)
    wanted = without_orderer_organization(CHANNEL_ID, both.config, ORDERER)
    refused = updated(consortium, both, wanted, NEWCOMER)
    assert isinstance(refused, str)
    assert "requires 2 of the 'Admins' sub-policies" in refused, "of two, both are the majority"
    following = updated(consortium, both, wanted, ORDERER, NEWCOMER)
    assert isinstance(following, ChannelConfig)
    assert following.orderer_msp_ids == (NEWCOMER,)
    assert following.msps.get(ORDERER) is None


def test_the_last_organisation_goes_on_ordering(channel: ChannelConfig) -> None:
    with pytest.raises(ChannelConfigError, match=r"only .* `tally channel add-orderer-org`"):
        without_orderer_organization(CHANNEL_ID, channel.config, ORDERER)


def test_only_who_orders_can_cease_to(channel: ChannelConfig) -> None:
    with pytest.raises(ChannelConfigError, match="Orderer has no 'AtsMSP', only OrdererMSP"):
        without_orderer_organization(CHANNEL_ID, channel.config, MEMBER)
