"""Porcupine, a kept checker of linearizability, where `make porcupine` could build it: ADR 26."""

import re
import subprocess
from pathlib import Path
from typing import Final

PROGRAM: Final = Path(__file__).parents[3] / ".cache" / "porcupine"
_TIMEOUT_S: Final = 600
_IS_LINEARIZABLE, _IS_NOT = 0, 1
_ILLEGAL: Final = re.compile(r"^(.*): Illegal, \d+ operations$", re.MULTILINE)


def judged_by_porcupine(lines: str) -> list[str]:
    """Return the registers whose history is not linearizable.

    Args:
        lines: What ``linearizable.as_json_lines`` makes of a history.

    Raises:
        ValueError: Porcupine could not read the history, or judge it in a minute for each register.
        FileNotFoundError: Porcupine was not built.
    """
    ended = subprocess.run(
        [PROGRAM], input=lines, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )
    if ended.returncode not in {_IS_LINEARIZABLE, _IS_NOT}:
        raise ValueError(f"Porcupine has no answer: {ended.stdout}{ended.stderr}")
    return _ILLEGAL.findall(ended.stdout)
