"""Certificates and keys of whole organisations, written where Fabric's tools look for them.

The directory of one organisation::

    ca/ tlsca/                    the CAs: <name>-cert.pem and their keys, priv_sk
    msp/                          its MSP without private keys: what a channel's definition needs
    peers/<name>/{msp,tls}/       one directory for each node: its local MSP, and for TLS
    orderers/<name>/{msp,tls}/    server.crt, server.key and ca.crt
    users/<name>/{msp,tls}/       likewise, with client.crt and client.key
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import yaml

from tallystick.node.durable import make_directory, replace_file, sync, sync_tree
from tallystick.node.membership import directory as layout
from tallystick.node.membership.ca import (
    SYSTEM_KEYS,
    CertificateAuthority,
    CertificateRequest,
    KeyPair,
    KeySource,
    Purpose,
)
from tallystick.node.membership.errors import MaterialError
from tallystick.node.membership.identity import NodeRole

_MSP_ID: Final = re.compile(r"[A-Za-z0-9.-]+")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_LONGEST_COMMON_NAME: Final = 64
_LONGEST_HOST: Final = 253
KEY_FILE: Final = "priv_sk"
_PRIVATE_FILE_MODE: Final = 0o600
_PRIVATE_DIRECTORY_MODE: Final = 0o700
_DNS_ADVICE: Final = (
    "use labels of letters, digits, '-' and '_' with dots between them; names in other letters have"
    " a form for DNS that begins with xn--"
)


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """A peer or an orderer.

    Attributes:
        name: Name of its directory and first label of its host name, such as ``peer0``.
        hosts: Further DNS names and IP addresses under which it is reached.
    """

    name: str
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UserSpec:
    """A person or a program that uses the network.

    Attributes:
        name: Name of its directory, such as ``Admin``.
        role: ``CLIENT`` or ``ADMIN``.
        attributes: What the CA certifies for chaincode to read.
    """

    name: str
    role: NodeRole = NodeRole.CLIENT
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OrganizationSpec:
    """An organisation and everybody in it who needs a certificate.

    Attributes:
        msp_id: Name of its MSP.
        domain: Its DNS domain: node ``peer0`` becomes ``peer0.<domain>``.
        peers: Its peers; may be empty.
        orderers: Its orderers; may be empty.
        users: Its users. Without an administrator among them nobody can change its definition.
    """

    msp_id: str
    domain: str
    peers: tuple[NodeSpec, ...] = ()
    orderers: tuple[NodeSpec, ...] = ()
    users: tuple[UserSpec, ...] = ()


def generate_organization(
    spec: OrganizationSpec, directory: Path, *, now: datetime, keys: KeySource = SYSTEM_KEYS
) -> None:
    """Make the CAs, certificates and keys of ``spec`` and write them below ``directory``.

    Only their owner can read key files (mode 0600) and enter directories that hold keys (0700).

    Args:
        spec: Whom to certify.
        directory: Made if it is missing; must not hold an organisation yet.
        now: Timezone-aware; certificates are valid from shortly before.
        keys: Where keys and serial numbers come from.

    Raises:
        MaterialError: There is an organisation in ``directory`` already, or a name in ``spec`` is
            used twice or not fit for a certificate or a directory.
    """
    check_names(spec)
    if (directory / "ca").exists():
        raise MaterialError(
            str(directory), f"there is an organisation here: remove it to make {spec.msp_id} anew"
        )
    make_directory(directory.parent)
    _Writer(spec, directory, now, keys).write()
    sync_tree(directory)  # others go by these certificates, whose keys are nowhere else
    sync(directory.parent)


def check_names(spec: OrganizationSpec) -> None:
    """Return if everybody in ``spec`` can be certified and have a directory.

    Raises:
        MaterialError: A name is used twice, or not fit for that.
    """
    if not _MSP_ID.fullmatch(spec.msp_id):
        raise MaterialError(
            spec.msp_id, "not an MSP id: policies can name only letters, digits, '.' and '-'"
        )
    for members in (spec.peers, spec.orderers, spec.users):
        names = [member.name for member in members]
        for name in names:
            if names.count(name) > 1:
                raise MaterialError(name, f"{spec.msp_id} lists this name twice")
            if not _NAME.fullmatch(name):
                raise MaterialError(name, "not a name: use letters, digits, '.', '_' and '-'")
    _check_certifiable(spec)


def _check_certifiable(spec: OrganizationSpec) -> None:
    if not _is_dns_name(spec.domain):
        raise MaterialError(repr(spec.domain), f"not a DNS domain: {_DNS_ADVICE}")
    nodes = (*spec.peers, *spec.orderers)
    for host in (host for node in nodes for host in node.hosts):
        if not _is_host(host):
            raise MaterialError(repr(host), f"neither a DNS name nor an IP address: {_DNS_ADVICE}")
    hosts = [f"{name}.{spec.domain}" for name in ("tlsca", *(node.name for node in nodes))]
    for name in (*hosts, *(f"{user.name}@{spec.domain}" for user in spec.users)):
        if len(name) > _LONGEST_COMMON_NAME:
            raise MaterialError(
                name,
                f"a certificate has room for {_LONGEST_COMMON_NAME} characters, and this name has"
                f" {len(name)}: choose a shorter domain or name",
            )


def _is_host(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return _is_dns_name(text.removeprefix("*."))
    return "%" not in text  # certificates know no zone of an address


def _is_dns_name(text: str) -> bool:
    labels = text.split(".")
    # A name whose last label is a number would be taken for an address.
    is_number = labels[-1].isdecimal()
    fits = len(text) <= _LONGEST_HOST and all(map(_LABEL.fullmatch, labels))
    return fits and not is_number


class _Writer:
    """Writes one organisation."""

    def __init__(
        self, spec: OrganizationSpec, directory: Path, now: datetime, keys: KeySource
    ) -> None:
        self._spec = spec
        self._directory = directory
        self._now = now
        self._ca_name = f"ca.{spec.domain}"
        self._tls_ca_name = f"tlsca.{spec.domain}"
        self._ca = CertificateAuthority.create(self._ca_name, spec.domain, now=now, keys=keys)
        self._tls_ca = CertificateAuthority.create(
            self._tls_ca_name, spec.domain, now=now, keys=keys
        )

    def write(self) -> None:
        write_authority(self._directory / "ca", self._ca_name, self._ca)
        write_authority(self._directory / "tlsca", self._tls_ca_name, self._tls_ca)
        self._write_verifying_msp(self._directory / "msp")
        for peer in self._spec.peers:
            self._write_node(self._directory / "peers" / peer.name, peer, NodeRole.PEER)
        for orderer in self._spec.orderers:
            self._write_node(self._directory / "orderers" / orderer.name, orderer, NodeRole.ORDERER)
        for user in self._spec.users:
            self._write_user(self._directory / "users" / user.name, user)

    def _write_verifying_msp(self, path: Path) -> None:
        for subdirectory, name, authority in (
            (layout.CA_CERTIFICATES, self._ca_name, self._ca),
            (layout.TLS_CA_CERTIFICATES, self._tls_ca_name, self._tls_ca),
        ):
            (path / subdirectory).mkdir(parents=True)
            certificate = authority.to_pem().certificate_pem
            (path / subdirectory / f"{name}-cert.pem").write_bytes(certificate)
        pinned = f"{layout.CA_CERTIFICATES}/{self._ca_name}-cert.pem"
        (path / layout.SETTINGS_FILE).write_text(node_unit_settings(pinned), encoding="utf-8")

    def _write_node(self, path: Path, node: NodeSpec, role: NodeRole) -> None:
        host = f"{node.name}.{self._spec.domain}"
        self._write_local_msp(path / "msp", CertificateRequest(host, (role.word,)))
        hosts = tuple(dict.fromkeys((host, node.name, *node.hosts)))
        self._write_tls(
            path / "tls", CertificateRequest(host, hosts=hosts, purpose=Purpose.TLS), "server"
        )

    def _write_user(self, path: Path, user: UserSpec) -> None:
        name = f"{user.name}@{self._spec.domain}"
        request = CertificateRequest(name, (user.role.word,), attributes=user.attributes)
        self._write_local_msp(path / "msp", request)
        self._write_tls(path / "tls", CertificateRequest(name, purpose=Purpose.TLS), "client")

    def _write_local_msp(self, path: Path, request: CertificateRequest) -> None:
        self._write_verifying_msp(path)
        pair = self._ca.issue(request, now=self._now)
        (path / "signcerts").mkdir()
        (path / "signcerts" / f"{request.common_name}-cert.pem").write_bytes(pair.certificate_pem)
        (path / "keystore").mkdir(mode=_PRIVATE_DIRECTORY_MODE)
        write_private(path / "keystore" / KEY_FILE, pair.key_pem)

    def _write_tls(self, path: Path, request: CertificateRequest, name: str) -> None:
        pair: KeyPair = self._tls_ca.issue(request, now=self._now)
        path.mkdir(parents=True, mode=_PRIVATE_DIRECTORY_MODE)
        (path / f"{name}.crt").write_bytes(pair.certificate_pem)
        write_private(path / f"{name}.key", pair.key_pem)
        (path / "ca.crt").write_bytes(self._tls_ca.to_pem().certificate_pem)


def write_authority(path: Path, name: str, authority: CertificateAuthority) -> None:
    """Write an authority's certificate and key to ``path``, which only its owner may enter.

    What an interrupted attempt has left there is replaced. Both files are durable on return.
    """
    pair = authority.to_pem()
    path.mkdir(parents=True, mode=_PRIVATE_DIRECTORY_MODE, exist_ok=True)
    replace_file(path / f"{name}-cert.pem", [pair.certificate_pem])
    write_private(path / KEY_FILE, pair.key_pem)


def write_private(path: Path, content: bytes) -> None:
    """Write ``content`` durably to a file that only its owner can read."""
    replace_file(path, [content], mode=_PRIVATE_FILE_MODE)


def node_unit_settings(certificate: str = "") -> str:
    """Return ``config.yaml`` of an MSP whose node OUs are the words for roles.

    Args:
        certificate: Path, inside the MSP's directory, of the authority that must have certified
            them; empty admits every authority of the MSP.
    """
    tied = {"Certificate": certificate} if certificate else {}
    units: dict[str, bool | dict[str, str]] = {
        f"{role.word.capitalize()}OUIdentifier": {
            **tied,
            "OrganizationalUnitIdentifier": role.word,
        }
        for role in NodeRole
    }
    return yaml.safe_dump({"NodeOUs": {"Enable": True, **units}}, sort_keys=False)
