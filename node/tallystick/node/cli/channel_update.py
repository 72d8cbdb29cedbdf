"""The commands of ``tally channel`` that change a channel."""

import argparse
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from tallystick.client.errors import ClientError
from tallystick.node.channel.config import BatchParameters, ChannelConfig
from tallystick.node.channel.config_delta import compute_update
from tallystick.node.channel.config_edits import (
    with_batch,
    with_organization,
    with_revocation_list,
)
from tallystick.node.channel.config_signing import (
    unsigned_update,
    update_in,
    with_signature,
    with_signatures_of,
)
from tallystick.node.channel.genesis import ApplicationOrganization, Endpoint
from tallystick.node.channel.governability import ungovernable
from tallystick.node.cli.crypto import certificate_file
from tallystick.node.cli.output import write_file
from tallystick.node.cli.session import channel_of, connect, governance_of_profile, member_of
from tallystick.node.cluster.access import Access, best_informed, config_in_force
from tallystick.node.cluster.governance import Governance, revocation_list
from tallystick.node.cluster.member_topology import ADMIN
from tallystick.node.cluster.network import Network, open_network
from tallystick.node.cluster.startup import system_source
from tallystick.node.errors import LedgerError
from tallystick.node.membership.directory import msp_config_from_directory
from tallystick.node.membership.signing_identity import SigningIdentity
from tallystick.protos.common.common_pb2 import Envelope
from tallystick.protos.common.configtx_pb2 import Config
from tallystick.wire.errors import WireError
from tallystick.wire.messages import decode

FAILURES = (ClientError, WireError)


class NoSignerNamedError(LedgerError):
    """An MSP directory is given, and not whose it is."""

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"name the organisation of {directory}: --as MSP_ID; a directory of keys does not say"
        )


async def fetch_config(options: argparse.Namespace) -> None:
    """Write the configuration in force to a file."""
    async with await connect(options) as gateway:
        network = channel_of(gateway, options)
        content = await network.contract("cscc").evaluate("GetChannelConfig", network.channel_id)
    write_file(options.output, content)
    sequence = Config.FromString(content).sequence
    print(f"wrote configuration {sequence} of channel {network.channel_id!r} to {options.output}")


def update(options: argparse.Namespace) -> None:
    """Write the update that leads from one configuration to another; nobody has signed it yet."""
    # Who names the channel needs no directory of a network: administrators share nothing but files.
    channel_id = (
        options.channel or open_network(options.network).topology.find_channel(options.channel).id
    )
    original, updated = (
        decode(Config, path.read_bytes()) for path in (options.original, options.updated)
    )
    envelope = unsigned_update(compute_update(channel_id, original, updated))
    _write(options.output, envelope)
    print(f"wrote an update of channel {channel_id!r} to {options.output}: have it signed")
    _warn(original, updated, ": do not sign it unless that is what you want")


def sign(options: argparse.Namespace) -> None:
    """Add an administrator's signature to an update; no node is needed."""
    if options.msp is not None and not getattr(options, "as"):
        raise NoSignerNamedError(options.msp)
    msp_id = member_of(options)
    directory = options.msp or _administrator(options, msp_id)
    source = system_source()
    signed = with_signature(
        _read(options.update),
        SigningIdentity.from_directory(directory, msp_id),
        new_nonce=source.nonce,
        now_ns=source.now_ns(),
    )
    _write(options.update, signed)
    print(f"{options.update} has {len(update_in(signed).signatures)} signatures")


def collect(options: argparse.Namespace) -> None:
    """Add to an update the signatures that its copies have; no node is needed."""
    update = with_signatures_of(_read(options.update), map(_read, options.copies))
    _write(options.update, update)
    print(f"{options.update} has {len(update_in(update).signatures)} signatures")


async def submit(options: argparse.Namespace) -> None:
    """Sign an update, send it, and wait until it is in force."""
    update = _read(options.update)
    async with AsyncExitStack() as stack:
        if options.profile is None:
            governance, network = await stack.enter_async_context(_governance(options))
            administrator = network.user(member_of(options), ADMIN)
        else:
            governance, administrator = await stack.enter_async_context(
                governance_of_profile(options.profile, options.channel)
            )
        number = await governance.submit(governance.sign(update, administrator))
    print(f"in force since block {number}")


async def add_organization(options: argparse.Namespace) -> None:
    """Let an organisation join the channel."""
    msp = msp_config_from_directory(options.msp, options.msp_id)
    anchors = tuple(Endpoint(host, port) for host, port in options.anchor or ())
    organization = ApplicationOrganization(options.msp_id, msp, anchors)
    await change(
        options, lambda channel_id, config: with_organization(channel_id, config, organization)
    )


async def set_batch(options: argparse.Namespace) -> None:
    """Change when the orderer closes a block; what is not named stays."""
    wanted = {
        "timeout_s": options.timeout_s,
        "max_message_count": options.max_messages,
        "preferred_max_bytes": options.preferred_bytes,
        "absolute_max_bytes": options.absolute_bytes,
    }
    named = {name: value for name, value in wanted.items() if value is not None}

    def edit(channel_id: str, config: Config) -> Config:
        batch: BatchParameters = ChannelConfig.from_config(channel_id, config).batch
        return with_batch(config, replace(batch, **named))

    await change(options, edit)


async def revoke(options: argparse.Namespace) -> None:
    """Revoke a certificate with a list signed by its organisation's CA."""
    network = open_network(options.network)
    msp_id = member_of(options)
    network.topology.organization(msp_id)  # says what there is, if this is not
    certificate = certificate_file(options.certificate).read_bytes()
    crl = revocation_list(network.material / msp_id, certificate, now_ns=system_source().now_ns())
    await change(
        options, lambda channel_id, config: with_revocation_list(channel_id, config, msp_id, crl)
    )


async def change(
    options: argparse.Namespace, edit: Callable[[str, Config], Config], *, leaving: str = ""
) -> None:
    """Put an edit of the configuration into force, signed with the keys in the directory.

    Args:
        options: Of the command.
        edit: Returns the configuration of a channel that is wanted.
        leaving: The organisation that the edit removes, whose peers will not see it in force.
    """
    async with _governance(options, leaving) as (governance, network):
        channel_id = governance.channel_id
        in_force = ChannelConfig.from_config(channel_id, await governance.config())
        signers = options.signers or _administered(network, in_force)
        number = await governance.change(
            lambda config: _warned(config, edit(channel_id, config)),
            [network.user(msp_id, ADMIN) for msp_id in signers],
        )
    print(f"in force since block {number}, signed by {', '.join(signers)}")


def _warned(original: Config, updated: Config) -> Config:
    """Return what a configuration is to become, once it was said what nobody can do after that."""
    _warn(original, updated)
    return updated


def _warn(original: Config, updated: Config, advice: str = "") -> None:
    before = ungovernable(original)
    for problem in ungovernable(updated):
        if problem not in before:
            print(
                f"warning: after this update {problem}. Orderers and peers take it all the same"
                f"{advice}",
                file=sys.stderr,
                flush=True,
            )


def _administered(network: Network, config: ChannelConfig) -> list[str]:
    """Return the members of a channel whose administrators' keys are in the directory.

    Who sends an update comes last: in maintenance only orderers' organisations may. Source:
    wire.md §7.1.
    """
    part = network.topology.on_channel(network.topology.find_channel(config.channel_id))
    return [
        member.msp_id
        for member in sorted(part.organizations, key=lambda member: bool(member.orderers))
        if config.msps.get(member.msp_id) is not None  # one that was taken out must not send it
        and any(user.name == ADMIN for user in member.users)
    ]


@asynccontextmanager
async def _governance(
    options: argparse.Namespace, leaving: str = ""
) -> AsyncIterator[tuple[Governance, Network]]:
    network = open_network(options.network)
    source = system_source()
    channel = network.topology.find_channel(options.channel)
    members = [each.msp_id for each in network.topology.on_channel(channel).peer_organizations]
    staying = [msp_id for msp_id in members if msp_id != leaving]
    async with Access(network, source) as access:
        reader = await best_informed(access, channel.id, staying or members)
        gateway = await access.gateway(reader, ADMIN)
        in_force = await config_in_force(gateway.network(channel.id))
        ordering = in_force.orderer_msp_ids  # one that was taken out may run, and orders nothing
        orderer = await access.orderer(reader, channel.id, ordering=ordering)
        yield Governance(channel.id, gateway, orderer, source), network


def _administrator(options: argparse.Namespace, msp_id: str) -> Path:
    return open_network(options.network).user_material(msp_id, ADMIN) / "msp"


def _read(path: Path) -> Envelope:
    return decode(Envelope, path.read_bytes())


def _write(path: Path, update: Envelope) -> None:
    write_file(path, update.SerializeToString())
