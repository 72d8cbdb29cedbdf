"""Who may call what: every function of every contract against every participant."""

from collections.abc import Collection

import pytest

from tallystick.chaincode import Contract, Refusal
from tallystick.chaincode.codec import Argument
from tallystick.contracts.cash import CashContract
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.identity import IdentityContract
from tallystick.contracts.identity.models import References
from tallystick.contracts.participants import Participant
from tallystick.contracts.parties import PartiesCheck
from tallystick.contracts.settlement import SettlementContract
from tallystick.contracts.statements import (
    AllowanceWithdrawn,
    ClaimWithdrawn,
    KeyAddition,
    KeyRevocation,
    KeyRotation,
    MandateWithdrawn,
    MoneySent,
    UnitsAllowed,
    UnitsSent,
)
from tallystick.contracts.testing import KYC, KYC_HOUSE, Market, new_wallet
from tallystick.contracts.token import TokenContract
from tallystick.contracts.token.models import Allocation, SecurityTerms

P = Participant
ANYBODY = frozenset(P)
NOBODY: frozenset[Participant] = frozenset()
TRUSTEES = frozenset({P.REGULATOR, P.TRANSFER_AGENT})
TRANSFER_AGENT = frozenset({P.TRANSFER_AGENT})
BANK = frozenset({P.BANK})
CLEARING = frozenset({P.CLEARING})
READERS = frozenset({P.BANK, P.CLEARING, P.TRANSFER_AGENT, P.REGULATOR})

# What the answer is when somebody is refused for who they are.
ROLE_REFUSALS = {"PARTICIPANT_NOT_PERMITTED", "CALLER_NOT_PERMITTED"}

PERMITTED: dict[tuple[Chaincode, str], Collection[Participant]] = {
    (Chaincode.IDENTITY, "register_identity"): ANYBODY,
    (Chaincode.IDENTITY, "add_key"): ANYBODY,
    (Chaincode.IDENTITY, "rotate_key"): ANYBODY,
    (Chaincode.IDENTITY, "revoke_key"): ANYBODY,
    (Chaincode.IDENTITY, "onboard"): ANYBODY,
    (Chaincode.IDENTITY, "trust_issuer"): TRUSTEES,
    (Chaincode.IDENTITY, "distrust_issuer"): TRUSTEES,
    (Chaincode.IDENTITY, "add_claim"): ANYBODY,
    (Chaincode.IDENTITY, "revoke_claim"): ANYBODY,
    (Chaincode.IDENTITY, "keep_references"): ANYBODY,
    (Chaincode.IDENTITY, "grant_mandate"): ANYBODY,
    (Chaincode.IDENTITY, "revoke_mandate"): ANYBODY,
    (Chaincode.IDENTITY, "check_parties"): ANYBODY,
    (Chaincode.IDENTITY, "verify"): ANYBODY,
    (Chaincode.IDENTITY, "identity"): ANYBODY,
    (Chaincode.IDENTITY, "references"): ANYBODY,
    (Chaincode.IDENTITY, "issuers"): ANYBODY,
    (Chaincode.TOKEN, "create_security"): TRANSFER_AGENT,
    (Chaincode.TOKEN, "pause"): TRUSTEES,
    (Chaincode.TOKEN, "resume"): TRUSTEES,
    (Chaincode.TOKEN, "issue"): TRANSFER_AGENT,
    (Chaincode.TOKEN, "issue_to_many"): TRANSFER_AGENT,
    (Chaincode.TOKEN, "redeem"): TRANSFER_AGENT,
    (Chaincode.TOKEN, "transfer"): ANYBODY,
    (Chaincode.TOKEN, "transfer_from"): ANYBODY,
    (Chaincode.TOKEN, "approve"): ANYBODY,
    (Chaincode.TOKEN, "revoke_allowance"): ANYBODY,
    (Chaincode.TOKEN, "freeze"): TRUSTEES,
    (Chaincode.TOKEN, "unfreeze"): TRUSTEES,
    (Chaincode.TOKEN, "freeze_units"): TRUSTEES,
    (Chaincode.TOKEN, "unfreeze_units"): TRUSTEES,
    (Chaincode.TOKEN, "lock"): NOBODY,
    (Chaincode.TOKEN, "release"): NOBODY,
    (Chaincode.TOKEN, "deliver"): NOBODY,
    (Chaincode.TOKEN, "security"): ANYBODY,
    (Chaincode.TOKEN, "balance_of"): ANYBODY,
    (Chaincode.TOKEN, "holding"): ANYBODY,
    (Chaincode.TOKEN, "register"): ANYBODY,
    (Chaincode.TOKEN, "supply"): ANYBODY,
    (Chaincode.TOKEN, "holder_count"): ANYBODY,
    (Chaincode.TOKEN, "allowance"): ANYBODY,
    (Chaincode.TOKEN, "can_transfer"): ANYBODY,
    (Chaincode.CASH, "open_cash"): BANK,
    (Chaincode.CASH, "deposit"): BANK,
    (Chaincode.CASH, "withdraw"): BANK,
    (Chaincode.CASH, "transfer"): ANYBODY,
    (Chaincode.CASH, "lock"): NOBODY,
    (Chaincode.CASH, "release"): NOBODY,
    (Chaincode.CASH, "deliver"): NOBODY,
    (Chaincode.CASH, "cash"): ANYBODY,
    (Chaincode.CASH, "balance_of"): ANYBODY,
    (Chaincode.CASH, "account"): ANYBODY,
    (Chaincode.CASH, "accounts"): READERS,
    (Chaincode.CASH, "entries"): READERS,
    (Chaincode.CASH, "supply"): ANYBODY,
    (Chaincode.SETTLEMENT, "propose_trade"): frozenset({P.ATS}),
    (Chaincode.SETTLEMENT, "consent"): ANYBODY,
    (Chaincode.SETTLEMENT, "lock_legs"): CLEARING,
    (Chaincode.SETTLEMENT, "settle"): CLEARING,
    (Chaincode.SETTLEMENT, "withdraw"): ANYBODY,
    (Chaincode.SETTLEMENT, "cancel"): frozenset({P.ATS, P.CLEARING}),
    (Chaincode.SETTLEMENT, "expire"): ANYBODY,
    (Chaincode.SETTLEMENT, "trade"): ANYBODY,
    (Chaincode.SETTLEMENT, "trades"): ANYBODY,
}

CONTRACTS: tuple[type[Contract], ...] = (
    IdentityContract,
    TokenContract,
    CashContract,
    SettlementContract,
)


Arguments = dict[tuple[Chaincode, str], list[Argument]]


def arguments(market: Market) -> Arguments:
    """Return arguments that are well formed, so that the answer is about who calls."""
    return {**identity_arguments(market), **token_arguments(market), **trade_arguments(market)}


def identity_arguments(market: Market) -> Arguments:
    identity = Chaincode.IDENTITY
    registration = market.registration("carol")
    claim = market.claim("bob")
    mandate = market.mandate("alice")
    signature = market.sign("alice", claim.statement)
    old, new = market.wallets["alice"].key, new_wallet("alice").new_key()
    revoked = ClaimWithdrawn(subject="bob", topic=KYC, issuer=KYC_HOUSE)
    ended = MandateWithdrawn(identity="alice", participant=P.BROKER_DEALER)
    return {
        (identity, "register_identity"): [registration.statement, registration.intent],
        (identity, "add_key"): [KeyAddition(identity="alice", key=new), signature],
        (identity, "rotate_key"): [KeyRotation(identity="alice", old=old, new=new), signature],
        (identity, "revoke_key"): [KeyRevocation(identity="alice", key=old), signature],
        (identity, "onboard"): [[]],
        (identity, "trust_issuer"): [KYC, KYC_HOUSE],
        (identity, "distrust_issuer"): [KYC, KYC_HOUSE],
        (identity, "add_claim"): [claim.statement, claim.intent],
        (identity, "revoke_claim"): [revoked, signature],
        (identity, "keep_references"): [],
        (identity, "references"): ["alice"],
        (identity, "grant_mandate"): [mandate.statement, mandate.intent],
        (identity, "revoke_mandate"): [ended, market.sign("alice", ended)],
        (identity, "check_parties"): [PartiesCheck(parties=())],
        (identity, "verify"): ["alice", []],
        (identity, "identity"): ["alice"],
        (identity, "issuers"): [KYC],
    }


def token_arguments(market: Market) -> Arguments:
    token = Chaincode.TOKEN
    sent = UnitsSent(security="ACME", sender="alice", receiver="bob", quantity=1)
    signature = market.sign("alice", sent)
    allowed = UnitsAllowed(
        security="ACME",
        holder="alice",
        spender=P.CLEARING,
        quantity=1,
        expires_at=signature.expires_at,
    )
    taken_back = AllowanceWithdrawn(security="ACME", holder="alice", spender=P.CLEARING)
    return {
        (token, "create_security"): [SecurityTerms(security="B", name="B", issuer=P.ISSUER)],
        (token, "pause"): ["ACME", "a test"],
        (token, "resume"): ["ACME"],
        (token, "issue"): ["ACME", "alice", 1],
        (token, "issue_to_many"): ["ACME", [Allocation(to="alice", quantity=1)]],
        (token, "redeem"): ["ACME", "alice", 1],
        (token, "transfer"): [sent],
        (token, "transfer_from"): [sent],
        (token, "approve"): [allowed, signature],
        (token, "revoke_allowance"): [taken_back, signature],
        (token, "freeze"): ["ACME", "alice", "a test"],
        (token, "unfreeze"): ["ACME", "alice"],
        (token, "freeze_units"): ["ACME", "alice", 1, "a test"],
        (token, "unfreeze_units"): ["ACME", "alice", 1, "a test"],
        (token, "security"): ["ACME"],
        (token, "balance_of"): ["ACME", "alice"],
        (token, "holding"): ["ACME", "alice"],
        (token, "register"): ["ACME"],
        (token, "supply"): ["ACME"],
        (token, "holder_count"): ["ACME"],
        (token, "allowance"): ["ACME", "alice", P.CLEARING],
        (token, "can_transfer"): [sent],
    }


def trade_arguments(market: Market) -> Arguments:
    token, cash, settlement = Chaincode.TOKEN, Chaincode.CASH, Chaincode.SETTLEMENT
    leg = [market.terms().delivery]
    paid = MoneySent(cash="USD", sender="bob", receiver="alice", amount=1)
    return {
        **{(token, function): [leg] for function in ("lock", "release", "deliver")},
        **{(cash, function): [leg, ""] for function in ("lock", "release", "deliver")},
        (cash, "open_cash"): ["EUR", "EUR"],
        (cash, "deposit"): ["USD", "bob", 1],
        (cash, "withdraw"): ["USD", "bob", 1],
        (cash, "transfer"): [paid],
        (cash, "cash"): ["USD"],
        (cash, "balance_of"): ["USD", "bob"],
        (cash, "account"): ["USD", "bob"],
        (cash, "accounts"): ["USD"],
        (cash, "entries"): ["USD", "0" * 64],
        (cash, "supply"): ["USD"],
        (settlement, "propose_trade"): [],
        (settlement, "consent"): ["T-1", "buyer"],
        (settlement, "lock_legs"): ["T-1"],
        (settlement, "settle"): ["T-1"],
        (settlement, "withdraw"): ["T-1", "buyer", "second thoughts"],
        (settlement, "cancel"): ["T-1", "an error"],
        (settlement, "expire"): ["T-1"],
        (settlement, "trade"): ["T-1"],
        (settlement, "trades"): [],
    }


@pytest.mark.parametrize(
    ("chaincode", "function"),
    [pytest.param(*call, id=":".join(call)) for call in PERMITTED],
)
def test_only_the_participants_listed_may_call(
    chaincode: Chaincode, function: str, market: Market
) -> None:
    for participant in Participant:
        code = answer(market, participant, chaincode, function)
        permitted = participant in PERMITTED[chaincode, function]
        assert (code not in ROLE_REFUSALS) is permitted, (participant, code)
        assert code not in {"INVALID_ARGUMENT", "INTERNAL"}, code


def answer(market: Market, participant: Participant, chaincode: Chaincode, function: str) -> str:
    """Return the code of a refusal, or nothing."""
    try:
        market.submit(
            participant,
            chaincode,
            function,
            *arguments(market)[chaincode, function],
            terms=market.terms(),
            references=References(investors=(market.investor("alice"),)),
            intent=market.sign("bob", market.claim("bob").statement),
        )
    except Refusal as refusal:
        return refusal.code
    return ""


def test_the_table_lists_every_function() -> None:
    functions = {
        (contract.name, function) for contract in CONTRACTS for function in contract.functions
    }

    assert {(str(chaincode), function) for chaincode, function in PERMITTED} == functions
