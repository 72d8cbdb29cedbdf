"""What an orderer brings to every channel that it orders together with others."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from tallystick.node.ordering.etcd.port import Etcd
from tallystick.node.ordering.etcd.retention import Retention
from tallystick.node.ordering.etcd.session import Session
from tallystick.protos.tallystick.ordered_log_pb2 import Leader

PATIENCE_S: Final = 5.0
"""How long an envelope waits for somebody to lead, before it is refused."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An orderer as it stands for leadership.

    Attributes:
        address: Where it takes what other orderers forward.
        msp_id: Its organisation.
        process: Random bytes that tell this process from all others, by whose address it may be.
        begin_at: By channel, how many blocks the orderer with the most has, as the operator says:
            from there an empty log goes on, and nobody else need be asked. 1 unless it is there.
        ignored: Addresses of orderers whose heights do not count, as the operator says.
    """

    address: str
    msp_id: str
    process: bytes
    begin_at: Mapping[str, int] = field(default_factory=dict)
    ignored: Collection[str] = ()

    @property
    def value(self) -> bytes:
        """The value of its leadership key."""
        leader = Leader(address=self.address, msp_id=self.msp_id, process=self.process)
        return leader.SerializeToString()


@dataclass(frozen=True, slots=True)
class SharedOrdering:
    """What an orderer shares with others, for all channels.

    Attributes:
        etcd: The cluster.
        session: This orderer's lease there.
        candidate: This orderer.
        prefix: What all keys begin with.
        retention: How long the log is kept.
        patience_s: How long an envelope waits for somebody to lead.
    """

    etcd: Etcd
    session: Session
    candidate: Candidate
    prefix: str = "tallystick"
    retention: Retention = field(default_factory=Retention)
    patience_s: float = PATIENCE_S
