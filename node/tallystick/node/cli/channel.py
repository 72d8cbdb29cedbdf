"""``tally channel``."""

import argparse
import json
from contextlib import AsyncExitStack

from tallystick.client.errors import ClientError
from tallystick.node.cli.block_file import load_config_block
from tallystick.node.cli.cluster import chosen_topology
from tallystick.node.cli.output import write_file
from tallystick.node.cli.session import administrator_of, channel_of, connect
from tallystick.node.cluster.channels import remember, with_joined_channel
from tallystick.node.cluster.material import Founding, genesis_block
from tallystick.node.cluster.network import write_genesis
from tallystick.node.cluster.startup import system_source
from tallystick.node.errors import LedgerError
from tallystick.node.policies.parser import describe
from tallystick.protos.common.configtx_pb2 import ConfigGroup
from tallystick.protos.common.ledger_pb2 import BlockchainInfo
from tallystick.protos.common.policies_pb2 import (
    ImplicitMetaPolicy,
    Policy,
    SignaturePolicyEnvelope,
)

FAILURES = (ClientError,)


class JoinArgumentError(LedgerError):
    """It is not clear what a peer should join with."""

    def __init__(self) -> None:
        super().__init__("give either the channel's first block or --snapshot with a folder")


_QUERY_CHAINCODE = "qscc"


def genesis(options: argparse.Namespace) -> None:
    """Write the first block of the topology's channel."""
    topology = chosen_topology(options.topology)
    source = system_source()
    founding = Founding(source.now_ns(), source.nonce())
    block = genesis_block(topology, options.material, founding)
    write_file(options.output, block.SerializeToString())
    print(f"wrote block 0 of channel {topology.channel.id!r} to {options.output}")


def inspect(options: argparse.Namespace) -> None:
    """Print the configuration in a block as JSON."""
    _, config = load_config_block(options.block)
    batch = config.batch
    document = {
        "channel": config.channel_id,
        "sequence": config.sequence,
        "consensus": config.consensus_type,
        "batch": {
            "timeout_s": batch.timeout_s,
            "max_message_count": batch.max_message_count,
            "preferred_max_bytes": batch.preferred_max_bytes,
            "absolute_max_bytes": batch.absolute_max_bytes,
        },
        "orderers": {each.msp_id: each.endpoints for each in config.orderers},
        "organizations": {each.msp_id: each.endpoints for each in config.application},
        "policies": dict(_policies(config.config.channel_group, "/Channel")),
        "acls": dict(config.acls),
    }
    print(json.dumps(document, indent=2))


async def info(options: argparse.Namespace) -> None:
    """Print how far a peer's copy of the channel goes."""
    async with await connect(options) as gateway:
        network = channel_of(gateway, options)
        result = await network.contract(_QUERY_CHAINCODE).evaluate(
            "GetChainInfo", network.channel_id
        )
    chain = BlockchainInfo.FromString(result)
    print(f"channel     {network.channel_id}")
    print(f"height      {chain.height}")
    print(f"last block  {chain.currentBlockHash.hex()}")
    print(f"before it   {chain.previousBlockHash.hex()}")


async def join(options: argparse.Namespace) -> None:
    """Make an organisation's peers join a channel; those that are on it already stay."""
    if (options.block is None) == (options.snapshot is None):
        raise JoinArgumentError
    if options.snapshot is not None:
        await _join_from_snapshot(options)
        return
    block, config = load_config_block(options.block)
    async with AsyncExitStack() as stack:
        administrator, network = await administrator_of(options, stack)
        await administrator.join_missing(block.SerializeToString(), config.channel_id)
    grown = with_joined_channel(network, config, administrator.msp_id)
    if grown is not network:
        write_genesis(grown, grown.topology.find_channel(config.channel_id), block)
        remember(grown)
    print(f"the peer of {administrator.msp_id} joined {config.channel_id}")


async def _join_from_snapshot(options: argparse.Namespace) -> None:
    async with AsyncExitStack() as stack:
        administrator, _ = await administrator_of(options, stack)
        any_joined = await administrator.join_from_snapshot(options.snapshot.resolve())
    peer = f"the peer of {administrator.msp_id}"
    if any_joined:
        print(f"{peer} joined from the snapshot in {options.snapshot}")
    else:
        print(f"{peer} is on the channel already: nothing was taken from {options.snapshot}")


async def list_channels(options: argparse.Namespace) -> None:
    """Print the channels of an organisation's peer."""
    async with AsyncExitStack() as stack:
        administrator, _ = await administrator_of(options, stack)
        for channel_id in await administrator.channels():
            print(channel_id)


def _policies(group: ConfigGroup, path: str) -> list[tuple[str, str]]:
    """Return the policies of a group and those below, by path, each as text."""
    found = [
        (f"{path}/{name}", _text(entry.policy)) for name, entry in sorted(group.policies.items())
    ]
    for name in sorted(group.groups):
        found += _policies(group.groups[name], f"{path}/{name}")
    return found


def _text(policy: Policy) -> str:
    match policy.type:
        case Policy.SIGNATURE:
            return describe(SignaturePolicyEnvelope.FromString(policy.value))
        case Policy.IMPLICIT_META:
            meta = ImplicitMetaPolicy.FromString(policy.value)
            return f"{ImplicitMetaPolicy.Rule.Name(meta.rule)} {meta.sub_policy}"
        case _:
            return f"of unknown type {policy.type}"
