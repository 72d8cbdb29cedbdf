"""Packs of two jurisdictions in one verdict: who is where decides which of them has a say."""

import pytest
from tests.unit.contracts.compliance.stage import (
    AGENT,
    REGULATOR,
    TOKEN,
    RuledMarket,
    read_pack,
    sent,
)

from tallystick.contracts.compliance.bindings import Role
from tallystick.contracts.compliance.models import Binding, Pack, PackReference, RulesGiven
from tallystick.contracts.lots import Origin
from tallystick.contracts.register.models import Allocation, Verdict

VENUE = "AbroadMSP"
AUTHORISED = "Directive 2014/65/EU, Art. 5(1)"
SUITABLE = "Directive 2014/65/EU, Art. 25(2)"
GERMAN = Pack(
    pack="de-trading",
    version=1,
    title="Trading in Germany",
    jurisdiction="DE",
    dated="2026-01-01",
    rules=(
        Binding(
            rule="venue-licence",
            parameters={"*": {"countries": ["DE"]}},
            provisions={"countries": AUTHORISED},
            roles=(Role.SENDER, Role.RECEIVER),
        ),
        Binding(
            rule="receiver-claims",
            parameters={"*": {"all": [{"topic": "suitability"}]}},
            provisions={"all": SUITABLE},
            roles=(Role.VENUE,),
        ),
    ),
)
"""A pack of a test: what the law of Germany asks of who trades there, and of venues there."""


def publish(market: RuledMarket, *packs: Pack) -> None:
    for each in packs:
        market.submit(REGULATOR, TOKEN, "publish_pack", each)


def bind(market: RuledMarket, home: str, *packs: Pack, unit_price: int = 0) -> None:
    """Bind published packs to ACME, whose issuer is at home somewhere."""
    references = tuple(PackReference(pack=each.pack, version=each.version) for each in packs)
    given = RulesGiven(security="ACME", home=home, unit_price=unit_price, packs=references)
    market.submit(AGENT, TOKEN, "bind_rules", given)


def cited(verdict: Verdict) -> list[str]:
    """Return the code of each reason with the first provision that it names."""
    parts = [(each.code, each.message.partition(" [")[2]) for each in verdict.reasons]
    return [f"{code} {cites.rstrip(']').partition(';')[0]}" for code, cites in parts]


US_HOLDERS, US_VENUES = "us-3c1-2026-01-01", "us-venues-2026-01-01"
US_LIMIT = "HOLDERS_TOO_MANY us-3c1 1: 15 U.S.C. 80a-3(c)(1)(A)"
US_INVESTOR = "VENUE_NOT_LICENSED us-venues 1: 15 U.S.C. 78e"
GERMAN_INVESTOR = f"VENUE_NOT_LICENSED de-trading 1: {AUTHORISED}"
GERMAN_LIMIT = "PURCHASERS_TOO_MANY de-prospectus-150 1: Regulation (EU) 2017/1129, Art. 1(4)(b)"
GERMAN_VENUE = f"RECEIVER_NOT_ELIGIBLE de-trading 1: {SUITABLE}"


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ("FR DE US GB", [US_INVESTOR, GERMAN_INVESTOR]),
        ("FR US DE GB", [US_INVESTOR, GERMAN_INVESTOR]),
        ("US DE FR GB", [US_LIMIT, GERMAN_INVESTOR]),
        ("US GB FR DE", [US_LIMIT, GERMAN_VENUE]),
        ("FR GB US DE", [US_INVESTOR, GERMAN_VENUE]),
        ("DE FR GB US", []),
        ("DE US FR GB", [US_INVESTOR]),
        ("FR GB DE US", [GERMAN_INVESTOR]),
    ],
)
def test_laws_of_two_places_are_named_in_one_verdict_by_who_is_where(
    places: str, expected: list[str], ruled: RuledMarket
) -> None:
    """SS-51, SS-76, SS-79: issuer, sender, receiver and venue are in four places."""
    issuer, sender, receiver, venue = places.split()
    ruled.license(ruled.licence(VENUE, "ats").model_copy(update={"jurisdiction": venue}))
    ruled.attest("alice", "residence", sender)
    ruled.attest("bob", "residence", receiver)
    ruled.attest("bob", "beneficial-owners", level=100)
    packs = (read_pack(US_HOLDERS), read_pack(US_VENUES), GERMAN)
    publish(ruled, *packs)
    bind(ruled, issuer, *packs)

    asked = ruled.evaluate(TOKEN, "can_transfer", sent(1), VENUE).load(Verdict)

    assert sorted(cited(asked)) == sorted(expected)
    assert asked.allowed is not bool(expected)


def test_an_issue_answers_to_the_law_of_its_issuer_and_to_that_of_its_buyer(
    ruled: RuledMarket,
) -> None:
    """SS-69, SS-75, SS-79: the 150th who buys in Germany, of an issuer at home in the US."""
    buyers = [f"buyer-{number}" for number in range(149)]
    ruled.onboard(*buyers)
    for each in ("bob", *buyers):
        ruled.attest(each, "residence", "DE")
    german, american = read_pack("de-prospectus-150-2026-01-01"), read_pack(US_HOLDERS)
    publish(ruled, german, american)
    bind(ruled, "US", german, unit_price=1)
    for some in (buyers[:75], buyers[75:]):
        origin = Origin(exemption="eu-small-circle")
        allocations = [Allocation(to=each, quantity=1, origin=origin) for each in some]
        ruled.submit(AGENT, TOKEN, "issue_to_many", "ACME", allocations)

    bind(ruled, "US", german, american, unit_price=1)
    assert reasons_to_buy(ruled) == [GERMAN_LIMIT, US_LIMIT]

    abroad = ruled.fork()
    bind(abroad, "FR", german, american, unit_price=1)
    assert reasons_to_buy(abroad) == [GERMAN_LIMIT]
    ruled.attest("bob", "qualified-investor")
    assert reasons_to_buy(ruled) == [US_LIMIT]


def reasons_to_buy(market: RuledMarket) -> list[str]:
    """Return what stands against an issue to bob."""
    asked = market.evaluate(TOKEN, "can_subscribe", "ACME", "bob", "eu-small-circle")
    return cited(asked.load(Verdict))
