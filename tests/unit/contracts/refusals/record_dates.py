"""Scenarios whose last call is refused: record dates and splits."""

from datetime import timedelta

from tests.unit.contracts.refusals.scenarios import TRANSFER_AGENT, reaches

from tallystick.chaincode.testing import Outcome
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.models import MAX_QUANTITY
from tallystick.contracts.reasons import RegisterReason
from tallystick.contracts.register.splits import SplitOrder
from tallystick.contracts.testing import EVIDENCE, Market
from tallystick.contracts.timelines import MAX_SCHEDULED, MAX_SPLITS, RecordDate

A_DAY = timedelta(days=1)


def schedule(market: Market, name: str = "r-1", after: timedelta = A_DAY) -> Outcome:
    """Schedule a record date of ACME."""
    date = RecordDate(name=name, at=market.after(after))
    return market.submit(TRANSFER_AGENT, Chaincode.TOKEN, "schedule_record_date", "ACME", date)


def take(market: Market, name: str = "r-1") -> Outcome:
    """Let this moment be a record date of ACME."""
    return market.submit(TRANSFER_AGENT, Chaincode.TOKEN, "take_record_date", "ACME", name)


def split(market: Market, new: int, old: int = 1) -> Outcome:
    """Split ACME, which is paused for it and moves again afterwards."""
    order = SplitOrder(security="ACME", new=new, old=old, document_hash=EVIDENCE)
    market.submit(TRANSFER_AGENT, Chaincode.TOKEN, "pause", "ACME", "a split")
    outcome = market.submit(TRANSFER_AGENT, Chaincode.TOKEN, "split", order)
    market.submit(TRANSFER_AGENT, Chaincode.TOKEN, "resume", "ACME")
    return outcome


@reaches(RegisterReason.RECORD_DATE_EXISTS)
def _(market: Market) -> None:
    take(market)
    schedule(market)


@reaches(RegisterReason.RECORD_DATE_UNKNOWN)
def _(market: Market) -> None:
    market.evaluate(Chaincode.TOKEN, "supply_at", "ACME", "r-1")


@reaches(RegisterReason.RECORD_DATE_OPEN)
def _(market: Market) -> None:
    schedule(market)
    market.ledger.advance(A_DAY)
    market.evaluate(Chaincode.TOKEN, "supply_at", "ACME", "r-1")


@reaches(RegisterReason.RECORD_DATE_SEALED)
def _(market: Market) -> None:
    take(market)
    market.submit(TRANSFER_AGENT, Chaincode.TOKEN, "cancel_record_date", "ACME", "r-1")


@reaches(RegisterReason.RECORD_DATES_TOO_MANY)
def _(market: Market) -> None:
    for number in range(MAX_SCHEDULED + 1):
        schedule(market, f"r-{number}")


@reaches(RegisterReason.SPLIT_NOT_PAUSED)
def _(market: Market) -> None:
    order = SplitOrder(security="ACME", new=2, old=1, document_hash=EVIDENCE)
    market.submit(TRANSFER_AGENT, Chaincode.TOKEN, "split", order)


@reaches(RegisterReason.SPLIT_EMPTY)
def _(market: Market) -> None:
    split(market, 3, 3)


@reaches(RegisterReason.SPLIT_TOO_LARGE)
def _(market: Market) -> None:
    split(market, MAX_QUANTITY)


@reaches(RegisterReason.SPLITS_TOO_MANY)
def _(market: Market) -> None:
    for number in range(MAX_SPLITS + 1):
        split(market, *((2, 1) if number % 2 == 0 else (1, 2)))


@reaches(RegisterReason.SPLIT_FRACTION)
def _(market: Market) -> None:
    split(market, 1, 3)


@reaches(RegisterReason.AGREED_FRACTION)
def _(market: Market) -> None:
    market.agree(market.terms(quantity=3))
    market.ledger.advance(A_DAY / 2)
    split(market, 1, 10)
    market.lock()
