"""Whether there is room for more blocks."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

_MIB: Final = 1024 * 1024


def disk_check(directory: Path, min_free_bytes: int) -> Callable[[], str]:
    """Return a health check: what is wrong when the disk of ``directory`` is nearly full."""

    def check() -> str:
        try:
            free = shutil.disk_usage(directory).free
        except OSError as error:
            return f"the disk of {directory} does not answer: {error.strerror}"
        if free >= min_free_bytes:
            return ""
        return (
            f"{free // _MIB} MiB are free on the disk of {directory}, less than the"
            f" {min_free_bytes // _MIB} MiB that operations.min_free_disk_bytes asks for:"
            " make room, or the node stops when the disk is full"
        )

    return check
