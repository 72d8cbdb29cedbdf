"""Whether the files of a node's private keys are readable by their owner only."""

import logging
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tallystick.node.errors import LedgerError
from tallystick.node.settings import NodeSettings, OrdererSettings

_OTHERS: Final = 0o077

_log = logging.getLogger(__name__)


class ExposedKeyError(LedgerError):
    """Others than their owner may read private keys, or replace them.

    Attributes:
        paths: The files.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        files = " ".join(shlex.quote(str(path)) for path in paths)
        super().__init__(
            "others than its owner may use what only this node should know. Run"
            f"\n  chmod 600 {files}\n"
            "and issue new keys if others could log in here. Where a group must read them,"
            ' exposed_keys = "warn" lets the node start'
        )
        self.paths = tuple(paths)


def check_key_files(settings: NodeSettings) -> tuple[Path, ...]:
    """Return the private keys and PINs that others may use, if ``settings`` tell only to warn.

    A file that is not there is no matter here: whoever reads it says so.

    Raises:
        ExposedKeyError: There are such files, and a warning is not enough.
    """
    exposed = tuple(path for path in secrets_of(settings) if path.stat().st_mode & _OTHERS)
    if exposed:
        error = ExposedKeyError(exposed)
        if settings.exposed_keys == "refuse":
            raise error
        _log.warning("%s", error)
    return exposed


def secrets_of(settings: NodeSettings) -> Iterator[Path]:
    """Yield the files with private keys and PINs that are there."""
    yield from filter(Path.is_file, sorted((settings.msp.directory / "keystore").glob("*")))
    token = settings.msp.pkcs11
    named = [None if token is None else token.pin_file]
    if settings.tls is not None:
        named.append(settings.tls.private_key)
    if isinstance(settings, OrdererSettings):
        named += [each.private_key for each in (settings.admin, settings.etcd) if each is not None]
    yield from (path for path in named if path is not None and path.is_file())
