"""How results look in a terminal, and how they get into files."""

import json
import stat
from pathlib import Path

from tallystick.node.durable import naming, replace_file


def shown(path: Path) -> Path:
    """Return a path as people would write it here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_absolute() and path.is_relative_to(here) else path


def write_file(path: Path, content: bytes) -> None:
    """Write what a command makes to a file, which is whole or as it was.

    What is no file, such as ``/dev/stdout``, is written to.

    Raises:
        OSError: It cannot be written, and is named.
    """
    if not path.exists():
        replace_file(path, [content])
    elif path.is_file():
        file = path.resolve() if path.is_symlink() else path  # a link stays one
        replace_file(file, [content], mode=stat.S_IMODE(file.stat().st_mode))
    else:
        with naming(path):
            path.write_bytes(content)


def rendered(payload: bytes) -> str:
    """Return a chaincode's answer for people: JSON indented, text as it is, other bytes in hex."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return payload.hex()
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except json.JSONDecodeError:
        return text


def as_json(payload: bytes) -> object:
    """Return an event's payload as part of a JSON document: parsed if it is JSON, else as text."""
    try:
        parsed: object = json.loads(payload)
    except UnicodeDecodeError:
        return payload.hex()
    except json.JSONDecodeError:
        return payload.decode()
    return parsed
