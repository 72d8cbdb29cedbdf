"""Where a node keeps the store of what it derives from a channel's blocks.

A peer and an orderer name it differently, which tells whose a channel's folder is.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

from tallystick.node.errors import LedgerError
from tallystick.node.ledger.disk import MACHINE_DISK, Disk
from tallystick.node.ledger.key_value_store import OpenStore, StoreKind
from tallystick.node.ledger.snapshot_import import STORE
from tallystick.node.ledger.sqlite import FILE_NAME

NodeKind = Literal["peer", "orderer"]

VIEWS: Final[Mapping[NodeKind, str]] = {"peer": STORE, "orderer": "index"}
"""The name of the store in a channel's folder, by whose it is."""
_MARKS: Final[Mapping[StoreKind, str]] = {"leveldb": "CURRENT", "sqlite": FILE_NAME}
"""A file that every store of a kind has."""


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


class OtherKindOfStoreError(LedgerError):
    """The folder of a channel has a store of another kind than the one that is asked for.

    Attributes:
        store: The store.
        kind: Its kind.
    """

    def __init__(self, store: Path, kind: StoreKind, problem: str) -> None:
        super().__init__(f"the store in {store} is of kind {kind}, and {problem}")
        self.store = store
        self.kind = kind


class TwoStoresError(LedgerError):
    """Two stores of different kinds are in one place.

    Attributes:
        store: The place.
    """

    def __init__(self, store: Path, kinds: Sequence[StoreKind]) -> None:
        super().__init__(
            f"{store} holds stores of two kinds, {' and '.join(kinds)}: the node uses the one that"
            " `store` in its settings names; move the files of the other one away, which are"
            f" {_MARKS['sqlite']}* for sqlite, and all others for leveldb"
        )
        self.store = store


def kind_of(store: Path, disk: Disk = MACHINE_DISK) -> StoreKind | None:
    """Return the kind of a store, or None if there is none. Raises TwoStoresError."""
    kinds = [kind for kind, mark in _MARKS.items() if disk.exists(store / mark)]
    if len(kinds) > 1:
        raise TwoStoresError(store, kinds)
    return kinds[0] if kinds else None


def open_views(owner: NodeKind, kind: StoreKind, directory: Path, disk: Disk) -> OpenStore:
    """Open the store of a node's views of one channel.

    Args:
        owner: What the node is.
        kind: Which store it uses.
        directory: The channel's folder.
        disk: Has it.

    Raises:
        OtherKindOfDataError: The folder is that of another kind of node.
        OtherKindOfStoreError: It has a store of another kind.
        TwoStoresError: It has stores of two kinds.
        StoreUnavailableError: The kind is not installed, or another process has the store.
    """
    for other, name in VIEWS.items():
        if other != owner and disk.exists(directory / name):
            raise OtherKindOfDataError(directory, owner=other, started=owner)
    store = directory / VIEWS[owner]
    there = None if kind == "memory" else kind_of(store, disk)
    if there not in (None, kind):
        raise OtherKindOfStoreError(
            store,
            there,
            f'the settings of the node say `store = "{kind}"`: set `store = "{there}"` in them',
        )
    return disk.open_store(kind, store)
