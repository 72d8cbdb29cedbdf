"""Who may call what: every function of every contract against every role.

A row is missing for no function: a function that nobody thought about would fail here. So would a
class of licence.
"""

import pytest
from tests.unit.contracts.permissions.matrix import TABLE, Stage, set_up
from tests.unit.contracts.permissions.roles import CLASSES, ROLES, Row

from tallystick.chaincode import Contract
from tallystick.contracts.cash import CashContract
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.identity import IdentityContract
from tallystick.contracts.licensing.standard import STANDARD_CLASSES
from tallystick.contracts.reasons import Kind
from tallystick.contracts.settlement import SettlementContract
from tallystick.contracts.testing import Market
from tallystick.contracts.token import TokenContract

NOT_BUSINESS = {Kind.CALLER, Kind.MALFORMED}
"""Kinds of reasons that say nothing of what a permitted role asked for."""

CONTRACTS: tuple[type[Contract], ...] = (
    IdentityContract,
    TokenContract,
    CashContract,
    SettlementContract,
)
ROWS = [
    pytest.param(chaincode, function, row, id=f"{chaincode}:{function}")
    for chaincode, rows in TABLE.items()
    for function, row in rows.items()
]


@pytest.fixture(scope="module")
def stage(opened_market: Market) -> Stage:
    return set_up(opened_market)


@pytest.mark.parametrize(("chaincode", "function", "row"), ROWS)
def test_every_role_is_told_what_the_table_says(
    chaincode: Chaincode, function: str, row: Row, stage: Stage
) -> None:
    """SS-01, SS-03, SS-04, SS-06, SS-110, F165."""
    told = {role: stage.answer(role, chaincode, function) for role in ROLES}

    assert told == {role: row.code(role) for role in ROLES}


def test_no_role_that_is_permitted_fails_for_who_it_is() -> None:
    failing = [
        (str(chaincode), function, told.name)
        for chaincode, rows in TABLE.items()
        for function, row in rows.items()
        for told in {row.told(role) for role in row.may}
        if told is not None and told.kind in NOT_BUSINESS
    ]

    assert failing == []


def test_the_table_lists_every_function() -> None:
    functions = {
        (contract.name, function) for contract in CONTRACTS for function in contract.functions
    }

    listed = {(str(chaincode), function) for chaincode, rows in TABLE.items() for function in rows}
    assert listed == functions


def test_every_class_of_licence_is_a_role() -> None:
    assert set(CLASSES.values()) == set(STANDARD_CLASSES)
