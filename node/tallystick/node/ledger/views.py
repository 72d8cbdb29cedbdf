"""Where a node keeps the store of what it derives from a channel's blocks.

A peer and an orderer name it differently, which tells whose a channel's folder is.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from tallystick.node.errors import LedgerError
from tallystick.node.ledger.disk import Disk
from tallystick.node.ledger.key_value_store import OpenStore, StoreKind
from tallystick.node.ledger.snapshot_import import STORE

NodeKind = Literal["peer", "orderer"]

VIEWS: Final[Mapping[NodeKind, str]] = {"peer": STORE, "orderer": "index"}
"""The name of the store in a channel's folder, by whose it is."""


class OtherKindOfDataError(LedgerError):
    """The folder of a channel is that of another kind of node.

    Attributes:
        directory: The folder.
    """

    def __init__(self, directory: Path, *, owner: NodeKind, started: NodeKind) -> None:
        super().__init__(
            f"{directory} is the data of another kind of node, as its folder {VIEWS[owner]!r}"
            f" tells: the {started} does not start with data of the {owner}; name"
            f" another data_directory, or restore this one from a backup if the {owner} was started"
            " in it by mistake"
        )
        self.directory = directory


def open_views(owner: NodeKind, kind: StoreKind, directory: Path, disk: Disk) -> OpenStore:
    """Open the store of a node's views of one channel.

    Args:
        owner: What the node is.
        kind: Which store it uses.
        directory: The channel's folder.
        disk: Has it.

    Raises:
        OtherKindOfDataError: The folder is that of another kind of node.
        StoreUnavailableError: The kind is not installed, or another process has the store.
    """
    for other, name in VIEWS.items():
        if other != owner and disk.exists(directory / name):
            raise OtherKindOfDataError(directory, owner=other, started=owner)
    return disk.open_store(kind, directory / VIEWS[owner])
