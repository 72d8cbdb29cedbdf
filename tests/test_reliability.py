"""Every test of a fault or a refusal has its row in docs/reliability.md, and no row is made up."""

import re
from collections import Counter

from tests.scenarios.reliability import DOCUMENT, Record, documented_tests, table

ROW = re.compile(r"^\| .+ \| .+ \| nothing\b.* \| .+ \| `(test_\w+)` \|$", re.MULTILINE)


def test_every_fault_and_bad_input_that_is_tested_is_in_the_table_once() -> None:
    rows = Counter(ROW.findall(DOCUMENT.read_text(encoding="utf-8")))
    tested = Counter(test.partition("::")[2] for test in documented_tests())
    assert rows == tested, "run `make reliability`"


def test_the_table_shows_messages_but_neither_ports_nor_long_numbers() -> None:
    seen = ["127.0.0.1:40123 | " + 20 * "a"]
    record = Record("test_node_faults.py::test_it", "", "a fault", seen, "nothing of 5", ["wait"])
    assert "| a fault | `127.0.0.1:… …` | nothing of 5 | wait | `test_it` |" in table([record])


def test_the_table_has_what_every_case_lost_and_did_once() -> None:
    cases = [
        Record("test_node_faults.py::test_it", case, "a fault", [case], "nothing", steps)
        for case, steps in (("a", []), ("b", ["mend it", "start it"]), ("c", []))
    ]
    row = "| a fault (3 cases) | `a`<br>`b`<br>`c` | nothing | nothing<br>mend it; start it | `"
    assert row in table(cases)
