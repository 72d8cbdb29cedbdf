"""How results look in a terminal."""

import json
from pathlib import Path


def shown(path: Path) -> Path:
    """Return a path as people would write it here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_absolute() and path.is_relative_to(here) else path


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
