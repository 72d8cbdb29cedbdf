"""Where figures go: JSON with the machine that they were taken on."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from bench import machine

RESULTS = Path(__file__).parent / "results"


def add_output(parser: argparse.ArgumentParser) -> None:
    """Let the user say where the report goes."""
    parser.add_argument("--output", type=Path, help="of the JSON; a dated file unless given")


def save(figures: Mapping[str, object], output: Path | None, name: str = "") -> Path:
    """Write figures beside when and where they were taken; return the file.

    Args:
        figures: What JSON can hold.
        output: The file, and folders above it if need be; None for a dated one in ``RESULTS``.
        name: What the dated file's name begins with.
    """
    taken_at = datetime.now(UTC)
    dated = "-".join(filter(None, (name, f"{taken_at:%Y-%m-%dT%H%M%S}")))
    path = output or RESULTS / f"{dated}.json"
    report = {
        "measured_at": taken_at.isoformat(timespec="seconds"),
        "machine": asdict(machine.describe()),
        **figures,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n")
    return path
