"""Every test of a fault or a refusal has its row in docs/reliability.md, and no row is made up."""

import re
from collections import Counter

from tests.scenarios.reliability import DOCUMENT, Record, documented_tests, table

ROW = re.compile(r"^\| .* \| nothing \| .+ \| `(test_\w+)` \|$", re.MULTILINE)


def test_every_fault_and_bad_input_that_is_tested_is_in_the_table_once() -> None:
    rows = Counter(ROW.findall(DOCUMENT.read_text(encoding="utf-8")))
    tested = Counter(test.partition("::")[2] for test in documented_tests())
    assert rows == tested, "run `make reliability`"


def test_the_table_shows_messages_but_neither_ports_nor_long_numbers() -> None:
    record = Record(
        "test_node_faults.py::test_it", "", "a fault", ["127.0.0.1:40123 | " + 20 * "a"], "wait"
    )
    assert "| a fault | `127.0.0.1:… …` | nothing | wait | `test_it` |" in table([record])
