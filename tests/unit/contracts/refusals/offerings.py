"""Scenarios whose last call is refused: offerings and subscriptions."""

from dataclasses import dataclass, field
from datetime import timedelta

from tests.unit.contracts.offerings.stage import (
    ISIN,
    LASTS,
    MONEY,
    PAID_LATER,
    SETTLEMENT,
    P,
    PrimaryMarket,
    pack_of,
)
from tests.unit.contracts.refusals.scenarios import reaches

from tallystick.chaincode.codec import Argument
from tallystick.chaincode.testing import Outcome
from tallystick.contracts.models import Model
from tallystick.contracts.offerings.models import AllocationRule
from tallystick.contracts.parties import Requirement
from tallystick.contracts.reasons import OfferingReason
from tallystick.contracts.testing import KYC, Market


@dataclass
class BorrowedMarket(PrimaryMarket):
    """Acts on another market, which hears of every act."""

    lender: Market = field(default_factory=Market)

    def submit(
        self,
        participant: str,
        chaincode: str,
        function: str,
        *arguments: Argument,
        **secrets: Model,
    ) -> Outcome:
        return self.lender.submit(participant, chaincode, function, *arguments, **secrets)


def staged(market: Market) -> PrimaryMarket:
    """Return the market with ACME ready to be offered; alice has money as well as bob."""
    primary = BorrowedMarket(
        ledger=market.ledger, clients=market.clients, wallets=market.wallets, lender=market
    )
    primary.onboard("treasury")
    primary.deposit("alice", MONEY)
    primary.name_it()
    return primary


def opened(market: Market, **changes: object) -> PrimaryMarket:
    """Return the market with an open offering."""
    primary = staged(market)
    primary.offer(**changes)
    return primary


def allocated(market: Market, **changes: object) -> PrimaryMarket:
    """Return the market with an offering in which alice gets everything."""
    primary = opened(market, **changes)
    primary.subscribe("a", "alice", 1000)
    primary.close()
    primary.allocate()
    return primary


@reaches(OfferingReason.OFFERING_UNKNOWN)
def _(market: Market) -> None:
    staged(market).accept("O-9")


@reaches(OfferingReason.OFFERING_EXISTS)
def _(market: Market) -> None:
    primary = staged(market)
    primary.announce(primary.offered())
    primary.announce(primary.offered())


@reaches(OfferingReason.OFFERING_TERMS_WRONG)
def _(market: Market) -> None:
    primary = staged(market)
    primary.announce(primary.offered(soft_cap=2000))


@reaches(OfferingReason.NOT_THE_OFFEROR)
def _(market: Market) -> None:
    primary = staged(market)
    primary.announce(primary.offered(issuer="OtherMSP"))


@reaches(OfferingReason.OFFERING_STATUS)
def _(market: Market) -> None:
    opened(market).accept()


@reaches(OfferingReason.OFFERING_TOO_EARLY)
def _(market: Market) -> None:
    opened(market).lapse()


@reaches(OfferingReason.OFFERING_TOO_LATE)
def _(market: Market) -> None:
    primary = opened(market)
    primary.ledger.advance(LASTS)
    primary.place(primary.order("a", "alice", 50))


@reaches(OfferingReason.OFFER_DIFFERS)
def _(market: Market) -> None:
    primary = staged(market)
    primary.announce(primary.offered(price=26))
    primary.accept()


@reaches(OfferingReason.OFFER_PACK_NOT_BOUND)
def _(market: Market) -> None:
    primary = staged(market)
    primary.submit(P.REGULATOR, "token", "publish_pack", pack_of("other"))
    primary.announce(primary.offered(pack="other", exemption="other"))
    primary.accept()


@reaches(OfferingReason.IDENTIFIER_DIFFERS)
def _(market: Market) -> None:
    primary = staged(market)
    primary.announce(primary.offered())
    other = ISIN.model_copy(update={"scheme": "CUSIP"})
    primary.submit(P.TRANSFER_AGENT, SETTLEMENT, "accept_offering", "O-1", [other])


@reaches(OfferingReason.SOLICITATION_BARRED)
def _(market: Market) -> None:
    primary = staged(market)
    primary.bind(pack_of("quiet", bars_solicitation="Test Act, s. 2"))
    primary.announce(primary.offered(pack="quiet", exemption="quiet", is_solicited=True))
    primary.accept()


@reaches(OfferingReason.OFFERING_NOT_APPROVED)
def _(market: Market) -> None:
    primary = staged(market)
    primary.bind(pack_of("approved", requires_approval="Test Act, s. 3"))
    primary.announce(primary.offered(pack="approved", exemption="approved"))
    primary.accept()


@reaches(OfferingReason.SUBSCRIPTION_UNKNOWN)
def _(market: Market) -> None:
    opened(market).pay("a")


@reaches(OfferingReason.SUBSCRIPTION_EXISTS)
def _(market: Market) -> None:
    primary = opened(market)
    primary.place(primary.order("a", "alice", 50))
    primary.place(primary.order("a", "bob", 50))


@reaches(OfferingReason.SUBSCRIPTION_STATUS)
def _(market: Market) -> None:
    primary = opened(market)
    primary.subscribe("a", "alice", 50)
    primary.pay("a")


@reaches(OfferingReason.SUBSCRIPTION_TERMS_DIFFER)
def _(market: Market) -> None:
    primary = opened(market)
    primary.place(primary.order("a", "alice", 50, terms_hash="0" * 64))


@reaches(OfferingReason.SUBSCRIPTION_FEES_DIFFER)
def _(market: Market) -> None:
    primary = opened(market)
    primary.place(primary.order("a", "alice", 50, fee_schedule_version=1))


@reaches(OfferingReason.SUBSCRIPTION_SIZE)
def _(market: Market) -> None:
    primary = opened(market)
    primary.place(primary.order("a", "alice", 55))


@reaches(OfferingReason.SUBSCRIBER_NOT_ELIGIBLE)
def _(market: Market) -> None:
    primary = opened(market, requirements=(Requirement(topic=KYC, level=2),))
    primary.place(primary.order("a", "alice", 50))


@reaches(OfferingReason.SUBSCRIBER_NOT_REPRESENTED)
def _(market: Market) -> None:
    primary = opened(market)
    primary.place(primary.order("a", "alice", 50, payer="bob"))


@reaches(OfferingReason.NOT_THE_INTERMEDIARY)
def _(market: Market) -> None:
    primary = opened(market)
    primary.place(primary.order("a", "alice", 50))
    primary.pay("a", submitter=P.ATS)


@reaches(OfferingReason.ORDER_LAPSED)
def _(market: Market) -> None:
    primary = allocated(market)
    primary.fund()
    primary.recover("alice")
    primary.issue_page("a")


@reaches(OfferingReason.COOLING_OFF_OVER)
def _(market: Market) -> None:
    primary = opened(market)
    primary.subscribe("a", "alice", 50)
    primary.close()
    primary.cancel("a", "alice")


@reaches(OfferingReason.NOTHING_ALLOTTED)
def _(market: Market) -> None:
    primary = opened(market, allocation=AllocationRule.FIRST_COME)
    primary.subscribe("a", "alice", 1000)
    primary.ledger.advance(timedelta(seconds=1))
    primary.subscribe("b", "bob", 100)
    primary.to_the_issue()
    primary.issue_page("a", "b")


@reaches(OfferingReason.UNITS_ALLOTTED)
def _(market: Market) -> None:
    allocated(market).refund("a")


@reaches(OfferingReason.ALLOTMENT_OUT_OF_BOUNDS)
def _(market: Market) -> None:
    primary = opened(market, allocation=AllocationRule.DISCRETIONARY)
    primary.subscribe("a", "alice", 50)
    primary.close()
    primary.give(a=60)


@reaches(OfferingReason.HARD_CAP_EXCEEDED)
def _(market: Market) -> None:
    primary = opened(market, allocation=AllocationRule.DISCRETIONARY)
    primary.subscribe("a", "alice", 1000)
    primary.subscribe("b", "bob", 100)
    primary.close()
    primary.give(a=1000, b=100)
    primary.allocate()


@reaches(OfferingReason.ALLOCATION_NOT_DISCRETIONARY)
def _(market: Market) -> None:
    primary = opened(market)
    primary.subscribe("a", "alice", 50)
    primary.close()
    primary.give(a=50)


@reaches(OfferingReason.PAYMENT_OUTSTANDING)
def _(market: Market) -> None:
    primary = opened(market, **PAID_LATER)
    primary.place(primary.order("a", "alice", 1000))
    primary.close()
    primary.allocate()
    primary.fund()


@reaches(OfferingReason.ISSUE_OUTSTANDING)
def _(market: Market) -> None:
    primary = opened(market)
    primary.subscribe("a", "alice", 500)
    primary.subscribe("b", "bob", 500)
    primary.to_the_issue()
    primary.issue_page("a")
    primary.conclude()


@reaches(OfferingReason.RECEIPT_NOT_TAKEN)
def _(market: Market) -> None:
    primary = opened(market, **PAID_LATER)
    primary.place(primary.order("a", "alice", 1000))
    primary.close()
    primary.allocate()
    primary.pay_by("a", primary.receipt("a", 1))


@reaches(OfferingReason.BOOK_TOO_LARGE)
def _(market: Market) -> None:
    primary = opened(market, soft_cap=10)
    primary.subscribe("a", "alice", 50)
    rows = market.ledger.world.rows_of(SETTLEMENT).values
    place, row = next((key, value) for key, value in rows.items() if "subscription" in key)
    for number in range(10_000):
        rows[f"{place[:-1]}{number}\x00"] = row
    primary.close()
    primary.allocate()
