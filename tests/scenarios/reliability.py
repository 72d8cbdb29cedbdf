"""What the tests of faults and refusals saw, kept for docs/reliability.md: `make reliability`.

A test that runs with TALLY_RELIABILITY set leaves a record in the folder that it names. The records
are the table's only source, so that it shows messages as they were.
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

FOLDER: Final = os.environ.get("TALLY_RELIABILITY", "")
TESTS: Final = Path(__file__).parents[1]
DOCUMENT: Final = TESTS.parent / "docs" / "reliability.md"

MESSAGES_SHOWN: Final = 12
LONGEST_BEGINNING: Final = 120
LONGEST_END: Final = 150
"""Of a message; what is between is left out. Its end says what is wrong and what to do."""

_HEAD: Final = """# What every fault and every bad input does

Written by `make reliability` from what the tests saw, counted and did. Each row is a test. The
messages are those that it got, with long numbers, ports and temporary folders as `…`. What was
lost it has counted, or it has compared what was there before and after. What to do about a fault
is what it did before all was well again; about bad input it is what the message says, or else what
its kind asks for. Random kills of all processes are another test: `make chaos`.
"""
_TEST: Final = re.compile(r"^(?:async )?def (test_\w+)\(([^)]*)\)", re.MULTILINE)
_IMPORT: Final = re.compile(r"^from tests\.scenarios\.outcome import .*\bOutcome\b", re.MULTILINE)
_VERBS: Final = (
    "ask|cancel|check|chmod|choose|close|compare|copy|define|delete|do less|enable|free|give"
    "|install|issue|let|list|make|mend|move|name|propose|raise|read|remove|renew|restore|run|send"
    "|set|sign|start|stop|take|try|upgrade|use|write"
)
_INSTRUCTION: Final = re.compile(
    rf"(?:^|[:;,.] +|\n *)((?:`tally |(?:{_VERBS})\b(?!\.\w))(?:[^:;\n]|:(?! ))*)"
)
"""The part of a message that tells its reader to do something."""
_CUT_SHORT: Final = re.compile(r"\s*[({][^)}]*$")
"""What a colon within brackets leaves of them."""

_LOG_HEAD: Final = re.compile(r"^\d{4}-\d\d-\d\d [\d:,]+ +[A-Z]+ +[\w.]+: ")
_ELIDED: Final = re.compile(
    r"[0-9a-fA-F]{16,}|(?<=:)\d{4,5}\b"
    r"|/\S*/(?=(?:data|logs|crypto)/)|/\S*?/pytest-\d+/[^/\s]*"
)


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the document.

    Attributes:
        title: What its rows have in common.
        places: What the paths of its tests begin with.
        advice: What to do about a message that does not say it; empty if nothing can be done.
    """

    title: str
    places: Sequence[str]
    advice: str


SECTIONS: Final = (
    Section(
        "Bad proposals",
        ["scenarios/refusals/test_refusals_of_proposals"],
        "mend the proposal; it was not ordered",
    ),
    Section(
        "Bad envelopes",
        ["scenarios/refusals/test_refusals_of_envelopes"],
        "mend the envelope; it was not ordered",
    ),
    Section(
        "Invalid transactions",
        ["scenarios/refusals/test_refusals_at_commit"],
        "propose anew; the transaction is on the ledger without effect",
    ),
    Section(
        "Readers who may not read, or ask for what is not there",
        ["scenarios/refusals/test_refusals_of_readers", "unit/system/test_query_chaincode"],
        "mend the request, or ask as somebody who may read",
    ),
    Section(
        "More than a node does at a time",
        ["unit/endorsement/", "unit/gateway/", "unit/limits/", "unit/ledger/test_held_bytes"],
        "ask again later, or for less",
    ),
    Section(
        "Changes of a channel's configuration",
        ["unit/channel/", "unit/ordering/test_config_admission", "unit/validation/"],
        "mend the update, or let those sign it whom the message names",
    ),
    Section(
        "Joining and leaving channels",
        [
            "unit/ordering/test_channel_participation",
            "unit/ordering/test_orderer_node",
            "unit/system/test_configuration_chaincode",
        ],
        "mend the request, or send it as an administrator",
    ),
    Section(
        "Chaincode: packages, definitions, hostile and broken contracts",
        [
            "scenarios/test_hostile_contract",
            "unit/ledger_simulation/",
            "unit/lifecycle/",
            "unit/runtime/",
            "unit/system/test_chaincode_installation",
            "unit/system/test_lifecycle_agreement",
            "unit/system/test_system_access",
        ],
        "mend the chaincode or the call",
    ),
    Section(
        "Snapshots",
        ["unit/system/test_snapshot", "vectors/test_snapshot_vectors"],
        "mend the request, or take another snapshot",
    ),
    Section(
        "Backups",
        ["unit/cli/test_backup"],
        "name another backup or another place",
    ),
    Section(
        "Damaged ledgers, and their repair",
        ["unit/ledger/", "unit/repair/"],
        "run tally ledger verify, which says how to go on",
    ),
    Section(
        "Blocks, batches and private values from another node",
        ["unit/deliver/", "unit/ordering/etcd/", "unit/privacy/"],
        "ask the operator of the other node; this one keeps nothing of it",
    ),
    Section(
        "Settings, keys, certificates and ports",
        [
            "unit/membership/",
            "unit/observability/",
            "unit/settings/",
            "unit/telemetry/",
            "unit/test_key_files",
            "unit/transport/",
        ],
        "mend the file or the request that the message names",
    ),
    Section(
        "Commands, and networks on one machine",
        ["unit/cli/", "unit/cluster/"],
        "mend the command or the file that it names",
    ),
)
FAULTS: Final = Section("Faults", [], "")
"""Where a test stands that is in no other section."""


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
        errors: The classes of the errors, where the test saw them raised.
    """

    test: str
    case: str
    fault: str
    seen: Sequence[str]
    lost: str
    to_do: Sequence[str]
    errors: Sequence[str] = ()


def id_of(path: Path, function: str) -> str:
    """Return how a record names a test."""
    return f"{path.relative_to(TESTS).as_posix()}::{function}"


def sentence(function: str) -> str:
    """Return the name of a test as words."""
    return function.removeprefix("test_").replace("_", " ")


def section_of(test: str) -> Section:
    """Return where the row of a test stands."""
    for section in SECTIONS:
        if test.startswith(tuple(section.places)):
            return section
    return FAULTS


def keep(record: Record) -> None:
    """Write a record, where records are wanted."""
    if FOLDER:
        folder = Path(FOLDER)
        folder.mkdir(parents=True, exist_ok=True)
        name = sha256(f"{record.test}[{record.case}]".encode()).hexdigest()[:24]
        text = json.dumps(asdict(record), ensure_ascii=False, indent=1)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


def advice(test: str, messages: Sequence[str]) -> Sequence[str]:
    """Return what to do about refusals: what they say, or what their section says of them all.

    Nothing is to be done about what was not refused.
    """
    found = [each for message in messages for each in _INSTRUCTION.findall(message)]
    said = [each for each in (_CUT_SHORT.sub("", text) for text in found) if " " in each]
    of_all = section_of(test).advice
    return list(dict.fromkeys(said)) or [of_all] * bool(messages and of_all)


def documented_tests() -> set[str]:
    """Return the tests that must have a row: all that note what they see, and all refusals."""
    found = set()
    for path in TESTS.rglob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        for name, parameters in _TEST.findall(text):
            notes = _IMPORT.search(text) and "outcome: Outcome" in parameters
            if notes or path.name.startswith("test_refusals_"):
                found.add(id_of(path, name))
    return found


def table(records: Iterable[Record]) -> str:
    """Return the document."""
    by_section: dict[str, dict[str, list[Record]]] = {}
    for record in sorted(records, key=lambda each: (each.test, each.case)):
        rows = by_section.setdefault(section_of(record.test).title, {})
        rows.setdefault(record.test, []).append(record)
    parts = [_HEAD]
    for section in (FAULTS, *SECTIONS):
        rows = by_section.get(section.title, {})
        named = any(record.errors for records in rows.values() for record in records)
        columns = ["what happens", "what is seen", "lost", "what to do", "test"]
        columns += ["error"] * named
        parts.append(f"\n## {section.title}\n\n{_line(columns)}{_line(['---'] * len(columns))}")
        parts += [_row(test, rows[test], named=named) for test in rows]
    return "".join(parts)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _row(test: str, records: Sequence[Record], *, named: bool) -> str:
    first = records[0]
    cases = f" ({len(records)} cases)" if len(records) > 1 else ""
    messages = list(dict.fromkeys(_shown(each) for record in records for each in record.seen))
    shown = messages[:MESSAGES_SHOWN]
    more = len(messages) - len(shown)
    seen = "<br>".join(f"`{each}`" for each in shown) + (f"<br>and {more} more" if more else "")
    name = test.partition("::")[2]
    columns = [
        first.fault + cases,
        seen or "it is served: this is in order",
        _all(each.lost for each in records),
        _all("; ".join(dict.fromkeys(map(_shown, each.to_do))) or "nothing" for each in records),
        f"`{name}`",
    ]
    errors = dict.fromkeys(each for record in records for each in record.errors)
    return _line([*columns, ", ".join(f"`{each}`" for each in errors)] if named else columns)


def _all(texts: Iterable[str]) -> str:
    return "<br>".join(dict.fromkeys(texts))


def _shown(message: str) -> str:
    lines = (line.strip() for line in _LOG_HEAD.sub("", message).strip().splitlines())
    text = re.sub(r"([:;,.]); ", r"\1 ", "; ".join(lines))
    text = re.sub(r"[`|\s]+", " ", _ELIDED.sub("…", text).replace("�", "?")).strip()
    if len(text) <= LONGEST_BEGINNING + LONGEST_END:
        return text
    return f"{text[:LONGEST_BEGINNING]} [...] {text[-LONGEST_END:]}"


def main() -> None:
    """Write the document from the records, or list the tests that leave one: ``--tests``.

    Raises:
        SystemExit: A test has left no record.
    """
    tests = documented_tests()
    if "--tests" in sys.argv[1:]:
        sys.stdout.write("".join(f"tests/{each}\n" for each in sorted(tests)))
        return
    paths = Path(FOLDER).glob("*.json")
    records = [Record(**json.loads(path.read_text(encoding="utf-8"))) for path in paths]
    missing = tests - {each.test for each in records}
    if missing:
        raise SystemExit("no record of: " + ", ".join(sorted(missing)))
    DOCUMENT.write_text(table(records), encoding="utf-8")


if __name__ == "__main__":
    main()
