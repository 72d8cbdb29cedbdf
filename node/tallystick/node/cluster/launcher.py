"""The processes of a network: started detached, known by a locked file, stopped by a signal.

A node's pid file is locked by the launcher and the lock inherited by the node's process, so it is
held exactly as long as that process lives, however it ends. A pid that the system has given to
another process since can therefore never be mistaken for the node.
"""

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from tallystick.node.cluster.network import Network, Node
from tallystick.node.cluster.ports import is_free
from tallystick.node.errors import LedgerError

STOP_TIMEOUT_S: Final = 10.0
READY_TIMEOUT_S: Final = 30.0
_POLL_INTERVAL_S: Final = 0.02
_LOG_TAIL_LINES: Final = 5


class NodeFailedError(LedgerError):
    """A node did not start.

    Attributes:
        node: Its name.
        log: The file that says more.
    """

    def __init__(self, node: str, problem: str, log: Path, tail: Sequence[str] = ()) -> None:
        lines = [f"{node} {problem}; see {log}", *(f"  {line}" for line in tail)]
        super().__init__("\n".join(lines))
        self.node = node
        self.log = log


class AlreadyRunningError(LedgerError):
    """A node that was to be started runs already.

    Attributes:
        node: Its name.
    """

    def __init__(self, node: str) -> None:
        super().__init__(f"{node} is running already; stop it first")
        self.node = node


class PortInUseError(LedgerError):
    """A node cannot start because something else listens where it should.

    Attributes:
        node: Its name.
        port: The port.
    """

    def __init__(self, node: str, port: int) -> None:
        super().__init__(
            f"port {port} of {node} is in use: stop what listens there, perhaps another network,"
            " or give --topology a file with other ports"
        )
        self.node = node
        self.port = port


class Launcher:
    """Starts and stops the nodes of one network. Their processes outlive it."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, node: Node) -> int:
        """Start a node in a process of its own and return the pid; it is not ready yet.

        Raises:
            AlreadyRunningError: It runs.
            PortInUseError: Something else listens on one of its ports.
        """
        network = self._network
        pid_file = network.pid_file(node)
        descriptor = os.open(pid_file, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if not _try_lock(descriptor, fcntl.LOCK_EX):
                raise AlreadyRunningError(node.name)
            check_ports(node)
            with network.log_file(node).open("ab") as log:
                child = subprocess.Popen(  # noqa: S603 -- our own program
                    self._command(node),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, "PYTHONHASHSEED": "0"},
                    pass_fds=(descriptor,),
                    start_new_session=True,
                )
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, f"{child.pid}\n".encode(), 0)
        finally:
            os.close(descriptor)
        self._children[node.name] = child
        return child.pid

    async def wait_until_ready(self, node: Node, *, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Return once the node says that it works.

        Raises:
            NodeFailedError: Its process ended, or it took longer than ``timeout_s``.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not await is_healthy(node):
                    if self.pid(node) is None:
                        raise self._failed(node, "stopped while it was starting")
                    await asyncio.sleep(_POLL_INTERVAL_S)
        except TimeoutError as error:
            raise self._failed(node, f"is not ready after {timeout_s:g} s") from error

    def pid(self, node: Node) -> int | None:
        """Return the pid of a node's process, or None if it does not run."""
        try:
            descriptor = os.open(self._network.pid_file(node), os.O_RDWR)
        except FileNotFoundError:
            return None
        try:
            # A shared lock, which ends with the descriptor: others may look at the same moment.
            if _try_lock(descriptor, fcntl.LOCK_SH):
                return None
            return int(os.pread(descriptor, 32, 0) or b"0")
        finally:
            os.close(descriptor)

    async def stop(self, node: Node, *, timeout_s: float = STOP_TIMEOUT_S) -> bool:
        """Ask a node to stop, and kill it if it does not; return whether it had to be killed."""
        if not self._signal(node, signal.SIGTERM):
            return False
        try:
            async with asyncio.timeout(timeout_s):
                await self._end_of(node)
        except TimeoutError:
            await self.kill(node)
            return True
        return False

    async def stop_all(self, *, timeout_s: float = STOP_TIMEOUT_S) -> Mapping[str, bool]:
        """Stop every node that runs; return by name whether each had to be killed."""
        stopped: dict[str, bool] = {}

        async def stop(node: Node) -> None:
            if self.pid(node) is not None:
                stopped[node.name] = await self.stop(node, timeout_s=timeout_s)

        # Peers first: without an orderer they would try to reach one to the end.
        for kind in ("peer", "orderer"):
            await asyncio.gather(*(stop(node) for node in self._network.nodes if node.kind == kind))
        return stopped

    async def kill(self, node: Node) -> None:
        """End a node's process at once, as a crash would, and return when it is gone."""
        if self._signal(node, signal.SIGKILL):
            await self._end_of(node)

    def _signal(self, node: Node, number: signal.Signals) -> bool:
        pid = self.pid(node)
        if pid is None:
            self._reap(node)
            return False
        with suppress(ProcessLookupError):  # it ended by itself just now
            os.kill(pid, number)
        return True

    async def _end_of(self, node: Node) -> None:
        while self.pid(node) is not None:  # noqa: ASYNC110 -- no event tells of another's child
            await asyncio.sleep(_POLL_INTERVAL_S)
        self._reap(node)

    def _reap(self, node: Node) -> None:
        child = self._children.pop(node.name, None)
        if child is not None:
            child.wait()

    def _command(self, node: Node) -> list[str]:
        settings = str(self._network.settings_file(node))
        return [
            sys.executable,
            "-m",
            "tallystick.node.cli",
            node.kind,
            "start",
            "--config",
            settings,
        ]

    def _failed(self, node: Node, problem: str) -> NodeFailedError:
        log = self._network.log_file(node)
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        return NodeFailedError(node.name, problem, log, tail)


async def is_healthy(node: Node) -> bool:
    """Return whether a node answers ``/healthz`` and all is well with it."""
    try:
        reader, writer = await asyncio.open_connection(node.host, node.topology.operations_port)
    except OSError:
        return False
    try:
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: node\r\n\r\n")
        return b" 200 " in await reader.readline()
    except OSError:
        return False
    finally:
        writer.close()


def check_ports(node: Node) -> None:
    """Raise PortInUseError if something else listens where ``node`` should."""
    for port in (node.topology.port, node.topology.operations_port):
        if not is_free(node.host, port):
            raise PortInUseError(node.name, port)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
