"""The commands of ``tally channel`` that change one setting, each signed with the keys at hand."""

import argparse
from collections.abc import Sequence

from tallystick.client.errors import ClientError
from tallystick.node.channel.config_edits import (
    with_acl,
    with_anchor_peers,
    with_capability,
    with_maintenance,
    with_msp,
    with_orderer_endpoints,
    with_orderer_organization,
    with_policy,
    without_orderer_organization,
    without_organization,
)
from tallystick.node.channel.genesis import Endpoint, OrdererOrganization
from tallystick.node.cli.channel_update import change
from tallystick.node.membership.directory import msp_config_from_directory

FAILURES = (ClientError,)


async def remove_organization(options: argparse.Namespace) -> None:
    """Take an organisation off the channel."""
    await change(
        options,
        lambda channel, config: without_organization(channel, config, options.msp_id),
        leaving=options.msp_id,
    )


async def set_policy(options: argparse.Namespace) -> None:
    """Change a policy, or add one."""
    path, rule = options.path, options.rule
    await change(options, lambda channel, config: with_policy(channel, config, path, rule))


async def set_acl(options: argparse.Namespace) -> None:
    """Change which policy guards a resource."""
    resource, path = options.resource, options.path or ""
    await change(options, lambda channel, config: with_acl(channel, config, resource, path))


async def set_capability(options: argparse.Namespace) -> None:
    """Ask every node of the channel for a feature level."""
    area, level = options.area, options.level
    await change(options, lambda channel, config: with_capability(channel, config, area, level))


async def set_anchors(options: argparse.Namespace) -> None:
    """Change where others find an organisation's peers."""
    peers = _endpoints(options.endpoints)
    await change(
        options, lambda channel, config: with_anchor_peers(channel, config, options.msp_id, peers)
    )


async def set_orderers(options: argparse.Namespace) -> None:
    """Change where an organisation's orderers are reached."""
    orderers = _endpoints(options.endpoints)
    await change(
        options,
        lambda channel, config: with_orderer_endpoints(channel, config, options.msp_id, orderers),
    )


async def add_orderer_organization(options: argparse.Namespace) -> None:
    """Let an organisation order the channel with those that do."""
    msp = msp_config_from_directory(options.msp, options.msp_id)
    endpoints = tuple(_endpoints(options.endpoints))
    organization = OrdererOrganization(options.msp_id, msp, endpoints)
    await change(
        options, lambda channel, config: with_orderer_organization(channel, config, organization)
    )


async def remove_orderer_organization(options: argparse.Namespace) -> None:
    """Let an organisation order the channel no more."""
    await change(
        options,
        lambda channel, config: without_orderer_organization(channel, config, options.msp_id),
    )


async def set_msp(options: argparse.Namespace) -> None:
    """Change an organisation's authorities, for signatures and for TLS."""
    msp = msp_config_from_directory(options.msp, options.msp_id)
    await change(options, lambda channel, config: with_msp(channel, config, options.msp_id, msp))


async def set_maintenance(options: argparse.Namespace) -> None:
    """Let the orderers refuse transactions, or take them again."""
    await change(options, lambda _, config: with_maintenance(config, on=options.state == "on"))


def _endpoints(pairs: Sequence[tuple[str, int]]) -> Sequence[Endpoint]:
    return [Endpoint(host, port) for host, port in pairs]
