"""An etcd cluster in memory: what its members agree on, and connections to it.

It keeps what etcd promises and nodes rely on: transactions with conditions, leases, watches from a
revision on, compaction.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextvars import Context
from copy import deepcopy
from dataclasses import dataclass, field, replace
from random import Random

from simulation.coverage import Coverage, Fault
from tallystick.node.ordering.etcd import port

_ANSWER_S = (0.0005, 0.003)
_NO_ANSWER_S = 1.0


@dataclass
class Cluster:
    """What all members of etcd agree on.

    Attributes:
        records: What is there, by key.
        history: What has changed, by revision.
        revision: The latest one.
        id: Tells it from others.
        compacted: Up to where the history is forgotten.
        leases: When each ends, in seconds of the loop.
        has_quorum: Whether anything can be decided.
        unreachable: The orderers that do not reach it.
        answer_loss: How likely it is that the answer to a transaction is lost.
        giving_up: How likely it is that a client has then no time left to ask again.
    """

    random: Random
    coverage: Coverage
    records: dict[bytes, port.Record] = field(default_factory=dict)
    history: list[tuple[int, list[port.Change]]] = field(default_factory=list)
    revision: int = 1
    id: int = 1
    compacted: int = 0
    leases: dict[int, tuple[float, int]] = field(default_factory=dict)
    has_quorum: bool = True
    unreachable: set[str] = field(default_factory=set)
    answer_loss: float = 0.0
    giving_up: float = 0.3
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def begun_anew(self, random: Random, coverage: Coverage) -> "Cluster":
        """Return a cluster with the same records, whose leases have all ended."""
        cluster = Cluster(random, coverage, deepcopy(self.records), revision=self.revision)
        cluster.compacted = self.revision
        for lease in sorted({record.lease for record in cluster.records.values()} - {0}):
            cluster.end(lease)
        return cluster

    def apply(self, changes: Sequence[port.Put | port.Deletion]) -> None:
        """Make changes, all at one revision."""
        self.revision += 1
        made: list[port.Change] = []
        for change in changes:
            if isinstance(change, port.Put):
                earlier = self.records.get(change.key)
                created = self.revision if earlier is None else earlier.create_revision
                record = port.Record(change.key, change.value, created, change.lease)
                self.records[change.key] = record
                made.append(port.Change(change.key, record))
            else:
                for key in self.keys(change.keys):
                    del self.records[key]
                    made.append(port.Change(key, None))
        if made:
            self.history.append((self.revision, made))
        self.tell()

    def keys(self, keys: port.KeyRange) -> list[bytes]:
        """Return what is there of a range, in order."""
        return sorted(key for key in self.records if keys.start <= key < keys.end)

    def meets(self, condition: port.Condition) -> bool:
        """Return whether a key was created when the condition says so; 0 is never."""
        record = self.records.get(condition.key)
        return condition.create_revision == (0 if record is None else record.create_revision)

    def grant(self, lease: int, ttl_s: int) -> None:
        """Let a lease live for some seconds from now on."""
        loop = asyncio.get_running_loop()
        self.leases[lease] = loop.time() + ttl_s, ttl_s
        loop.call_later(ttl_s + 0.001, self.expire, context=Context())

    def expire(self) -> None:
        """End the leases that have lapsed."""
        now_s = asyncio.get_running_loop().time()
        if self.has_quorum:  # else nobody could decide it
            for lease, (ends_s, _) in list(self.leases.items()):
                if ends_s <= now_s:
                    self.end(lease)

    def end(self, lease: int) -> None:
        """End a lease, and with it its keys."""
        self.leases.pop(lease, None)
        for key in [key for key, record in self.records.items() if record.lease == lease]:
            self.apply([port.Deletion(port.only(key))])

    def tell(self) -> None:
        """Wake those who watch."""
        news, self.news = self.news, asyncio.Event()
        news.set()

    def reaches(self, orderer: str) -> bool:
        """Return whether an orderer gets answers."""
        return self.has_quorum and orderer not in self.unreachable


class EtcdConnection:
    """One orderer's way to a cluster; satisfies `Etcd`.

    Attributes:
        answers_to_lose: How many of the next transactions take effect without an answer.
    """

    def __init__(self, cluster: Cluster, orderer: str) -> None:
        self._cluster = cluster
        self._orderer = orderer
        self.answers_to_lose = 0

    @property
    def is_reachable(self) -> bool:
        """Whether the orderer reaches the cluster."""
        return self._orderer not in self._cluster.unreachable

    @is_reachable.setter
    def is_reachable(self, reachable: bool) -> None:
        change = self._cluster.unreachable.discard if reachable else self._cluster.unreachable.add
        change(self._orderer)

    async def read(
        self,
        keys: port.KeyRange,
        *,
        limit: int = 0,
        newest_first: bool = False,
        values: port.Values = port.Values.SMALL,
    ) -> port.Found:
        """Return what is there of a range."""
        await self._reach()
        names = self._cluster.keys(keys)[:: -1 if newest_first else 1]
        chosen = names[:limit] if limit else names
        records = [self._cluster.records[name] for name in chosen]
        if values is port.Values.NONE:
            records = [replace(record, value=b"") for record in records]
        cluster = self._cluster
        return port.Found(records, cluster.revision, cluster.id, len(chosen) < len(names))

    async def commit(
        self, conditions: Sequence[port.Condition], changes: Sequence[port.Put | port.Deletion]
    ) -> port.Committed:
        """Make changes if all conditions hold."""
        await self._reach()
        cluster = self._cluster
        for change in changes:
            if isinstance(change, port.Put) and change.lease and change.lease not in cluster.leases:
                raise port.LeaseLostError
        held = all(map(cluster.meets, conditions))
        if held:
            cluster.apply(changes)
        if self._loses_answer():
            cluster.coverage.reached(Fault.ETCD_ANSWER_LOST)
            if cluster.random.random() < cluster.giving_up:
                raise port.EtcdUnavailableError("no answer in time")
            # A client asks again, as it would any member that does not answer.
            return await self.commit(conditions, changes)
        return port.Committed(held, cluster.revision)

    async def grant(self, ttl_s: int) -> int:
        """Return a new lease."""
        await self._reach()
        self._cluster.revision += 1
        lease = self._cluster.revision
        self._cluster.grant(lease, ttl_s)
        return lease

    async def keep_alive(self, lease: int) -> bool:
        """Let a lease live on; return whether it does."""
        await self._reach()
        if lease not in self._cluster.leases:
            return False
        self._cluster.grant(lease, self._cluster.leases[lease][1])
        return True

    async def watch(
        self, keys: port.KeyRange, revision: int
    ) -> AsyncGenerator[Sequence[port.Change], None]:
        """Yield the changes to a range from a revision on."""
        cluster = self._cluster
        while True:
            news = cluster.news
            if not cluster.reaches(self._orderer):
                raise port.EtcdUnavailableError("no leader")
            if revision <= cluster.compacted:
                raise port.CompactedError(cluster.compacted)
            newest = cluster.revision
            for at, changes in list(cluster.history):
                found = [each for each in changes if keys.start <= each.key < keys.end]
                if revision <= at <= newest and found:
                    yield found
            revision = max(revision, newest + 1)
            await news.wait()
            await asyncio.sleep(cluster.random.uniform(*_ANSWER_S))

    async def compact(self, revision: int) -> None:
        """Forget the history up to a revision."""
        await self._reach()
        self._cluster.compacted = max(self._cluster.compacted, revision)
        self._cluster.history = [each for each in self._cluster.history if each[0] > revision]

    def _loses_answer(self) -> bool:
        if self.answers_to_lose:
            self.answers_to_lose -= 1
            return True
        return self._cluster.random.random() < self._cluster.answer_loss

    async def _reach(self) -> None:
        self._cluster.expire()
        await asyncio.sleep(self._cluster.random.uniform(*_ANSWER_S))
        if not self._cluster.reaches(self._orderer):
            self._cluster.coverage.reached(Fault.ETCD_LOSS)
            await asyncio.sleep(_NO_ANSWER_S)
            raise port.EtcdUnavailableError("no leader")
