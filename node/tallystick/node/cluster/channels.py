"""Further channels of a network that exists."""

from collections.abc import Collection

from pydantic import ValidationError

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.cluster.errors import (
    ChannelExistsError,
    InterruptedCreationError,
    TopologyError,
)
from tallystick.node.cluster.material import Founding
from tallystick.node.cluster.network import Network, channel_genesis, write_genesis
from tallystick.node.cluster.topology import ChannelTopology, Topology
from tallystick.node.model_errors import problems_in
from tallystick.node.process import load_block
from tallystick.protos.common.common_pb2 import Block


def with_channel(network: Network, channel: ChannelTopology) -> Network:
    """Return the network with one channel more; its directory does not know of it yet.

    Raises:
        ChannelExistsError: There is a channel of this name.
        TopologyError: No member of it runs a peer, or one is none of the network's.
    """
    topology = network.topology
    if any(each.id == channel.id for each in topology.all_channels):
        raise ChannelExistsError(channel.id)
    document = topology.model_dump() | {"channels": (*topology.channels, channel)}
    try:
        return Network(network.directory, Topology.model_validate(document))
    except ValidationError as error:
        raise TopologyError(channel.id, problems_in(error, "the channel")) from error


def with_joined_channel(network: Network, config: ChannelConfig, msp_id: str) -> Network:
    """Return the network with a channel that began elsewhere, and that an organisation has joined.

    Of the organisations here, those that the channel began with are on it too. A channel that the
    network knows gets one more member at most. The directory does not know of it yet.

    Args:
        network: The network.
        config: The configuration that the channel begins with.
        msp_id: The organisation, one of the network's.
    """
    topology = network.topology
    member = topology.organization(msp_id)
    known = next((each for each in topology.all_channels if each.id == config.channel_id), None)
    if known is not None and known.has(member):
        return network
    if known is None:
        there = {each.msp_id for each in config.application} | {msp_id}
        members = tuple(
            each.msp_id for each in topology.application_organizations if each.msp_id in there
        )
        channel = ChannelTopology(id=config.channel_id, members=members)
        channels = (*topology.channels, channel)
    else:
        channel = known.model_copy(update={"members": (*known.members, msp_id)})
        channels = tuple(channel if each is known else each for each in topology.channels)
        if known is topology.channel:
            topology = topology.model_copy(update={"channel": channel})
    return Network(network.directory, topology.model_copy(update={"channels": channels}))


def usual_rule(topology: Topology, members: Collection[str]) -> str:
    """Return the rule of a channel for which nobody gave one: a majority of those who can endorse.

    Args:
        topology: The network.
        members: Who is on the channel; empty for everybody.
    """
    there = [
        each for each in topology.application_organizations if not members or each.msp_id in members
    ]
    endorsing = [each for each in there if each.peers]
    if len(endorsing) in (0, len(there)):
        return "MAJORITY Endorsement"  # which also counts who joins later
    peers = ", ".join(f"'{each.msp_id}.peer'" for each in endorsing)
    return f"OutOf({len(endorsing) // 2 + 1}, {peers})"


def begin(network: Network, channel: ChannelTopology, founding: Founding) -> Block:
    """Return the first block of a channel, which is in the network's directory from then on.

    Where an earlier attempt was interrupted nodes may have its block already, so that one stays.

    Raises:
        InterruptedCreationError: It was to begin another channel of this name.
        ChannelConfigError: No node could run the channel.
        MaterialError: The material of a member is missing or cannot be read.
        BlockFileError: The block of an earlier attempt cannot be read.
    """
    block = channel_genesis(network, channel, founding)
    path = network.genesis_of(channel)
    if path.exists():
        earlier = load_block(path)
        if ChannelConfig.from_block(earlier).config != ChannelConfig.from_block(block).config:
            raise InterruptedCreationError(channel.id, path)
        return earlier
    write_genesis(network, channel, block)
    return block


def remember(network: Network) -> None:
    """Write down in the directory of a network what it consists of now."""
    draft = network.topology_file.with_suffix(".draft")
    draft.write_text(network.topology.model_dump_json(indent=2), encoding="utf-8")
    draft.replace(network.topology_file)
