"""Who holds what changes in one place, and every unit can be followed back to its issue."""

from pathlib import Path

import pytest
from tests.unit.contracts.listening import ListeningMarket
from tests.unit.contracts.register_acts import force

import tallystick.contracts.book
from tallystick.contracts.events import UnitsTransferred, read_event
from tallystick.contracts.testing import EVIDENCE

CONTRACTS = Path(tallystick.contracts.book.__file__).parents[1]


@pytest.mark.parametrize(
    ("call", "places"),
    [
        pytest.param(".moved(", {"register/movements.py", "cash/vault.py"}, id="plans a change"),
        pytest.param(
            "book.write(",
            {
                "register/movements.py",
                "register/holds.py",
                "register/enforcement.py",
                "cash/vault.py",
            },
            id="writes a plan: holds and freezes too, which change nobody's quantity",
        ),
        pytest.param('"position", *account', {"book/book.py"}, id="knows where positions are"),
    ],
)
def test_nothing_else_moves_units(call: str, places: set[str]) -> None:
    """SS-57."""
    sources = {path.relative_to(CONTRACTS): path.read_text() for path in CONTRACTS.rglob("*.py")}

    assert {str(path) for path, text in sources.items() if call in text} == places


def test_every_unit_leads_back_to_its_issue_by_actor_right_and_evidence() -> None:
    """SS-108, F169."""
    market = ListeningMarket()
    market.open()
    market.onboard("alice", "bob", "carol")
    market.issue("alice", 10)
    market.transfer("alice", "bob", 10)
    force(market, 10, "carol", holder="bob")
    told = [
        event
        for outcome, _ in market.take_outcomes()
        for event in map(read_event, outcome.events)
        if isinstance(event, UnitsTransferred)
    ]

    steps = []
    holder: str | None = "carol"
    while holder is not None:
        event = next(each for each in reversed(told) if each.receiver == holder)
        steps.append((event.basis, event.actor, event.document_hash))
        holder = event.sender

    assert steps == [
        ("forced", "TransferAgentMSP", EVIDENCE),
        ("transfer", "BrokerDealerMSP", None),
        ("issue", "TransferAgentMSP", None),
    ]
