"""How an organisation takes part in a channel that exists: keys, node, admission, endorsement.

Nothing here needs the members' machines but the channel's first block, and their agreement, which
`tally channel add-org` gives. Source: wire.md §15.4, §18.1.
"""

import asyncio
import json
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from tallystick.client.errors import EvaluateError
from tallystick.node.channel.config import ChannelConfig
from tallystick.node.cluster.access import Access
from tallystick.node.cluster.administrator import Administrator
from tallystick.node.cluster.errors import NetworkExistsError, TopologyError
from tallystick.node.cluster.launcher import Launcher, check_ports
from tallystick.node.cluster.material import Founding, check_material
from tallystick.node.cluster.member_topology import (
    ADMIN,
    CLIENT,
    NodeTopology,
    OrganizationTopology,
    UserTopology,
)
from tallystick.node.cluster.network import Network, create_network, exists, open_network
from tallystick.node.cluster.node import Node, nodes_of
from tallystick.node.cluster.peer_client import Source
from tallystick.node.cluster.startup import Report, grew_from, starting_nodes, system_source
from tallystick.node.cluster.topology import ChannelTopology, Topology
from tallystick.node.errors import LedgerError
from tallystick.node.model_errors import problems_in
from tallystick.node.runtime.packages import package_id
from tallystick.node.transport.ports import OrdererConnection, OrdererUnreachableError
from tallystick.protos.common.common_pb2 import DELIVER_SEEK_INFO, Block, ChannelHeader, Envelope
from tallystick.protos.common.ledger_pb2 import BlockchainInfo
from tallystick.protos.orderer.ab_pb2 import SeekInfo, SeekNewest, SeekPosition
from tallystick.wire.envelope import build_payload, signed_envelope
from tallystick.wire.messages import timestamp_from_ns

ADMISSION_TIMEOUT_S: Final = 3600.0
_POLL_INTERVAL_S: Final = 0.25


class NotAdmittedError(LedgerError):
    """The members of a channel have not let an organisation in, or its node cannot follow.

    Attributes:
        msp_id: The organisation.
        channel_id: The channel.
    """

    def __init__(self, msp_id: str, channel_id: str, timeout_s: float, log: Path) -> None:
        super().__init__(
            f"{msp_id} is not on channel {channel_id!r} after {timeout_s:g} s: ask a member to run"
            " `tally channel add-org`, and run this command again with the same arguments, which"
            f" continues here. If they have, {log} says what keeps the node from following; where"
            " orderers are not as the first block says, name the configuration in force with"
            " --config"
        )
        self.msp_id = msp_id
        self.channel_id = channel_id


class MemberAlreadyError(LedgerError):
    """An organisation would join a channel under the MSP id of one of its members.

    Attributes:
        msp_id: The MSP id.
        channel_id: The channel.
    """

    def __init__(self, msp_id: str, channel_id: str) -> None:
        super().__init__(
            f"{msp_id} is a member of channel {channel_id!r} already, with authorities of its own:"
            " choose another MSP id; or, if you are that member, let another peer of yours join"
            " with `tally channel join`; or, if that member has left, name the configuration in"
            " force with --config"
        )
        self.msp_id = msp_id
        self.channel_id = channel_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """An organisation that wants to join a channel with one peer.

    Attributes:
        msp_id: Name of its MSP.
        domain: Its DNS domain.
        host: Name or address under which its peer listens and is reached.
        port: Its peer's port.
        operations_port: Where its peer answers ``/healthz``.
        packages: Packages of chaincodes that it is to endorse, labelled ``<name>_<version>``.
        config: The channel's configuration in force, where orderers are reached otherwise than the
            first block says, or with other authorities.
    """

    msp_id: str
    domain: str
    host: str
    port: int
    operations_port: int
    packages: Sequence[bytes] = ()
    config: ChannelConfig | None = None

    def topology(self, channel_id: str) -> Topology:
        """Return what runs on the newcomer's machine.

        Raises:
            TopologyError: A port cannot be used, or is used twice.
        """
        try:
            peer = NodeTopology(name="peer0", port=self.port, operations_port=self.operations_port)
            member = OrganizationTopology(
                msp_id=self.msp_id,
                domain=self.domain,
                peers=(peer,),
                users=(UserTopology(name=ADMIN, role="admin"), UserTopology(name=CLIENT)),
            )
            channel = ChannelTopology(id=channel_id)
            return Topology(host=self.host, joins=True, channel=channel, organizations=(member,))
        except ValidationError as error:
            problems = problems_in(error, "its ports")
            raise TopologyError(f"of {self.msp_id}", problems) from error


async def join_channel(
    newcomer: Newcomer,
    genesis: Block,
    directory: Path,
    report: Report,
    *,
    timeout_s: float = ADMISSION_TIMEOUT_S,
) -> Network:
    """Return the newcomer's part of a network, on the channel and with all of its blocks.

    What an earlier call has done is not done again.

    Args:
        newcomer: Who joins.
        genesis: The channel's first block.
        directory: Where the keys and the ledger are, or will be.
        report: Told what is done, and what the members have to do.
        timeout_s: How long the members may take to let the newcomer in.

    Raises:
        NetworkExistsError: Something else is in ``directory``.
        MemberAlreadyError: The name is that of a member.
        NodeFailedError: The peer does not start.
        NotAdmittedError: The members took too long.
        LedgerError: Something else is wrong, such as a name or port; the message says what.
        ClientError: The peer refused something.
    """
    source = system_source()
    network = _laid_out(newcomer, genesis, directory, source)
    msp_id, peer = newcomer.msp_id, network.peer_of(newcomer.msp_id)
    report(f"keys and settings of {msp_id} are in {network.directory}")
    if newcomer.config is not None:
        await _name_orderers(network, newcomer.config)
    async with starting_nodes(network, report):
        pass
    async with Access(network, source) as access:
        administrator = await access.administrator(msp_id)
        if not await _is_member(administrator, network.channel_id):
            report(_request(network, peer))
            await _admission(administrator, network, timeout_s)
            report("let in by the members")
        seek = _seek_newest(administrator, network.channel_id, access.tls_certificate_hash(msp_id))
        newest = await _newest(await access.orderer(msp_id), seek)
        await administrator.wait_for_block(network.channel_id, newest)
        report(f"followed to block {newest}")
        await _endorse(administrator, network.channel_id, newcomer.packages, report)
    if newcomer.config is not None:
        await _trust_the_channel(network)
        report("goes on with the orderers that the channel names")
    return network


def _request(network: Network, peer: Node) -> str:
    """Return what the newcomer has to ask of a member."""
    msp_id = peer.member.msp_id
    return (
        f"waiting to be let in: send {network.material / msp_id / 'msp'} to a member, who runs\n"
        f"           tally channel add-org {msp_id} --msp <that folder> --anchor {peer.address}\n"
        f"           (if they have, {network.log_file(peer)} says what keeps it from following)"
    )


def _laid_out(newcomer: Newcomer, genesis: Block, directory: Path, source: Source) -> Network:
    first = ChannelConfig.from_block(genesis)
    topology = newcomer.topology(first.channel_id)
    block = genesis.SerializeToString()
    if not exists(directory):
        config = newcomer.config or first
        members = (*config.application, *config.orderers)
        if newcomer.msp_id in {member.msp_id for member in members}:
            raise MemberAlreadyError(newcomer.msp_id, first.channel_id)
        check_material(topology)  # before there is anything that would have to be removed again
        for node in nodes_of(topology):
            check_ports(node)
        founding = Founding(source.now_ns(), source.nonce())
        return create_network(topology, directory, founding, block=block)
    network = open_network(directory)
    if not grew_from(network.topology, topology) or network.genesis_block.read_bytes() != block:
        raise NetworkExistsError(directory)
    return network


async def _name_orderers(network: Network, config: ChannelConfig) -> None:
    """Let the peer find orderers where ``config`` names them, from its next start on."""
    entries = ""
    for organization in config.orderers:
        roots = network.directory / "orderers" / f"{organization.msp_id}.pem"
        roots.write_bytes(config.tls_root_certificates(organization.msp_id))
        for address in organization.endpoints:
            entries += (
                f"\n[[orderers]]\naddress = {json.dumps(address)}\n"
                f"root_certificates = {json.dumps(f'../orderers/{roots.name}')}\n"
            )
    for node in network.nodes:
        text = network.settings_text(node) + entries
        network.settings_file(node).write_text(text, encoding="utf-8")
        await Launcher(network).stop(node)  # an earlier attempt may have started it without them


async def _trust_the_channel(network: Network) -> None:
    """Start the peer again without settings that would outlive what the channel names."""
    launcher = Launcher(network)
    for node in network.nodes:
        network.settings_file(node).write_text(network.settings_text(node), encoding="utf-8")
        await launcher.restart(node)


async def _admission(administrator: Administrator, network: Network, timeout_s: float) -> None:
    """Return once the members have let the newcomer in."""
    try:
        async with asyncio.timeout(timeout_s):
            while not await _is_member(administrator, network.channel_id):  # noqa: ASYNC110
                await asyncio.sleep(_POLL_INTERVAL_S)  # no event tells it: nobody may listen yet
    except TimeoutError as error:
        msp_id = administrator.msp_id
        log = network.log_file(network.peer_of(msp_id))
        raise NotAdmittedError(msp_id, network.channel_id, timeout_s, log) from error


async def _is_member(administrator: Administrator, channel_id: str) -> bool:
    """Return whether the newcomer's own peer has the block that lets it in."""
    try:
        await _height(administrator, channel_id)
    except EvaluateError:
        return False
    return True


async def _height(administrator: Administrator, channel_id: str) -> int:
    """Return how many blocks the newcomer's own peer has.

    Raises:
        EvaluateError: In none of them its organisation is a member.
    """
    contract = administrator.gateway.network(channel_id).contract("qscc")
    chain = await contract.evaluate("GetChainInfo", channel_id)
    return BlockchainInfo.FromString(chain).height


async def _newest(orderer: OrdererConnection, seek: Envelope) -> int:
    """Return the number of the last block that an orderer has."""
    async with aclosing(orderer.deliver(seek.SerializeToString())) as responses:
        async for response in responses:
            if response.WhichOneof("Type") == "block":
                return response.block.header.number
            break
    raise OrdererUnreachableError(orderer.endpoint, "it did not tell its last block")


def _seek_newest(
    administrator: Administrator, channel_id: str, tls_certificate_hash: bytes
) -> Envelope:
    header = ChannelHeader(
        type=DELIVER_SEEK_INFO,
        channel_id=channel_id,
        timestamp=timestamp_from_ns(administrator.source.now_ns()),
        tls_cert_hash=tls_certificate_hash,
    )
    newest = SeekPosition(newest=SeekNewest())
    seek = SeekInfo(start=newest, stop=newest).SerializeToString()
    signer = administrator.signer
    return signed_envelope(build_payload(header, seek, creator=signer.identity), signer)


async def _endorse(
    administrator: Administrator, channel_id: str, packages: Sequence[bytes], report: Report
) -> None:
    """Install packages, and approve the definitions in force of what they hold."""
    by_name = {_chaincode_of(package): package for package in packages}
    defined = {each.name: each for each in await administrator.definitions(channel_id)}
    for name, package in by_name.items():
        installed = await administrator.install(package)
        if name not in defined:
            report(f"{installed} is installed; no chaincode {name!r} is in force yet")
            continue
        definition = await administrator.definition(channel_id, name)
        landed = await administrator.approve_in_force(channel_id, name, definition, installed)
        if landed is not None:
            await administrator.wait_for(channel_id, landed)
        report(f"endorses {name} {definition.version}")


def _chaincode_of(package: bytes) -> str:
    label = package_id(package).partition(":")[0]
    return label.rpartition("_")[0] or label
