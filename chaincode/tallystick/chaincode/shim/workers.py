"""Threads for contracts, which wait for every answer of the peer."""

import logging
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread

_log = logging.getLogger(__name__)


class Workers:
    """A bounded set of threads, each made when none is idle.

    They are daemons: a contract that never ends must not keep its process from ending.

    Args:
        limit: How many jobs run at the same time; others wait in the order of their submission.
    """

    def __init__(self, limit: int) -> None:
        assert limit > 0
        self._limit = limit
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = Lock()
        self._threads = 0
        self._unfinished = 0

    def submit(self, job: Callable[[], None]) -> None:
        """Run ``job`` in a thread, as soon as one is idle."""
        with self._lock:
            self._unfinished += 1
            needed = self._threads < min(self._unfinished, self._limit)
            if needed:
                self._threads += 1
        self._jobs.put(job)
        if needed:
            Thread(target=self._work, name="contract", daemon=True).start()

    def close(self) -> None:
        """Let every thread end after the jobs submitted so far."""
        with self._lock:
            threads, self._threads = self._threads, self._limit  # none is made any more
        for _ in range(threads):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except BaseException:  # noqa: BLE001  # a thread lost would be a place lost for good
                _log.exception("a job failed that answers for its own failures")
            with self._lock:
                self._unfinished -= 1
