"""Files that an operator writes, or is sent by somebody else."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from fuzz.target import Target
from tallystick.node.cli.backup.errors import DamagedBackupError
from tallystick.node.cli.backup.files import MANIFEST, stated_manifest
from tallystick.node.cli.proofs import NotProvenError, Proof
from tallystick.node.cluster.errors import TopologyError
from tallystick.node.cluster.topology import parse_topology
from tallystick.node.membership.directory import SETTINGS_FILE, settings_of
from tallystick.node.membership.errors import MaterialError
from tallystick.node.settings import OrdererSettings, PeerSettings, SettingsError, load_settings
from tallystick.wire.errors import WireError

FOLDER: Final = tempfile.TemporaryDirectory(prefix="fuzz-")


def in_file(name: str, read: Callable[[Path], object]) -> Callable[[bytes], None]:
    """Return the decoder of what ``read`` reads from a file of this name."""
    path = Path(FOLDER.name) / name

    def decode(data: bytes) -> None:
        path.write_bytes(data)
        read(path)

    return decode


def _topology(data: bytes) -> None:
    parse_topology(data.decode(errors="replace"), "the fuzzer")


def _proof(data: bytes) -> None:
    """As a holder shows it to somebody who has no access to the ledger."""
    _ = Proof.from_text(data.decode(errors="replace")).channel_id


TARGETS = (
    Target(
        "peer_settings",
        in_file("peer.toml", lambda path: load_settings(PeerSettings, path)),
        (SettingsError,),
    ),
    Target(
        "orderer_settings",
        in_file("orderer.toml", lambda path: load_settings(OrdererSettings, path)),
        (SettingsError,),
    ),
    Target("topology", _topology, (TopologyError,)),
    Target("msp_settings", in_file(SETTINGS_FILE, settings_of), (MaterialError,)),
    Target(
        "backup_manifest",
        in_file(MANIFEST, lambda path: stated_manifest(path.parent)),
        (DamagedBackupError,),
    ),
    Target("proof", _proof, (NotProvenError, WireError)),
)
