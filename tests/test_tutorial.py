"""The tutorial of docs/chaincode.md, from an empty folder to its end, as a reader types it."""

import re
from pathlib import Path

import pytest
from tests.conftest import on_free_ports
from tests.documents import SHELL, Block, Reader, blocks

TUTORIAL = [
    block for block in blocks("python", "toml", *SHELL) if block.run_by == "test_tutorial.py"
]

# What differs from run to run: shortened hashes, anything else that is left out, and figures.
VARIES = re.compile(r"(?P<hash>\b[0-9a-f]{4}…)|(?P<rest>…)|(?P<figure>\d+(?:\.\d+)?)|(?P<space> +)")
PATTERNS = {"hash": "[0-9a-f]+", "rest": ".*", "figure": r"\d+(?:\.\d+)?", "space": r"\s+"}
REMOVE = "tally cluster down --remove"


def shown(block: Block) -> list[str]:
    """Return the lines that a console shows as output, as patterns."""
    lines = [line for line in block.text.splitlines() if not line.startswith(("$ ", ">"))]
    return [pattern_of(line) for line in lines]


def pattern_of(line: str) -> str:
    pattern, end = "", 0
    for found in VARIES.finditer(line):
        pattern += re.escape(line[end : found.start()]) + PATTERNS[str(found.lastgroup)]
        end = found.end()
    return pattern + re.escape(line[end:])


@pytest.mark.slow
@pytest.mark.cluster
def test_the_tutorial_leads_from_an_empty_folder_to_a_contract_in_force(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    try:
        for block in TUTORIAL:
            if block.path is not None:
                reader.save(block.path, on_free_ports(block.text))
            elif block.script:
                printed = reader.run(block.script)
                for pattern in shown(block):
                    assert re.search(pattern, printed), f"{block} shows {pattern}: {printed}"
    finally:
        if (tmp_path / ".tallystick").exists():
            reader.run(REMOVE)
    assert not (tmp_path / ".tallystick").exists()
