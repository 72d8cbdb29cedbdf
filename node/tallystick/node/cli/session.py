"""The client that a command acts through."""

import argparse

from tallystick.client.gateway import Gateway
from tallystick.client.network import Network
from tallystick.node.cluster.network import open_network


async def connect(options: argparse.Namespace) -> Gateway:
    """Return a gateway under the identity that the options name.

    Raises:
        NoNetworkError: There is no network in the directory.
        UnknownMemberError: There is no such organisation or user.
        ClientError: A profile cannot be used, or its peer does not answer.
    """
    profile = options.profile
    if profile is None:
        network = open_network(options.network)
        msp_id, user = getattr(options, "as"), options.user
        network.user_material(msp_id, user)  # says what there is, if this is not
        profile = network.profile(msp_id, user)
    return await Gateway.from_profile(profile)


def channel_of(gateway: Gateway) -> Network:
    """Return the one channel of the profile."""
    return gateway.network()
