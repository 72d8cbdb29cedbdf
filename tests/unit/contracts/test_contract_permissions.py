"""Who may call what: every function of every contract against every role.

A row is missing for no function: a function that nobody thought about would fail here. So would a
class of licence.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import pytest
from tests.unit.contracts.permissions.matrix import TABLE, Stage, set_up
from tests.unit.contracts.permissions.nothing import names_in
from tests.unit.contracts.permissions.roles import (
    BANK,
    CLASSES,
    CLEARING,
    ISSUERS,
    REGULATOR,
    ROLES,
    STRANGER,
    VENUES,
    Row,
)

from tallystick.chaincode import Contract
from tallystick.chaincode.contract_chaincode import ContractChaincode
from tallystick.chaincode.testing.stub import MemoryStub
from tallystick.contracts.cash import CashContract
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.identity import IdentityContract
from tallystick.contracts.licensing.standard import STANDARD_CLASSES
from tallystick.contracts.settlement import SettlementContract
from tallystick.contracts.testing import Market
from tallystick.contracts.token import TokenContract
from tallystick.protos.peer.proposal_response_pb2 import Response

CONTRACTS: tuple[type[Contract], ...] = (
    IdentityContract,
    TokenContract,
    CashContract,
    SettlementContract,
)
FUNCTIONS = {
    (contract.name, name): function
    for contract in CONTRACTS
    for name, function in contract.functions.items()
}


class Case(NamedTuple):
    """A function, and its row of the table."""

    chaincode: Chaincode
    function: str
    row: Row

    @property
    def writes(self) -> bool:
        """Whether roles may call it, and change something by it."""
        return bool(self.row.may) and not FUNCTIONS[self.chaincode, self.function].read_only


CASES = [
    Case(chaincode, function, row)
    for chaincode, rows in TABLE.items()
    for function, row in rows.items()
]


def over(cases: Iterable[Case]) -> pytest.MarkDecorator:
    """Return the mark of a test of each of some functions."""
    named = [pytest.param(*each, id=f"{each.chaincode}:{each.function}") for each in cases]
    return pytest.mark.parametrize(Case._fields, named)


def permitted(row: Row) -> str:
    """Return the first role that may call a function."""
    return next(role for role in ROLES if role in row.may)


@pytest.fixture(scope="module")
def stage(opened_market: Market) -> Stage:
    return set_up(opened_market)


@pytest.fixture(scope="module")
def unknowing(stage: Stage) -> Stage:
    """The same calls, in which nothing is called by its name."""
    return replace(stage, hidden=names_in(stage.market))


@over(CASES)
def test_every_role_is_told_what_the_table_says(
    chaincode: Chaincode, function: str, row: Row, stage: Stage
) -> None:
    """SS-01, SS-03, SS-04, SS-06, SS-110, F165."""
    told = {role: stage.answer(role, chaincode, function) for role in ROLES}

    assert told == {role: row.code(role) for role in ROLES}


@over(each for each in CASES if each.writes)
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

    assert reached >= {(each.chaincode, each.function) for each in CASES if not each.row.may}


@over(each for each in CASES if STRANGER not in each.row.may)
def test_who_has_no_licence_is_told_the_same_of_what_exists_and_of_what_does_not(
    chaincode: Chaincode, function: str, row: Row, unknowing: Stage
) -> None:
    """SS-26: a stranger cannot find out by asking."""
    assert unknowing.answer(STRANGER, chaincode, function) == row.code(STRANGER)


NEED_NO_LICENCE = {
    **dict.fromkeys(("end_custody", "custody_clients", "custody_report"), CLEARING),
    **dict.fromkeys(("account", "accounts", "balance_of", "entries", "reconciliation"), BANK),
    **dict.fromkeys(("demand", "distribution", "entitlement", "order_book"), ISSUERS),
    **dict.fromkeys(("barred_trades", "close_outs", "lineage", "market_claim", "order"), VENUES),
    **dict.fromkeys(("pending", "real_amount", "surveillance"), VENUES),
}
"""What an organisation may do without a licence: let a client go, and read what is its own."""


@over(each for each in CASES if STRANGER not in each.row.may and each.row.may - REGULATOR)
def test_who_has_lost_its_licence_lets_a_client_go_and_reads_its_own_and_no_more(
    chaincode: Chaincode, function: str, row: Row, stage: Stage
) -> None:
    """SS-35: whatever is its part in the market: notary, agent, keeper, or party by signature."""
    asking = [role for role in ROLES if role in row.may - REGULATOR]
    told = {role: stage.answer_once_suspended(role, chaincode, function) for role in asking}

    still = NEED_NO_LICENCE.get(function, frozenset())
    assert told == {role: "" if role in still else "LICENCE_SUSPENDED" for role in asking}


def test_the_table_lists_every_function() -> None:
    assert {(each.chaincode, each.function) for each in CASES} == set(FUNCTIONS)


def test_every_class_of_licence_is_a_role() -> None:
    assert set(CLASSES.values()) == set(STANDARD_CLASSES)
