"""``tally snapshot``."""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tallystick.client.errors import ClientError
from tallystick.node.cli.session import member_of
from tallystick.node.cluster.access import Access
from tallystick.node.cluster.network import Network, open_network
from tallystick.node.cluster.snapshot_client import SnapshotClient
from tallystick.node.cluster.startup import system_source

FAILURES = (ClientError,)


async def request(options: argparse.Namespace) -> None:
    """Ask for a snapshot after a block, or make one after the last block and say where it is."""
    async with _client(options) as (client, network, channel_id):
        if options.after is not None:
            await client.request(channel_id, options.after)
            print(f"asked for a snapshot of {channel_id} after block {options.after}")
            return
        number = await client.take(channel_id)
    data = network.data_directory(network.peer_of(member_of(options)))
    print(f"snapshot after block {number}: {data / 'snapshots/completed' / channel_id}/{number}")


async def list_pending(options: argparse.Namespace) -> None:
    """Print the blocks after which a snapshot is asked for and not there yet."""
    async with _client(options) as (client, _, channel_id):
        for number in await client.pending(channel_id):
            print(number)


async def cancel(options: argparse.Namespace) -> None:
    """Withdraw a request."""
    async with _client(options) as (client, _, channel_id):
        await client.cancel(channel_id, options.block)
    print(f"there will be no snapshot of {channel_id} after block {options.block}")


@asynccontextmanager
async def _client(
    options: argparse.Namespace,
) -> AsyncIterator[tuple[SnapshotClient, Network, str]]:
    network = open_network(options.network)
    channel = network.topology.find_channel(options.channel)
    async with Access(network, system_source()) as access:
        yield access.snapshots(member_of(options)), network, channel.id
