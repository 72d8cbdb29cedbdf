"""Two organisations with two peers each, and two contracts; both must endorse one of them."""

from pathlib import Path
from typing import Final

from tallystick.node.cluster.topology import Topology, load_topology

ATS: Final = "ATSMSP"
CLEARING: Final = "ClearingMSP"

_HERE: Final = Path(__file__).parent
_BOTH: Final = "AND('ATSMSP.peer', 'ClearingMSP.peer')"
_EITHER: Final = "OR('ATSMSP.peer', 'ClearingMSP.peer')"


def pairs_topology(directory: Path) -> Topology:
    """Return the topology; its file is written into ``directory``."""
    members = [(ATS, "ats.example", 7051), (CLEARING, "clearing.example", 8051)]
    lines = [
        "[channel]",
        'id = "pairs"',
        f'endorsement = "{_BOTH}"',
        f'lifecycle_endorsement = "{_BOTH}"',
    ]
    for msp_id, domain, port in members:
        peers = ", ".join(
            f'{{ name = "peer{number}", port = {port + 10 * number},'
            f" operations_port = {port + 10 * number + 1} }}"
            for number in range(2)
        )
        users = '[{ name = "admin", role = "admin" }, { name = "client" }]'
        lines += ["[[organizations]]", f'msp_id = "{msp_id}"', f'domain = "{domain}"']
        lines += [f"peers = [{peers}]", f"users = {users}"]
    lines += ["[[organizations]]", 'msp_id = "OrdererMSP"', 'domain = "orderer.example"']
    lines += ['orderers = [{ name = "orderer0", port = 7050, operations_port = 7060 }]']
    for name, entry, source, rule in (
        ("notes", "notes:NotesContract", _HERE / "crash_contract", _BOTH),
        ("vault", "vault:Vault", _HERE / "private_contract", _EITHER),
    ):
        lines += ["[[chaincodes]]", f'name = "{name}"', f'entry = "{entry}"']
        lines += [f'source = "{source}"', f'endorsement = "{rule}"']
        if name == "vault":
            lines += [f'collections = "{source}/collections.json"']
    path = directory / "topology.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return load_topology(path)
