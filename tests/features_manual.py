"""Writes the column "Shown by" of docs/features.md from what tests say that they show.

``make features`` runs it; ``tests/test_requirements.py`` compares. A test function names the rows
that it shows in its docstring (``SS-73, F76: to the second.``), in a marker of its own
(``@pytest.mark.requirement("SS-73", "F76")``) or in its name (``test_ss_73_...``). What modules,
classes and functions of another name say does not count: nobody sees them pass.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

from tests.documents import ROOT

FEATURES: Final = ROOT / "docs" / "features.md"
SYSTEMS: Final = ("36", "UT", "PM", "PX", "DF", "CM", "FS")
PRESENT: Final = "present"
TESTS: Final = ROOT / "tests"

ROW: Final = re.compile(r"^\| (?P<row>(?:SS-|F|W)\d+) \|.*\|$")
_NAMED: Final = re.compile(r"\b(?:SS-|F|W)\d+\b")
_IN_A_NAME: Final = re.compile(r"_ss_(\d+)(?=_|$)")


def cells(line: str) -> list[str]:
    """Return the cells of a row: the last is "Shown by", the last but one the state."""
    return [cell.strip() for cell in line.strip("|").split("|")]


def listed() -> dict[str, list[str]]:
    """Return the rows of the page, each with its cells, in order."""
    lines = FEATURES.read_text(encoding="utf-8").splitlines()
    return {found["row"]: cells(line) for line in lines if (found := ROW.match(line))}


def rows_of(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each test function of a module with each row that it names."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    for node in [*tree.body, *(inner for each in classes for inner in each.body)]:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                if name.startswith("test_"):
                    yield from ((name, row) for row in _named_by(node))
            case _:
                pass


def _named_by(test: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    yield from (f"SS-{number}" for number in _IN_A_NAME.findall(test.name))
    yield from _NAMED.findall(ast.get_docstring(test) or "")
    for node in (each for decorator in test.decorator_list for each in ast.walk(decorator)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.requirement":
            yield from _NAMED.findall(ast.unparse(node))


@cache
def shown_by() -> Mapping[str, list[str]]:
    """Return the tests that show each row: without a network first, then those of few rows."""
    found: dict[str, list[tuple[bool, int, str]]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        named = [*rows_of(ast.parse(path.read_text(encoding="utf-8")))]
        place = path.relative_to(TESTS)
        for test, row in named if path.name != "test_requirements.py" else ():
            rows = sum(other == test for other, _ in named)
            found.setdefault(row, []).append((place.parts[0] != "unit", rows, f"`{place}::{test}`"))
    return {row: [test for *_, test in sorted(tests)] for row, tests in found.items()}


def written(page: str) -> str:
    """Return the page with a test beside each row that is present.

    A test that stands there and does show the row stays, so that one may choose it; else the first.
    """
    return "".join(f"{_shown(line) if ROW.match(line) else line}\n" for line in page.splitlines())


def _shown(line: str) -> str:
    *others, state, chosen = cells(line)
    tests = shown_by().get(others[0], []) if state == PRESENT else []
    shown = chosen if chosen in tests else next(iter(tests), "")
    return "| " + " | ".join([*others, state, shown]) + " |"


def write() -> None:
    """Write the page."""
    FEATURES.write_text(written(FEATURES.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write()
