"""Which ports of this machine are free."""

import socket
from collections.abc import Iterator
from random import SystemRandom
from typing import Final

from tallystick.node.cluster.topology import Topology
from tallystick.node.errors import LedgerError

_CANDIDATES: Final = range(10_000, 16_000)
"""Systems draw the ports of outgoing connections from above: one of those that is free now may be
taken a moment later, before a server listens on it."""


class NoFreePortError(LedgerError):
    """Too few ports are free."""

    def __init__(self, wanted: int) -> None:
        super().__init__(
            f"fewer than {wanted} ports from {_CANDIDATES.start} to {_CANDIDATES.stop - 1} are"
            " free: stop networks that nobody uses any more"
        )


def is_free(host: str, port: int) -> bool:
    """Return whether a server could listen on ``port`` of every address that ``host`` has."""
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, kind, protocol, _, address in addresses:
        with socket.socket(family, kind, protocol) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                server.bind(address)
            except OSError:
                return False
    return True


def free_ports(count: int, host: str = "localhost") -> Iterator[int]:
    """Return an iterator over ``count`` different ports that are free, drawn by chance.

    Raises:
        NoFreePortError: There are not so many.
    """
    found: list[int] = []
    for port in SystemRandom().sample(_CANDIDATES, len(_CANDIDATES)):
        if len(found) == count:
            return iter(found)
        if is_free(host, port):
            found.append(port)
    raise NoFreePortError(count)


def on_free_ports(topology: Topology) -> Topology:
    """Return the same network where it cannot meet another one on this machine."""
    return topology.on_ports(free_ports(len(topology.ports), topology.host))


def on_ports_of(running: Topology, topology: Topology) -> Topology:
    """Return the same network on the ports of another one, if that has as many."""
    if len(running.ports) != len(topology.ports):
        return topology
    return topology.on_ports(iter(running.ports))
