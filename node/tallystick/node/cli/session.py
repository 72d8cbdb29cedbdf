"""The client, or the administrator, that a command acts through."""

import argparse
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tallystick.client.errors import ConnectError
from tallystick.client.gateway import Gateway
from tallystick.client.network import Network
from tallystick.client.profile import Profile
from tallystick.node.cluster.access import Access, config_in_force, orderer_in
from tallystick.node.cluster.administrator import Administrator
from tallystick.node.cluster.governance import Governance
from tallystick.node.cluster.network import Network as NetworkOnDisk
from tallystick.node.cluster.network import open_network
from tallystick.node.cluster.startup import system_source
from tallystick.node.errors import LedgerError
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.node.transport.channels import ChannelPool
from tallystick.node.transport.credentials import ClientTls, KeyPair
from tallystick.node.transport.remote import RemoteOrderer
from tallystick.node.transport.tasks import supervised_tasks


class NoAnswerError(LedgerError):
    """The peer that serves a user cannot be reached."""

    def __init__(self, error: ConnectError) -> None:
        super().__init__(f"no answer from {error.address}: see `tally cluster status`\n{error}")


class KeyElsewhereError(LedgerError):
    """A profile names a key that only the client's own calls can be signed with."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"the key of {path} is in a token: updates of a channel are signed with keys in files"
        )


def member_of(options: argparse.Namespace) -> str:
    """Return the MSP id of the organisation that the options name, or else that of the default.

    Raises:
        NoNetworkError: None is named, and there is no network in the directory.
    """
    named: str | None = getattr(options, "as")
    return named or open_network(options.network).topology.peer_organizations[0].msp_id


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
        msp_id, user = member_of(options), options.user
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
    return await access.administrator(member_of(options)), network


@asynccontextmanager
async def governance_of_profile(
    path: Path, channel_id: str
) -> AsyncIterator[tuple[Governance, SigningIdentity]]:
    """Yield the way to change a channel, and the identity, of somebody who has a profile only.

    The orderer is the first that listens of those that the channel's configuration names.

    Raises:
        KeyElsewhereError: The key is in a token.
        NoAnswerError: The peer does not answer.
        ClientError: The profile cannot be used, or the peer refused to tell the configuration.
        ChannelConfigError: The configuration names no orderer.
    """
    profile = Profile.load(path)
    if not isinstance(profile.key, Path):
        raise KeyElsewhereError(path)
    async with AsyncExitStack() as lifetime:
        try:
            gateway = await lifetime.enter_async_context(await Gateway.from_profile(path))
        except ConnectError as error:
            raise NoAnswerError(error) from error
        channel = gateway.network(channel_id)
        address, roots = await orderer_in(await config_in_force(channel))
        pool = await lifetime.enter_async_context(ChannelPool())
        tasks = await lifetime.enter_async_context(supervised_tasks())
        orderer = RemoteOrderer(
            pool.channel(address, ClientTls(roots, _key_pair(profile))),
            endpoint=address,
            tasks=tasks,
        )
        await lifetime.enter_async_context(orderer)
        signer = SigningIdentity.from_pem(
            profile.msp_id, profile.certificate.read_bytes(), profile.key.read_bytes()
        )
        yield Governance(channel.channel_id, gateway, orderer, system_source()), signer


def _key_pair(profile: Profile) -> KeyPair | None:
    if profile.tls_certificate is None or profile.tls_key is None:
        return None
    return KeyPair(profile.tls_certificate.read_bytes(), profile.tls_key.read_bytes())


def channel_of(gateway: Gateway, options: argparse.Namespace) -> Network:
    """Return the channel that the options name, or else the one of the profile."""
    return gateway.network(options.channel)
