"""The packs that the regulator publishes, at work: each figure at its boundary, to the second."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from tests.unit.contracts.compliance.stage import (
    AGENT,
    PACKS,
    REGULATOR,
    TOKEN,
    RuledMarket,
    issue,
    read_pack,
    rule,
    sent,
)

from tallystick.chaincode import Refusal
from tallystick.contracts.compliance.models import PackReference, RulesGiven
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.models import Verdict
from tallystick.contracts.testing import EVIDENCE

A_SECOND = timedelta(seconds=1)


def go_to(market: RuledMarket, day: str) -> None:
    """Let time pass until a day begins, and renew the claims that end meanwhile."""
    market.ledger.now = datetime.combine(date.fromisoformat(day), time(), UTC)
    market.confirm("alice", "bob")


@pytest.mark.parametrize("name", sorted(path.stem for path in PACKS.glob("*.json")))
def test_a_pack_can_be_published_and_names_the_provision_of_each_figure(
    name: str, ruled: RuledMarket
) -> None:
    """SS-69, W14."""
    pack = read_pack(name)

    ruled.submit(REGULATOR, TOKEN, "publish_pack", pack)

    assert name == f"{pack.pack}-{pack.dated}"
    assert [each for rule in pack.rules for each in rule.without_provision] == []


def test_a_year_passes_before_the_non_accredited_may_buy(ruled: RuledMarket) -> None:
    """SS-74; 17 CFR 230.144(d)(1)(ii): refused at T+365d-1s, accepted at T+365d."""
    market = ruled
    market.onboard("carol")
    for who in ("alice", "carol"):
        market.attest(who, "accreditation", level=2)
    market.bind(packs=["us-reg-d-506c-2026-01-01"])
    go_to(market, "2026-03-01")
    issue(market, "alice", 10, "reg-d-506c")
    market.submit(AGENT, TOKEN, "redeem", "ACME", "alice", 1000, EVIDENCE)

    go_to(market, "2027-03-01")
    market.confirm("carol")
    market.ledger.now -= A_SECOND
    market.confirm("alice", "bob", "carol")
    verdict = market.ask(10)
    assert [each.code for each in verdict.reasons] == ["RESALE_RESTRICTED"]
    assert "us-reg-d-506c 1: 17 CFR 230.144" in verdict.reasons[0].message
    assert [(each.moment, each.quantity) for each in verdict.unlocks] == [
        ("2027-03-01T00:00:00Z", 10)
    ]
    assert market.ask(10, "carol").allowed

    market.ledger.now += A_SECOND
    market.transfer("alice", "bob", 10)
    assert market.units("bob") == 10


@pytest.mark.parametrize(
    ("pack", "end"),
    [
        ("us-reg-s-category-2-2026-01-01", "2026-04-10"),
        ("us-reg-s-category-3-reporting-2026-01-01", "2026-09-01"),
        ("us-reg-s-category-3-equity-2026-01-01", "2027-03-01"),
    ],
)
def test_units_offered_abroad_do_not_flow_back_within_the_compliance_period(
    pack: str, end: str, ruled: RuledMarket
) -> None:
    """SS-73, F95; 17 CFR 230.903(b)(2)(ii), (b)(3)(iii)(A): among non-US holders units move."""
    market = ruled
    market.onboard("carol")
    market.attest("alice", "residence", "DE")
    market.attest("carol", "residence", "FR")
    market.attest("bob", "residence", "US")
    market.submit(AGENT, TOKEN, "redeem", "ACME", "alice", 1000, EVIDENCE)
    market.bind(packs=[pack])
    go_to(market, "2026-03-01")
    market.confirm("carol")
    issue(market, "alice", 10, "reg-s")

    assert market.ask(10, "carol").allowed
    go_to(market, end)
    market.ledger.now -= A_SECOND
    market.confirm("alice", "bob")
    assert [each.code for each in market.ask(10).reasons] == ["RESALE_RESTRICTED"]
    market.ledger.now += A_SECOND
    assert market.ask(10).allowed


def offer(market: RuledMarket, *packs: str, unit_price: int = 100_000) -> None:
    market.bind(packs=packs, unit_price=unit_price)
    go_to(market, "2026-03-01")


def test_a_crowdfunding_issuer_raises_five_million_in_twelve_months(ruled: RuledMarket) -> None:
    """SS-70; 17 CFR 227.100(a)(1): the window rolls, exact at day 365."""
    market = ruled
    market.attest("alice", "accreditation")
    offer(market, "us-reg-cf-2026-01-01")
    issue(market, "alice", 4_000, "reg-cf")
    go_to(market, "2026-05-01")
    issue(market, "alice", 1_000, "reg-cf")

    with pytest.raises(Refusal, match=r"RAISE_EXCEEDED: .*227\.100\(a\)\(1\)"):
        issue(market, "alice", 1, "reg-cf")
    go_to(market, "2027-03-01")
    market.ledger.now -= A_SECOND
    market.confirm("alice")
    with pytest.raises(Refusal, match="RAISE_EXCEEDED"):
        issue(market, "alice", 1, "reg-cf")
    market.ledger.now += A_SECOND
    issue(market, "alice", 4_000, "reg-cf")


@pytest.mark.parametrize(
    ("income", "worth", "dollars"),
    [
        (0, 0, 2_500),
        (40, 30, 2_500),
        (123, 200, 10_000),
        (124, 200, 20_000),
        (130, 2_000, 124_000),
    ],
)
def test_a_crowdfunding_investor_invests_within_its_means(
    income: int, worth: int, dollars: int, ruled: RuledMarket
) -> None:
    """SS-42, W14; 17 CFR 227.100(a)(2): over all issuers, within 12 months."""
    market = ruled
    for topic, level in (("annual-income", income), ("net-worth", worth)):
        if level:
            market.attest("bob", topic, level=level)
    offer(market, "us-reg-cf-2026-01-01", unit_price=100)
    issue(market, "bob", dollars, "reg-cf")

    with pytest.raises(Refusal, match="INVESTMENT_EXCEEDED"):
        issue(market, "bob", 1, "reg-cf")
    go_to(market, "2027-03-01")
    for topic, level in (("annual-income", income), ("net-worth", worth)):
        if level:
            market.attest("bob", topic, level=level)
    issue(market, "bob", 1, "reg-cf")


def test_an_investor_can_ask_what_it_may_still_put_into_an_offering(ruled: RuledMarket) -> None:
    """SS-42; 17 CFR 227.100(a)(2)(i): $2,500, of which $1,000 are spent, at a dollar a unit."""
    offer(ruled, "us-reg-cf-2026-01-01", unit_price=100)
    issue(ruled, "bob", 1_000, "reg-cf")

    answer = ruled.evaluate(TOKEN, "can_subscribe", "ACME", "bob", "reg-cf").load(Verdict)

    assert (answer.allowed, answer.most) == (True, 1_500)
    issue(ruled, "bob", 1_500, "reg-cf")
    answer = ruled.evaluate(TOKEN, "can_subscribe", "ACME", "bob", "reg-cf").load(Verdict)
    assert (answer.most, [each.code for each in answer.reasons]) == (0, ["INVESTMENT_EXCEEDED"])


def test_who_is_accredited_invests_what_it_likes(ruled: RuledMarket) -> None:
    """17 CFR 227.100(a)(2): no limit for accredited investors."""
    ruled.attest("bob", "accreditation")
    offer(ruled, "us-reg-cf-2026-01-01", unit_price=100)

    issue(ruled, "bob", 4_000_000, "reg-cf")

    assert ruled.units("bob") == 4_000_000


def test_thirty_five_may_buy_who_are_not_accredited(ruled: RuledMarket) -> None:
    """SS-71; 17 CFR 230.506(b)(2)(i): purchasers, not holders, within 90 days."""
    market = ruled
    names = [f"buyer-{number}" for number in range(37)]
    market.onboard(*names)
    for each in names:
        market.attest(each, "sophistication")
        market.attest(each, "prior-relationship")
    market.attest("buyer-36", "accreditation")
    offer(market, "us-reg-d-506b-2026-01-01")
    market.confirm(*names)
    for each in names[:35]:
        issue(market, each, 1, "reg-d-506b")
    market.submit(AGENT, TOKEN, "redeem", "ACME", "buyer-0", 1, EVIDENCE)

    with pytest.raises(Refusal, match=r"PURCHASERS_TOO_MANY: .*36.*506\(b\)\(2\)\(i\)"):
        issue(market, "buyer-35", 1, "reg-d-506b")
    issue(market, "buyer-1", 1, "reg-d-506b")
    issue(market, "buyer-36", 1, "reg-d-506b")
    go_to(market, "2026-05-30")
    issue(market, "buyer-35", 1, "reg-d-506b")


def test_without_a_relationship_nobody_is_offered_units_privately(ruled: RuledMarket) -> None:
    """SS-71; 17 CFR 230.502(c)."""
    ruled.attest("bob", "sophistication")
    offer(ruled, "us-reg-d-506b-2026-01-01")

    with pytest.raises(Refusal, match=r"RECEIVER_NOT_ELIGIBLE: .*prior-relationship"):
        issue(ruled, "bob", 1, "reg-d-506b")


def test_an_affiliate_sells_one_per_cent_in_three_months(ruled: RuledMarket) -> None:
    """17 CFR 230.144(e)(1): others sell what they like."""
    ruled.attest("alice", "affiliate")
    ruled.bind(packs=["us-rule-144-2026-01-01"])
    ruled.transfer("alice", "bob", 10)

    verdict = ruled.ask(1)
    assert [each.code for each in verdict.reasons] == ["VOLUME_EXCEEDED"]
    assert [(each.moment, each.quantity) for each in verdict.unlocks] == [
        ("2024-04-02T09:00:00Z", 10)
    ]
    assert ruled.ask(10, "alice", "bob").allowed


def test_packs_of_all_places_are_asked_together_and_each_that_fails_is_named(
    ruled: RuledMarket,
) -> None:
    """SS-51, SS-76, SS-79, W29."""
    market = ruled
    market.license(market.licence("AbroadMSP", "ats").model_copy(update={"jurisdiction": "DE"}))
    market.onboard("carol")
    for who, country in (("alice", "DE"), ("carol", "DE"), ("bob", "US")):
        market.attest(who, "residence", country)
    market.submit(AGENT, TOKEN, "redeem", "ACME", "alice", 1000, EVIDENCE)
    issue(market, "alice", 10, "reg-s")
    market.bind(
        rule("fresh-confirmation", topics=["kyc"], window="PT60S"),
        packs=["us-reg-s-category-3-equity-2026-01-01", "us-venues-2026-01-01"],
    )
    market.ledger.advance(timedelta(hours=1))

    def messages(receiver: str) -> list[str]:
        asked = market.evaluate(TOKEN, "can_transfer", sent(1, receiver), "AbroadMSP")
        return [each.message for each in asked.load(Verdict).reasons]

    assert messages("carol") == []
    flowback, venue, *stale = messages("bob")
    assert "[us-reg-s-category-3-equity 1: 17 CFR 230.903(b)(3)" in flowback
    assert "[us-venues 1: 15 U.S.C. 78e" in venue
    assert [each.partition(" may not deal")[0] for each in stale] == ["alice", "bob"]


def test_fewer_than_150_are_offered_units_in_germany_without_a_prospectus(
    ruled: RuledMarket,
) -> None:
    """SS-69; Regulation (EU) 2017/1129, Art. 1(4)(b): qualified investors do not count."""
    pack = read_pack("de-prospectus-150-2026-01-01")
    parameters = pack.rules[0].parameters["*"]
    assert parameters is not None
    assert (parameters["most"], parameters["without"]) == (149, "qualified-investor@")
    few = pack.model_copy(
        update={
            "rules": (
                pack.rules[0].model_copy(update={"parameters": {"*": {**parameters, "most": 1}}}),
            )
        }
    )
    for who, country in (("alice", "DE"), ("bob", "DE")):
        ruled.attest(who, "residence", country)
    ruled.submit(REGULATOR, TOKEN, "publish_pack", few)
    reference = PackReference(pack=few.pack, version=few.version)
    given = RulesGiven(security="ACME", unit_price=1, packs=(reference,))
    ruled.submit(AGENT, TOKEN, "bind_rules", given)
    issue(ruled, "alice", 1, "eu-small-circle")

    with pytest.raises(Refusal, match="PURCHASERS_TOO_MANY"):
        issue(ruled, "bob", 1, "eu-small-circle")
    ruled.attest("bob", "qualified-investor")
    issue(ruled, "bob", 1, "eu-small-circle")


def test_a_venue_without_a_licence_in_the_us_serves_no_investor_there(ruled: RuledMarket) -> None:
    """SS-51, SS-52; 15 U.S.C. 78e: the same trade passes for investors of elsewhere."""
    market = ruled
    abroad = market.licence("AbroadMSP", "ats").model_copy(update={"jurisdiction": "DE"})
    market.license(abroad)
    market.onboard("carol")
    for who, country in (("alice", "DE"), ("carol", "DE"), ("bob", "US")):
        market.attest(who, "residence", country)
    market.bind(packs=["us-venues-2026-01-01"])

    def verdict(receiver: str, venue: str) -> list[str]:
        asked = market.evaluate(TOKEN, "can_transfer", sent(1, receiver), venue)
        return [each.code for each in asked.load(Verdict).reasons]

    assert verdict("bob", "AbroadMSP") == ["VENUE_NOT_LICENSED"]
    assert verdict("carol", "AbroadMSP") == []
    assert verdict("bob", Participant.ATS) == []
