"""A seed replays exactly: in one process, and in another one that hashes strings otherwise."""

import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest
from simulation.__main__ import coverage_table, main, summary
from simulation.auditors import Auditor
from simulation.coverage import Fault
from simulation.run import run_seed

ROOT = Path(__file__).parents[2]
SEED = 8  # several orderers, a power cut


def replayed(hash_seed: str) -> str:
    """Return what another process says of the seed."""
    told = subprocess.run(
        [sys.executable, "-m", "simulation", "--seed", str(SEED)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return told.stdout


@pytest.mark.slow
def test_the_same_seed_gives_the_same_run_in_every_process(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = run_seed(SEED)
    assert run_seed(SEED).trace == first.trace
    told = replayed("77")
    assert told.rstrip().endswith(f"seed {SEED}: all held; trace {first.trace}")
    assert main(["--seed", str(SEED)]) == 0
    assert capsys.readouterr().out == told


@pytest.mark.slow
def test_another_seed_gives_another_run() -> None:
    results = [run_seed(SEED), run_seed(SEED + 1)]
    assert results[0].trace != results[1].trace
    assert "2 seeds, all held" in summary(results)
    assert all(fault.value in coverage_table(results[0].counts) for fault in Fault)


@pytest.mark.slow
def test_whatever_ends_a_run_is_told_with_its_seed(capsys: pytest.CaptureFixture[str]) -> None:
    with patch.object(Auditor, "look", side_effect=OSError("a block cannot be read")):
        assert main(["--seed", str(SEED)]) == 1
    told = capsys.readouterr().out
    assert "OSError: a block cannot be read" in told
    assert f"make simulate SEED={SEED}" in told
