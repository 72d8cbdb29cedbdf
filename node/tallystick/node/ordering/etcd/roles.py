"""Who leads a channel, as one orderer knows it at the moment."""

import asyncio
from dataclasses import dataclass

from tallystick.node.ordering.intake import Intake


@dataclass(frozen=True, slots=True)
class Seeking:
    """Nobody is known to lead.

    Attributes:
        problem: Why; empty while that is a matter of a moment.
    """

    problem: str = ""


@dataclass(frozen=True, slots=True)
class Following:
    """Another orderer leads.

    Attributes:
        address: Where it takes what is forwarded.
    """

    address: str


@dataclass(frozen=True, slots=True)
class Leading:
    """This orderer leads.

    Attributes:
        term: Create revision of its leadership key.
        intake: Takes envelopes.
    """

    term: int
    intake: Intake


Role = Seeking | Following | Leading


class Progress:
    """What an orderer is doing and how far it has come, for those who wait for a change of it."""

    def __init__(self, height: int) -> None:
        self._role: Role = Seeking()
        self._height = height
        # Replaced at each change: set once, it wakes all who waited, and never blocks a latecomer.
        self._changed = asyncio.Event()

    @property
    def role(self) -> Role:
        """What the orderer is doing."""
        return self._role

    @role.setter
    def role(self, role: Role) -> None:
        self._role = role
        self._wake()

    @property
    def height(self) -> int:
        """How many blocks are durable."""
        return self._height

    @height.setter
    def height(self, height: int) -> None:
        self._height = height
        self._wake()

    async def change(self) -> None:
        """Return after the next change of anything."""
        await self._changed.wait()

    async def leading(self) -> None:
        """Return once this orderer leads."""
        while not isinstance(self._role, Leading):
            await self.change()

    async def height_of(self, height: int) -> None:
        """Return once there are so many blocks."""
        while self._height < height:
            await self.change()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
