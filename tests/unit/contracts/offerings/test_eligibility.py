"""Who may subscribe, under which law, and what an issuer sees and cannot do."""

from datetime import timedelta

from pydantic import JsonValue
from tests.unit.contracts.acts import refused
from tests.unit.contracts.compliance.stage import attest, read_pack
from tests.unit.contracts.offerings.stage import (
    HOUR,
    ISIN,
    MONEY,
    PRICE,
    SETTLEMENT,
    TOKEN,
    P,
    PrimaryMarket,
    lots,
    pack_of,
)

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.compliance.models import PackReference, RulesGiven
from tallystick.contracts.lots import Origin
from tallystick.contracts.offerings.models import (
    BookPage,
    Demand,
    SubscriptionStatus,
)
from tallystick.contracts.offers import Allotment, OfferReport
from tallystick.contracts.parties import Requirement
from tallystick.contracts.register.models import Security
from tallystick.contracts.testing import Market

IDENTITY = Chaincode.IDENTITY
BROKER = P.BROKER_DEALER
SECOND = timedelta(seconds=1)


# --- who may subscribe ---


def test_a_holder_fit_for_the_secondary_market_can_be_refused_in_the_round(
    primary: PrimaryMarket,
) -> None:
    """SS-15."""
    attest(primary, "alice", "institution")
    primary.issue("bob", 100)
    primary.offer(requirements=[Requirement(topic="institution")])
    retail = primary.order("b", "bob", 50)
    assert refused(primary.place, retail) == "SUBSCRIBER_NOT_ELIGIBLE"
    assert codes(primary, "bob") == ["SUBSCRIBER_NOT_ELIGIBLE"]
    assert codes(primary, "alice") == []

    primary.place(primary.order("a", "alice", 50))
    primary.transfer("bob", "carol", 10)

    assert primary.units("carol") == 10


def codes(market: PrimaryMarket, holder: str, quantity: int = 50) -> list[str]:
    report = market.evaluate(SETTLEMENT, "may_subscribe", "O-1", holder, quantity)
    return [each.code for each in report.load(OfferReport).findings]


def test_one_exemption_and_its_pack_decide_who_buys(primary: PrimaryMarket) -> None:
    """SS-69, SS-71: Rule 506(c) is advertised, and asks for verified accreditation."""
    pack = read_pack("us-reg-d-506c-2026-01-01")
    primary.bind(pack)
    primary.offer(pack=pack.pack, exemption="reg-d-506c", is_solicited=True)
    attest(primary, "alice", "accreditation", level=1)
    stated = primary.order("a", "alice", 50)
    assert refused(primary.place, stated) == "RECEIVER_NOT_ELIGIBLE"
    attest(primary, "alice", "accreditation", level=2)

    primary.place(stated)

    assert primary.view("a").subscription.status is SubscriptionStatus.PLACED


def test_rule_506b_is_not_advertised_and_asks_for_a_relationship(primary: PrimaryMarket) -> None:
    """SS-71."""
    pack = read_pack("us-reg-d-506b-2026-01-01")
    primary.bind(pack)
    named = {"pack": pack.pack, "exemption": "reg-d-506b"}
    primary.announce(primary.offered("O-2", is_solicited=True, **named))
    assert refused(primary.accept, "O-2") == "SOLICITATION_BARRED"
    primary.offer(**named)
    order = primary.order("a", "alice", 50)
    assert refused(primary.place, order) == "RECEIVER_NOT_ELIGIBLE"
    for topic in ("sophistication", "prior-relationship"):
        attest(primary, "alice", topic)

    primary.place(order)


def test_what_law_asks_an_authority_about_opens_once_it_approves(primary: PrimaryMarket) -> None:
    """SS-69, SS-99."""
    pack = read_pack("us-reg-a-tier-2-2026-01-01")
    primary.bind(pack)
    of_pack = {"pack": pack.pack, "pack_version": pack.version, "exemption": "reg-a-tier-2"}
    primary.announce(primary.offered(**of_pack))
    assert refused(primary.accept) == "OFFERING_NOT_APPROVED"
    primary.submit(P.REGULATOR, SETTLEMENT, "approve_offering", "O-1")

    primary.accept()

    assert primary.offering().approved_by == P.REGULATOR


def test_the_raise_of_an_issuer_rolls_over_all_its_offerings_to_the_second(
    primary: PrimaryMarket,
) -> None:
    """SS-70: a year from January 2024 has 366 days, and the 365th is not enough."""
    primary.bind(pack_of("capped", cap=1000 * PRICE))
    named = {"pack": "capped", "exemption": "capped"}
    primary.offer(**named)
    primary.subscribe("a", "alice", 600)
    primary.to_the_issue()
    primary.issue_page("a")
    issued = primary.ledger.now
    year = timedelta(days=366)
    terms = primary.offered(
        "O-2", ends_at=primary.after(year + 2 * HOUR), long_stop_at=primary.after(2 * year), **named
    )
    primary.announce(terms)
    primary.accept("O-2")
    primary.ledger.advance(issued + timedelta(days=365) - primary.ledger.now)
    for holder in ("bob", "carol"):
        renewed = primary.claim(holder)
        primary.submit(BROKER, IDENTITY, "add_claim", renewed.statement, renewed.intent)
    order = primary.order("b", "bob", 410, offering="O-2")
    assert refused(primary.place, order) == "RAISE_EXCEEDED"
    primary.ledger.advance(issued + year - SECOND - primary.ledger.now)
    assert refused(primary.place, order) == "RAISE_EXCEEDED"
    primary.place(primary.order("c", "carol", 400, offering="O-2"))
    primary.ledger.advance(SECOND)

    primary.place(order)

    assert primary.offering("O-2").terms.exemption == "capped"


# --- many at once, and what is seen ---


def test_subscriptions_share_no_row_that_one_of_them_writes(primary: PrimaryMarket) -> None:
    """SS-101: thousands at once do not conflict; the hard cap is judged at the allocation."""
    primary.offer()
    touched: list[set[tuple[str, object]]] = []
    for subscription, investor in (("a", "alice"), ("b", "bob")):
        market = primary.fork()
        if touched:
            market.deposit("carol", 1)  # so that its transactions have other ids
        before = rows(market)
        market.subscribe(subscription, investor, 1000)
        touched.append({key for key, value in rows(market).items() if before.get(key) != value})

    first, second = touched
    assert first
    assert first & second == set()


def rows(market: Market) -> dict[tuple[str, object], bytes]:
    return {
        (name, key): value
        for name, each in market.ledger.world.rows.items()
        for part in (each.values, each.private)
        for key, value in part.items()
    }


def test_the_issuer_sees_how_much_is_ordered_and_not_by_whom(primary: PrimaryMarket) -> None:
    """SS-05: and sees early that the offering is full."""
    primary.offer()
    primary.subscribe("a", "alice", 600)
    primary.place(primary.order("b", "bob", 400))
    ask = (SETTLEMENT, "demand", "O-1")
    before = primary.submit(P.ISSUER, *ask).load(Demand)
    primary.pay("b")

    after = primary.submit(P.ISSUER, *ask).load(Demand)

    assert before == Demand(subscriptions=2, placed=400, paid=600, is_full=False)
    assert after == Demand(subscriptions=2, placed=0, paid=1000, is_full=True)
    book = primary.submit(P.ISSUER, SETTLEMENT, "order_book", "O-1")
    assert [each.quantity for each in book.load(BookPage).lines] == [600, 400]
    assert b"alice" not in book.payload
    assert refused(primary.submit, P.ATS, *ask) == "LICENCE_MISSING"
    assert refused(primary.submit, P.ATS, SETTLEMENT, "order_book", "O-1") == "LICENCE_MISSING"


def test_lots_of_a_round_name_round_exemption_and_day_and_no_price(
    primary: PrimaryMarket,
) -> None:
    primary.offer(tranche="tranche-1")
    primary.subscribe("a", "alice", 500)
    primary.to_the_issue()
    primary.issue_page("a")
    (lot,) = lots(primary, "alice")

    assert (lot.round, lot.exemption, lot.tranche) == ("series-a", "small", "tranche-1")
    assert lot.acquired_on == primary.ledger.now.date().isoformat()
    assert b"25" not in lot.model_dump_json(include={"round", "exemption", "locks"}).encode()


# --- tiers, and what is left ---


def test_a_tier_of_another_price_is_an_offering_of_its_own(primary: PrimaryMarket) -> None:
    """F14: each price has its round, and the caps on raising are judged by it."""
    primary.offer(hard_cap=400, maximum=400, tranche="tier-1")
    primary.subscribe("a", "alice", 400)
    primary.to_the_issue()
    primary.issue_page("a")
    small = PackReference(pack="small", version=1)
    dearer = RulesGiven(security="ACME", unit_price=2 * PRICE, packs=(small,))
    primary.submit(P.TRANSFER_AGENT, TOKEN, "bind_rules", dearer)

    terms = primary.offered("O-2", price=2 * PRICE, tranche="tier-2")
    primary.announce(terms)
    primary.accept("O-2")
    primary.ledger.advance(HOUR)
    primary.subscribe("b", "bob", 400, offering="O-2")

    assert primary.free_money("alice") == MONEY - 400 * PRICE
    assert primary.free_money("bob") == MONEY - 800 * PRICE


def test_what_nobody_bought_may_go_to_the_treasury(primary: PrimaryMarket) -> None:
    """F20: as the keeper of the register issues it, for no money."""
    primary.offer()
    primary.subscribe("a", "alice", 600)
    primary.to_the_issue()
    primary.issue_page("a")
    primary.conclude()
    claim = primary.claim("treasury")
    primary.submit(BROKER, IDENTITY, "add_claim", claim.statement, claim.intent)
    rest = primary.offering().terms.hard_cap - primary.supply()

    primary.submit(
        P.TRANSFER_AGENT, TOKEN, "issue", "ACME", "treasury", rest, Origin(round="series-a")
    )

    assert primary.units("treasury") == 400


# --- what the issuer cannot do ---


def test_an_issuer_offers_and_moves_nobodys_units(primary: PrimaryMarket) -> None:
    """SS-05."""
    primary.offer()
    primary.subscribe("a", "alice", 500)
    primary.to_the_issue()
    subscriptions: JsonValue = ["a"]
    issue = (P.ISSUER, SETTLEMENT, "issue_units", "O-1", subscriptions)
    assert refused(primary.submit, *issue) == "LICENCE_MISSING"
    accept = ("accept_offering", "O-1", [ISIN])
    assert refused(primary.submit, P.ISSUER, SETTLEMENT, *accept) == "LICENCE_MISSING"
    row = primary.evaluate(TOKEN, "security", "ACME").load(Security)
    offer = primary.offering().offer
    allotment = Allotment(holder="alice", quantity=1)
    by_hand = (P.TRANSFER_AGENT, TOKEN, "issue_offered", offer, [allotment])
    assert refused(primary.submit, *by_hand) == "CALLER_NOT_PERMITTED"
    assert row.terms.issuer == P.ISSUER
    assert primary.supply() == 0


def test_who_keeps_the_register_cannot_be_its_own_issuer(primary: PrimaryMarket) -> None:
    primary.license(primary.licence(P.TRANSFER_AGENT, "issuer"))
    terms = primary.offered(issuer=P.TRANSFER_AGENT)
    primary.submit(P.TRANSFER_AGENT, SETTLEMENT, "announce_offering", terms)

    assert refused(primary.accept) == "FUNCTIONS_NOT_SEPARATE"


def test_a_changed_price_stops_the_issue(primary: PrimaryMarket) -> None:
    """The caps on raising are judged by the price that the security has: it must be this one."""
    primary.offer()
    primary.subscribe("a", "alice", 500)
    primary.to_the_issue()
    primary.submit(
        P.TRANSFER_AGENT,
        TOKEN,
        "bind_rules",
        {"security": "ACME", "unit_price": 1, "packs": [{"pack": "small", "version": 1}]},
    )

    assert refused(primary.issue_page, "a") == "OFFER_DIFFERS"
