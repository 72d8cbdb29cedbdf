"""What docs/contracts/reference.md lists is what the contracts have."""

import re
from pathlib import Path

from tests.unit.contracts.permissions import document as permissions

from tallystick.contracts.cash import CashContract
from tallystick.contracts.compliance.catalogue import BINDERS
from tallystick.contracts.events import EVENT_TYPES
from tallystick.contracts.identity import IdentityContract
from tallystick.contracts.reasons import REASONS
from tallystick.contracts.settlement import SettlementContract
from tallystick.contracts.token import TokenContract

DOCS = Path(__file__).parents[3] / "docs" / "contracts"
TEXT = (DOCS / "reference.md").read_text()


def test_every_reason_is_listed_under_its_status() -> None:
    rows = re.findall(r"^\| (\d{3}) \| ([A-Z_, ]+) \|$", TEXT, re.MULTILINE)
    listed = {(int(status), code) for status, codes in rows for code in codes.split(", ")}

    assert listed == {(reason.status, reason.name) for reason in REASONS.values()}


def test_every_rule_is_listed() -> None:
    text = (DOCS / "compliance.md").read_text()

    assert [rule for rule, _ in BINDERS if f"`{rule}`" not in text] == []


def test_every_event_is_listed() -> None:
    missing = [kind for kind in EVENT_TYPES if f"`{kind.partition('.')[2]}`" not in TEXT]

    assert missing == []


def test_the_version_of_every_event_is_listed() -> None:
    said = re.findall(
        r"^Version 2 have (.+?),\nversion 3 (.+?), all others version 1\.$",
        TEXT,
        re.MULTILINE | re.DOTALL,
    )
    listed = {
        kind: version
        for names in said
        for version, kinds in enumerate(names, start=2)
        for kind in re.findall("`(.+?)`", kinds)
    }

    assert listed == {kind: each.version for kind, each in EVENT_TYPES.items() if each.version > 1}


def test_the_permission_matrix_is_that_of_the_tests() -> None:
    assert permissions.DOCUMENT.read_text() == permissions.document(), "run `make permissions`"


def test_every_function_is_listed() -> None:
    contracts = (IdentityContract, TokenContract, CashContract, SettlementContract)
    functions = [name for contract in contracts for name in contract.functions]

    assert [name for name in functions if f"`{name}`" not in TEXT] == []
