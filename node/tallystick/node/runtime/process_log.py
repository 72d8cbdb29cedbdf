"""What a chaincode process writes to its output, in the log of its peer."""

import logging
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)

_LAST_WORDS_BYTES: Final = 2000
_PASSED_ON_BYTES: Final = 8000
"""Of what a process writes between two looks, so that it cannot fill the peer's disk."""


class ProcessLog:
    """The file that a process writes to; the kernel limits its size.

    Args:
        package_id: The chaincode.
        path: The file.
    """

    def __init__(self, package_id: str, path: Path) -> None:
        self._package_id = package_id
        self._path = path
        self._passed_on = 0

    def pass_on(self) -> None:
        """Write the lines to the peer's log that have come since, of many the last."""
        with self._path.open("rb") as file:
            file.seek(self._passed_on)
            content = file.read()
        whole_lines = content.rfind(b"\n") + 1
        if whole_lines:
            self._passed_on += whole_lines
            text = _shown(content[:whole_lines][-_PASSED_ON_BYTES:])
            _log.warning("chaincode %s wrote:\n  | %s", self._package_id, text)

    def last_words(self) -> str:
        """Return what the process wrote last; it is not passed on any more."""
        content = self._path.read_bytes()
        self._passed_on = len(content)
        return _shown(content[-_LAST_WORDS_BYTES:]) or "it wrote nothing to its log"


def _shown(content: bytes) -> str:
    """Return lines of a chaincode so that none of them can pass for one of the peer's."""
    text = content.decode(errors="replace").strip()
    lines = ["".join(c if c.isprintable() else "?" for c in line) for line in text.splitlines()]
    return "\n  | ".join(lines)
