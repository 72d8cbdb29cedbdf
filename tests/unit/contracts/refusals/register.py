"""Scenarios whose last call is refused: register."""

from datetime import timedelta

from tests.unit.contracts.refusals.scenarios import (
    A_YEAR,
    BANK,
    BROKER,
    CLEARING,
    REGULATOR,
    TRANSFER_AGENT,
    add_claim,
    approve,
    draw,
    reaches,
    sent,
)

from tallystick.chaincode import composite_key
from tallystick.contracts.cash.models import Cash
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.lots import MAX_LOTS, LotChoice, Origin
from tallystick.contracts.models import MAX_QUANTITY
from tallystick.contracts.reasons import (
    ComplianceReason,
    MoneyReason,
    RegisterReason,
)
from tallystick.contracts.register.models import Allocation, SecurityTerms
from tallystick.contracts.statements import (
    AllowanceWithdrawn,
    MoneySent,
)
from tallystick.contracts.testing import Market


@reaches(MoneyReason.NOT_THE_ISSUING_BANK)
def _(market: Market) -> None:
    euros = Cash(
        cash="EUR", currency="EUR", bank="OtherBankMSP", opened_at=market.after(timedelta(0))
    )
    rows = market.ledger.world.rows[Chaincode.CASH].values
    rows[composite_key("cash", "EUR")] = euros.model_dump_json().encode()
    market.submit(BANK, Chaincode.CASH, "deposit", "EUR", "bob", 1)


@reaches(RegisterReason.SECURITY_UNKNOWN)
def _(market: Market) -> None:
    market.issue("alice", 1, "NONE")


@reaches(RegisterReason.SECURITY_EXISTS)
def _(market: Market) -> None:
    terms = SecurityTerms(security="ACME", name="Again", issuer="IssuerMSP")
    market.submit(TRANSFER_AGENT, Chaincode.TOKEN, "create_security", terms)


@reaches(ComplianceReason.SECURITY_PAUSED)
def _(market: Market) -> None:
    market.submit(REGULATOR, Chaincode.TOKEN, "pause", "ACME", "news pending")
    market.transfer("alice", "bob", 1)


@reaches(RegisterReason.SECURITY_NOT_PAUSED)
def _(market: Market) -> None:
    market.submit(REGULATOR, Chaincode.TOKEN, "resume", "ACME")


@reaches(MoneyReason.CASH_UNKNOWN)
def _(market: Market) -> None:
    paid = MoneySent(cash="NONE", sender="bob", receiver="alice", amount=1)
    market.submit(BROKER, Chaincode.CASH, "transfer", paid)


@reaches(MoneyReason.CASH_EXISTS)
def _(market: Market) -> None:
    market.submit(BANK, Chaincode.CASH, "open_cash", "USD", "USD")


@reaches(RegisterReason.SAME_PARTY)
def _(market: Market) -> None:
    market.transfer("alice", "alice", 1)


@reaches(ComplianceReason.SENDER_NOT_VERIFIED)
def _(market: Market) -> None:
    market.ledger.advance(A_YEAR)
    add_claim(market)
    market.transfer("alice", "bob", 1)


@reaches(ComplianceReason.RECEIVER_NOT_VERIFIED)
def _(market: Market) -> None:
    market.register("carol")
    market.transfer("alice", "carol", 1)


@reaches(ComplianceReason.SENDER_FROZEN)
def _(market: Market) -> None:
    market.submit(TRANSFER_AGENT, Chaincode.TOKEN, "freeze", "ACME", "alice", "court order 7")
    market.transfer("alice", "bob", 1)


@reaches(ComplianceReason.RECEIVER_FROZEN)
def _(market: Market) -> None:
    market.submit(TRANSFER_AGENT, Chaincode.TOKEN, "freeze", "ACME", "bob", "court order 7")
    market.transfer("alice", "bob", 1)


@reaches(RegisterReason.HOLDER_NOT_FROZEN)
def _(market: Market) -> None:
    market.submit(TRANSFER_AGENT, Chaincode.TOKEN, "unfreeze", "ACME", "alice")


@reaches(RegisterReason.INSUFFICIENT_AVAILABLE)
def _(market: Market) -> None:
    market.transfer("alice", "bob", 1001)


@reaches(RegisterReason.HOLDING_TOO_LARGE)
def _(market: Market) -> None:
    market.issue("alice", MAX_QUANTITY)


@reaches(RegisterReason.LOTS_TOO_MANY)
def _(market: Market) -> None:
    lots = [
        Allocation(to="alice", quantity=1, origin=Origin(round=f"r{number}"))
        for number in range(MAX_LOTS)
    ]
    market.submit(TRANSFER_AGENT, Chaincode.TOKEN, "issue_to_many", "ACME", lots)


@reaches(RegisterReason.LOTS_TOO_FEW)
def _(market: Market) -> None:
    chosen = sent().model_copy(update={"choice": LotChoice(tranche="b")})
    market.submit(BROKER, Chaincode.TOKEN, "transfer", chosen)


@reaches(RegisterReason.INSUFFICIENT_FROZEN)
def _(market: Market) -> None:
    market.submit(TRANSFER_AGENT, Chaincode.TOKEN, "unfreeze_units", "ACME", "alice", 1, "error")


@reaches(RegisterReason.ALLOWANCE_MISSING)
def _(market: Market) -> None:
    withdrawn = AllowanceWithdrawn(security="ACME", holder="alice", spender=CLEARING)
    intent = market.sign("alice", withdrawn)
    market.submit(BROKER, Chaincode.TOKEN, "revoke_allowance", withdrawn, intent)


@reaches(RegisterReason.ALLOWANCE_EXPIRED)
def _(market: Market) -> None:
    approve(market)
    market.ledger.advance(timedelta(hours=1))
    draw(market)


@reaches(RegisterReason.ALLOWANCE_EXCEEDED)
def _(market: Market) -> None:
    approve(market, 5)
    draw(market, 6)


@reaches(RegisterReason.HOLD_EXISTS)
def _(market: Market) -> None:
    through_settlement(market, "lock")
    through_settlement(market, "lock")


@reaches(RegisterReason.HOLD_UNKNOWN)
def _(market: Market) -> None:
    through_settlement(market, "deliver")


@reaches(RegisterReason.HOLD_DIFFERS)
def _(market: Market) -> None:
    through_settlement(market, "lock")
    through_settlement(market, "deliver", quantity=11)


def through_settlement(market: Market, function: str, *, quantity: int = 10) -> None:
    """Call the token contract as the settlement contract would; that one never gets this wrong."""
    move = market.terms(quantity=quantity).deliveries[0]
    chaincodes = market.ledger.world.chaincodes
    settlement = chaincodes[Chaincode.SETTLEMENT]
    chaincodes[Chaincode.SETTLEMENT] = chaincodes[Chaincode.TOKEN]
    rows = market.ledger.world.rows
    rows[Chaincode.SETTLEMENT] = rows[Chaincode.TOKEN]
    try:
        market.submit(CLEARING, Chaincode.SETTLEMENT, function, [move])
    finally:
        chaincodes[Chaincode.SETTLEMENT] = settlement
