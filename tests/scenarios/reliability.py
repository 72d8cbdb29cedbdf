"""What the tests of faults and refusals saw, kept for docs/reliability.md: `make reliability`.

A test that runs with TALLY_RELIABILITY set leaves a record in the folder that it names. The records
are the table's only source, so that it shows messages as they were.
"""

import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

FOLDER: Final = os.environ.get("TALLY_RELIABILITY", "")
DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "reliability.md"
SCENARIOS: Final = Path(__file__).parent

MESSAGES_SHOWN: Final = 3
LONGEST_MESSAGE: Final = 240

_HEAD: Final = """# What every fault and every bad input does

Written by `make reliability` from what the tests saw, counted and did. Each row is a test. The
messages are those that it got, with long numbers and ports as `…`; what was lost it has counted;
what to do about a fault is what it did before all was well again, and about bad input what the
message says, or else what its kind asks for. Random kills of all processes are another test:
`make chaos`.
"""
_COLUMNS: Final = (
    "| what happens | what is seen | lost | what to do | test |\n|---|---|---|---|---|\n"
)
_ADVICE: Final = {
    "test_refusals_of_proposals": "mend the proposal; it was not ordered",
    "test_refusals_of_envelopes": "mend the envelope; it was not ordered",
    "test_refusals_of_readers": "mend the request, or ask as somebody who may read",
    "test_refusals_at_commit": "propose anew; the transaction is on the ledger without effect",
}
_TEST: Final = re.compile(r"^(?:async )?def (test_\w+)\(([^)]*)\)", re.MULTILINE)
_IMPORT: Final = "from tests.scenarios.outcome import Outcome"
_INSTRUCTION: Final = re.compile(
    r"(?:^|[:;,.] )((?:ask|check|give|make sure|mend|set|sign|start|try|use|write)\b[^:;]*)"
)
"""The part of a message that tells its reader to do something."""


@dataclass(frozen=True, slots=True)
class Record:
    """What one test, or one case of it, saw.

    Attributes:
        test: File and function, such as ``test_node_faults.py::test_something``.
        case: The case; empty if the test has one.
        fault: What was done to the network.
        seen: What users and operators were told, word for word.
        lost: What was lost, as the test counted it.
        to_do: What was done about it, step by step; nothing if it passes by itself.
    """

    test: str
    case: str
    fault: str
    seen: Sequence[str]
    lost: str
    to_do: Sequence[str]


def keep(record: Record) -> None:
    """Write a record, where records are wanted."""
    if FOLDER:
        folder = Path(FOLDER)
        folder.mkdir(parents=True, exist_ok=True)
        name = sha256(f"{record.test}[{record.case}]".encode()).hexdigest()[:24]
        text = json.dumps(asdict(record), ensure_ascii=False, indent=1)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


def advice(module: str, messages: Sequence[str]) -> Sequence[str]:
    """Return what to do about refusals: what they say, or what a module of tests says of them.

    Nothing is to be done about what was not refused.
    """
    said = [each for message in messages for each in _INSTRUCTION.findall(message)]
    return list(dict.fromkeys(said)) or [_ADVICE[module]] * bool(messages)


def documented_tests() -> set[str]:
    """Return the tests that must have a row, as file and function: all that note what they see."""
    found = set()
    for path in SCENARIOS.rglob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        for name, parameters in _TEST.findall(text):
            notes = _IMPORT in text and "outcome: Outcome" in parameters
            if notes or _is_refusal(path.name):
                found.add(f"{path.name}::{name}")
    return found


def table(records: Iterable[Record]) -> str:
    """Return the document."""
    by_test: dict[str, list[Record]] = {}
    for record in sorted(records, key=lambda each: (each.test, each.case)):
        by_test.setdefault(record.test, []).append(record)
    parts = [_HEAD]
    for title, tests in (
        ("Faults", [each for each in by_test if not _is_refusal(each)]),
        ("Bad input", [each for each in by_test if _is_refusal(each)]),
    ):
        parts.append(f"\n## {title}\n\n{_COLUMNS}")
        parts += [_row(test, by_test[test]) for test in tests]
    return "".join(parts)


def _is_refusal(test: str) -> bool:
    return test.startswith("test_refusals_")


def _row(test: str, records: Sequence[Record]) -> str:
    first = records[0]
    cases = f" ({len(records)} cases)" if len(records) > 1 else ""
    messages = list(dict.fromkeys(_shown(each) for record in records for each in record.seen))
    shown = messages[:MESSAGES_SHOWN]
    more = len(messages) - len(shown)
    seen = "<br>".join(f"`{each}`" for each in shown) + (f"<br>and {more} more" if more else "")
    name = test.partition("::")[2]
    columns = (
        first.fault + cases,
        seen or "the answer to a request in order",
        _all(each.lost for each in records),
        _all("; ".join(dict.fromkeys(map(_shown, each.to_do))) or "nothing" for each in records),
        f"`{name}`",
    )
    return f"| {' | '.join(columns)} |\n"


def _all(texts: Iterable[str]) -> str:
    return "<br>".join(dict.fromkeys(texts))


def _shown(message: str) -> str:
    text = re.sub(r"[0-9a-fA-F]{16,}|(?<=:)\d{4,5}\b|/\S*/(?=(?:data|logs|crypto)/)", "…", message)
    text = re.sub(r"[`|\s]+", " ", text.replace("�", "?")).strip()
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 3] + "..."


def main() -> None:
    """Write the document from the records.

    Raises:
        SystemExit: A test has left no record.
    """
    paths = Path(FOLDER).glob("*.json")
    records = [Record(**json.loads(path.read_text(encoding="utf-8"))) for path in paths]
    missing = documented_tests() - {each.test for each in records}
    if missing:
        raise SystemExit("no record of: " + ", ".join(sorted(missing)))
    DOCUMENT.write_text(table(records), encoding="utf-8")


if __name__ == "__main__":
    main()
