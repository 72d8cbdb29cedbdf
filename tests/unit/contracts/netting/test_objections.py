"""Which trades leave when rules stand against the end state of a cycle."""

import pytest
from tests.unit.contracts.netting.books import For, trade

from tallystick.contracts.book import Move
from tallystick.contracts.netting.objections import leaving
from tallystick.contracts.reasons import (
    ComplianceReason,
    Finding,
    ReasonTable,
    RegisterReason,
)

MOVE = Move(asset="ACME", sender="ann", receiver="ben", quantity=3)
BOOK = [
    trade("T-5", "cat", "dan"),
    trade("T-4", "cat", "ben"),
    trade("T-3", "ann", "dan"),
    trade("T-2", "ann", "ben", For(security="BETA")),
    trade("T-1", "ann", "ben"),
]
"""The first to go first."""


def finding(reason: ReasonTable) -> Finding:
    return Finding(
        code=reason.name, message="", status=reason.status, erc1400=reason.kind.value.erc1400
    )


@pytest.mark.parametrize(
    ("reason", "gone"),
    [
        pytest.param(ComplianceReason.VOLUME_EXCEEDED, "T-3", id="of the sender's trades"),
        pytest.param(ComplianceReason.LOT_LOCKED, "T-3", id="of those that its lots would go to"),
        pytest.param(ComplianceReason.HOLDING_ABOVE_LIMIT, "T-4", id="of the receiver's trades"),
        pytest.param(RegisterReason.SECURITY_ENDED, "T-4", id="of either side's trades"),
    ],
)
def test_the_first_trade_of_the_side_that_a_reason_is_about_leaves(
    reason: ReasonTable, gone: str
) -> None:
    found = finding(reason)

    left = leaving(BOOK, [MOVE], [(found,)], one_by_one=True)

    assert [(each.trade.trade, each.findings) for each in left] == [(gone, (found,))]


def test_of_each_security_one_trade_leaves_at_a_time() -> None:
    other = MOVE.model_copy(update={"asset": "BETA"})
    found = finding(ComplianceReason.HOLDING_ABOVE_LIMIT)

    left = leaving(BOOK, [MOVE, other], [(found,), (found,)], one_by_one=True)

    assert [each.trade.trade for each in left] == ["T-4", "T-2"]


def test_when_that_took_too_long_all_that_are_concerned_leave() -> None:
    found = finding(ComplianceReason.HOLDING_ABOVE_LIMIT)

    left = leaving(BOOK, [MOVE], [(found,)], one_by_one=False)

    assert [each.trade.trade for each in left] == ["T-4", "T-1"]


def test_units_held_for_a_trade_concern_that_trade_alone() -> None:
    held = MOVE.model_copy(update={"hold": "T-1@2"})
    found = finding(ComplianceReason.HOLDING_ABOVE_LIMIT)

    left = leaving(BOOK, [held], [(found,)], one_by_one=False)

    assert [each.trade.trade for each in left] == ["T-1"]


def test_nothing_leaves_when_nothing_stands_against_the_end_state() -> None:
    assert leaving(BOOK, [MOVE], [()], one_by_one=True) == []
