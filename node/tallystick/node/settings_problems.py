"""What is wrong with a key of a settings file, in words."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Final

from pydantic_core import ErrorDetails

from tallystick.node.settings_parts import Settings, table_of

_UNKNOWN: Final = "extra_forbidden"
"""What pydantic calls a key that a table does not have."""


def problem_of(error: ErrorDetails, settings_type: type[Settings]) -> str:
    """Return one line that names a key and says what is wrong with it."""
    key = _key(error) or "the file"
    if error["type"] == _UNKNOWN:
        return f"{key}: there is no such setting{_nearest(error['loc'], settings_type)}"
    return f"{key}: {error['msg'].removeprefix('Value error, ')}"


def unknown_keys(errors: Iterable[ErrorDetails]) -> Sequence[str]:
    """Return the keys that there are not, each with the tables around it."""
    return [_key(error) for error in errors if error["type"] == _UNKNOWN]


def _key(error: ErrorDetails) -> str:
    return ".".join(str(part) for part in error["loc"])


def _nearest(location: tuple[int | str, ...], settings_type: type[Settings]) -> str:
    """Return what the key at ``location`` was probably meant to be; empty if nothing is near."""
    table: type[Settings] | None = settings_type
    for part in location[:-1]:
        if isinstance(part, str) and table is not None and part in table.model_fields:
            table = table_of(table.model_fields[part].annotation)
    near = [] if table is None else get_close_matches(str(location[-1]), table.model_fields, n=1)
    return f"; did you mean {'.'.join([*map(str, location[:-1]), *near])}?" if near else ""
