"""Further channels of a network that exists."""

from tallystick.node.cluster.errors import TopologyError
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.topology import ChannelTopology, Topology


def with_channel(network: Network, channel: ChannelTopology) -> Network:
    """Return the network with one channel more; its directory does not know of it yet.

    Raises:
        TopologyError: There is a channel of this name, or no member of it runs a peer.
    """
    topology = network.topology
    document = topology.model_dump() | {"channels": (*topology.channels, channel)}
    try:
        return Network(network.directory, Topology.model_validate(document))
    except ValueError as error:
        raise TopologyError(channel.id, [str(error)]) from error


def remember(network: Network) -> None:
    """Write down in the directory of a network what it consists of now."""
    draft = network.topology_file.with_suffix(".draft")
    draft.write_text(network.topology.model_dump_json(indent=2), encoding="utf-8")
    draft.replace(network.topology_file)
