"""Hosts on a switch, each a network namespace of this machine, with cables that can be cut.

Besides, a cable of its own joins each host with this process, as an operator's console is joined:
what happens on the switch does not touch it. Addresses are of the range for tests (RFC 2544).
"""

import ctypes
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tallystick.node.cluster.launcher import Launcher
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.node import Node

_NEW_NETWORK: Final = 0x40000000
"""CLONE_NEWNET of sched.h."""
_NOWHERE: Final = "02:00:00:00:00:01"
"""A hardware address that nobody has."""
_C: Final = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Host:
    """One host.

    Attributes:
        number: From 1 on.
        name: Of its namespace.
        switch: The namespace of the switch.
    """

    number: int
    name: str
    switch: str

    @property
    def address(self) -> str:
        """Where the other hosts, and we, reach it."""
        return f"198.18.0.{self.number}"

    def cut(self) -> None:
        """Pull its cable out of the switch."""
        _ip("-n", self.switch, "link", "set", f"port{self.number}", "down")

    def join(self) -> None:
        """Put the cable back."""
        _ip("-n", self.switch, "link", "set", f"port{self.number}", "up")

    def lose_what_it_sends(self, others: Sequence["Host"]) -> None:
        """Let what it sends to other hosts reach nobody; what they send still comes."""
        for other in others:
            address = (other.address, "lladdr", _NOWHERE, "nud", "permanent")
            _ip("-n", self.name, "neigh", "replace", *address, "dev", "eth0")

    def send_again(self, others: Sequence["Host"]) -> None:
        """End that."""
        for other in others:
            _ip("-n", self.name, "neigh", "del", other.address, "dev", "eth0")

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Let processes that this thread starts within the block run on this host."""
        with ExitStack() as stack:
            here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            stack.callback(os.close, here)
            there = os.open(Path("/run/netns") / self.name, os.O_RDONLY)
            stack.callback(os.close, there)
            _enter(there)
            stack.callback(_enter, here)
            yield


@contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """Make hosts; skip the test where there may be none."""
    prefix = f"tally-{os.getpid()}"
    switch = f"{prefix}-switch"
    with ExitStack() as stack:
        try:
            _namespace(switch, stack)
            _ip("-n", switch, "link", "add", "bridge", "type", "bridge")
            _ip("-n", switch, "link", "set", "bridge", "up")
            made = [Host(number, f"{prefix}-{number}", switch) for number in range(1, count + 1)]
            for host in made:
                _namespace(host.name, stack)
                _connect(host, stack)
        except (OSError, subprocess.CalledProcessError) as error:
            words = getattr(error, "stderr", "") or str(error)
            pytest.skip(f"no network namespaces can be made here: {words.strip()}")
        yield made


class HostsLauncher(Launcher):
    """Starts each node on the host whose address it has."""

    def __init__(self, network: Network, hosts: Sequence[Host]) -> None:
        super().__init__(network)
        self._hosts = {host.address: host for host in hosts}

    def start(self, node: Node) -> int:
        """Start a node on its host."""
        with self._hosts[node.host].entered():
            return super().start(node)


def _namespace(name: str, lifetime: ExitStack) -> None:
    _ip("netns", "add", name)
    lifetime.callback(_ip, "netns", "del", name)
    _ip("-n", name, "link", "set", "lo", "up")


def _connect(host: Host, lifetime: ExitStack) -> None:
    """Join a host with the switch and with this process."""
    within, port = ("-n", host.name), f"port{host.number}"
    _ip(*within, "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", host.switch)
    _ip(*within, "addr", "add", f"{host.address}/24", "dev", "eth0")
    _ip(*within, "link", "set", "eth0", "up")
    _ip("-n", host.switch, "link", "set", port, "master", "bridge", "up")
    console, ours, theirs = f"t{os.getpid()}-{host.number}", *_console_addresses(host)
    _ip("link", "add", console, "type", "veth", "peer", "name", "console", "netns", host.name)
    # A namespace outlives its name while a connection in it lingers, and this cable with it.
    lifetime.callback(_ip, "link", "del", console)
    _ip("addr", "add", f"{ours}/30", "dev", console)
    _ip("link", "set", console, "up")
    _ip(*within, "addr", "add", f"{theirs}/30", "dev", "console")
    _ip(*within, "link", "set", "console", "up")
    _ip("route", "add", f"{host.address}/32", "via", theirs)


def _console_addresses(host: Host) -> tuple[str, str]:
    return f"198.18.{host.number}.1", f"198.18.{host.number}.2"


def _enter(namespace: int) -> None:
    if _C.setns(namespace, _NEW_NETWORK):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
