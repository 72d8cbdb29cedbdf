"""The list of requirements against the tests: what is said to be present, one of them shows.

``docs/features.md`` has three families of rows: SS-1 to SS-118, F1 to F176, W1 to W35. A row whose
state is ``present`` must be named by a test function, as ``tests/features_manual.py`` says: write
the test, name the row in it, and only then set the state. A row of another state may be named by
tests that show a part of it.
"""

import ast
import re

import pytest
from tests.features_manual import (
    FEATURES,
    PRESENT,
    SYSTEMS,
    listed,
    rows_of,
    shown_by,
    written,
)

LISTED = listed()
STATES = {row: cells[-2] for row, cells in LISTED.items()}


@pytest.mark.parametrize(("family", "count"), [("SS-", 118), ("F", 176), ("W", 35)])
def test_the_list_is_complete(family: str, count: int) -> None:
    numbers = [
        int(row.removeprefix(family)) for row in LISTED if re.fullmatch(rf"{family}\d+", row)
    ]
    assert numbers == list(range(1, count + 1))


def test_a_row_has_a_state_or_the_reason_why_it_is_no_contracts_affair() -> None:
    odd = [
        row
        for row, state in STATES.items()
        if state != PRESENT and not re.fullmatch(r"(off ledger|not built): .{10,}", state)
    ]
    assert odd == []


def test_a_feature_says_which_of_the_seven_systems_have_it() -> None:
    width = {row: len(cells) for row, cells in LISTED.items()}
    answers = {
        row: cells[3 : 3 + len(SYSTEMS)] for row, cells in LISTED.items() if row.startswith("F")
    }
    assert {width[row] for row in answers} == {3 + len(SYSTEMS) + 2}
    assert [
        row for row, each in answers.items() if not {"yes", "partly", "no", "-"} >= {*each}
    ] == []


def test_no_row_that_is_present_lacks_a_test() -> None:
    uncovered = [row for row, state in STATES.items() if state == PRESENT and row not in shown_by()]
    assert uncovered == []


def test_tests_name_no_requirement_that_is_not_listed() -> None:
    assert sorted(set(shown_by()) - set(LISTED)) == []


def test_each_row_names_a_test_that_shows_it() -> None:
    page = FEATURES.read_text(encoding="utf-8")
    assert page == written(page), "run `make features`"


def test_only_test_functions_show_rows() -> None:
    module = ast.parse(
        '"""SS-1."""\n'
        'pytestmark = pytest.mark.requirement("SS-2")\n'
        'def helper():\n    """SS-3."""\n'
        '@pytest.mark.requirement("SS-4")\n'
        'def test_ss_5_and_more():\n    """SS-6: all of it."""\n'
        'class TestMore:\n    """SS-7."""\n'
        '    async def test_in_it(self):\n        """W8."""\n'
    )
    assert sorted(row for _, row in rows_of(module)) == ["SS-4", "SS-5", "SS-6", "W8"]


def test_a_test_that_does_not_show_a_row_is_replaced() -> None:
    before = "| W2 | gap | `register` | present | `test_gone.py::test_gone` |\n"
    (first, *others) = shown_by()["W2"]
    assert written(before) == before.replace("`test_gone.py::test_gone`", first)
    chosen = before.replace("`test_gone.py::test_gone`", others[-1])
    assert written(chosen) == chosen
