"""Scenarios whose last call is refused: access."""

from datetime import timedelta

from tests.unit.contracts.refusals.scenarios import (
    ATS,
    BANK,
    BROKER,
    CLEARING,
    TEN_YEARS,
    reaches,
    sent,
)

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.reasons import (
    AccessReason,
)
from tallystick.contracts.statements import MandateWithdrawn
from tallystick.contracts.testing import Market, new_wallet


@reaches(AccessReason.PARTICIPANT_NOT_PERMITTED)
def _(market: Market) -> None:
    withdrawn = MandateWithdrawn(identity="alice", participant=BROKER)
    market.submit(CLEARING, Chaincode.IDENTITY, "revoke_mandate", withdrawn)


@reaches(AccessReason.CALLER_NOT_PERMITTED)
def _(market: Market) -> None:
    market.submit(CLEARING, Chaincode.TOKEN, "deliver", [market.terms().deliveries[0]])


@reaches(AccessReason.MANDATE_MISSING)
def _(market: Market) -> None:
    market.submit(BANK, Chaincode.TOKEN, "transfer", sent())


@reaches(AccessReason.MANDATE_EXPIRED)
def _(market: Market) -> None:
    market.ledger.advance(TEN_YEARS)
    market.transfer("alice", "bob", 1)


@reaches(AccessReason.TRANSIENT_MISSING)
def _(market: Market) -> None:
    market.submit(ATS, Chaincode.SETTLEMENT, "propose_trade")


@reaches(AccessReason.INTENT_EXPIRED)
def _(market: Market) -> None:
    intent = market.sign("alice", sent())
    market.ledger.advance(timedelta(hours=1))
    market.submit(BROKER, Chaincode.TOKEN, "transfer", sent(), intent)


@reaches(AccessReason.INTENT_ALREADY_USED)
def _(market: Market) -> None:
    intent = market.sign("alice", sent())
    market.submit(BROKER, Chaincode.TOKEN, "transfer", sent(), intent)
    market.submit(BROKER, Chaincode.TOKEN, "transfer", sent(), intent)


@reaches(AccessReason.INTENT_KEY_UNKNOWN)
def _(market: Market) -> None:
    market.wallets["alice"] = new_wallet("alice")
    market.submit(BROKER, Chaincode.TOKEN, "transfer", sent(), market.sign("alice", sent()))


@reaches(AccessReason.INTENT_SIGNATURE_INVALID)
def _(market: Market) -> None:
    market.submit(BROKER, Chaincode.TOKEN, "transfer", sent(2), market.sign("alice", sent(1)))
