"""Further channels of a network."""

import pytest
from tests.scenarios.outcome import Outcome, files

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.cluster.channels import begin, usual_rule, with_channel, with_joined_channel
from tallystick.node.cluster.errors import (
    ChannelExistsError,
    InterruptedCreationError,
    TopologyError,
)
from tallystick.node.cluster.material import Founding
from tallystick.node.cluster.network import Network, channel_genesis, create_network
from tallystick.node.cluster.topology import ChannelTopology, default_topology
from tallystick.node.process import load_block

NOW_NS = 1_780_000_000_000_000_000
FOUNDING = Founding(NOW_NS, bytes(24))
MEMBERS = ("ATSMSP", "ClearingMSP")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    directory = tmp_path_factory.mktemp("network")
    return create_network(default_topology(), directory, Founding(NOW_NS, bytes(24)))


@pytest.mark.parametrize(
    ("members", "rule"),
    [
        pytest.param(MEMBERS, "MAJORITY Endorsement", id="all can endorse"),
        pytest.param(
            (),
            "OutOf(2, 'ATSMSP.peer', 'ClearingMSP.peer', 'TransferAgentMSP.peer')",
            id="guests do not count",
        ),
        pytest.param(("ATSMSP", "BankMSP"), "OutOf(1, 'ATSMSP.peer')", id="one can"),
        pytest.param(("BankMSP",), "MAJORITY Endorsement", id="nobody can"),
    ],
)
def test_whoever_has_peers_decides_where_nobody_says_who(
    members: tuple[str, ...], rule: str
) -> None:
    assert usual_rule(default_topology(), members) == rule


def test_a_channel_that_was_begun_keeps_its_first_block(outcome: Outcome, network: Network) -> None:
    channel = ChannelTopology(id="bonds", members=MEMBERS)
    grown = with_channel(network, channel)
    first = begin(grown, channel, Founding(NOW_NS, bytes(24)))
    again = begin(grown, channel, Founding(NOW_NS + 1, bytes(24)))
    assert again == first
    other = channel.model_copy(update={"members": ("ATSMSP",)})
    with outcome.refuses(
        InterruptedCreationError,
        leaves=files(network.directory),
        match="with other members, rules or certificates",
    ):
        begin(with_channel(network, other), other, Founding(NOW_NS, bytes(24)))
    outcome.keep("a channel whose creation was interrupted is begun with other members")


def test_a_channel_that_was_joined_is_one_of_the_networks(network: Network) -> None:
    here = ("ClearingMSP", "ATSMSP")
    elsewhere = with_channel(network, ChannelTopology(id="shares", members=here))
    channel = elsewhere.topology.find_channel("shares")
    config = ChannelConfig.from_block(channel_genesis(elsewhere, channel, FOUNDING))

    joined = with_joined_channel(network, config, "ATSMSP")
    assert set(joined.topology.find_channel("shares").members) == set(here)
    assert with_joined_channel(joined, config, "ClearingMSP") is joined
    newcomer = with_joined_channel(joined, config, "TransferAgentMSP")
    assert set(newcomer.topology.find_channel("shares").members) == {*here, "TransferAgentMSP"}
    assert len(newcomer.topology.all_channels) == 2
    first = ChannelConfig.from_block(load_block(network.genesis_block))
    assert with_joined_channel(network, first, "ATSMSP") is network


def test_a_channel_needs_a_name_and_members_of_its_own(outcome: Outcome, network: Network) -> None:
    with outcome.refuses(
        ChannelExistsError, leaves=files(network.directory), match="choose another name"
    ):
        with_channel(network, ChannelTopology(id=network.channel_id))
    with outcome.refuses(
        TopologyError, leaves=files(network.directory), match="none of its members runs a peer"
    ):
        with_channel(network, ChannelTopology(id="bonds", members=("BankMSP",)))
    outcome.keep("a channel is begun with a name that is taken, or without a peer")
