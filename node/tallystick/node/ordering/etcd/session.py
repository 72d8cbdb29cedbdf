"""The lease of one orderer, under which it leads channels for as long as it lives."""

import asyncio
import logging
from typing import Final

from tallystick.node.ordering.etcd.port import Etcd, EtcdUnavailableError

_log = logging.getLogger(__name__)

_RENEWALS: Final = 3
"""How often a lease is renewed in the time that it lasts."""
_RETRY_S: Final = 0.1


class Session:
    """Keeps one lease alive, and takes a new one when it has ended.

    Nothing is safe because of it: a leader that has lost its lease, and does not know, is kept from
    writing by etcd. The lease only lets the others take over when an orderer is gone.

    Attributes:
        ttl_s: How long it lasts unless it is renewed; etcd may make it longer.
    """

    def __init__(self, etcd: Etcd, ttl_s: int) -> None:
        self._etcd = etcd
        self.ttl_s = ttl_s
        self._lease: int | None = None
        self._failure: EtcdUnavailableError | None = None
        self._answered = asyncio.Event()

    @property
    def current(self) -> int | None:
        """The lease; None while there is none."""
        return self._lease

    async def lease(self) -> int:
        """Return the lease, as soon as there is one.

        Raises:
            EtcdUnavailableError: etcd gave none when it was asked last.
        """
        while self._lease is None:
            if self._failure is not None:
                raise self._failure.with_traceback(None)  # else that grows each time
            await self._answered.wait()
        return self._lease

    async def run(self) -> None:
        """Keep a lease until cancelled."""
        while True:
            try:
                self._lease = await self._etcd.grant(self.ttl_s)
                self._failure = None
                self._answered.set()
                await self._keep(self._lease)
            except EtcdUnavailableError as error:
                _log.warning("no lease: %s", error)
                self._failure = error
                self._answered.set()
                await asyncio.sleep(_RETRY_S)
            finally:
                self._answered.clear()
                self._lease = None

    async def _keep(self, lease: int) -> None:
        """Return once the lease has ended."""
        alive = True
        while alive:
            await asyncio.sleep(self.ttl_s / _RENEWALS)
            try:
                alive = await self._etcd.keep_alive(lease)
            except EtcdUnavailableError as error:
                _log.warning("the lease is not renewed: %s", error)
        _log.warning("the lease has ended")
