"""``tally organization``."""

import argparse

from tallystick.client.errors import ClientError
from tallystick.node.channel.config import ChannelConfig
from tallystick.node.cli.arguments import HIGHEST_PORT
from tallystick.node.cli.block_file import load_config_block
from tallystick.node.cli.progress import Progress
from tallystick.node.cluster.errors import TopologyError
from tallystick.node.cluster.newcomer import Newcomer, join_channel
from tallystick.protos.common.configtx_pb2 import Config
from tallystick.wire.errors import WireError
from tallystick.wire.messages import decode

FAILURES = (ClientError, WireError)


async def join(options: argparse.Namespace) -> None:
    """Make an organisation and its peer, and bring them onto a channel that exists."""
    host, port = options.peer
    if options.operations_port is None and port == HIGHEST_PORT:
        raise TopologyError(
            f"of {options.msp_id}", [f"no port follows {port}: name one with --operations-port"]
        )
    block, begun_with = load_config_block(options.block)
    channel_id = begun_with.channel_id
    config = None
    if options.config is not None:
        content = decode(Config, options.config.read_bytes())
        config = ChannelConfig.from_config(channel_id, content)
    newcomer = Newcomer(
        msp_id=options.msp_id,
        domain=options.domain,
        host=host,
        port=port,
        operations_port=options.operations_port or port + 1,
        packages=[path.read_bytes() for path in options.package or ()],
        config=config,
    )
    print(f"{newcomer.msp_id} joins {channel_id} from {options.network}:", flush=True)
    network = await join_channel(
        newcomer, block, options.network, Progress(), timeout_s=options.timeout_s
    )
    print(f"{newcomer.msp_id} is on {channel_id}; its node is {network.nodes[0].name}")
    print(f"Next: tally chaincode list --network {options.network} --as {newcomer.msp_id}")
