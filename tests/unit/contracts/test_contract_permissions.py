"""Who may call what: every function of every contract against every role.

A row is missing for no function: a function that nobody thought about would fail here.
"""

import pytest
from tests.unit.contracts.actions_stage import SECRET
from tests.unit.contracts.money import receipt_terms
from tests.unit.contracts.permissions import (
    cash,
    discipline,
    identity,
    netting,
    offerings,
    settlement,
    token,
)
from tests.unit.contracts.permissions.roles import ROLES

from tallystick.chaincode import Contract, Refusal
from tallystick.contracts.actions.models import HolderRate, RatesGiven, SignedVotes
from tallystick.contracts.cash import CashContract
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.custody.models import CustodyAgreement, CustodyEnding
from tallystick.contracts.identity import IdentityContract
from tallystick.contracts.identity.models import References
from tallystick.contracts.participants import Participant
from tallystick.contracts.settlement import SettlementContract
from tallystick.contracts.statements import CustodyAgreed, CustodyEnded, Vote, VotesCast
from tallystick.contracts.testing import Market
from tallystick.contracts.token import TokenContract

RATES = RatesGiven(
    security="ACME", rates=(HolderRate(holder="alice", withholding=0),), salt=SECRET.salt
)
VOTES = SignedVotes(
    statement=VotesCast(
        action="D-1",
        holder="alice",
        votes=(Vote(resolution="merger", choice="for", units=1),),
    )
)

# What the answer is when somebody is refused for who they are.
ROLE_REFUSALS = {"PARTICIPANT_NOT_PERMITTED", "CALLER_NOT_PERMITTED", "LICENCE_MISSING"}

TABLES = {
    Chaincode.IDENTITY: identity,
    Chaincode.TOKEN: token,
    Chaincode.CASH: cash,
    Chaincode.SETTLEMENT: settlement,
}
CONTRACTS: tuple[type[Contract], ...] = (
    IdentityContract,
    TokenContract,
    CashContract,
    SettlementContract,
)
CALLS = [
    pytest.param(chaincode, function, id=f"{chaincode}:{function}")
    for chaincode, table in TABLES.items()
    for function in table.PERMITTED
]


@pytest.mark.parametrize(("chaincode", "function"), CALLS)
def test_only_the_roles_listed_may_call(
    chaincode: Chaincode, function: str, market: Market
) -> None:
    """SS-01, SS-03, SS-04, SS-06, SS-110, F165."""
    for role in ROLES:
        code = answer(market, role, chaincode, function)
        permitted = role in TABLES[chaincode].PERMITTED[function]
        assert (code not in ROLE_REFUSALS) is permitted, (role, code)
        assert code not in {"INVALID_ARGUMENT", "INTERNAL"}, code


def answer(market: Market, role: str, chaincode: Chaincode, function: str) -> str:
    """Return the code of a refusal, or nothing."""
    agreed = CustodyAgreed(custodian=Participant.CLEARING, client="alice")
    ended = CustodyEnded(custodian=Participant.CLEARING, client="alice")
    try:
        market.submit(
            role,
            chaincode,
            function,
            *TABLES[chaincode].arguments(market)[function],
            terms=market.terms(),
            secret=SECRET,
            rates=RATES,
            votes=VOTES,
            subscription=offerings.order(market),
            allotments=offerings.allotments(),
            paid=receipt_terms(),
            references=References(investors=(market.investor("alice"),)),
            agreement=CustodyAgreement(agreed=agreed, intent=market.sign("alice", agreed)),
            ending=CustodyEnding(ended=ended),
            intent=market.sign("bob", market.claim("bob").statement),
            **cash.secrets(market),
            **discipline.SECRETS,
            **netting.secrets(market),
        )
    except Refusal as refusal:
        return refusal.code
    return ""


def test_the_table_lists_every_function() -> None:
    functions = {
        (contract.name, function) for contract in CONTRACTS for function in contract.functions
    }

    listed = {
        (str(chaincode), function)
        for chaincode, table in TABLES.items()
        for function in table.PERMITTED
    }
    assert listed == functions
