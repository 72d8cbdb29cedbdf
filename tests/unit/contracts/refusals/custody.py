"""Scenarios whose last call is refused: custody."""

from datetime import timedelta

from tests.unit.contracts.refusals.scenarios import BROKER, CLEARING, REGULATOR, reaches

from tallystick.chaincode.testing import Outcome
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.custody.models import Cover, Custody, CustodyAgreement, SignedAllowance
from tallystick.contracts.reasons import CustodyReason
from tallystick.contracts.statements import (
    CustodyAgreed,
    Representation,
    Share,
    UnitsAllowed,
    UnitsDistributed,
)
from tallystick.contracts.testing import Market


@reaches(CustodyReason.CUSTODIAN_UNKNOWN)
def _(market: Market) -> None:
    distribute(market)


@reaches(CustodyReason.NOT_ITS_ACCOUNT)
def _(market: Market) -> None:
    market.submit(BROKER, Chaincode.TOKEN, "open_custody", Custody(identity="alice"))


@reaches(CustodyReason.NOT_A_CLIENT)
def _(market: Market) -> None:
    open_custody(market)
    distribute(market)


@reaches(CustodyReason.CLIENT_EXISTS)
def _(market: Market) -> None:
    open_custody(market)
    agree(market)
    agree(market)


@reaches(CustodyReason.ALLOWANCE_NOT_FOR_CUSTODY)
def _(market: Market) -> None:
    open_custody(market)
    agree(market)
    allowed = UnitsAllowed(
        security="ACME",
        holder="bob",
        spender=CLEARING,
        quantity=1,
        expires_at=market.after(timedelta(days=1)),
    )
    distribute(market, SignedAllowance(statement=allowed, intent=market.sign("bob", allowed)))


@reaches(CustodyReason.COVER_WINDOW_EMPTY)
def _(market: Market) -> None:
    moment = market.after(timedelta(0))
    cover = Cover(
        insurer="Lloyd",
        policy_hash="0" * 64,
        currency="USD",
        limit=1,
        valid_from=moment,
        valid_until=moment,
    )
    market.submit(REGULATOR, Chaincode.TOKEN, "record_cover", BROKER, cover)


def open_custody(market: Market) -> None:
    """Let the broker-dealer hold by alice's identity and safeguard there."""
    representation = Representation(identity="alice", organization=BROKER)
    intent = market.sign("alice", representation)
    market.submit(BROKER, Chaincode.IDENTITY, "represent", representation, intent)
    market.submit(BROKER, Chaincode.TOKEN, "open_custody", Custody(identity="alice"))


def agree(market: Market) -> Outcome:
    agreed = CustodyAgreed(custodian=BROKER, client="bob")
    intent = market.sign("bob", agreed)
    agreement = CustodyAgreement(agreed=agreed, intent=intent)
    return market.submit(BROKER, Chaincode.TOKEN, "agree_custody", agreement=agreement)


def distribute(market: Market, *allowances: SignedAllowance) -> Outcome:
    """Distribute a unit from alice's account to bob."""
    distributed = UnitsDistributed(
        security="ACME", account="alice", shares=(Share(client="bob", quantity=1),)
    )
    return market.submit(BROKER, Chaincode.TOKEN, "distribute", distributed, list(allowances))
