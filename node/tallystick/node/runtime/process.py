"""Python chaincode in a process of its own, which this peer starts, watches and kills.

The process gets its package and one end of a pair of sockets; nothing of the peer's files, keys or
environment. What it may use is limited, see ``confinement``.
"""

import asyncio
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from tallystick.chaincode.package import ChaincodePackage
from tallystick.node.runtime.confined import ConfinedSettings
from tallystick.node.runtime.confinement import Limits
from tallystick.node.runtime.connection import Endpoint, Reached
from tallystick.node.runtime.process_log import ProcessLog
from tallystick.node.runtime.shim_link import SocketLink
from tallystick.node.transport.tasks import supervised_tasks

_log = logging.getLogger(__name__)

_PASS_ON_INTERVAL_S: Final = 1.0
_CPU_SHARE: Final = 0.9
"""After what share of its CPU time a process is replaced; the rest is for the calls that run."""

DEFAULT_LIMITS: Final = Limits(
    memory_bytes=1024**3, cpu_s=3600, open_files=256, file_bytes=1024 * 1024
)


@dataclass(frozen=True, slots=True)
class ProcessRules:
    """How chaincode processes run.

    Attributes:
        limits: What each may use.
        confined: Whether the kernel keeps it from files, network and other processes.
        max_message_bytes: Largest message that a peer takes from it.
    """

    limits: Limits = DEFAULT_LIMITS
    confined: bool = True
    max_message_bytes: int = 100 * 1024 * 1024


class ProcessEndpoint(Endpoint):
    """A process of this machine that serves one package."""

    def __init__(self, package: ChaincodePackage, rules: ProcessRules) -> None:
        self._package = package
        self._rules = rules

    def open(self) -> AbstractAsyncContextManager[Reached]:
        """Start it; at the end of the block it is killed, and its folder removed."""
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Reached]:
        directory = Path(tempfile.mkdtemp(prefix="tally-"))  # for its owner only
        log = ProcessLog(self._package.package_id, directory / "log")
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = await self._start(directory, theirs.fileno())

            async def ended() -> str:
                status = await process.wait()
                return f"its process ended with status {status}: {log.last_words()}"

            try:
                link = SocketLink(ours, self._rules.max_message_bytes)
                async with supervised_tasks() as tasks:
                    listening = tasks.create_task(_pass_on(log))
                    cpu_s = partial(_cpu_s, process.pid)
                    max_cpu_s = self._rules.limits.cpu_s * _CPU_SHARE
                    yield Reached(link, ended, cpu_s, max_cpu_s)
                    listening.cancel()
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
                log.pass_on()
        finally:
            ours.close()
            shutil.rmtree(directory, ignore_errors=True)

    async def _start(self, directory: Path, descriptor: int) -> asyncio.subprocess.Process:
        package, sources = self._package, directory / "sources"
        for name, content in package.sources.items():
            path = sources / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        rules = self._rules
        settings = ConfinedSettings(
            str(sources), os.getpid(), rules.limits, confined=rules.confined
        )
        with (directory / "log").open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # the folder it is started in is no place for modules
                "-m",
                "tallystick.node.runtime.confined",
                settings.to_json(),
                package.entry,
                *("--source", str(sources)),
                *("--descriptor", str(descriptor)),
                *("--id", package.package_id),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=directory,
                env=_environment(),
                start_new_session=True,
                pass_fds=(descriptor,),
            )
        _log.info("chaincode %s runs as process %d", package.package_id, process.pid)
        return process


async def _pass_on(log: ProcessLog) -> None:
    while True:
        await asyncio.sleep(_PASS_ON_INTERVAL_S)
        log.pass_on()


def _environment() -> Mapping[str, str]:
    """Return what a chaincode may know of the peer's environment: where Python's modules are.

    They are readable to it, so they are without the folder where the peer was started, or its
    program lies, which Python puts first unless it is told not to.
    """
    paths = sys.path if sys.flags.safe_path else sys.path[1:]
    return {
        "LANG": "C.UTF-8",
        "MALLOC_ARENA_MAX": "2",  # each arena reserves address space, which is limited
        "OMP_NUM_THREADS": "1",  # libraries for arithmetic start threads that they do not get
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",  # iteration over sets is the same on every peer
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
    }


def _cpu_s(pid: int) -> float:
    """Return the CPU time of a process, 0 where the system does not tell, or it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
