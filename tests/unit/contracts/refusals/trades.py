"""Scenarios whose last call is refused: trades."""

from datetime import timedelta

from tests.unit.contracts.refusals.scenarios import BANK, BROKER, CLEARING, reaches

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.reasons import (
    TradeReason,
)
from tallystick.contracts.testing import KYC, KYC_HOUSE, Market
from tallystick.contracts.trades.terms import CachedClaim, DvpModel


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


@reaches(TradeReason.SAME_ORDER)
def _(market: Market) -> None:
    terms = market.terms()
    market.propose(terms.model_copy(update={"buy": terms.sell}))


@reaches(TradeReason.AMOUNT_DIFFERS)
def _(market: Market) -> None:
    market.propose(market.terms().model_copy(update={"amount": 501}))


@reaches(TradeReason.PRICE_UNEXPLAINED)
def _(market: Market) -> None:
    market.propose(market.terms().model_copy(update={"best_offer": "49.99"}))


@reaches(TradeReason.DVP_MODEL_DIFFERS)
def _(market: Market) -> None:
    market.agree(market.terms().model_copy(update={"model": DvpModel.NET}))
    market.lock()


@reaches(TradeReason.SIDE_UNKNOWN)
def _(market: Market) -> None:
    market.propose(market.terms())
    intent = market.sign("bob", market.claim("bob").statement)
    market.submit(BROKER, Chaincode.SETTLEMENT, "consent", "T-1", "party-1", intent=intent)


@reaches(TradeReason.SIDE_NOT_SIGNED)
def _(market: Market) -> None:
    market.propose(market.terms())
    intent = market.sign("bob", market.claim("bob").statement)
    market.submit(BROKER, Chaincode.SETTLEMENT, "consent", "T-1", "buyer", intent=intent)


@reaches(TradeReason.NOT_LISTED)
def _(market: Market) -> None:
    market.create_security("BETA")
    market.agree(market.terms().model_copy(update={"security": "BETA"}))
    market.lock()


@reaches(TradeReason.ACCOUNT_NOT_NAMED)
def _(market: Market) -> None:
    market.list_security("ACME", accounts_required=True)
    market.agree(market.terms())
    market.lock()


@reaches(TradeReason.AGENCY_MISSING)
def _(market: Market) -> None:
    market.submit(BROKER, Chaincode.SETTLEMENT, "end_agency", "OfficeMSP", BROKER)


@reaches(TradeReason.NOT_A_MEDIATOR)
def _(market: Market) -> None:
    market.propose(market.terms())
    until = market.after(timedelta(hours=1))
    market.submit(BANK, Chaincode.SETTLEMENT, "approve_trade", "T-1", until)


@reaches(TradeReason.MEDIATION_MISSING)
def _(market: Market) -> None:
    market.agree(market.terms().model_copy(update={"mediators": (BANK,)}))
    market.lock()


@reaches(TradeReason.MEDIATION_EXPIRED)
def _(market: Market) -> None:
    market.agree(market.terms().model_copy(update={"mediators": (BANK,)}))
    until = market.after(timedelta(hours=1))
    market.submit(BANK, Chaincode.SETTLEMENT, "approve_trade", "T-1", until)
    market.lock()
    market.ledger.advance(timedelta(hours=1))
    market.settle()


@reaches(TradeReason.CACHED_CLAIM_STALE)
def _(market: Market) -> None:
    cached = CachedClaim(party="bob", topic=KYC, issuer=KYC_HOUSE, version=2)
    market.agree(market.terms().model_copy(update={"claims": (cached,)}))
    market.lock()
    market.settle()


@reaches(TradeReason.NOTHING_FAILS)
def _(market: Market) -> None:
    market.agree(market.terms())
    market.lock()
    market.submit(CLEARING, Chaincode.SETTLEMENT, "record_failure", "T-1")


@reaches(TradeReason.CONSENT_EXPIRED)
def _(market: Market) -> None:
    terms = market.terms()
    market.propose(terms)
    market.consent(terms, "buyer", market.after(timedelta(hours=1)))
    market.consent(terms, "seller")
    market.ledger.advance(timedelta(hours=1))
    market.lock()


@reaches(TradeReason.RECEIPT_TERMS_WRONG)
def _(market: Market) -> None:
    netted = {"paid_at": BANK, "model": DvpModel.NET}
    market.propose(market.terms().model_copy(update=netted))
