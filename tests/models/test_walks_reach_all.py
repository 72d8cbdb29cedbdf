"""Whether random walks get anywhere: every function of every contract succeeds in one of them."""

from collections import Counter
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from tests.models import test_discipline_walk, test_split_walk
from tests.models.test_contract_conservation import MarketMachine
from tests.models.test_discipline_walk import DisciplineMachine
from tests.models.test_distributions import DistributionMachine
from tests.models.test_identity_directory import DirectoryMachine
from tests.models.test_money_conservation import MoneyMachine
from tests.models.test_netting_walk import NettingMachine
from tests.models.test_offering_conservation import OfferingMachine
from tests.models.test_ruled_walk import RuledMachine
from tests.models.test_settlement_walk import SettlementMachine
from tests.models.test_split_walk import SplitMachine

from tallystick.chaincode import Contract
from tallystick.chaincode.contract_chaincode import ContractChaincode
from tallystick.chaincode.testing.stub import MemoryStub
from tallystick.contracts.cash import CashContract
from tallystick.contracts.identity import IdentityContract
from tallystick.contracts.settlement import SettlementContract
from tallystick.contracts.token import TokenContract
from tallystick.protos.peer.proposal_response_pb2 import Response

MACHINES: tuple[type[RuleBasedStateMachine], ...] = (
    DirectoryMachine,
    MarketMachine,
    RuledMachine,
    SettlementMachine,
    DisciplineMachine,
    NettingMachine,
    MoneyMachine,
    OfferingMachine,
    DistributionMachine,
    SplitMachine,
)
CONTRACTS: tuple[type[Contract], ...] = (
    IdentityContract,
    TokenContract,
    CashContract,
    SettlementContract,
)
MOST_ROUNDS = 8
LENGTHS = settings(
    max_examples=12,
    stateful_step_count=40,
    phases=[Phase.generate],
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def changing() -> set[tuple[str, str]]:
    """Return all functions that write, by contract."""
    return {
        (contract.name, name)
        for contract in CONTRACTS
        for name, function in contract.functions.items()
        if not function.read_only
    }


def walk(number: int) -> Iterator[Counter[tuple[str, str]]]:
    """Let every machine walk once; yield what has succeeded in all of them up to then."""
    reached: Counter[tuple[str, str]] = Counter()
    invoke = ContractChaincode.invoke

    def counted(self: ContractChaincode, stub: MemoryStub) -> Response:
        response = invoke(self, stub)
        if response.status < 400:
            reached[stub._chaincode, stub.args[0].decode()] += 1
        return response

    for machine in MACHINES:
        seeded = seed(number)(type(machine.__name__, (machine,), {}))
        with patch.object(ContractChaincode, "invoke", counted):
            run_state_machine_as_test(seeded, settings=LENGTHS)
        yield reached


@pytest.fixture
def unopened_markets() -> None:
    """Let walks open their markets again where a test before this one has: that counts, too."""
    for module in (test_discipline_walk, test_split_walk):
        module.template.cache_clear()


@pytest.mark.slow
@pytest.mark.usefixtures("unopened_markets")
def test_every_function_that_writes_succeeds_in_a_walk() -> None:
    """SS-89, SS-109: the first acts of a market, such as its calendar, count as well."""
    missing = changing()

    for number in range(MOST_ROUNDS):
        for reached in walk(number):
            missing -= set(reached)
        if not missing:
            break

    assert missing == set(), "these never succeed"
