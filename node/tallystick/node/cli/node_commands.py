"""The commands about one node's own machine: copies of it, and what is wrong with it."""

from pathlib import Path
from typing import Final

from tallystick.node.cli.arguments import CONFIG, Argument
from tallystick.node.cli.command import Command

_KEYS: Final = "a folder apart for its keys and certificates"
BACKUP: Final = Command(
    "backup",
    "Copy the data of a node, while it runs",
    "tallystick.node.cli.backup.commands:backup",
    (
        "backup --config peer.toml --to /mnt/backups/monday",
        "backup --config peer.toml --to /mnt/backups/monday --keys /mnt/vault/monday",
    ),
    (
        CONFIG,
        Argument(
            name="--to", type=Path, required=True, metavar="DIRECTORY", help="a new folder for it"
        ),
        Argument(
            name="--keys",
            type=Path,
            metavar="DIRECTORY",
            help=f"{_KEYS}; left out, they are not copied",
        ),
    ),
)
RESTORE: Final = Command(
    "restore",
    "Make the data of a node from a backup",
    "tallystick.node.cli.backup.commands:restore",
    (
        "restore --config peer.toml --source /mnt/backups/monday",
        "restore --config orderer.toml --source /mnt/backups/monday --profile ATSMSP.json",
    ),
    (
        CONFIG,
        Argument(
            name="--source",
            type=Path,
            required=True,
            metavar="DIRECTORY",
            help="the backup",
        ),
        Argument(name="--keys", type=Path, metavar="DIRECTORY", help=f"{_KEYS} to put back, too"),
        Argument(
            name="--profile",
            type=Path,
            action="append",
            metavar="FILE",
            help="for an orderer that orders alone: a client profile, whose peer has the blocks"
            " since; repeat it for a peer of each member",
        ),
        Argument(
            name="--newest",
            action="store_true",
            help="for an orderer that orders alone: it ordered nothing since the backup",
        ),
    ),
)
DOCTOR: Final = Command(
    "doctor",
    "Check a node's keys, certificates, clocks, ports, disk, reachability and versions",
    "tallystick.node.cli.doctor.command:doctor",
    ("doctor --config peer.toml", "doctor --config peer.toml orderer.toml --json"),
    (
        Argument(
            name="--config",
            type=Path,
            nargs="+",
            required=True,
            metavar="FILE",
            help="settings of the node, TOML; several for several nodes",
        ),
        Argument(name="--json", action="store_true", help="print findings as JSON"),
    ),
)
