"""Who may call the functions of the cash contract, and arguments that are well formed."""

from tests.unit.contracts.permissions.roles import (
    BANK,
    EVERYBODY,
    LICENSED,
    NOBODY,
    READERS,
    Arguments,
    Permissions,
)

from tallystick.contracts.statements import (
    MoneySent,
)
from tallystick.contracts.testing import Market

PERMITTED: Permissions = {
    "open_cash": BANK,
    "deposit": BANK,
    "withdraw": BANK,
    "transfer": LICENSED,
    "lock": NOBODY,
    "release": NOBODY,
    "deliver": NOBODY,
    "delivery_findings": NOBODY,
    "cash": EVERYBODY,
    "balance_of": EVERYBODY,
    "account": EVERYBODY,
    "accounts": READERS | BANK,
    "entries": READERS | BANK,
    "supply": EVERYBODY,
}


def arguments(market: Market) -> Arguments:
    leg = [market.terms().deliveries[0]]
    paid = MoneySent(cash="USD", sender="bob", receiver="alice", amount=1)
    return {
        "lock": [leg, ""],
        "release": [leg, ""],
        "deliver": [leg, ""],
        "delivery_findings": [leg, ""],
        "open_cash": ["EUR", "EUR"],
        "deposit": ["USD", "bob", 1],
        "withdraw": ["USD", "bob", 1],
        "transfer": [paid],
        "cash": ["USD"],
        "balance_of": ["USD", "bob"],
        "account": ["USD", "bob"],
        "accounts": ["USD"],
        "entries": ["USD", "0" * 64],
        "supply": ["USD"],
    }
