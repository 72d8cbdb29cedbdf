"""What a trade says, and who may trade on such terms: listings, brokers, members, accounts."""

from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256

import pytest
from tests.unit.contracts.acts import refused
from tests.unit.contracts.trades.stage import A_DAY, SETTLEMENT, holdings, settle_at_once, view

from tallystick.contracts.accounts.models import ChallengeTerms
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.prices import amount_of, price_of
from tallystick.contracts.statements import AccountLinked, AccountUnlinked
from tallystick.contracts.testing import KYC, KYC_HOUSE, Market
from tallystick.contracts.trades.models import Status
from tallystick.contracts.trades.terms import CachedClaim, Order, TradeTerms

P = Participant
INTRODUCING = "IntroducingMSP"


def changed(market: Market, **update: object) -> TradeTerms:
    return market.terms().model_copy(update=update)


def order(side: str, **fields: str | None) -> Order:
    return Order.model_validate({"order": f"T-1-{side}", "broker": P.BROKER_DEALER, **fields})


# --- prices ---


@pytest.mark.parametrize(
    ("price", "quantity", "amount"),
    [
        ("50", 10, 500),
        ("0.5", 3, 2),  # 1.5: halves go up
        ("0.49", 3, 1),
        ("33.333333333", 3, 100),
        ("9007199254740991", 1, 2**53 - 1),
    ],
)
def test_an_amount_is_the_price_of_a_quantity_to_the_nearest_minor_unit(
    price: str, quantity: int, amount: int
) -> None:
    """SS-81."""
    assert amount_of(price, quantity) == amount


@pytest.mark.parametrize(("amount", "quantity"), [(100, 3), (500, 10), (1, 999_999_999), (7, 7)])
def test_a_price_is_found_for_every_amount(amount: int, quantity: int) -> None:
    assert amount_of(price_of(amount, quantity), quantity) == amount


@pytest.mark.parametrize(
    ("quotes", "code"),
    [
        ({"best_bid": "50", "best_offer": "50"}, ""),
        ({"best_offer": "49.99"}, "PRICE_UNEXPLAINED"),
        ({"best_bid": "50.01"}, "PRICE_UNEXPLAINED"),
        ({"best_bid": "50.01", "off_quote": "SIZE"}, ""),
    ],
)
def test_a_price_worse_than_the_best_quote_needs_a_reason(
    quotes: Mapping[str, str], code: str, market: Market
) -> None:
    """SS-55."""
    terms = changed(market, **quotes)
    if code:
        assert refused(market.propose, terms) == code
    else:
        assert market.propose(terms).text == terms.digest


def test_a_trade_names_both_orders_and_both_brokers(market: Market) -> None:
    """SS-02, SS-81."""
    market.agree(market.terms())
    terms = view(market).terms
    assert terms is not None
    assert [(each.order, each.broker) for _, each in terms.orders] == [
        ("T-1-buy", P.BROKER_DEALER),
        ("T-1-sell", P.BROKER_DEALER),
    ]
    assert view(market, reader=P.BROKER_DEALER, party=P.BROKER_DEALER).terms == terms
    assert view(market, reader=P.ISSUER, party=P.ISSUER).terms is None


# --- brokers and settlement members ---


def test_who_has_no_broker_of_record_cannot_consent(market: Market) -> None:
    """SS-02: a broker of record has the investor's mandate."""
    market.license(market.licence(INTRODUCING, "broker-dealer"))
    terms = changed(market, buy=order("buy", broker=INTRODUCING))
    market.propose(terms)
    assert refused(market.consent, terms, "buyer") == "MANDATE_MISSING"
    market.entrust("bob", INTRODUCING)
    market.consent(terms, "buyer")


def test_a_broker_whose_licence_has_lapsed_stops_trading_before_the_lock(market: Market) -> None:
    """SS-02."""
    market.license(market.licence(INTRODUCING, "broker-dealer", life=A_DAY))
    market.entrust("bob", INTRODUCING)
    terms = changed(
        market,
        buy=order("buy", broker=INTRODUCING),
        expires_at=market.after(3 * A_DAY),
    )
    market.agree(terms)
    market.ledger.advance(A_DAY)
    assert refused(market.lock) == "LICENCE_EXPIRED"


def test_who_is_no_settlement_member_settles_through_one_that_agrees(market: Market) -> None:
    """SS-102."""
    market.license(market.licence(INTRODUCING, "introducing-broker"))
    market.entrust("bob", INTRODUCING)
    directly = changed(market, buy=order("buy", broker=INTRODUCING))
    market.propose(directly)
    assert refused(market.consent, directly, "buyer") == "LICENCE_MISSING"

    through = directly.model_copy(
        update={
            "trade": "T-2",
            "buy": order("buy", broker=INTRODUCING, agent=P.BROKER_DEALER),
        }
    )
    market.propose(through)
    assert refused(market.consent, through, "buyer") == "AGENCY_MISSING"

    until = market.after(A_DAY)
    market.submit(P.BROKER_DEALER, SETTLEMENT, "accept_agency", INTRODUCING, until)
    market.consent(through, "buyer")
    market.consent(through, "seller")
    market.lock("T-2")
    market.settle("T-2")
    assert holdings(market) == (990, 10, 500, 49_500)


def test_an_agency_ends_in_time_or_when_one_of_the_two_says_so(market: Market) -> None:
    """SS-102."""

    def accept() -> None:
        until = market.after(A_DAY)
        market.submit(P.BROKER_DEALER, SETTLEMENT, "accept_agency", INTRODUCING, until)

    market.license(market.licence(INTRODUCING, "introducing-broker"))
    market.entrust("bob", INTRODUCING)
    accept()
    terms = changed(
        market,
        buy=order("buy", broker=INTRODUCING, agent=P.BROKER_DEALER),
        expires_at=market.after(9 * A_DAY),
    )
    market.agree(terms)
    market.ledger.advance(A_DAY)
    assert refused(market.lock) == "AGENCY_MISSING"
    accept()
    market.submit(INTRODUCING, SETTLEMENT, "end_agency", INTRODUCING, P.BROKER_DEALER)
    assert refused(market.lock) == "AGENCY_MISSING"


# --- listings ---


def test_without_a_listing_there_is_no_trade(market: Market) -> None:
    """SS-44."""
    market.create_security("BETA")
    market.issue("alice", 100, "BETA")
    market.agree(changed(market, security="BETA"))
    assert refused(market.lock) == "NOT_LISTED"
    market.list_security("BETA")
    market.lock()


def test_a_listing_that_ends_stops_deliveries_until_it_is_renewed(market: Market) -> None:
    """SS-44, F133: it is looked at again when a trade is delivered."""
    market.agree(market.terms())
    market.lock()
    market.submit(P.REGULATOR, SETTLEMENT, "end_listing", "ACME", P.ATS, "a doubt")
    assert refused(market.settle) == "NOT_LISTED"
    market.list_security("ACME")
    market.settle()


def test_a_venue_whose_licence_is_suspended_has_no_trade_delivered(market: Market) -> None:
    """SS-01, F133."""
    market.agree(market.terms())
    market.lock()
    suspension = (P.ATS, "ats", "an inquiry")
    market.submit(P.REGULATOR, Chaincode.IDENTITY, "suspend_licence", *suspension)
    assert refused(market.settle) == "LICENCE_SUSPENDED"


# --- accounts at the venue ---


def link(market: Market, identity: str, account: str) -> None:
    challenge = ChallengeTerms(
        challenge=sha256(account.encode()).hexdigest(),
        account=account,
        expires_at=market.after(timedelta(hours=1)),
    )
    market.submit(P.ATS, Chaincode.IDENTITY, "open_challenge", challenge)
    statement = AccountLinked(
        identity=identity,
        venue=P.ATS,
        account=account,
        challenge=challenge.challenge,
    )
    market.submit(
        P.ATS, Chaincode.IDENTITY, "link_account", statement, market.sign(identity, statement)
    )


def unlink(market: Market, identity: str, account: str) -> None:
    statement = AccountUnlinked(identity=identity, venue=P.ATS, account=account)
    market.submit(
        P.ATS, Chaincode.IDENTITY, "unlink_account", statement, market.sign(identity, statement)
    )


def with_accounts(market: Market) -> TradeTerms:
    market.list_security("ACME", accounts_required=True)
    link(market, "alice", "A-1")
    link(market, "bob", "B-1")
    return changed(market, buy=order("buy", account="B-1"), sell=order("sell", account="A-1"))


def test_a_venue_may_ask_for_accounts(market: Market) -> None:
    market.list_security("ACME", accounts_required=True)
    market.agree(market.terms())
    assert refused(market.lock) == "ACCOUNT_NOT_NAMED"


def test_an_account_that_is_unlinked_trades_no_more_from_then_on(market: Market) -> None:
    """SS-29."""
    terms = with_accounts(market)
    market.agree(terms)
    unlink(market, "bob", "B-1")
    assert refused(market.lock) == "ACCOUNT_NOT_LINKED"
    link(market, "bob", "B-2")
    assert refused(market.lock) == "ACCOUNT_NOT_LINKED"


def test_unlinking_an_account_is_no_way_out_of_what_is_locked(market: Market) -> None:
    market.agree(with_accounts(market))
    market.lock()
    unlink(market, "bob", "B-1")
    market.settle()
    assert view(market).trade.status is Status.SETTLED


# --- claims that the venue knew by a copy ---


def test_a_trade_that_rests_on_a_stale_copy_of_a_claim_does_not_settle(market: Market) -> None:
    """SS-31."""
    cached = CachedClaim(party="bob", topic=KYC, issuer=KYC_HOUSE, version=1)
    market.agree(changed(market, claims=(cached,)))
    market.lock()
    claim = market.claim("bob", level=2)
    market.submit(P.BROKER_DEALER, Chaincode.IDENTITY, "add_claim", claim.statement, claim.intent)
    assert refused(market.settle) == "CACHED_CLAIM_STALE"


def test_a_stale_copy_stops_settlement_at_once_and_the_lock_too(market: Market) -> None:
    """SS-31."""
    cached = CachedClaim(party="bob", topic=KYC, issuer=KYC_HOUSE, version=2)
    market.agree(changed(market, claims=(cached,)))
    assert refused(market.lock) == "CACHED_CLAIM_STALE"
    assert refused(settle_at_once, market) == "CACHED_CLAIM_STALE"


def test_a_trade_that_rests_on_a_true_copy_settles(market: Market) -> None:
    """SS-31."""
    cached = CachedClaim(party="bob", topic=KYC, issuer=KYC_HOUSE, version=1)
    market.agree(changed(market, claims=(cached,)))
    market.lock()
    market.settle()
    assert view(market).trade.status is Status.SETTLED
