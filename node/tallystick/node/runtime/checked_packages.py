"""Which packages the determinism check has passed, for peers that one program looks after.

``tally cluster up`` gives the same contracts to every peer of a machine. It checks them once, while
the peers start, and notes what passed; that a peer takes for its own check if its settings say so.

Whoever can write the file could get a package past the check, which guards against mistakes, not
against malice. So it belongs where only those can write who can read the peer's keys too. An entry
holds for the same bytes, the same check and the same Python only.
"""

import os
import sys
from functools import cached_property
from pathlib import Path
from typing import Final

from tallystick.chaincode import determinism
from tallystick.wire.hashing import sha256

_KEPT: Final = 64
"""How many packages are noted: some versions of all contracts of a network."""

_LINE_BYTES: Final = 65  # a digest in hexadecimal and the end of the line


class CheckedPackages:
    """Packages that have passed, noted in a file by their digests. Calls block.

    Args:
        file: Where; without one, or while it cannot be read, no package has passed.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def __contains__(self, package: bytes) -> bool:
        entries = self._entries()
        return bool(entries) and self._entry(package) in entries

    def add(self, package: bytes) -> None:
        """Note a package that has passed; the oldest entry makes room.

        Raises:
            OSError: The file cannot be written.
        """
        assert self._file is not None, "there is no file to note it in"
        entries = [*self._entries(), self._entry(package)][-_KEPT:]
        draft = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        draft.write_bytes(b"".join(each + b"\n" for each in entries))
        draft.replace(self._file)

    def _entries(self) -> list[bytes]:
        if self._file is None:
            return []
        try:
            with self._file.open("rb") as opened:
                return opened.read(_KEPT * _LINE_BYTES).split()
        except OSError:  # then nothing is known to have passed, and all is checked
            return []

    def _entry(self, package: bytes) -> bytes:
        return sha256(self._check + sha256(package)).hex().encode()

    @cached_property
    def _check(self) -> bytes:
        """What stands for the check in use: the digest of its source, with Python's version.

        All modules beside it count, so that none that it comes to use is forgotten.
        """
        folder = Path(determinism.__file__).parent
        sources = [sha256(each.read_bytes()) for each in sorted(folder.glob("*.py"))]
        return sha256(sys.version.encode() + b"".join(sources))


NONE_CHECKED: Final = CheckedPackages(None)
