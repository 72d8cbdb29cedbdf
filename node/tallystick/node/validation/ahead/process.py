"""The peer's end of the process that checks signatures."""

import asyncio
import logging
import os
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from typing import Final

from tallystick.node.membership.signature_checker import GoodSignature
from tallystick.node.transport.tasks import supervised_tasks
from tallystick.node.validation.ahead.framing import LENGTH
from tallystick.protos.tallystick.checked_signatures_pb2 import CheckedSignatures

_log = logging.getLogger(__name__)

_INHERITED: Final = ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH")
"""Of the peer's environment, which may hold secrets, what it takes to start."""
_ANSWER_TIMEOUT_S: Final = 10.0
_IDLE_S: Final = 20.0
_TROUBLE_S: Final = 60.0
"""For so long there is no new process after one has failed."""


class SignatureProcess:
    """A process that checks the signatures of blocks; a `SignatureService`.

    It starts with the first block, and ends when it has had no work for a while, so that it gives
    its memory back. It has neither keys nor state; when it fails, which is logged, the peer checks
    the blocks alone that it was given.
    """

    def __init__(self) -> None:
        self._running: _Running | None = None
        self._ending: set[_Running] = set()
        self._starting = asyncio.Lock()
        self._used_s = 0.0
        self._failed_s: float | None = None

    @property
    def is_running(self) -> bool:
        """Whether an answer can be expected soon: it has been started."""
        return self._running is not None

    async def good_signatures(self, block: bytes) -> Sequence[GoodSignature]:
        """Return the good signatures of an encoded block, or none if that cannot be found out.

        Calls may overlap: while one block is checked, the next one is on its way.
        """
        self._used_s = _now_s()
        if self._failed_s is not None and self._used_s - self._failed_s < _TROUBLE_S:
            return ()
        running: _Running | None = None
        is_answered = False
        try:
            running = await self._started()
            answer = await running.ask(block)
            is_answered = True
        except (OSError, EOFError, TimeoutError) as error:
            if self._failed_s is None or self._failed_s < self._used_s:
                self._failed_s = _now_s()
                _log.warning(
                    "the process that checks signatures ahead failed (%r): for %d s the peer checks"
                    " them alone, which takes longer",
                    error,
                    _TROUBLE_S,
                )
            return ()
        finally:
            # What it would still say, after a failure or a cancellation, answers something else.
            if not is_answered and running is self._running:
                await self._end()
        return answer

    async def end_when_idle(self) -> None:
        """End it whenever it has had no work for a while; when cancelled, at once."""
        try:
            while True:
                await asyncio.sleep(_IDLE_S)
                if _now_s() - self._used_s >= _IDLE_S:
                    await self._end()
        finally:
            await self._end()

    async def _started(self) -> "_Running":
        async with self._starting:
            if self._running is None:
                self._running = await _start()
            return self._running

    async def _end(self) -> None:
        """End it, and whatever a cancellation has kept from ending before."""
        if self._running is not None:
            self._ending.add(self._running)
            self._running = None
        for each in tuple(self._ending):
            await each.end()
            self._ending.discard(each)


class _Running:
    """A process that runs."""

    def __init__(
        self, process: Process, answers: asyncio.StreamReader, requests: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._answers = answers
        self._requests = requests
        # Locks are taken in the order in which they are asked for, so answers find their requests.
        self._asking = asyncio.Lock()
        self._listening = asyncio.Lock()

    async def ask(self, block: bytes) -> Sequence[GoodSignature]:
        async with asyncio.timeout(_ANSWER_TIMEOUT_S):
            async with self._asking:
                self._requests.write(LENGTH.pack(len(block)))
                self._requests.write(block)
                await self._requests.drain()
            async with self._listening:
                (length,) = LENGTH.unpack(await self._answers.readexactly(LENGTH.size))
                checked = CheckedSignatures.FromString(await self._answers.readexactly(length))
        identities = list(checked.identities)
        return [
            GoodSignature(identities[each.identity], each.digest, each.signature)
            for each in checked.good
        ]

    async def end(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        self._requests.close()
        with suppress(OSError):  # it is gone, and may have left something unread
            await self._requests.wait_closed()


async def _start() -> _Running:
    ours, theirs = socket.socketpair()
    with ExitStack() as starting:
        starting.enter_context(ours)
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # the folder it is started in is no place for modules
                "-m",
                "tallystick.node.validation.ahead.program",
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                env={name: os.environ[name] for name in _INHERITED if name in os.environ},
            )
        _log.info("process %d checks signatures ahead", process.pid)
        answers, requests = await asyncio.open_connection(sock=ours)
        starting.pop_all()
    return _Running(process, answers, requests)


@asynccontextmanager
async def signature_process() -> AsyncIterator[SignatureProcess]:
    """Yield a process, not started yet, for the length of the block."""
    process = SignatureProcess()
    async with supervised_tasks() as tasks:
        idling = tasks.create_task(process.end_when_idle())
        yield process
        idling.cancel()


def _now_s() -> float:
    return asyncio.get_running_loop().time()
