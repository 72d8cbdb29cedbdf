"""Why a copy was not made, or not put back."""

from collections.abc import Sequence
from pathlib import Path

from tallystick.node.errors import LedgerError


class OccupiedError(LedgerError):
    """A folder that should be written has something in it.

    Attributes:
        path: The folder, or file.
    """

    def __init__(self, path: Path, *, lacks: str | None = None) -> None:
        """``lacks`` is the file that would be there if what is there were finished."""
        super().__init__(
            f"{path} is there already, and nothing is overwritten: name another place, or move it"
            " away"
            if lacks is None
            else f"{path} has data and no {lacks}, as a backup that was interrupted, and nothing is"
            " overwritten: name another place, or delete it if it is one"
        )
        self.path = path


class NotApartError(LedgerError):
    """A folder is in another one, or the same, and neither may have what the other has.

    Attributes:
        path: The folder.
    """

    def __init__(self, inner: str, outer: str, path: Path, *, in_backup: bool = False) -> None:
        """``in_backup`` is whether ``outer`` is a backup that is there already."""
        super().__init__(
            f"{inner} is in {outer}, and a backup with files that are not its own is not restored:"
            " name another place"
            if in_backup
            else f"{inner} is in {outer}, or the same folder: data, their copy and the copy of keys"
            " must be apart; name another place"
        )
        self.path = path


class BusyStoreError(LedgerError):
    """A store changed its files again and again while they were copied.

    Attributes:
        path: Its folder.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is reorganised all the time; try again when less is committed")
        self.path = path


class RemovedMeanwhileError(LedgerError):
    """The node removed something of which a part was copied.

    Attributes:
        path: What is gone.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} was removed while this node was copied, and the copy would have only a part"
            " of it: make another one"
        )
        self.path = path


class DamagedBackupError(LedgerError):
    """A folder is no backup, not all of one, or was changed since.

    Attributes:
        path: The folder.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} is not a whole backup: {problem}; take an older one")
        self.path = path


class SurplusInBackupError(LedgerError):
    """A backup may be whole, and there is something in it that it did not write.

    Attributes:
        path: The backup.
        surplus: What is too much, from there.
    """

    def __init__(self, path: Path, surplus: str) -> None:
        super().__init__(
            f"{path} is not restored as it is: {surplus} is not part of this backup: move it away,"
            " and try again"
        )
        self.path = path
        self.surplus = surplus


class OtherNodeError(LedgerError):
    """A backup is that of another node.

    Attributes:
        path: The backup.
    """

    def __init__(self, path: Path, *, held: str, wanted: str) -> None:
        super().__init__(f"{path} is the backup of {held}, and the settings are those of {wanted}")
        self.path = path


class LonelyOrdererError(LedgerError):
    """What a lone orderer has ordered since its backup must be had from peers first."""

    def __init__(self) -> None:
        super().__init__(
            "this orderer orders alone: whatever it ordered after the backup, peers have, and"
            " ordering other blocks in their place would cut it off from them all.\n"
            "Name a peer of each member with --profile, to get these blocks; or, if the orderer was"
            " stopped when the backup was taken and has not run since, say so with --newest"
        )


class NotAloneError(LedgerError):
    """What only an orderer that orders alone is told was told another node."""

    def __init__(self, option: str, config: Path, *, kind: str) -> None:
        """``kind`` is that of the node, and if it is an orderer, others order with it."""
        node = "a peer" if kind == "peer" else "an orderer that shares its order through etcd"
        super().__init__(
            f"{option} is for an orderer that orders alone, and {config} is the settings file of"
            f" {node}, which gets the blocks since its backup by itself: leave {option} out"
        )


class PeersDifferError(LedgerError):
    """A peer's chain does not continue the one in the backup.

    Attributes:
        channel_id: The channel.
    """

    def __init__(self, channel_id: str, problem: str) -> None:
        super().__init__(
            f"what peers have of channel {channel_id} does not follow from the backup: {problem}"
        )
        self.channel_id = channel_id


class MissingKeysError(LedgerError):
    """A node's keys and certificates are in neither place.

    Attributes:
        missing: The files.
    """

    def __init__(self, missing: Sequence[Path]) -> None:
        names = ", ".join(map(str, missing))
        super().__init__(f"{names}: not there; check the paths in the settings")
        self.missing = missing
