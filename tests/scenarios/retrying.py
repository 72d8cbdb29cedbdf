"""Clients that submit without end, and try again as docs/client.md tells them to, and only so."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import grpc

from tallystick.client.commit import Commit
from tallystick.client.contract import Contract
from tallystick.client.errors import CommitStatusError, ConnectError, EndorseError, SubmitError
from tallystick.client.gateway import Gateway
from tallystick.client.transaction import Transaction

PAUSE_S = 0.1
PATIENCE_S = 60


class Load:
    """One client for each profile; each transaction writes a key of its own to `notes`.

    Attributes:
        written: The keys that were committed, by profile.
        outages: How often somebody had to try again, by what failed.
    """

    def __init__(self, profiles: Callable[[str], Path], users: tuple[str, ...]) -> None:
        self.written: dict[str, list[str]] = {user: [] for user in users}
        self.outages: Counter[str] = Counter()
        self._profiles = profiles
        self._generation = 0
        self._connected = dict.fromkeys(users, -1)
        self._done = asyncio.Event()
        self._news = asyncio.Condition()

    async def run(self, user: str) -> None:
        """Commit one transaction after the other until `stop`.

        Any failure is raised that the client does not document as one to try again after.
        """
        while not self._done.is_set():
            generation = self._generation
            async with await self._connect(user) as gateway:
                notes = gateway.network().contract("notes")
                while not self._done.is_set() and generation == self._generation:
                    key = f"{user}-{len(self.written[user])}"
                    async with asyncio.timeout(PATIENCE_S):
                        await self._commit(notes, key)
                    self.written[user].append(key)
                    self._connected[user] = generation
                    await self._tell()

    async def reconnect(self) -> None:
        """Let every client connect anew, as after a restart; return once each has committed."""
        self._generation += 1
        await self._until(lambda: set(self._connected.values()) == {self._generation})

    async def progress(self) -> None:
        """Return once every client has committed another two transactions."""
        before = {user: len(keys) for user, keys in self.written.items()}
        await self._until(
            lambda: all(len(keys) >= before[user] + 2 for user, keys in self.written.items())
        )

    def stop(self) -> None:
        """Let every client finish what it is at."""
        self._done.set()

    async def _connect(self, user: str) -> Gateway:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with suppress(ConnectError):
                    return await Gateway.from_profile(self._profiles(user))
                await self._again("connect")

    async def _commit(self, notes: Contract, key: str) -> None:
        transaction = await self._endorsed(notes, key)
        commit = await self._ordered(transaction)
        while True:
            try:
                status = await commit.status()
            except CommitStatusError:
                await self._again("status")
                continue
            status.raise_if_invalid()
            return

    async def _endorsed(self, notes: Contract, key: str) -> Transaction:
        while True:
            try:
                return await notes.new_proposal("put", key, "text").endorse()
            except EndorseError as error:
                if not error.is_outage:
                    raise
            await self._again("endorse")

    async def _ordered(self, transaction: Transaction) -> Commit:
        while True:
            try:
                return await transaction.submit()
            except SubmitError as error:
                if error.code is grpc.StatusCode.ABORTED:
                    raise
            await self._again("submit")

    async def _again(self, what: str) -> None:
        self.outages[what] += 1
        await asyncio.sleep(PAUSE_S)

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(condition)
