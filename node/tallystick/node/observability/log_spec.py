"""Log levels by logger, in one line, in the grammar of Fabric's ``/logspec``.

A specification is a list of fields between colons: ``LOGGER[,LOGGER…]=LEVEL``, and at most one
bare ``LEVEL`` for all others. ``gateway,endorsement=debug:info`` lets two packages of the node tell
more.
"""

import logging
import re
from collections.abc import Mapping
from typing import Final

from tallystick.node.errors import LedgerError

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
_FABRICS_NAMES: Final = {"WARN": "WARNING", "PANIC": "ERROR", "FATAL": "ERROR"}
_LOGGER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,127}")
_MAX_FIELDS: Final = 64
_NODE: Final = "tallystick.node"
_set_here: set[str] = set()


class LogSpecError(LedgerError, ValueError):
    """A specification of log levels cannot be read."""

    def __init__(self, spec: str, problem: str) -> None:
        super().__init__(
            f"invalid logging specification {spec!r}: {problem}; write for example"
            " 'gateway=debug:info'"
        )


def parse_log_spec(spec: str) -> tuple[str | None, Mapping[str, str]]:
    """Return the level of all other loggers, None if it stays, and the levels by logger.

    Raises:
        LogSpecError: A level or a logger is not one, or the specification is too long.
    """
    if spec.count(":") >= _MAX_FIELDS:
        raise LogSpecError(spec[:100], f"it has more than {_MAX_FIELDS} fields")
    others: str | None = None
    levels: dict[str, str] = {}
    for each in filter(None, spec.split(":")):
        names, has_names, level = each.rpartition("=")
        level = _level(spec, level)
        if not has_names:
            if others is not None:
                raise LogSpecError(spec, "only one level may stand for all others")
            others = level
        for name in names.split(",") if has_names else ():
            if not _LOGGER.fullmatch(name):
                raise LogSpecError(spec, f"{name!r} is no name of a logger")
            levels[name] = level
    return others, levels


def set_log_spec(spec: str) -> None:
    """Let the loggers of this process have the levels of ``spec``, and no others set before.

    A name without dots is a package of the node, such as ``gateway``.

    Raises:
        LogSpecError: See ``parse_log_spec``; nothing has changed then.
    """
    others, levels = parse_log_spec(spec)
    if others is not None:
        logging.getLogger().setLevel(others)
    for name in _set_here:
        logging.getLogger(name).setLevel(logging.NOTSET)
    _set_here.clear()
    for name, level in levels.items():
        full = name if "." in name else f"{_NODE}.{name}"
        logging.getLogger(full).setLevel(level)
        _set_here.add(full)


def current_log_spec() -> str:
    """Return the specification in force."""
    fields = [
        f"{name.removeprefix(f'{_NODE}.')}={_name(logging.getLogger(name).level)}"
        for name in sorted(_set_here)
    ]
    return ":".join([*fields, _name(logging.getLogger().level)])


def _level(spec: str, text: str) -> str:
    level = _FABRICS_NAMES.get(text.upper(), text.upper())
    if level not in LEVELS:
        raise LogSpecError(spec, f"{text!r} is none of the levels {', '.join(LEVELS).lower()}")
    return level


def _name(level: int) -> str:
    return logging.getLevelName(level).lower()
