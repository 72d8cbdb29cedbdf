"""The list of requirements against the tests: what is said to be present, one of them shows.

``docs/features.md`` has three families of rows: SS-1 to SS-118, F1 to F176, W1 to W35. A test names
the rows that it shows, in its docstring (``SS-73, F76: to the second.``) or in a marker
(``@pytest.mark.requirement("SS-73", "F76")``), a module in either for all of its tests.
A row whose state is ``present`` must be named by a test: write the test, name the row, and only
then set the state. A row of another state may be named by tests that show a part of it.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"^\| ((?:SS-|F|W)\d+) \|.*\| ([^|]+) \|$", re.MULTILINE)
NAMED = re.compile(r"\b(?:SS-|F|W)\d+\b")

LISTED = dict(ROW.findall((ROOT / "docs" / "features.md").read_text()))
PRESENT = "present"
TESTS = [path for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__)]


def rows_that_tests_name() -> set[str]:
    """Return the rows that some test names: in its marker, its docstring, or its file's."""
    trees = (ast.parse(path.read_text()) for path in TESTS)
    return {row for tree in trees for text in texts_of(tree) for row in NAMED.findall(text)}


def texts_of(tree: ast.Module) -> Iterator[str]:
    """Yield the docstrings of a module, and what its markers say."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.requirement"):
            yield ast.unparse(node)


NAMED_ROWS = rows_that_tests_name()


@pytest.mark.parametrize(("family", "count"), [("SS-", 118), ("F", 176), ("W", 35)])
def test_the_list_is_complete(family: str, count: int) -> None:
    numbers = [
        int(row.removeprefix(family)) for row in LISTED if re.fullmatch(rf"{family}\d+", row)
    ]
    assert numbers == list(range(1, count + 1))


def test_a_row_has_a_state_or_the_reason_why_it_is_no_contracts_affair() -> None:
    odd = [
        row
        for row, state in LISTED.items()
        if state != PRESENT and not re.fullmatch(r"(off ledger|not built): .{10,}", state)
    ]
    assert odd == []


@pytest.mark.parametrize("row", [row for row, state in LISTED.items() if state == PRESENT])
def test_what_is_present_is_shown_by_a_test(row: str) -> None:
    assert row in NAMED_ROWS


def test_tests_name_no_requirement_that_is_not_listed() -> None:
    assert sorted(NAMED_ROWS - set(LISTED)) == []
