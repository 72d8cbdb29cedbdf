"""Clients that write all the time, and remember what they were told."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from time import monotonic
from typing import Final

from tests.scenarios.crash_network import CHAINCODE

from tallystick.client.commit_status import CommitStatus
from tallystick.client.contract import Contract
from tallystick.client.errors import CommitStatusError, EndorseError, SubmitError
from tallystick.client.gateway import Gateway

COUNTER: Final = "counter"
IN_FLIGHT: Final = 16

_COUNTERS_ONE_IN: Final = 8
_LONGEST_PAUSE_S: Final = 0.2
_PROGRESS_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Call:
    """What a client asked for: to write a note, or, without a key, to count."""

    key: str = ""
    text: str = ""


@dataclass(slots=True)
class Load:
    """Clients, spread over gateways, each with one transaction in flight.

    Attributes:
        gateways: Whom the clients ask.
        random: Chance.
        clients: How many.
        reported: The outcome of each transaction whose client was told one, with what it asked for.
        unknown: The other submitted ones, by id: they may or may not be on the ledger.
        acknowledged: When an orderer took each transaction for good, by id, in seconds.
        refused: How many proposals were not endorsed, and so are not on it.
        heard: When each gateway passed an acknowledgement on, in seconds, in order.
    """

    gateways: Sequence[Gateway]
    random: Random
    clients: int = IN_FLIGHT
    reported: dict[str, tuple[Call, CommitStatus]] = field(default_factory=dict)
    unknown: dict[str, Call] = field(default_factory=dict)
    acknowledged: dict[str, float] = field(default_factory=dict)
    refused: int = 0
    heard: defaultdict[Gateway, list[float]] = field(default_factory=lambda: defaultdict(list))
    _valid: int = 0
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _progress: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def committed(self) -> dict[str, Call]:
        """What was asked for by each transaction reported as valid."""
        return {
            transaction_id: call
            for transaction_id, (call, status) in self.reported.items()
            if status.is_valid
        }

    async def run(self) -> None:
        """Write until stopped, and return when all that was in flight has ended."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(self.clients):
                tasks.create_task(self._client(number), name=f"client {number}")

    def stop(self) -> None:
        """Begin no more transactions."""
        self._stopping.set()

    async def more_commits(self, count: int) -> None:
        """Return when ``count`` more transactions have been reported as valid.

        Raises:
            TimeoutError: That takes so long that something is broken.
        """
        wanted = self._valid + count
        async with asyncio.timeout(_PROGRESS_TIMEOUT_S), self._progress:
            await self._progress.wait_for(lambda: self._valid >= wanted)

    async def heard_again(self, gateways: Collection[Gateway]) -> None:
        """Return when each of these gateways has passed on one more acknowledgement.

        Raises:
            TimeoutError: That takes so long that something is broken.
        """
        before = {gateway: len(self.heard[gateway]) for gateway in gateways}
        async with asyncio.timeout(_PROGRESS_TIMEOUT_S), self._progress:
            await self._progress.wait_for(
                lambda: all(len(self.heard[each]) > count for each, count in before.items())
            )

    def longest_silence_s(self, since: float, until: float) -> float:
        """Return the longest time within an interval in which no client got an acknowledgement.

        While one gateway of several is silent, this is short: see `silence_at_s`.
        """
        return _longest_gap_s(self.acknowledged.values(), since, until)

    def silence_at_s(self, gateway: Gateway, since: float, until: float) -> float:
        """Return the longest time within an interval in which no client of a gateway got one."""
        return _longest_gap_s(self.heard[gateway], since, until)

    async def pause(self, longest_s: float) -> None:
        """Return after a random time of at most ``longest_s`` seconds, or when the load stops."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.random.uniform(0, longest_s)):
                await self._stopping.wait()

    async def _client(self, number: int) -> None:
        gateway = self.gateways[number % len(self.gateways)]
        contract = gateway.network().contract(CHAINCODE)
        serial = 0
        while not self._stopping.is_set():
            serial += 1
            if number % _COUNTERS_ONE_IN == 0:
                call = Call()
            else:
                call = Call(f"note-{number:02d}-{serial:05d}", f"{serial} of client {number}")
            if not await self._submit(gateway, contract, call):
                await self.pause(_LONGEST_PAUSE_S)

    async def _submit(self, gateway: Gateway, contract: Contract, call: Call) -> bool:
        """Submit one transaction; return whether its outcome is known."""
        if call.key:
            proposal = contract.new_proposal("write", call.key, call.text)
        else:
            proposal = contract.new_proposal("count", COUNTER)
        try:
            transaction = await proposal.endorse()
        except EndorseError:
            self.refused += 1
            return False
        self.unknown[proposal.transaction_id] = call
        try:
            commit = await transaction.submit()
            await self._note(gateway, proposal.transaction_id)
            status = await commit.status()
        except (SubmitError, CommitStatusError):
            return False
        del self.unknown[proposal.transaction_id]
        self.reported[proposal.transaction_id] = (call, status)
        if status.is_valid:
            self._valid += 1
            async with self._progress:
                self._progress.notify_all()
        return True

    async def _note(self, gateway: Gateway, transaction_id: str) -> None:
        self.acknowledged[transaction_id] = monotonic()
        self.heard[gateway].append(monotonic())
        async with self._progress:
            self._progress.notify_all()


def _longest_gap_s(moments: Iterable[float], since: float, until: float) -> float:
    within = sorted(each for each in moments if since < each < until)
    return max(b - a for a, b in pairwise((since, *within, until)))
