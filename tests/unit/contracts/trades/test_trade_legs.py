"""Trades of several legs and parties, consents that end, mediators, failures, and real time."""

from datetime import timedelta

import pytest
from tests.unit.contracts.acts import refused
from tests.unit.contracts.trades.stage import (
    A_DAY,
    AN_HOUR,
    BEFORE,
    MEDIATOR,
    SETTLED,
    SETTLEMENT,
    approve,
    freeze,
    held,
    holdings,
    mediated,
    record_failure,
    settle_at_once,
    unfreeze,
    view,
)

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.compliance.records import DecisionPage, Outcome
from tallystick.contracts.participants import Participant
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.models import Status
from tallystick.contracts.trades.terms import LegKind, TradeLeg, TradeTerms

P = Participant
A_SECOND = timedelta(seconds=1)


# --- several legs ---


def leg(kind: LegKind, asset: str, sender: str, receiver: str, quantity: int) -> TradeLeg:
    return TradeLeg(kind=kind, asset=asset, sender=sender, receiver=receiver, quantity=quantity)


@pytest.fixture
def basket(market: Market) -> TradeTerms:
    """bob buys ACME from alice and BETA from carol, and pays carol too."""
    market.onboard("carol")
    market.create_security("BETA")
    market.list_security("BETA")
    market.issue("carol", 50, "BETA")
    legs = (
        leg(LegKind.UNITS, "BETA", "carol", "bob", 20),
        leg(LegKind.MONEY, "USD", "bob", "carol", 300),
        leg(LegKind.UNITS, "ACME", "alice", "carol", 5),
    )
    return market.terms().model_copy(update={"legs": legs})


def everything(market: Market) -> dict[str, tuple[int, int, int]]:
    return {
        holder: (market.units(holder), market.units(holder, "BETA"), market.money(holder))
        for holder in ("alice", "bob", "carol")
    }


def test_all_legs_go_over_in_one_transaction(market: Market, basket: TradeTerms) -> None:
    """F124, F125."""
    market.agree(basket)
    market.lock()
    assert everything(market) == {
        "alice": (1000, 0, 0),
        "bob": (0, 0, 50_000),
        "carol": (0, 50, 0),
    }
    assert held(market) == 15
    market.settle()
    assert everything(market) == {
        "alice": (985, 0, 500),
        "bob": (10, 20, 49_200),
        "carol": (5, 30, 300),
    }


def test_each_distinct_party_consents_once(market: Market, basket: TradeTerms) -> None:
    """F126."""
    assert dict(basket.parties) == {"buyer": "bob", "seller": "alice", "party-1": "carol"}
    market.propose(basket)
    market.consent(basket, "buyer")
    market.consent(basket, "seller")
    assert refused(market.lock) == "CONSENT_MISSING"
    market.consent(basket, "party-1")
    assert refused(market.consent, basket, "party-1") == "CONSENT_ALREADY_GIVEN"
    market.lock()


def test_every_security_of_a_trade_is_listed(market: Market, basket: TradeTerms) -> None:
    """SS-44."""
    market.agree(basket)
    market.submit(P.ATS, SETTLEMENT, "end_listing", "BETA", P.ATS, "a doubt")
    assert refused(market.lock) == "NOT_LISTED"


def test_one_leg_that_cannot_go_keeps_all_of_them(market: Market, basket: TradeTerms) -> None:
    """SS-87, F124."""
    market.agree(basket)
    market.lock()
    before = everything(market)
    freeze(market)
    assert refused(market.settle) == "SENDER_FROZEN"
    assert everything(market) == before
    unfreeze(market)
    market.settle()


def test_a_trade_of_several_legs_gives_every_lock_back(market: Market, basket: TradeTerms) -> None:
    """SS-89."""
    market.agree(basket)
    market.lock()
    market.submit(P.ATS, SETTLEMENT, "cancel", "T-1", "an error")
    assert held(market) == 0
    market.transfer("alice", "bob", 1000)
    market.submit(P.BANK, Chaincode.CASH, "withdraw", "USD", "bob", 50_000)


def test_units_go_through_an_intermediary_that_holds_none(market: Market) -> None:
    """F134: what one leg brings, another passes on, where all of them are delivered at once."""
    market.onboard("carol")
    through = market.terms().model_copy(
        update={
            "buyer": "carol",
            "legs": (
                leg(LegKind.UNITS, "ACME", "carol", "bob", 10),
                leg(LegKind.MONEY, "USD", "bob", "carol", 500),
            ),
        }
    )
    market.agree(through)
    settle_at_once(market)
    assert holdings(market) == SETTLED
    assert (market.units("carol"), market.money("carol")) == (0, 0)


# --- consents and approvals that end ---


def test_a_consent_counts_until_its_last_second_and_can_be_given_anew(market: Market) -> None:
    """SS-85."""
    terms = market.terms()
    market.propose(terms)
    market.consent(terms, "seller")
    market.consent(terms, "buyer", market.after(AN_HOUR))
    market.ledger.advance(AN_HOUR - A_SECOND)
    assert view(market).consents == ("buyer", "seller")
    market.fork().lock()
    market.ledger.advance(A_SECOND)
    assert view(market).consents == ("seller",)
    assert refused(market.lock) == "CONSENT_EXPIRED"
    market.consent(terms, "buyer")
    market.lock()


def test_a_consent_that_ends_after_the_lock_holds(market: Market) -> None:
    terms = market.terms()
    market.propose(terms)
    market.consent(terms, "seller")
    market.consent(terms, "buyer", market.after(AN_HOUR))
    market.lock()
    market.ledger.advance(AN_HOUR)
    market.settle()
    assert view(market).trade.status is Status.SETTLED


def test_without_its_mediators_a_trade_is_neither_locked_nor_delivered(market: Market) -> None:
    """F128."""
    market.agree(mediated(market))
    assert refused(market.lock) == "MEDIATION_MISSING"
    assert refused(settle_at_once, market) == "MEDIATION_MISSING"
    approve(market, market.after(AN_HOUR))
    market.lock()
    market.ledger.advance(AN_HOUR - A_SECOND)
    market.fork().settle()
    market.ledger.advance(A_SECOND)
    assert refused(market.settle) == "MEDIATION_EXPIRED"
    approve(market)
    market.settle()


def test_a_mediator_reads_the_terms_when_it_names_itself(market: Market) -> None:
    terms = mediated(market)
    market.propose(terms)
    assert view(market, reader=MEDIATOR).terms is None
    assert view(market, reader=MEDIATOR, party=MEDIATOR).terms == terms


def test_only_a_mediator_rejects(market: Market) -> None:
    market.agree(mediated(market))
    assert refused(market.submit, P.ISSUER, SETTLEMENT, "reject_trade", "T-1", "no") == (
        "NOT_A_MEDIATOR"
    )


# --- failures ---


def test_a_failure_is_recorded_with_its_findings_and_the_locks_stay(market: Market) -> None:
    """F131, SS-80: the register records its part of the decision."""
    market.agree(market.terms())
    market.lock()
    freeze(market)
    market.submit(P.REGULATOR, SETTLEMENT, "end_listing", "ACME", P.ATS, "a doubt")
    outcome = record_failure(market)
    assert outcome.event_types == ("token.RefusalRecorded", "settlement.TradeFailed")
    trade = view(market)
    assert trade.trade.status is Status.FAILING
    assert trade.failure is not None
    assert [each.code for each in trade.failure.findings] == ["NOT_LISTED", "SENDER_FROZEN"]
    assert held(market) == 10
    page = market.evaluate(Chaincode.TOKEN, "decisions", "ACME").load(DecisionPage)
    assert page.decisions[-1].outcome is Outcome.REFUSED
    unfreeze(market)
    market.list_security("ACME")
    market.settle()
    assert holdings(market) == SETTLED


def test_how_long_a_trade_fails_counts_from_the_first_record(market: Market) -> None:
    market.agree(market.terms())
    market.lock()
    freeze(market)
    first = market.after(timedelta(0))
    record_failure(market)
    market.ledger.advance(AN_HOUR)
    record_failure(market)
    failure = view(market).failure
    assert failure is not None
    assert (failure.failing_since, failure.recorded_at) == (first, market.after(timedelta(0)))


def test_why_a_trade_fails_is_for_those_who_may_read_it(market: Market) -> None:
    """SS-107."""
    market.agree(market.terms())
    market.lock()
    freeze(market)
    record_failure(market)
    assert view(market, reader=P.ISSUER).failure is None


def test_what_could_be_settled_is_no_failure(market: Market) -> None:
    market.agree(market.terms())
    market.lock()
    assert refused(record_failure, market) == "NOTHING_FAILS"


def test_a_refused_settlement_changes_nothing(market: Market) -> None:
    """SS-109."""
    market.agree(market.terms())
    market.lock()
    freeze(market)
    before = view(market)
    assert refused(market.settle) == "SENDER_FROZEN"
    assert view(market) == before


# --- gross, in real time ---


def test_a_prefunded_trade_settles_in_the_transaction_that_asks_for_it(market: Market) -> None:
    """SS-92, SS-91: DvP 1 with no lock before."""
    market.agree(market.terms())
    outcome = settle_at_once(market)
    assert outcome.event_types == (
        "token.Transferred",
        "token.HolderCounted",
        "cash.EntryMade",
        "settlement.TradeSettled",
    )
    assert holdings(market) == SETTLED
    assert [change.status for change in view(market).history] == ["proposed", "settled"]


@pytest.mark.parametrize(
    ("quantity", "amount"), [(1001, 500), (10, 50_001)], ids=["units missing", "money missing"]
)
def test_what_is_not_prefunded_is_refused_and_never_waits(
    quantity: int, amount: int, market: Market
) -> None:
    """SS-92."""
    market.agree(market.terms(quantity=quantity, amount=amount))
    assert refused(settle_at_once, market) == "INSUFFICIENT_AVAILABLE"
    assert holdings(market) == BEFORE
    assert view(market).trade.status is Status.PROPOSED
    assert held(market) == 0


def test_real_time_waits_for_no_consent_and_no_day(market: Market) -> None:
    market.propose(market.terms())
    assert refused(settle_at_once, market) == "CONSENT_MISSING"
    tomorrow = market.after(A_DAY)[:10]
    later = market.terms("T-2").model_copy(
        update={"settlement_day": tomorrow, "expires_at": market.after(2 * A_DAY)}
    )
    market.agree(later)
    assert refused(settle_at_once, market, "T-2") == "SETTLEMENT_DAY_NOT_REACHED"
