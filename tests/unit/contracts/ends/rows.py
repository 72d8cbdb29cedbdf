"""The kinds of rows that the contracts write, and which of them hold units or money back.

Units and money wait where a row says so. So whoever adds a kind of row says here which things that
wait show its end, or that it holds nothing back.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import tallystick.contracts

PACKAGE = Path(str(tallystick.contracts.__file__)).parent
REFERENCE = Path(__file__).parents[4] / "docs" / "contracts" / "reference.md"
NOT_CONTRACTS = ("replay", "testing.py", "wallet.py")
"""What rebuilds rows, or uses contracts."""

ORDERS = (
    "an order",
    "an order and a trade that fills it",
    "an order and a trade that is locked",
    "an order and the parts of a trade",
    "an order and a trade that fails",
    "an order and a trade in a cycle",
    "an order and a trade whose cycle has ended",
)
LIMITS = (
    "money committed to an order",
    "collateral",
    "money committed to an order, and drawn by a locked trade",
    "money committed to an order, and collateral, in a cycle",
)
TRADES = ("a trade that is locked", "a trade in a cycle that holds its units")
IN_ESCROW = ("subscriptions that are paid", "a dividend that is funded")

HOLDS_BACK: Mapping[str, tuple[str, ...]] = {
    "position": ("frozen units",),
    "hold": ("a hold under a notary", *TRADES, *IN_ESCROW),
    "limits": LIMITS,
    "accrual": ("a fee",),
    "commitment": ("an order", "an order and a trade that fills it"),
    "pending": ("an order", "an order and a trade that fills it"),
    "order": ("an order",),
}
"""By the kind of row, the things that wait by it: each comes to its end whatever comes between."""

HOLDS_NOTHING: Mapping[str, str] = {
    "says who somebody is, and what it may": """
        class organization conflicts waiver identity key key-owner mandate grant access topic claims
        barred-list challenge account links investor evidence custodian clients agency permit_key
    """,
    "says what something is, and by which rules it moves": """
        security document product splits record-date pack rules venue-rules venue-rules-then cash
        listing fee-schedule calendar conventions discipline-pack discipline acceptance
    """,
    "says what has happened, and was held": """
        recorded decision review payment report consent failure entry voted vote result withholding
        nonce turn fail change buy-in bought-in default receipt
    """,
    "counts against what may come, and binds nothing that there is": """
        supply holders persons counted sales volumes raised invested allowance approval allotment
    """,
    "follows something whose units and money wait by a hold": """
        trade terms cycle batch offering subscription action action-secret entitlement totals
        market-claim
    """,
}
"""Why the other kinds hold nothing back: their rows can stay for ever."""

MAKERS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "HeldMove": {
        "trades/terms.py": TRADES,
        "offerings/escrow.py": ("subscriptions that are paid",),
        "actions/distributions.py": ("a dividend that is funded",),
    },
    "Placement": {
        "register/holds.py": ("a hold under a notary",),
        "book/models.py": TRADES,
    },
    "frozen": {"register/enforcement.py": ("frozen units",)},
    "Reservation": {"cash/reservations.py": LIMITS},
    "Accrual": {"cash/vault.py": ("a fee",)},
    "CommitmentRows": {"orders/orders.py": ORDERS, "trades/underway.py": ORDERS},
}
"""What lets something wait, by its name in the code: who calls it, and what waits then."""

WRITERS = {"book/book.py", "book/plan.py", "cash/vault.py"}
"""Who changes what is held or frozen of a position; all others go through them."""


def kinds_in_documents() -> set[str]:
    """Return the kinds of rows that the reference lists."""
    text = REFERENCE.read_text(encoding="utf-8")
    return set(re.findall(r"`([a-z_-]+) \([^`]*\)`", text[text.index("## Storage keys") :]))


def kinds_in_code() -> set[str]:
    """Return the kinds of keys that contracts compose by name."""
    return {
        call.args[0].value
        for _, call in _calls()
        if _name(call) == "composite_key"
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    }


def callers_of(name: str) -> set[str]:
    """Return the modules of contracts that call something of a name."""
    return {module for module, call in _calls() if _name(call) == name}


def writers() -> set[str]:
    """Return the modules that change what is held or frozen of a position."""
    return {
        module
        for module, call in _calls()
        if _name(call) == "change" and {"held", "frozen"} & {each.arg for each in call.keywords}
    }


def _calls() -> Iterator[tuple[str, ast.Call]]:
    """Yield every call in the code of contracts, with its module."""
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE)
        if module.parts[0] in NOT_CONTRACTS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield module.as_posix(), node


def _name(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""
