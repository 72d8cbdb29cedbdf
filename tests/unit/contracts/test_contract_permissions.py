"""Who may call what: every function of every contract against every role.

A row is missing for no function: a function that nobody thought about would fail here. So would a
class of licence.
"""

import re
from dataclasses import replace

import pytest
from tests.unit.contracts.permissions.matrix import TABLE, Stage, set_up
from tests.unit.contracts.permissions.roles import CLASSES, ROLES, STRANGER, Row

from tallystick.chaincode import Contract
from tallystick.chaincode.codec import Argument
from tallystick.chaincode.contract_chaincode import ContractChaincode
from tallystick.chaincode.testing.stub import MemoryStub
from tallystick.contracts.cash import CashContract
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.identity import IdentityContract
from tallystick.contracts.licensing.standard import STANDARD_CLASSES
from tallystick.contracts.reasons import LicenceReason
from tallystick.contracts.settlement import SettlementContract
from tallystick.contracts.testing import Market
from tallystick.contracts.token import TokenContract
from tallystick.contracts.trades.rules import SIDES
from tallystick.protos.peer.proposal_response_pb2 import Response

NAME = re.compile(r"[A-Za-z][\w.@-]*")
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

WRITING = [
    pytest.param(
        contract.name,
        function,
        TABLE[Chaincode(contract.name)][function],
        id=f"{contract.name}:{function}",
    )
    for contract in CONTRACTS
    for function, each in contract.functions.items()
    if not each.read_only and TABLE[Chaincode(contract.name)][function].may
]


def permitted(row: Row) -> str:
    """Return the first role that may call a function."""
    return next(role for role in ROLES if role in row.may)


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


@pytest.mark.parametrize(("chaincode", "function", "row"), WRITING)
def test_whoever_may_call_a_function_that_writes_changes_something_by_it(
    chaincode: Chaincode, function: str, row: Row, stage: Stage
) -> None:
    """SS-110: what has succeeded has not only found that there is nothing to do."""
    assert stage.changes(permitted(row), chaincode, function)


def test_what_settlement_alone_may_call_succeeds_by_one_of_its_functions(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SS-26: nobody else is permitted, so that these show nowhere else that they can be done."""
    reached: set[tuple[str, str]] = set()
    invoke = ContractChaincode.invoke

    def noted(self: ContractChaincode, stub: MemoryStub) -> Response:
        response = invoke(self, stub)
        if response.status < 400:
            reached.add((stub._chaincode, stub.args[0].decode()))
        return response

    monkeypatch.setattr(ContractChaincode, "invoke", noted)
    for function, row in TABLE[Chaincode.SETTLEMENT].items():
        stage.answer(permitted(row), Chaincode.SETTLEMENT, function)

    assert reached >= {
        (str(chaincode), function)
        for chaincode, rows in TABLE.items()
        for function, row in rows.items()
        if not row.may
    }


def naming_nothing(argument: Argument) -> Argument:
    """Return an argument in which no name is that of anything."""
    is_name = isinstance(argument, str) and NAME.fullmatch(argument) and argument not in SIDES
    return "nope" if is_name else argument


@pytest.mark.parametrize(("chaincode", "function", "row"), ROWS)
def test_who_has_no_licence_is_told_that_whatever_it_asks_for(
    chaincode: Chaincode, function: str, row: Row, stage: Stage
) -> None:
    """SS-26: nothing is said of what exists to who may not act at all."""
    named = [naming_nothing(each) for each in stage.given(STRANGER, chaincode, function)]
    asked = replace(stage, arguments={**stage.arguments, chaincode: {function: named}})
    malformed = {"INVALID_ARGUMENT"}  # judged by the form alone, before the contract is asked

    told = asked.answer(STRANGER, chaincode, function)
    if row.told(STRANGER) is LicenceReason.LICENCE_MISSING:
        assert told in {"LICENCE_MISSING", *malformed}
    else:
        assert told != "LICENCE_MISSING"


def test_the_table_lists_every_function() -> None:
    functions = {
        (contract.name, function) for contract in CONTRACTS for function in contract.functions
    }

    listed = {(str(chaincode), function) for chaincode, rows in TABLE.items() for function in rows}
    assert listed == functions


def test_every_class_of_licence_is_a_role() -> None:
    assert set(CLASSES.values()) == set(STANDARD_CLASSES)
