"""The fuzzer finds a defect that is there, and tells of it."""

import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.__main__ import START_S

pytestmark = pytest.mark.slow

# It trusts the length in front of what it reads, once the message begins as it should.
DEFECTIVE = """
from pathlib import Path
import atheris
from fuzz.run import fuzz
from fuzz.target import Target

@atheris.instrument_func
def decode(data):
    if data[:1] != b"T":
        raise ValueError("another message")
    return [data[2 + index] for index in range(data[1])]

fuzz(Target("defective", decode, (ValueError,)), ["-max_total_time=60", "-seed=1"], Path({found!r}))
"""


def test_an_injected_defect_is_found(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="it has wheels for Linux on x86-64 only")
    program = DEFECTIVE.format(found=str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        capture_output=True,
        text=True,
        timeout=60 + START_S,
    )
    assert done.returncode != 0
    assert "IndexError: index out of range" in done.stdout + done.stderr
    (crash,) = tmp_path.glob("crash-*")
    assert crash.read_bytes().startswith(b"T")
