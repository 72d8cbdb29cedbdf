"""Keeps etcd small: tells how far this orderer has come, and trims the log while it leads."""

import asyncio
import logging
from typing import Final

from tallystick.node.ordering.etcd.copying import LocalCopy
from tallystick.node.ordering.etcd.log import OrderedLog, SupersededError
from tallystick.node.ordering.etcd.port import EtcdUnavailableError
from tallystick.node.ordering.etcd.retention import Retention, first_kept
from tallystick.node.ordering.etcd.roles import Leading, Progress

_log = logging.getLogger(__name__)

_RETRY_S: Final = 1.0


class Housekeeper:
    """Looks after the log of one channel whenever it has grown a bit."""

    def __init__(
        self,
        log: OrderedLog,
        orderer: str,
        *,
        retention: Retention,
        progress: Progress,
        local: LocalCopy,
    ) -> None:
        """Publish heights as those of ``orderer``.

        Args:
            log: The log.
            orderer: The address by which the channel names this orderer.
            retention: How long the log is kept.
            progress: How far this orderer has come.
            local: Its blocks, and whom the channel names: nobody else holds the log.
        """
        self._log = log
        self._orderer = orderer
        self._retention = retention
        self._progress = progress
        self._size_of = local.size_of
        self._orderers = local.orderers

    async def run(self) -> None:
        """Publish and trim until cancelled; the first time at once, then whenever it is due."""
        if self._orderer not in self._orderers():
            _log.warning(
                "the channel names no orderer %s, so peers do not find this one, and the log is not"
                " kept for it: set advertised_address to the address that the channel names, or let"
                " the channel name this one with `tally channel set-orderers`",
                self._orderer,
            )
        while True:
            height = self._progress.height
            try:
                await self._log.publish(self._orderer, height)
                if isinstance(self._progress.role, Leading):
                    await self._trim(self._progress.role.term)
            except (EtcdUnavailableError, SupersededError) as error:
                _log.info("does not look after the log for the moment: %s", error)
                await asyncio.sleep(_RETRY_S)
                continue
            await self._until_due(height)

    async def _until_due(self, since: int) -> None:
        counted, size_bytes = since, 0
        while not self._retention.is_due(counted - since, size_bytes):
            await self._progress.height_of(counted + 1)
            size_bytes += self._size_of(counted)
            counted += 1

    async def _trim(self, term: int) -> None:
        first = await self._log.first()
        if first is None:
            return
        named = self._orderers()
        told = await self._log.heights()
        heights = {name: height for name, height in told.items() if name in named}
        if strangers := told.keys() - heights.keys() - {self._orderer}:
            await self._log.forget(term, strangers)
            _log.info(
                "forgets the heights of %d orderers that the channel does not name", len(strangers)
            )
        kept = first_kept(
            self._retention,
            heights.values(),
            first=first,
            height=self._progress.height,
            size_of=self._size_of,
        )
        if kept > first:
            await self._log.trim(term, kept)
            _log.info("the log in etcd begins at block %d now", kept)
