"""Asks whom the node works with: other nodes, etcd, its own operations."""

import ssl
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.channel.orderer_addresses import orderer_addresses
from tallystick.node.cli.doctor.certificates import judge_member
from tallystick.node.cli.doctor.clocks import judge_clock
from tallystick.node.cli.doctor.findings import Finding, failed, ok, warning
from tallystick.node.cli.doctor.ports import Port, judge_port, operations_port
from tallystick.node.cli.doctor.probes import (
    get_json,
    speak_grpc,
    tls_context,
    who_listens,
)
from tallystick.node.cli.doctor.reachability import judge_reach
from tallystick.node.cli.doctor.versions import judge_etcd
from tallystick.node.errors import LedgerError
from tallystick.node.joining import JoinedChannels
from tallystick.node.membership.certificates import load_certificate, to_der
from tallystick.node.membership.errors import MembershipError
from tallystick.node.membership.signer import signer_of
from tallystick.node.process import load_block
from tallystick.node.settings import (
    EtcdSettings,
    MspSettings,
    NodeSettings,
    OrdererEndpointSettings,
    OrdererSettings,
    PeerSettings,
    RemotePeerSettings,
    TelemetrySettings,
    TlsSettings,
)
from tallystick.protos.common.common_pb2 import Block

_CHECK: Final = "reachability"
_ETCD_CLOCK_SKEW_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Other:
    """Another node.

    Attributes:
        what: ``orderer`` or ``peer``.
        address: Where it is reached.
        roots: PEM authorities of its TLS certificate, beside those of the settings.
    """

    what: str
    address: str
    roots: bytes


def others_of(settings: PeerSettings | OrdererSettings) -> Iterator[Other | Finding]:
    """Yield the nodes that settings and channels' first blocks name, without this one itself."""
    found: dict[str, Other] = {}
    try:
        configs = [*map(ChannelConfig.from_block, _first_blocks(settings))]
    except LedgerError as error:
        yield failed(_CHECK, "first blocks", str(error), "correct genesis_blocks in the settings")
        configs = []
    for config in configs:
        for address, roots in orderer_addresses(config).items():
            found[address] = Other("orderer", address, roots)
        if isinstance(settings, PeerSettings):
            found |= _anchors(config)
    if isinstance(settings, PeerSettings):
        if settings.orderers:
            found = {name: each for name, each in found.items() if each.what != "orderer"}
        named, unread = _named_in(settings)
        yield from unread
        found |= named
    own = {settings.listen_address, settings.advertised_address}
    yield from (each for address, each in found.items() if address not in own)


def place_on_channels(settings: PeerSettings | OrdererSettings) -> Iterator[Finding]:
    """Yield what is to say about the channels that a node begins with, and its place on them."""
    try:
        configs = [*map(ChannelConfig.from_block, _first_blocks(settings))]
    except LedgerError:
        return  # `others_of` says what is wrong with them
    for path in sorted(settings.msp.directory.glob("signcerts/*"))[:1]:
        with suppress(OSError):  # of a certificate that cannot be read, `credentials` says so
            yield from judge_member(str(path), path.read_bytes(), settings.msp.id, configs)
    joined = [*JoinedChannels(settings.data_directory / "channels").from_snapshots()]
    if isinstance(settings, PeerSettings) and not configs and not joined:
        text = "this peer is on no channel"
        advice = "tally channel join FILE once it runs, or genesis_blocks in the settings"
        yield warning("ledgers", str(settings.data_directory), text, advice)


async def reach_others(settings: PeerSettings | OrdererSettings) -> AsyncIterator[Finding]:
    """Yield whether each other node speaks."""
    for other in others_of(settings):
        if isinstance(other, Finding):
            yield other
            continue
        try:
            context = None if settings.tls is None else tls_context(settings.tls, other.roots)
        except OSError as error:
            text = f"this node's own TLS files cannot be used: {error}"
            yield failed(_CHECK, "tls", text, "mend what is said of keys and certificates")
            return
        yield judge_reach(other.what, other.address, await speak_grpc(other.address, context))


async def reach_etcd(etcd: EtcdSettings, now_s: float) -> AsyncIterator[Finding]:
    """Yield how each member of etcd is: reached, of which release, at which time.

    Args:
        etcd: Where the members are.
        now_s: This machine's time, seconds since the epoch.
    """
    keys = TlsSettings(
        certificate=etcd.certificate,
        private_key=etcd.private_key,
        root_certificates=etcd.root_certificates,
    )
    for address in etcd.endpoints:
        try:
            context = tls_context(keys)
        except OSError as error:
            advice = "correct [etcd] in the settings, or run this as the node's user"
            yield failed(_CHECK, "etcd", f"its TLS files cannot be used: {error}", advice)
            return
        answer = await get_json(address, "/version", context)
        if isinstance(answer, Exception):
            yield judge_reach("etcd", address, answer)
            continue
        yield judge_reach("etcd", address, None)
        yield judge_etcd(address, str(answer.body.get("etcdserver", "")))
        yield judge_clock(f"etcd {address}", now_s, answer.date_s, _ETCD_CLOCK_SKEW_S)


async def ask_token(msp: MspSettings, token: str) -> Finding:
    """Return whether the node's key is on a token, signs, and is that of its certificate."""
    try:
        async with signer_of(msp) as signer:
            signer.sign(b"tally doctor")
    except MembershipError as error:
        advice = "correct [msp.pkcs11] in the settings, and run this as the node's user"
        return failed("keys", f"token {token}", str(error), advice)
    return ok("keys", f"token {token}", "signs, with the key of the node's certificate")


async def reach_collector(telemetry: TelemetrySettings) -> Finding:
    """Return whether the collector of traces speaks."""
    context = None
    if telemetry.tls:
        try:
            context = ssl.create_default_context(cafile=telemetry.root_certificates)
        except OSError as error:
            text = f"the authorities of its certificate cannot be used: {error}"
            return failed(_CHECK, "collector", text, "correct telemetry.root_certificates")
    address = telemetry.address
    return judge_reach("collector", address, await speak_grpc(address, context))


async def ports(settings: PeerSettings | OrdererSettings) -> Mapping[str, tuple[str, Port]]:
    """Return who listens where the node should, by settings key, with the address."""
    tls = settings.tls
    own = None if tls is None else to_der(load_certificate(tls.certificate.read_bytes()))
    found = {
        "listen_address": (
            settings.listen_address,
            await who_listens(settings.listen_address, own),
        )
    }
    operations = settings.operations.listen_address
    if operations is not None:
        port = await who_listens(operations, None)
        if port is Port.UNKNOWN:
            answer = await get_json(operations, "/version")
            knows = not isinstance(answer, Exception) and "Version" in answer.body
            port = operations_port(found["listen_address"][1], answers_as_node=knows)
        found["operations.listen_address"] = (operations, port)
    if isinstance(settings, OrdererSettings) and settings.admin is not None:
        admin = settings.admin
        der = to_der(load_certificate(admin.certificate.read_bytes()))
        port = await who_listens(admin.listen_address, der)
        found["admin.listen_address"] = (admin.listen_address, port)
    return found


async def health(settings: NodeSettings) -> AsyncIterator[Finding]:
    """Yield what the running node says of itself."""
    address = settings.operations.listen_address
    if address is None:
        text = "[operations] names no listen_address: nobody can watch this node"
        yield warning(_CHECK, "operations", text, "set it, to an address of this machine only")
        return
    answer = await get_json(address, "/healthz")
    if isinstance(answer, Exception):
        yield judge_reach("operations", address, answer)
    elif answer.status != HTTPStatus.OK:
        text = f"says that it is not well: {answer.body}"
        yield failed(_CHECK, f"operations {address}", text, "mend what it names; see its log")
    else:
        yield judge_reach("operations", address, None)


def judge_ports(found: Mapping[str, tuple[str, Port]]) -> Iterator[Finding]:
    """Yield what is to say about each address that the node listens on."""
    return (judge_port(key, address, port) for key, (address, port) in found.items())


def _first_blocks(settings: NodeSettings) -> Iterator[Block]:
    yield from map(load_block, settings.genesis_blocks)
    yield from JoinedChannels(settings.data_directory / "channels").genesis_blocks().values()


def _named_in(settings: PeerSettings) -> tuple[Mapping[str, Other], Sequence[Finding]]:
    """Return the nodes that settings name, by address, and those whose authorities are unread."""
    named: list[tuple[str, RemotePeerSettings | OrdererEndpointSettings]] = [
        *(("peer", peer) for peer in settings.gateway.peers),
        *(("orderer", orderer) for orderer in settings.orderers),
    ]
    found, unread = {}, []
    for what, each in named:
        roots = each.root_certificates
        try:
            pem = b"" if roots is None else roots.read_bytes()
        except OSError as error:
            text = f"its authorities in {roots} cannot be read: {error.strerror}"
            advice = "correct root_certificates in the settings, or run this as the node's user"
            unread.append(failed(_CHECK, f"{what} {each.address}", text, advice))
        else:
            found[each.address] = Other(what, each.address, pem)
    return found, unread


def _anchors(config: ChannelConfig) -> Mapping[str, Other]:
    return {
        address: Other("peer", address, config.tls_root_certificates(organization.msp_id))
        for organization in config.application
        for address in organization.endpoints
    }
