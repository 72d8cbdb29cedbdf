"""The members of etcd in a network on this machine: the program and what it is told."""

import os
import shutil
import subprocess
from functools import cache
from ipaddress import ip_address
from typing import Final

from tallystick.node.cluster.member_topology import EtcdTopology
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.node import Node
from tallystick.node.errors import LedgerError
from tallystick.node.ordering.etcd.versions import check_version

PROGRAM_VARIABLE: Final = "TALLY_ETCD"
_TIMEOUT_S: Final = 10.0
_HEARTBEAT_MS: Final = 50
_ELECTION_MS: Final = 500
"""A lease lasts at least one and a half times as long, in whole seconds: here, one."""
_ENTRIES_IN_MEMORY: Final = 1_000
_QUOTA_BYTES: Final = 8 * 1024 * 1024 * 1024
"""The most that etcd recommends: room for the logs of 16 channels."""


class EtcdMissingError(LedgerError):
    """etcd is needed and cannot be run."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"several orderers share their order through etcd, and {problem}: install it (Debian:"
            f" apt-get install etcd-server), or let {PROGRAM_VARIABLE} name the program"
        )


def find_etcd() -> str:
    """Return the path of the etcd program.

    Raises:
        EtcdMissingError: It is not installed.
        UnsupportedEtcdError: It is of a release that is refused.
    """
    wanted = os.environ.get(PROGRAM_VARIABLE, "etcd")
    path = shutil.which(wanted)
    if path is None:
        raise EtcdMissingError(f"there is no program {wanted!r}")
    check_version(_version(path), path)
    return path


def etcd_arguments(network: Network, node: Node) -> list[str]:
    """Return how the program is called to be one member of a network's cluster."""
    etcd, host = _etcd(node), node.host
    listening = host if _is_bindable(host) else "0.0.0.0"  # noqa: S104 - as wide as the name
    tls = network.node_material(node) / "tls"
    members = [each for each in network.nodes if each.kind == "etcd"]
    cluster = ",".join(
        f"{each.name}=https://{each.host}:{_etcd(each).peer_port}" for each in members
    )
    options = {
        "name": node.name,
        "data-dir": network.data_directory(node),
        "listen-client-urls": f"https://{listening}:{etcd.port}",
        "advertise-client-urls": f"https://{host}:{etcd.port}",
        "listen-peer-urls": f"https://{listening}:{etcd.peer_port}",
        "initial-advertise-peer-urls": f"https://{host}:{etcd.peer_port}",
        "listen-metrics-urls": f"http://{listening}:{etcd.operations_port}",
        "initial-cluster": cluster,
        "initial-cluster-token": network.channel_id,
        "trusted-ca-file": network.etcd_authorities,
        "cert-file": tls / "server.crt",
        "key-file": tls / "server.key",
        "peer-trusted-ca-file": network.etcd_authorities,
        "peer-cert-file": tls / "server.crt",
        "peer-key-file": tls / "server.key",
        "heartbeat-interval": _HEARTBEAT_MS,
        "election-timeout": _ELECTION_MS,
        # Entries hold whole blocks, and by default 100,000 of them stay in memory.
        "snapshot-count": _ENTRIES_IN_MEMORY,
        "quota-backend-bytes": _QUOTA_BYTES,
        "logger": "zap",
        "log-level": "warn",
    }
    flags = ["--client-cert-auth", "--peer-client-cert-auth"]
    return [*flags, *(f"--{name}={value}" for name, value in options.items())]


def _etcd(node: Node) -> EtcdTopology:
    assert isinstance(node.topology, EtcdTopology), "only a member of etcd is asked for"
    return node.topology


@cache
def _version(path: str) -> str:
    """Return the release that a program says it is of, such as ``3.4.23``."""
    try:
        answer = subprocess.run(  # noqa: S603 - the operator's program
            [path, "--version"], capture_output=True, check=True, text=True, timeout=_TIMEOUT_S
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise EtcdMissingError(f"{path} does not tell its release: {error}") from error
    _, _, rest = answer.partition("etcd Version:")
    return rest.split("\n", 1)[0].strip()


def _is_bindable(host: str) -> bool:
    """Return whether etcd takes ``host`` to listen on: addresses, and the one name localhost."""
    try:
        ip_address(host)
    except ValueError:
        return host == "localhost"
    return True
