"""The client, or the administrator, that a command acts through."""

import argparse
from contextlib import AsyncExitStack

from tallystick.client.errors import ConnectError
from tallystick.client.gateway import Gateway
from tallystick.client.network import Network
from tallystick.node.cluster.access import Access
from tallystick.node.cluster.administrator import Administrator
from tallystick.node.cluster.network import Network as NetworkOnDisk
from tallystick.node.cluster.network import open_network
from tallystick.node.cluster.startup import system_source
from tallystick.node.errors import LedgerError


class NoAnswerError(LedgerError):
    """The peer that serves a user cannot be reached."""

    def __init__(self, error: ConnectError) -> None:
        super().__init__(f"no answer from {error.address}: see `tally cluster status`\n{error}")


async def connect(options: argparse.Namespace) -> Gateway:
    """Return a gateway under the identity that the options name.

    Raises:
        NoNetworkError: There is no network in the directory.
        UnknownMemberError: There is no such organisation or user.
        NoAnswerError: The peer does not answer.
        ClientError: The profile cannot be used.
    """
    profile = options.profile
    if profile is None:
        network = open_network(options.network)
        msp_id, user = getattr(options, "as"), options.user
        network.user_material(msp_id, user)  # says what there is, if this is not
        profile = network.profile(msp_id, user)
    try:
        return await Gateway.from_profile(profile)
    except ConnectError as error:
        raise NoAnswerError(error) from error


async def administrator_of(
    options: argparse.Namespace, lifetime: AsyncExitStack
) -> tuple[Administrator, NetworkOnDisk]:
    """Return the administrator of the organisation that the options name, and the network.

    Raises:
        NoNetworkError: There is no network in the directory.
        UnknownMemberError: There is no such organisation.
        NoPeerError: It runs no peer.
        ConnectError: The peer does not answer.
    """
    network = open_network(options.network)
    access = await lifetime.enter_async_context(Access(network, system_source()))
    return await access.administrator(getattr(options, "as")), network


def channel_of(gateway: Gateway, options: argparse.Namespace) -> Network:
    """Return the channel that the options name, or else the one of the profile."""
    return gateway.network(options.channel)
