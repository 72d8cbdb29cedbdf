"""Scenarios whose last call is refused: trades."""

from datetime import timedelta

from tests.unit.contracts.refusals.scenarios import BROKER, reaches

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.reasons import (
    TradeReason,
)
from tallystick.contracts.testing import Market


@reaches(TradeReason.NOT_THE_VENUE)
def _(market: Market) -> None:
    market.propose(market.terms().model_copy(update={"venue": "OtherMSP"}))


@reaches(TradeReason.TRADE_UNKNOWN)
def _(market: Market) -> None:
    market.settle("T-9")


@reaches(TradeReason.TRADE_EXISTS)
def _(market: Market) -> None:
    market.propose(market.terms())
    market.propose(market.terms(quantity=11))


@reaches(TradeReason.TRADE_DATES_WRONG)
def _(market: Market) -> None:
    terms = market.terms()
    market.propose(terms.model_copy(update={"expires_at": market.after(timedelta(0))}))


@reaches(TradeReason.TRADE_STATUS)
def _(market: Market) -> None:
    market.agree(market.terms())
    market.settle()


@reaches(TradeReason.TRADE_EXPIRED)
def _(market: Market) -> None:
    market.agree(market.terms())
    market.ledger.advance(timedelta(days=1))
    market.lock()


@reaches(TradeReason.TRADE_NOT_EXPIRED)
def _(market: Market) -> None:
    market.propose(market.terms())
    market.submit(BROKER, Chaincode.SETTLEMENT, "expire", "T-1")


@reaches(TradeReason.CONSENT_MISSING)
def _(market: Market) -> None:
    terms = market.terms()
    market.propose(terms)
    market.consent(terms, "buyer")
    market.lock()


@reaches(TradeReason.CONSENT_ALREADY_GIVEN)
def _(market: Market) -> None:
    terms = market.terms()
    market.agree(terms)
    market.consent(terms, "buyer")


@reaches(TradeReason.SETTLEMENT_DAY_NOT_REACHED)
def _(market: Market) -> None:
    tomorrow = market.after(timedelta(days=1))
    market.agree(market.terms().model_copy(update={"settlement_day": tomorrow[:10]}))
    market.lock()
    market.settle()
