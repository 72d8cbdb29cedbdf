"""Whether the log in etcd is all that was ordered. Before that is known, nobody may lead.

A cluster that begins from a snapshot, or empty, lacks what was ordered since. Orderers that have
those blocks refuse to go on. One that was away has not got them, and alone it would order their
numbers again: so before anybody leads in a cluster for the first time, all orderers are asked how
many blocks they have. That they were is noted in etcd with the id of the cluster, so that a note
which came with a snapshot does not count; etcd makes that id of the names and the token of its
members, so a cluster that is restored needs a token of its own.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from tallystick.node.errors import LedgerError
from tallystick.node.ordering.etcd.fellows import Fellows
from tallystick.node.ordering.etcd.log import Gap, OrderedLog
from tallystick.node.ordering.etcd.port import Put, only
from tallystick.node.ordering.etcd.roles import Progress
from tallystick.node.ordering.etcd.shared import SharedOrdering

Height = TypeVar("Height", int, int | None)

_COPY_S: Final = 1.0
"""How long missing blocks are waited for: meanwhile it is not seen that another orderer leads."""


class LostLogError(LedgerError):
    """The log in etcd ends before the blocks of an orderer do."""

    def __init__(self, newest: int | None, height: int) -> None:
        end = "is empty" if newest is None else f"ends with block {newest}"
        super().__init__(
            f"the log in etcd {end}, but {height} blocks are here: it was lost, or is another"
            " cluster's. If no orderer has more blocks than this one, write"
            f" `begin_at = {{ <channel> = {height} }}` under [etcd] in the settings of all of them"
        )


class Comparison:
    """Compares the log of one channel with what its orderers have.

    Attributes:
        log: The log.
    """

    def __init__(
        self, shared: SharedOrdering, log: OrderedLog, fellows: Fellows, progress: Progress
    ) -> None:
        self._etcd = shared.etcd
        self._begin_at = shared.candidate.begin_at.get(log.keys.channel_id)
        self._ignored = frozenset(shared.candidate.ignored)
        self.log = log
        self._fellows = fellows
        self._progress = progress

    async def obstacle(self) -> str:
        """Return why this orderer must not lead; empty once every block of the log is here.

        Raises:
            LostLogError: More blocks are here than the log tells of.
            TimeoutError: Blocks of the log are still to come here: ask again.
            EtcdUnavailableError: etcd does not answer.
        """
        height = self._progress.height
        newest = await self.log.newest()
        gap = await self.log.gap(height) if newest is not None and newest >= height else None
        if gap is not None and (problem := await self.across(gap)) is not None:
            return problem
        if newest is not None and newest + 1 >= height:
            async with asyncio.timeout(_COPY_S):
                await self._progress.height_of(newest + 1)
            return await self._with_others()
        begin = self._begin_at or 1
        if newest is not None or self._progress.height > begin:
            raise LostLogError(newest, self._progress.height)
        if self._progress.height < begin:
            return (
                f"the log in etcd is empty, and an orderer that has all {begin} blocks, which"
                " `begin_at` names, must begin it: start one"
            )
        for name, height in self._counted(await self.log.heights()):
            if self._progress.height < height:
                return (
                    f"the log in etcd is empty, and orderer {name} must begin it, which has"
                    f" {height} blocks. {_untrue(name)}"
                )
        return await self._with_others()

    async def across(self, gap: Gap) -> str | None:
        """Return why an orderer that has all blocks before a gap must not lead; empty if it may.

        It may if the log has lost nothing: every other orderer says that it has no more, and the
        gap is not one that trimming leaves, behind which there are blocks. None once the block that
        comes next has been fetched from another orderer.
        """
        heights = dict(self._counted(await self._fellows.heights()))
        silent = [name for name, height in heights.items() if height is None]
        ahead = [name for name, height in heights.items() if (height or 0) > gap.number]
        if ahead:
            return await self._fetched(gap.number, ahead)
        if silent:
            return (
                f"{gap}; whether an orderer has it is not known, for there is no answer from"
                f" {', '.join(silent)}: start it, or mend the line to it. {gap.remedy}"
            )
        return "" if gap.follows else f"{gap}, nor has any orderer. {gap.remedy}"

    async def _fetched(self, number: int, ahead: Sequence[str]) -> str | None:
        """Return None once a block is here that some orderers say they have; else that it is not.

        What an orderer states is not proven, and while nothing comes nobody leads.
        """
        try:
            async with asyncio.timeout(_COPY_S):
                await self._progress.height_of(number + 1)
        except TimeoutError:
            return (
                f"block {number} does not come from {', '.join(ahead)}: see the log of this orderer"
                f" for why. {_untrue(*ahead)}"
            )
        return None

    async def _with_others(self) -> str:
        """Return why an orderer that has all of the log must not lead; empty if it may."""
        key = self.log.keys.compared
        found = await self._etcd.read(only(key))
        cluster = f"{found.cluster:x}".encode()
        if found.records and found.records[0].value == cluster:
            return ""
        heights = dict(self._counted(await self._fellows.heights()))
        # Read afterwards: it holds all that the others have by now, if they have it from the log.
        newest = await self.log.newest()
        end = max(self._progress.height, 0 if newest is None else newest + 1)
        for name, height in heights.items():
            if height is not None and height > end:
                return (
                    f"orderer {name} has {height} blocks, and the log in etcd ends before block"
                    f" {end}: its cluster was begun without those blocks, perhaps from an old"
                    " snapshot. Begin with an empty one, and write how many blocks the orderer with"
                    " the most has as `begin_at` under [etcd] into the settings of all."
                    f" {_untrue(name)}"
                )
        silent = [name for name, height in heights.items() if height is None]
        # Who writes begin_at says that nobody has more: they need not say so themselves.
        if silent and self._progress.height != self._begin_at:
            return (
                "nobody has led in this cluster of etcd, and before anybody does, each orderer"
                f" must say how many blocks it has; no answer from {', '.join(silent)}: start it,"
                f" or mend the line to it (if that is this orderer, give its advertised_address as"
                f" the channel has it), or, if it has no more than {end} blocks, write"
                f" `begin_at = {{ {self.log.keys.channel_id} = {end} }}` under [etcd] in the"
                " settings"
            )
        await self._etcd.commit([], [Put(key, cluster)])
        return ""

    def _counted(self, heights: Mapping[str, Height]) -> list[tuple[str, Height]]:
        """Return those of some heights that count, with the orderers that have told them."""
        return [each for each in heights.items() if each[0] not in self._ignored]


def _untrue(*names: str) -> str:
    """Return what to do if orderers do not have the blocks that they say."""
    listed = ", ".join(f'"{name}"' for name in names)
    whose = "it has" if len(names) == 1 else "they have"
    return f"If {whose} not, write `ignore_heights_of = [{listed}]` under [etcd] in the settings"
