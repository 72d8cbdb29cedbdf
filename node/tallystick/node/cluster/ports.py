"""Which ports of this machine are free."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack


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


def free_ports(count: int) -> Iterator[int]:
    """Return an iterator over ``count`` different ports that were free just now.

    Nothing keeps them so: take them soon.
    """
    with ExitStack() as held:
        servers = [held.enter_context(socket.socket()) for _ in range(count)]
        for server in servers:
            server.bind(("", 0))
        return iter([server.getsockname()[1] for server in servers])
