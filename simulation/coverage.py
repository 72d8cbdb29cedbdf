"""Which kinds of faults a run has really met."""

from collections import Counter
from enum import Enum


class Fault(Enum):
    """A kind of fault, or of change; counted where it takes effect, not where it is planned."""

    DELAY = "message delayed"
    LOSS = "message lost"
    DUPLICATION = "message duplicated"
    REORDERING = "message overtaken"
    PARTITION = "cut off both ways"
    ONE_WAY_PARTITION = "cut off one way"
    ROLLING_PARTITION = "partition that moved on"
    CRASH = "crash without loss on disk"
    CRASH_AT_WRITE = "crash right after a write or sync"
    CRASH_AT_START = "crash while starting"
    POWER_CUT = "crash with loss of what was not synced"
    PAUSE = "process stopped for a while"
    LOST_WRITE = "unsynced write lost"
    TORN_WRITE = "unsynced write torn"
    LOST_SECTOR = "sector of an unsynced write lost"
    LOST_BATCH = "unsynced batch of a store lost"
    FULL_DISK = "write to a full disk"
    CLOCK_SKEW = "clocks apart"
    SLOW_CONSUMER = "slow consumer"
    OLD_DISK = "started with an old copy of its disk"
    LOST_STORE = "started without its store"
    FORGED_BLOCK = "orderer: forged block"
    ETCD_LOSS = "etcd without a quorum"
    ETCD_ANSWER_LOST = "answer of etcd lost"
    REDEFINITION = "chaincode defined anew under load"
    RECONFIGURATION = "configuration changed under load"
    BAD_SIGNATURE = "client: bad signature"
    REPLAY = "client: transaction sent again"
    STALE_READ = "client: old endorsement"
    GARBAGE = "client: garbage bytes"
    DUPLICATE_ID = "client: transaction id used twice"
    SEVERAL_ORDERERS = "client: same transaction to several orderers"
    ALTERED_ENDORSEMENT = "client: endorsed result altered"


class Coverage:
    """How often each kind of fault took effect.

    Attributes:
        counts: By kind.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def reached(self, fault: Fault) -> None:
        """Count one."""
        self.counts[fault.name] += 1
