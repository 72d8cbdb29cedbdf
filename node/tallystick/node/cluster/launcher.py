"""The processes of a network: started detached, known by a locked file, stopped by a signal.

A node's pid file is locked by the launcher and the lock inherited by the node's process, so it is
held exactly as long as that process lives, however it ends. A pid that the system has given to
another process since can therefore never be mistaken for the node.
"""

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from tallystick.node.cluster.etcd import etcd_arguments, find_etcd
from tallystick.node.cluster.network import Network
from tallystick.node.cluster.node import Node
from tallystick.node.cluster.ports import is_free
from tallystick.node.errors import LedgerError

STOP_TIMEOUT_S: Final = 10.0
READY_TIMEOUT_S: Final = 30.0
HEALTH_TIMEOUT_S: Final = 2.0
_POLL_INTERVAL_S: Final = 0.02
_LOG_TAIL_LINES: Final = 5
_MAX_PID_BYTES: Final = 32
_MAX_COMPLAINT_BYTES: Final = 65_536


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
            " or choose other ports when a node is new: with --free-ports or --topology of `tally"
            " cluster up`, with --peer of `tally organization join`"
        )
        self.node = node
        self.port = port


class Launcher:
    """Starts and stops the nodes of one network. Their processes outlive it."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def start(self, node: Node) -> int:
        """Start a node in a process of its own and return the pid; it is not ready yet.

        Raises:
            AlreadyRunningError: It runs.
            PortInUseError: Something else listens on one of its ports.
            EtcdMissingError: It is a member of etcd, which is not installed.
            UnsupportedEtcdError: Or of a release that is refused.
        """
        descriptor = os.open(self._network.pid_file(node), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if not _try_lock(descriptor, fcntl.LOCK_EX):
                raise AlreadyRunningError(node.name)
            check_ports(node)
            os.truncate(descriptor, 0)  # never another process's pid under the new one's lock
            os.set_inheritable(descriptor, True)  # noqa: FBT003 -- the name says what is true
            pid = self._spawn(node)
            os.pwrite(descriptor, f"{pid}\n".encode(), 0)
        finally:
            os.close(descriptor)
        return pid

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
            written = os.pread(descriptor, _MAX_PID_BYTES, 0)
            return int(written) if written else None
        finally:
            os.close(descriptor)

    async def stop(self, node: Node, *, timeout_s: float = STOP_TIMEOUT_S) -> bool:
        """Ask a node to stop, and kill it if it does not; return whether it had to be killed."""
        pid = self._signal(node, signal.SIGTERM)
        if pid is None:
            return False
        try:
            async with asyncio.timeout(timeout_s):
                await self._end_of(node, pid)
        except TimeoutError:
            await self.kill(node)
            return True
        return False

    async def restart(self, node: Node) -> None:
        """Stop a node, if it runs, and start it; return once it works.

        Raises:
            PortInUseError: Something else listens on one of its ports.
            NodeFailedError: It does not start.
        """
        await self.stop(node)
        self.start(node)
        await self.wait_until_ready(node)

    async def stop_all(self, *, timeout_s: float = STOP_TIMEOUT_S) -> Mapping[str, bool]:
        """Stop every node that runs; return by name whether each had to be killed."""
        stopped: dict[str, bool] = {}

        async def stop(node: Node) -> None:
            if self.pid(node) is not None:
                stopped[node.name] = await self.stop(node, timeout_s=timeout_s)

        # Peers first: without an orderer they would try to reach one to the end; and so on.
        for kind in ("peer", "orderer", "etcd"):
            await asyncio.gather(*(stop(node) for node in self._network.nodes if node.kind == kind))
        return stopped

    async def kill(self, node: Node) -> None:
        """End a node's process at once, as a crash would, and return when it is gone."""
        pid = self._signal(node, signal.SIGKILL)
        if pid is not None:
            await self._end_of(node, pid)

    def _spawn(self, node: Node) -> int:
        """Start the process, in a session of its own: a Ctrl-C in our terminal is not meant for it.

        Not by ``subprocess``, whose objects want to outlive the processes that they stand for. And
        with ``-P``: a ``token.py`` in the directory where somebody calls us is no module of a node.
        """
        program, arguments = self._command(node)
        log = str(self._network.log_file(node))
        return os.posix_spawn(
            program,
            [program, *arguments],
            {**os.environ, "PYTHONHASHSEED": "0"},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )

    def _command(self, node: Node) -> tuple[str, Sequence[str]]:
        if node.kind == "etcd":
            return find_etcd(), etcd_arguments(self._network, node)
        settings = str(self._network.settings_file(node))
        module = "tallystick.node.cli"
        return sys.executable, ("-P", "-m", module, node.kind, "start", "--config", settings)

    def _signal(self, node: Node, number: signal.Signals) -> int | None:
        """Send a signal and return to which pid; None if the node does not run."""
        pid = self.pid(node)
        if pid is not None:
            with suppress(ProcessLookupError):  # it ended by itself just now
                os.kill(pid, number)
        return pid

    async def _end_of(self, node: Node, pid: int) -> None:
        while self.pid(node) is not None:  # noqa: ASYNC110 -- no event tells of another's child
            await asyncio.sleep(_POLL_INTERVAL_S)
        _bury(pid)

    def _failed(self, node: Node, problem: str) -> NodeFailedError:
        log = self._network.log_file(node)
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        return NodeFailedError(node.name, problem, log, tail)


async def is_healthy(node: Node, *, timeout_s: float = HEALTH_TIMEOUT_S) -> bool:
    """Return whether a node answers ``/healthz`` in time, and all is well with it."""
    return not await fault_of(node, timeout_s=timeout_s)


async def fault_of(node: Node, *, timeout_s: float = HEALTH_TIMEOUT_S) -> str:
    """Return what a node says at ``/healthz`` is wrong with it, or that it says nothing in time.

    Empty if all is well.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await _complaint(node)
    except OSError:  # a timeout is one too
        return f"no answer from http://{node.operations_address}{node.health_path}"


async def _complaint(node: Node) -> str:
    reader, writer = await asyncio.open_connection(node.host, node.topology.operations_port)
    try:
        request = f"GET {node.health_path} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        if b" 200 " in await reader.readline():
            return ""
        answer = b""
        while len(answer) < _MAX_COMPLAINT_BYTES and (more := await reader.read(4096)):
            answer += more
        body = answer.partition(b"\r\n\r\n")[2].decode(errors="replace").strip()
        return body or "it is not well, and does not say why"
    finally:
        writer.close()


def check_ports(node: Node) -> None:
    """Raise PortInUseError if something else listens where ``node`` should."""
    for port in node.topology.ports:
        if not is_free(node.host, port):
            raise PortInUseError(node.name, port)


def _bury(pid: int) -> None:
    """Take the exit status of a process that has ended, if it is ours to take."""
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
