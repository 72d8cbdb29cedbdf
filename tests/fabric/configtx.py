"""What Fabric's ``configtxgen`` makes the first block of a channel from: its ``configtx.yaml``."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

Section = Mapping[str, object]

IMPLICIT: Final[Section] = {
    name: {"Type": "ImplicitMeta", "Rule": f"{rule} {name}"}
    for name, rule in (("Readers", "ANY"), ("Writers", "ANY"), ("Admins", "MAJORITY"))
}


def organization(msp_id: str, msp_directory: Path, orderers: Iterable[str] = ()) -> Section:
    """Return an organisation, with the addresses of its orderers."""
    rules = {"Readers": "member", "Writers": "member", "Admins": "admin", "Endorsement": "peer"}
    return {
        "Name": msp_id,
        "ID": msp_id,
        "MSPDir": str(msp_directory),
        "Policies": {
            name: {"Type": "Signature", "Rule": f"OR('{msp_id}.{role}')"}
            for name, role in rules.items()
        },
        "OrdererEndpoints": list(orderers),
    }


def profile(
    consensus: Section, orderer: Section, application: Iterable[Section], *, level: str = "V2_0"
) -> Section:
    """Return a channel of one orderer organisation.

    Args:
        consensus: The type of the orderers, and what it needs.
        orderer: The organisation that runs them.
        application: The others.
        level: The channel's capability.
    """
    majority = {"Type": "ImplicitMeta", "Rule": "MAJORITY Endorsement"}
    return {
        "Policies": IMPLICIT,
        "Capabilities": {level: True},
        "Orderer": {
            "BatchTimeout": "200ms",
            "BatchSize": {
                "MaxMessageCount": 10,
                "AbsoluteMaxBytes": "10 MB",
                "PreferredMaxBytes": "2 MB",
            },
            "Organizations": [orderer],
            "Policies": {
                **IMPLICIT,
                "BlockValidation": {"Type": "ImplicitMeta", "Rule": "ANY Writers"},
            },
            "Capabilities": {"V2_0": True},
            **consensus,
        },
        "Application": {
            "Organizations": list(application),
            "Policies": {**IMPLICIT, "Endorsement": majority, "LifecycleEndorsement": majority},
            "Capabilities": {"V2_0": True},
        },
    }
