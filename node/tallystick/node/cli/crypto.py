"""``tally crypto``."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from tallystick.node.cli.cluster import chosen_topology
from tallystick.node.cluster.material import generate_material
from tallystick.node.cluster.member_topology import ADMIN, CLIENT
from tallystick.node.cluster.network import open_network
from tallystick.node.cluster.startup import counted, system_source
from tallystick.node.errors import LedgerError
from tallystick.node.membership.certificates import attributes, load_certificate
from tallystick.node.membership.errors import MaterialError
from tallystick.node.membership.identity import NodeRole
from tallystick.node.membership.material import (
    NodeSpec,
    OrganizationSpec,
    UserSpec,
    generate_organization,
)
from tallystick.node.membership.renewal import FORMER_CERTIFICATE, OrganizationDirectory

_NANOSECONDS = 1_000_000_000


class NoCertificateError(LedgerError):
    """A path leads to no certificate."""


def generate(options: argparse.Namespace) -> None:
    """Make the keys of every organisation of a topology."""
    topology = chosen_topology(options.topology)
    generate_material(topology, options.output, now_ns=system_source().now_ns())
    for member in topology.organizations:
        nodes = len(member.peers) + len(member.orderers)
        users = counted(len(member.users), "user")
        print(f"{options.output / member.msp_id}: {counted(nodes, 'node')}, {users}")


def organization(options: argparse.Namespace) -> None:
    """Make the keys of one organisation, which may join a channel that exists."""
    spec = OrganizationSpec(
        msp_id=options.msp_id,
        domain=options.domain,
        peers=tuple(NodeSpec(name, tuple(options.host or ())) for name in options.peer or ()),
        users=(UserSpec(ADMIN, NodeRole.ADMIN), UserSpec(CLIENT)),
    )
    generate_organization(spec, options.output, now=_now())
    nodes, users = counted(len(spec.peers), "node"), counted(len(spec.users), "user")
    print(f"{options.output}: {nodes}, {users}")


def renew(options: argparse.Namespace) -> None:
    """Issue new certificates to nodes and users of an organisation, from its own authorities.

    Raises:
        MaterialError: There is nobody to renew, or no authority that could issue.
    """
    directory = _directory(options)
    everybody, names = directory.holders(), options.names
    if not everybody:
        raise MaterialError(
            options.msp_id,
            f"{options.network} has no certificate of a node or user of it: renew where its keys"
            " are, with --network",
        )
    holders = [directory.holder(name) for name in names] if names else everybody
    for holder in holders:
        former = directory.renew(holder, now=_now())
        until = _load(holder.signing).not_valid_after_utc
        print(f"{holder.name} has new certificates, valid until {until:%Y-%m-%d}")
        print(
            f"  the former one, {former.serial_number:x}, is in {holder.path}/{FORMER_CERTIFICATE}"
        )
    print("Next: tally cluster restart NODE for each node; programs of users connect anew")


def new_authorities(options: argparse.Namespace) -> None:
    """Make a new CA and TLS CA for an organisation; the old ones stay trusted beside them."""
    _directory(options).add_authorities(now=_now())
    msp = open_network(options.network).material / options.msp_id / "msp"
    print(f"{options.msp_id} has new authorities; {msp} names them and the former ones")
    print(f"Next: tally channel set-msp {options.msp_id} --msp {msp}, on every channel")


def drop_authorities(options: argparse.Namespace) -> None:
    """Forget the former authorities of an organisation, and delete their keys."""
    _directory(options).drop_former()
    msp = open_network(options.network).material / options.msp_id / "msp"
    print(f"the former authorities of {options.msp_id} are deleted; {msp} names the new ones only")
    print(f"Next: tally channel set-msp {options.msp_id} --msp {msp}, on every channel")


def show(options: argparse.Namespace) -> None:
    """Print what a certificate says."""
    path = certificate_file(options.path)
    certificate = _load(path)
    print(f"file        {path}")
    print(f"subject     {certificate.subject.rfc4514_string()}")
    print(f"issuer      {certificate.issuer.rfc4514_string()}")
    print(f"serial      {certificate.serial_number:x}")
    print(f"valid from  {certificate.not_valid_before_utc:%Y-%m-%d %H:%M:%S} UTC")
    print(f"valid until {certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC")
    for name, value in sorted(attributes(certificate).items()):
        print(f"attribute   {name} = {value}")


def certificate_file(path: Path) -> Path:
    """Return ``path`` if it is a file, or the one certificate of the MSP directory there.

    Raises:
        NoCertificateError: It is neither.
    """
    if path.is_file():
        return path
    found = sorted((path / "signcerts").glob("*.pem"))
    if len(found) != 1:
        raise NoCertificateError(
            f"{path} is neither a PEM file nor an MSP directory with one certificate in signcerts"
        )
    return found[0]


def _directory(options: argparse.Namespace) -> OrganizationDirectory:
    network = open_network(options.network)
    network.topology.organization(options.msp_id)  # says what there is, if this is not
    return OrganizationDirectory(network.material / options.msp_id)


def _load(path: Path) -> x509.Certificate:
    return load_certificate(path.read_bytes())


def _now() -> datetime:
    return datetime.fromtimestamp(system_source().now_ns() // _NANOSECONDS, UTC)
