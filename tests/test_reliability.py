"""Every test of a fault or a refusal has its row in docs/reliability.md, and no row is made up."""

import re
from collections import Counter

import pytest
from tests.scenarios.error_classes import (
    PHRASES,
    UNSHOWN,
    ErrorClass,
    is_shown,
    ledger_errors,
    plain,
    sources,
)
from tests.scenarios.reliability import (
    DOCUMENT,
    TESTS,
    Record,
    advice,
    documented_tests,
    id_of,
    table,
)

ROW = re.compile(r"^\| .+ \| .+ \| nothing\b.* \| .+ \| `(test_\w+)` \|", re.MULTILINE)


def test_every_fault_and_bad_input_that_is_tested_is_in_the_table_once() -> None:
    rows = Counter(ROW.findall(DOCUMENT.read_text(encoding="utf-8")))
    tested = Counter(test.partition("::")[2] for test in documented_tests())
    assert rows == tested, "run `make reliability`"


def test_the_table_shows_messages_but_neither_ports_nor_long_numbers() -> None:
    seen = ["127.0.0.1:40123 | " + 20 * "a"]
    record = Record("test_node_faults.py::test_it", "", "a fault", seen, "nothing of 5", ["wait"])
    assert "| a fault | `127.0.0.1:… …` | nothing of 5 | wait | `test_it` |" in table([record])


def test_the_table_shows_neither_when_nor_where_a_test_ran() -> None:
    seen = ["2026-11-29 13:33:35,087 INFO tallystick.node.peer: /tmp/pytest-1/it0/a.toml is bad"]
    record = Record("test_node_faults.py::test_it", "", "a fault", seen, "nothing of 5", ["wait"])
    assert "| `…/a.toml is bad` |" in table([record])


def test_the_table_shows_the_beginning_and_the_end_of_a_long_message() -> None:
    seen = ["it is refused: " + "so it is, " * 100 + "write another one"]
    text = table([Record("test_node_faults.py::test_it", "", "a fault", seen, "nothing", [])])
    assert "| `it is refused: so it is, " in text
    assert "so it is, write another one` |" in text
    assert max(map(len, text.splitlines())) < 400


def test_a_row_names_the_errors_of_its_cases_where_its_table_has_any() -> None:
    cases = [
        Record("test_node_faults.py::test_it", case, "a fault", [case], "nothing", [], [case])
        for case in ("AError", "BError", "AError")
    ]
    text = table([*cases, Record("test_node_faults.py::test_b", "", "b", ["no"], "nothing", [])])
    assert "| nothing | nothing | `test_it` | `AError`, `BError` |" in text
    assert "| nothing | nothing | `test_b` |  |" in text


def test_the_table_has_what_every_case_lost_and_did_once() -> None:
    cases = [
        Record("test_node_faults.py::test_it", case, "a fault", [case], "nothing", steps)
        for case, steps in (("a", []), ("b", ["mend it", "start it"]), ("c", []))
    ]
    row = "| a fault (3 cases) | `a`<br>`b`<br>`c` | nothing | nothing<br>mend it; start it | `"
    assert row in table(cases)


def test_every_test_of_a_fault_notes_what_it_saw_but_the_one_that_has_them_all() -> None:
    documented = documented_tests()
    for path in (TESTS / "scenarios" / "faults").glob("test_*_faults.py"):
        for name in re.findall(
            r"^async def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE
        ):
            assert id_of(path, name) in documented
    assert not any("test_chaos.py" in test for test in documented)


@pytest.mark.parametrize(
    ("messages", "to_do"),
    [
        pytest.param(["61 s apart; set the clock"], ["set the clock"], id="the message says it"),
        pytest.param(["FORBIDDEN: use it: x", "a. Use it"], ["use it"], id="one of two says it"),
        pytest.param(["it is wrong\nstop it"], ["stop it"], id="its second line says it"),
        pytest.param(["it is old: `tally x` mends it"], ["`tally x` mends it"], id="a command"),
        pytest.param(["FORBIDDEN: no"], ["mend the proposal; it was not ordered"], id="none does"),
        pytest.param([], [], id="nothing was refused"),
    ],
)
def test_what_to_do_about_bad_input_is_what_its_message_says(
    messages: list[str], to_do: list[str]
) -> None:
    assert advice("scenarios/refusals/test_refusals_of_proposals.py::test_it", messages) == to_do


PAGE = plain(DOCUMENT.read_text(encoding="utf-8"))


def test_every_error_of_a_node_is_in_a_row_or_it_is_said_why_not() -> None:
    unshown = {name for name, error in ledger_errors().items() if not is_shown(name, error, PAGE)}
    assert unshown == set(UNSHOWN), "give them a row, or say why not in error_classes.py"
    assert len(UNSHOWN) == 52


def test_the_words_by_which_an_error_is_found_are_its_own() -> None:
    text = sources()
    assert not [name for name, phrase in PHRASES.items() if plain(phrase) not in text]
    assert set(PHRASES) <= set(ledger_errors())


def test_an_error_that_is_in_no_row_is_noticed() -> None:
    assert not is_shown("NoSuchClassError", ErrorClass([], "no words of any error"), PAGE)
    assert is_shown("DamagedBackupError", ErrorClass([], ""), PAGE)
    assert is_shown("DiskFullError", ledger_errors()["DiskFullError"], PAGE)
