"""The rules of Fabric's wire as a checklist: each section that is built here is named by a test.

Tests name the section of wire.md that they hold the code to, as ``§14.1`` in a docstring, an id or
a comment. `docs/fabric-rules.md` says which test file holds which rule.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RULES = ROOT / "docs" / "fabric-rules.md"
VECTORS = ROOT / "tests" / "vectors"

SECTIONS = {
    "1": "transport and encoding",
    "2": "identities, hashes, signatures",
    "3.1": "proposals",
    "3.2": "the proposal hash",
    "3.3": "proposal responses",
    "3.4": "transaction envelopes",
    "4": "the endorser's checks",
    "5.1": "gateway requests",
    "5.2": "choosing peers",
    "5.3": "gateway errors",
    "5.4": "submitting",
    "5.5": "commit status",
    "5.6": "chaincode events",
    "5.7": "block events",
    "6": "deliver",
    "7.1": "broadcast",
    "7.2": "cutting blocks",
    "7.3": "signing blocks",
    "8.1": "what the command line expects",
    "8.2": "system chaincodes",
    "8.3": "default ACLs",
    "9.1": "registering a chaincode",
    "9.2": "invocations and initialisation",
    "9.3": "what chaincode may ask",
    "9.4": "the context of a call",
    "9.5": "packages",
    "10": "read/write sets",
    "11": "blocks",
    "12": "validation",
    "13": "state, private data, history",
    "14.1": "signature policies",
    "14.2": "implicit meta policies",
    "14.3": "application policies",
    "14.4": "principals",
    "14.5": "certificates",
    "14.6": "MSP definitions",
    "15.1": "the configuration tree",
    "15.2": "configuration blocks",
    "15.3": "the first block",
    "16": "the state of the lifecycle",
    "18.1": "real peers, this orderer",
    "18.2": "this peer, real orderers",
    "18.4": "chaincode of others",
    "18.5": "changing sides",
}

# Of the traps in §19, 21 is about updates of a configuration.
TRAPS = sorted(set(range(1, 27)) - {21})

SECTION = re.compile(r"§(\d+(?:\.\d+)?)")
TRAP = re.compile(r"§19 items? (\d+)(?: and (\d+))?")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: a rule in a few words, where it is written, and who checks it."""

    line: int
    rule: str
    sections: tuple[str, ...]
    files: tuple[str, ...]

    def __str__(self) -> str:
        return f"{RULES.name}:{self.line}: {self.rule}"


@cache
def texts() -> dict[str, str]:
    """Return what every test file but this one says, vectors included, by its path."""
    found = [path for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__)]
    found += [path for path in VECTORS.glob("*.json") if path.name != "proto_fields.json"]
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in found
        if "node_modules" not in path.parts
    }


@cache
def rows() -> list[Row]:
    found = []
    for number, line in enumerate(RULES.read_text(encoding="utf-8").splitlines(), start=1):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and "§" in line:
            rule, sections, files = cells
            found.append(
                Row(
                    line=number,
                    rule=rule,
                    sections=tuple(SECTION.findall(sections)),
                    files=tuple(re.findall(r"`([^`]+)`", files)),
                )
            )
    return found


def sections_in(text: str) -> set[str]:
    return set(SECTION.findall(text))


def traps_in(text: str) -> set[int]:
    return {int(number) for pair in TRAP.findall(text) for number in pair if number}


@pytest.mark.parametrize(
    "section", [pytest.param(number, id=f"{number}: {title}") for number, title in SECTIONS.items()]
)
def test_a_test_names_the_section(section: str) -> None:
    assert any(section in sections_in(text) for text in texts().values())


@pytest.mark.parametrize("trap", TRAPS)
def test_a_test_names_the_trap(trap: int) -> None:
    assert any(trap in traps_in(text) for text in texts().values())


@pytest.mark.parametrize("number", range(1, 10))
def test_the_vectors_are_kept_as_data(number: int) -> None:
    groups = [
        group["section"]
        for path, text in texts().items()
        if path.endswith(".json")
        for group in json.loads(text)
    ]
    assert any(re.match(rf"B{number}\b", section) for section in groups)


def test_every_section_has_a_row_in_the_table_of_rules() -> None:
    told = {section for row in rows() for section in row.sections}
    assert not SECTIONS.keys() - told


@pytest.mark.parametrize("row", rows(), ids=str)
def test_a_rule_is_checked_where_the_table_says(row: Row) -> None:
    assert row.rule
    assert row.sections
    assert row.files
    for file in row.files:
        assert file in texts(), f"{file} does not exist"
        missing = set(row.sections) - sections_in(texts()[file])
        assert not missing, f"{file} names no §{', §'.join(sorted(missing))}"
