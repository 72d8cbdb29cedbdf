"""Fuzzes one target in this process, until it finds something or its time is up."""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

import atheris

from fuzz.target import MAX_INPUT_BYTES, MAX_MEMORY_MIB, TIMEOUT_S, Target

# Neither what is generated, nor the contracts: it would only take longer to start.
INSTRUMENTED = [
    "tallystick.wire",
    "tallystick.node",
    "tallystick.chaincode",
    "tallystick.client",
    "tarfile",
    "email",
]


def fuzz(target: Target, options: Sequence[str], found: Path) -> None:
    """Fuzz ``target``; the process ends, with an exit code other than 0 if there is a finding.

    Args:
        target: Its module must have been imported under `atheris.instrument_imports`.
        options: Further options of libFuzzer, such as ``-max_total_time=60``.
        found: Folder for the inputs that reach something new, and for a finding.
    """
    found.mkdir(parents=True, exist_ok=True)
    folders = [str(found), *([str(target.corpus)] if target.corpus.is_dir() else [])]
    limits = [
        f"-timeout={TIMEOUT_S}",
        f"-rss_limit_mb={MAX_MEMORY_MIB}",
        f"-max_len={MAX_INPUT_BYTES}",
        f"-artifact_prefix={found}/",
    ]
    atheris.Setup([sys.argv[0], *limits, *options, *folders], target.check)
    atheris.Fuzz()


def main(area: str, name: str, found: str, *options: str) -> None:
    """Fuzz the target ``name`` of the module ``fuzz.targets.<area>``."""
    with atheris.instrument_imports(include=INSTRUMENTED):
        module = importlib.import_module(f"fuzz.targets.{area}")
    (target,) = (target for target in module.TARGETS if target.name == name)
    fuzz(target, options, Path(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
