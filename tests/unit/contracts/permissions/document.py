"""docs/contracts/permissions.md, written from the permission matrix: `make permissions`."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from string import ascii_lowercase
from typing import Final

from tests.unit.contracts.permissions.matrix import TABLE
from tests.unit.contracts.permissions.roles import CLASSES, ROLES, Permissions, Row

DOCUMENT: Final = Path(__file__).parents[4] / "docs" / "contracts" / "permissions.md"

_HEAD: Final = """# Who may call what

Written by `make permissions` from the table by which the tests call every function as every role. A
role is an organisation with a licence of one class; *none* has no licence. *yes* is for whoever may
call, and is shown to succeed; a letter is for whoever may not, and stands for the reason.

Where more counts than the licence, the table shows one case. What investors sign, they have signed;
where nobody signs, the broker-dealer has the mandate. The clearing firm is the notary of a hold and
the custodian of whom it lets go; all who may safeguard have clients and allowances. The transfer
agent keeps the records of investors, the bank keeps their money, the issuer has issued the security
and will offer it, and the trade, its order and a linked account are the venue's. The broker-dealer
mediates a trade, has approved a transfer, submits a subscription, is the agent of a buy-in and
settles for the introducing broker. The regulator has suspended the licence.
"""


def document() -> str:
    """Return the text of the document."""
    letters = dict(zip(_refusals(), ascii_lowercase, strict=False))
    parts = [_HEAD, "\n| Letter | Reason |\n|---|---|\n"]
    parts += [f"| {letter} | `{code}` |\n" for code, letter in letters.items()]
    for chaincode, rows in TABLE.items():
        columns = ["Function", *CLASSES.values(), "none"]
        parts += [f"\n## {chaincode}\n\n", _line(columns), _line(["---"] * len(columns))]
        parts += [_line([", ".join(names), *cells]) for cells, names in _groups(rows, letters)]
    return "".join(parts)


def main() -> None:
    """Write the document."""
    DOCUMENT.write_text(document(), encoding="utf-8")


def _sorted(rows: Permissions) -> Iterable[tuple[str, Row]]:
    return sorted(rows.items())


def _refusals() -> list[str]:
    """Return the codes with which roles are refused that may not call, by their first use."""
    codes = [
        row.code(role)
        for rows in TABLE.values()
        for _, row in _sorted(rows)
        for role in ROLES
        if role not in row.may
    ]
    return list(dict.fromkeys(codes))


def _groups(
    rows: Permissions, letters: Mapping[str, str]
) -> Iterable[tuple[tuple[str, ...], list[str]]]:
    """Return the cells of a line and the functions that share it, in the order of the first."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, row in _sorted(rows):
        cells = tuple("yes" if role in row.may else letters[row.code(role)] for role in ROLES)
        groups.setdefault(cells, []).append(f"`{name}`")
    return groups.items()


def _line(columns: Iterable[str]) -> str:
    return f"| {' | '.join(columns)} |\n"


if __name__ == "__main__":
    main()
