"""All targets, by the area that they are of, which is a module of `fuzz.targets`."""

from collections.abc import Mapping
from types import ModuleType
from typing import Final

from fuzz.target import Target
from fuzz.targets import (
    chaincode,
    clients,
    files,
    http,
    identities,
    ledger,
    policies,
    requests,
    snapshots,
)

_AREAS: Final[tuple[ModuleType, ...]] = (
    requests,
    ledger,
    identities,
    policies,
    chaincode,
    http,
    files,
    snapshots,
    clients,
)
TARGETS: Final[Mapping[str, Target]] = {
    target.name: target for area in _AREAS for target in area.TARGETS
}
AREA_OF: Final[Mapping[str, str]] = {
    target.name: area.__name__.rpartition(".")[2] for area in _AREAS for target in area.TARGETS
}
SERVICES: Final[Mapping[str, frozenset[str]]] = {
    "AtomicBroadcast": frozenset({"envelope", "deliver"}),
    "ChaincodeSupport": frozenset({"chaincode_messages"}),
    "Deliver": frozenset({"deliver"}),
    "Endorsement": frozenset({"proposal_asked", "proposal_answered"}),
    "Endorser": frozenset({"proposal"}),
    "Gateway": frozenset({"gateway_proposal", "gateway_request"}),
    "Ordering": frozenset({"envelope"}),
    "PrivateData": frozenset({"private_data"}),
    "Snapshot": frozenset({"snapshot_request"}),
}
"""The targets that take what arrives at each gRPC service of nodes, by its name without package."""
