"""The threat model as a test: every actor meets every asset, and every row is shown by tests."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| (?!asset |---)(.+) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")

SECTIONS = dict(SECTION.findall(TEXT))
ASSETS = [row.split(" | ")[0] for row in ROW.findall(SECTIONS["Assets"])]
ACTORS = ["Outsider", "Client", "Member", "Orderer operator", "Chaincode author"]
ROWS = [
    pytest.param(row.split(" | "), id=f"{actor}, {row.split(' | ')[0]}")
    for actor in ACTORS
    for row in ROW.findall(SECTIONS[actor])
]


@cache
def names_in(path: Path) -> set[str]:
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, functions)}


@pytest.mark.parametrize("actor", ACTORS)
def test_an_actor_has_a_row_for_every_asset(actor: str) -> None:
    assert len(ASSETS) == 6
    assert [row.split(" | ")[0] for row in ROW.findall(SECTIONS[actor])] == ASSETS


@pytest.mark.parametrize("row", ROWS)
def test_a_row_says_what_is_possible_and_what_not_and_names_tests_that_exist(
    row: list[str],
) -> None:
    _, can, cannot, shown_by = row
    assert can
    assert cannot
    named = TEST.findall(shown_by)
    assert named
    assert TEST.sub("", shown_by).strip(", ") == "", "nothing but tests shows it"
    for path, name in named:
        assert (ROOT / path).is_file(), f"there is no {path}"
        assert name in names_in(ROOT / path), f"there is no {name} in {path}"
