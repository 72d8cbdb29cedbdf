"""The list of requirements against the tests: what is said to be present, one of them shows."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"^\| ((?:SS-|F|W)\d+) \|.*\| ([^|]+) \|$", re.MULTILINE)
NAMED = re.compile(r"\bSS-\d+\b")

LISTED = dict(ROW.findall((ROOT / "docs" / "features.md").read_text()))
REQUIREMENTS = {row: state for row, state in LISTED.items() if row.startswith("SS-")}
STATES = ("present", "part one", "part two")


def rows_that_tests_name() -> set[str]:
    """Return the requirements that some test names in its text."""
    texts = (path.read_text() for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__))
    return {row for text in texts for row in NAMED.findall(text)}


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
        if state not in STATES and not re.fullmatch(r"off ledger: .{10,}", state)
    ]
    assert odd == []


def test_a_requirement_that_is_present_is_named_by_a_test() -> None:
    present = {row for row, state in REQUIREMENTS.items() if state == "present"}
    assert sorted(present - rows_that_tests_name()) == []


def test_tests_name_no_requirement_that_is_not_listed() -> None:
    assert sorted(rows_that_tests_name() - set(REQUIREMENTS)) == []
