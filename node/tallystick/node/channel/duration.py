"""Durations as Go programs write them, ``2s`` or ``1m30s``: a configuration holds one."""

import re
from typing import Final

_UNITS_S: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_PART: Final = r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)"
_PARTS: Final = re.compile(_PART)
_DURATION: Final = re.compile(f"(?:{_PART})+")


def parse_duration(text: str) -> float:
    """Return a Go duration in seconds. Raise ValueError if ``text`` is none, or is negative."""
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration: write '2s', '500ms' or '1m30s'")
    return sum(float(number) * _UNITS_S[unit] for number, unit in _PARTS.findall(text))


def format_duration(duration_s: float) -> str:
    """Return a duration, given in seconds and exact to the microsecond, as Go writes it."""
    microseconds = round(duration_s * 1e6)
    for unit, size in (("s", 1_000_000), ("ms", 1_000)):
        if microseconds % size == 0:
            return f"{microseconds // size}{unit}"
    return f"{microseconds}us"
