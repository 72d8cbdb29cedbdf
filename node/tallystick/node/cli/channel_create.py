"""``tally channel create``."""

import argparse

from pydantic import ValidationError

from tallystick.client.errors import ClientError
from tallystick.node.channel.config import ChannelConfig
from tallystick.node.cli.output import shown
from tallystick.node.cli.participation import ALREADY_ORDERED, OrdererRefusedError, join_to
from tallystick.node.cluster.access import Access
from tallystick.node.cluster.channels import begin, remember, usual_rule, with_channel
from tallystick.node.cluster.errors import TopologyError
from tallystick.node.cluster.material import Founding
from tallystick.node.cluster.network import Network, open_network
from tallystick.node.cluster.node import Node
from tallystick.node.cluster.startup import system_source
from tallystick.node.cluster.topology import BatchTopology, ChannelTopology
from tallystick.node.model_errors import problems_in
from tallystick.protos.common.common_pb2 import Block

FAILURES = (ClientError,)


async def create(options: argparse.Namespace) -> None:
    """Write the first block of a channel, and let the orderer and the members' peers join.

    Run again, it completes what was interrupted.
    """
    network = open_network(options.network)
    rule = usual_rule(network.topology, options.members or ())
    try:
        channel = ChannelTopology(
            id=options.channel,
            members=tuple(options.members or ()),
            endorsement=options.endorsement or rule,
            lifecycle_endorsement=options.lifecycle_endorsement or rule,
            batch=BatchTopology(
                timeout_s=options.timeout_s, max_message_count=options.max_messages
            ),
        )
    except ValidationError as error:
        raise TopologyError(options.channel, problems_in(error, "the channel")) from error
    source = system_source()
    grown = with_channel(network, channel)
    block = begin(grown, channel, Founding(source.now_ns(), source.nonce()))
    for node in grown.nodes:
        if node.kind == "orderer":
            _join_orderer(grown, node, block)
    async with Access(grown, source) as access:
        for administrator in await access.administrators(channel):
            await administrator.join_missing(block.SerializeToString(), channel.id)
            print(f"the peer of {administrator.msp_id} is on {channel.id}")
    remember(grown)
    file = shown(grown.genesis_of(channel))
    print(f"the first block is in {file}; members elsewhere: tally channel join {file.name}")
    print(f"Next: tally chaincode approve NAME --package-id ID --channel {channel.id}")


def _join_orderer(network: Network, node: Node, block: Block) -> None:
    try:
        join_to(network, node, block)
    except OrdererRefusedError as error:
        if ALREADY_ORDERED not in error.reason:
            raise
    print(f"{node.name} orders {ChannelConfig.from_block(block).channel_id}")
