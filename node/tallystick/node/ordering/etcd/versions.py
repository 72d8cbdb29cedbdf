"""Which releases of etcd may keep the order. Pure."""

import re
from typing import Final

from tallystick.node.errors import LedgerError

OLDEST: Final = (3, 4)
_CORRUPTING: Final = frozenset({(3, 5, 0), (3, 5, 1), (3, 5, 2)})
_VERSION: Final = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


class UnsupportedEtcdError(LedgerError):
    """A release of etcd that must not keep the order of a ledger.

    Attributes:
        version: Which.
    """

    def __init__(self, where: str, version: str, reason: str) -> None:
        super().__init__(
            f"etcd {version or 'of an unknown release'} ({where}) is refused: {reason}"
        )
        self.version = version


def check_version(version: str, where: str) -> None:
    """Return if etcd of release ``version`` may be used.

    Args:
        version: Such as ``3.4.23``.
        where: The member or the program, for people.

    Raises:
        UnsupportedEtcdError: It may not.

    Source: etcd's own notice of March 2022: members of 3.5.0 to 3.5.2 can differ after a crash.
    """
    found = _VERSION.match(version)
    if found is None:
        raise UnsupportedEtcdError(where, version, "its release cannot be told")
    major, minor, patch = int(found[1]), int(found[2]), int(found[3] or 0)
    if (major, minor) < OLDEST:
        raise UnsupportedEtcdError(where, version, "3.4 is the oldest release that can be used")
    if (major, minor, patch) in _CORRUPTING:
        raise UnsupportedEtcdError(
            where,
            version,
            "releases 3.5.0 to 3.5.2 can lose data in a crash, so that members differ; use 3.4, or"
            " 3.5.3 and later",
        )
