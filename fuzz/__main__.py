"""`python -m fuzz`: fuzzes all targets, or those that are named, one process for each.

Exits with 1 if there is a finding: an input for which a decoder raises an error that it does not
document, or takes too much time or memory.
"""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from fuzz.catalogue import AREA_OF

FOUND: Final = Path(".cache/fuzz")
START_S: Final = 300
"""How long a fuzzer may take beside fuzzing: it rewrites every module that it follows."""
SHOWN_LINES: Final = 30


def main() -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args()
    if find_spec("atheris") is None:
        print(
            "There is no atheris for this machine: its wheels are for Linux on x86-64. Nothing was"
            " fuzzed; `make test` decodes the inputs that are kept everywhere.",
            file=sys.stderr,
        )
        return 1
    names = options.targets or sorted(AREA_OF)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        findings = [*pool.map(lambda name: _fuzz(name, options.seconds, options.seed), names)]
    print(f"{len(names)} targets fuzzed, {sum(findings)} with a finding")
    return int(any(findings))


def _fuzz(name: str, seconds: int, seed: int) -> bool:
    """Fuzz one target; return whether there is a finding."""
    target = [AREA_OF[name], name, str(FOUND / name)]
    done = subprocess.run(  # noqa: S603 -- this interpreter, and names from the catalogue
        [sys.executable, "-m", "fuzz.run", *target, f"-max_total_time={seconds}", f"-seed={seed}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=seconds + START_S,
    )
    lines = done.stdout.decode(errors="replace").splitlines()
    if done.returncode == 0:
        print(f"{name:20} {lines[-1]}", flush=True)
        return False
    shown = "\n    ".join(lines[-SHOWN_LINES:])
    print(
        f"{name:20} FOUND, exit code {done.returncode}\n    {shown}\n"
        f"    Mend the decoder, and keep the input as fuzz/corpus/{name}/NAME.bin",
        flush=True,
    )
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument(
        "targets",
        nargs="*",
        choices=[*sorted(AREA_OF), []],
        metavar="TARGET",
        help="all by default",
    )
    parser.add_argument("--seconds", type=int, default=60, help="for each target; 60 by default")
    parser.add_argument("--seed", type=int, default=1, help="of the mutations; 1 by default")
    return parser


if __name__ == "__main__":
    sys.exit(main())
