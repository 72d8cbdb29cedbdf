"""The program that a peer starts for a chaincode: it gives up its rights, then runs the shim.

Usage: ``python -m tallystick.node.runtime.confined SETTINGS ARGUMENT ...``; SETTINGS is a
``ConfinedSettings`` as JSON, the arguments are those of ``tallystick.chaincode.shim.local``.
"""

import json
import sys
import sysconfig
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tallystick.chaincode.shim import local
from tallystick.node.runtime.confinement import (
    ConfinementError,
    Limits,
    confine,
    die_with_parent,
)

_SYSTEM_PATHS: Final = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/share/zoneinfo",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/dev/null",
    "/dev/urandom",
)


@dataclass(frozen=True, slots=True)
class ConfinedSettings:
    """How to run the program.

    Attributes:
        directory: The only folder of its own; it reads there.
        parent: Pid of the peer, with which it ends.
        limits: What it may use.
        confined: Whether to confine it, beyond the limits.
    """

    directory: str
    parent: int
    limits: Limits
    confined: bool

    def to_json(self) -> str:
        """Return what ``from_json`` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "ConfinedSettings":
        """Return the settings in ``text``."""
        fields = json.loads(text)
        fields["limits"] = Limits(**fields["limits"])
        return cls(**fields)


def main() -> int:
    """Confine this process and become the chaincode; return its exit status."""
    settings = ConfinedSettings.from_json(sys.argv[1])
    if not die_with_parent(settings.parent):
        return 1
    settings.limits.apply()
    if settings.confined:
        try:
            confine(readable=[*_readable(), Path(settings.directory)])
        except ConfinementError as error:
            sys.exit(f"the chaincode is not started: {error}")
    return local.main(sys.argv[2:])


def _readable() -> list[Path]:
    """Return where Python, its packages and the system's libraries are."""
    python = {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()}
    places = python | {path for path in sys.path if path} | set(_SYSTEM_PATHS)
    return [Path(place) for place in sorted(places)]


if __name__ == "__main__":
    sys.exit(main())
