"""Market claims on what holders elect between: a unit that is traded brings one option, and once.

Alice holds 1,000 and has elected units for 600 of them, and money for the others; she has sold 400
to bob. In the same ballot there is another election, in which she has said nothing.
"""

import pytest
from tests.unit.contracts.actions_stage import (
    A_DAY,
    AGENT,
    BROKER,
    SETTLEMENT,
    agree_for_long,
    announce,
    confirm,
    count,
    dividend,
    enter,
    entitled,
    fund,
    given,
    meeting,
    pay,
    raise_claim,
    resolve_claim,
    sold_over_a_record_date,
)
from tests.unit.contracts.acts import refused
from tests.unit.contracts.claims_stage import claim_of, paid, units_leg

from tallystick.contracts.actions.models import ClaimStatus, DueClaims, SignedVotes
from tallystick.contracts.actions.terms import ActionType, Ballot, Elected, Resolution
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import Vote, VotesCast
from tallystick.contracts.testing import Market

ELECTION, IN_MONEY, IN_UNITS, SPECIAL = "V-1", "D-1", "D-2", "D-3"


@pytest.fixture
def market(market: Market) -> Market:
    """The market once both options are entered, and the one of money is funded."""
    sold_over_a_record_date(market)
    agree_for_long(market, 500, "T-2")
    agree_on_two_legs(market)
    announce_options(market)
    market.ledger.advance(A_DAY)
    market.submit(AGENT, Chaincode.TOKEN, "seal_record_dates", "ACME")
    votes = (Vote(resolution="dividend", choice="units", units=600),)
    cast = SignedVotes(statement=VotesCast(action=ELECTION, holder="alice", votes=votes))
    market.submit(BROKER, SETTLEMENT, "cast_votes", votes=cast)
    market.ledger.advance(A_DAY)
    count(market, ELECTION)
    for action in (IN_MONEY, IN_UNITS, SPECIAL):
        enter(market, "alice", action=action)
    fund(market, 400 * 5)
    return market


def agree_on_two_legs(market: Market) -> None:
    """Let alice sell 350 to bob, and by the same trade give 300 to carol."""
    market.onboard("carol")
    more = {"expires_at": market.after(30 * A_DAY), "legs": (units_leg("alice", "carol", 300),)}
    market.agree(market.terms("T-3", quantity=350).model_copy(update=more))


def announce_options(market: Market) -> None:
    """Announce two elections between money, which is the default, and units."""
    choices = ("money", "units")
    ballot = Ballot(
        resolutions=tuple(Resolution(name=each, choices=choices) for each in ("dividend", "extra")),
        opens_at=market.after(A_DAY),
        closes_at=market.after(2 * A_DAY),
    )
    election = {"action_type": ActionType.DIVIDEND_OPTION, "ballot": ballot}
    money, units = (
        Elected(action=ELECTION, resolution="dividend", choice=each, is_default=each == "money")
        for each in choices
    )
    extra = Elected(action=ELECTION, resolution="extra", choice="money", is_default=True)
    bonus = given(market, 1, 10, asset="ACME", payer=None, elected=units)
    for terms in (
        meeting(market, ELECTION).model_copy(update=election),
        dividend(market, IN_MONEY, distribution=given(market, elected=money)),
        dividend(market, IN_UNITS, action_type=ActionType.BONUS, distribution=bonus),
        dividend(market, SPECIAL, distribution=given(market, elected=extra)),
    ):
        announce(market, terms)
        confirm(market, terms.action)


def due(market: Market, action: str) -> tuple[str, ...]:
    found = market.submit(Participant.CLEARING, SETTLEMENT, "due_market_claims", action)
    return found.load(DueClaims).trades


def test_a_trade_brings_one_option_and_no_other(market: Market) -> None:
    """F158, W30: alice gives up 400 units' worth for 400 units, and not twice as many."""
    assert due(market, IN_MONEY) == due(market, IN_UNITS) == ("T-1", "T-2", "T-3")
    raise_claim(market, "T-1", IN_UNITS)

    assert refused(raise_claim, market, "T-1", IN_MONEY) == "MARKET_CLAIM_EXISTS"
    assert refused(resolve_claim, market, "T-1", IN_MONEY) == "MARKET_CLAIM_UNKNOWN"
    assert due(market, IN_MONEY) == ("T-2", "T-3")
    market.settle()
    resolve_claim(market, "T-1", IN_UNITS)
    pay(market, "alice", "bob", action=IN_UNITS)
    assert (market.units("alice"), market.units("bob")) == (600 + 20, 400 + 40)
    assert paid(market, "alice") == [2000]


def test_a_claim_that_is_hindered_throughout_gives_way_to_another_option(market: Market) -> None:
    """F158, W30: alice has too little of the one, and enough of the other."""
    raise_claim(market, "T-2", IN_MONEY)
    assert claim_of(market, "T-2").status is ClaimStatus.HINDERED
    assert "T-2" in due(market, IN_UNITS)
    raise_claim(market, "T-2", IN_UNITS)

    assert entitled(market, "alice", IN_UNITS).claimed == 500
    assert entitled(market, "alice", IN_MONEY).claimed == 0
    assert refused(raise_claim, market, "T-2", IN_MONEY) == "MARKET_CLAIM_EXISTS"
    assert due(market, IN_MONEY) == ("T-1", "T-3")


def test_a_claim_that_was_dropped_comes_back_on_no_option(market: Market) -> None:
    """W30: the trade has ended without delivery."""
    raise_claim(market, "T-1", IN_UNITS)
    market.submit(Participant.ATS, SETTLEMENT, "cancel", "T-1", "an error")
    resolve_claim(market, "T-1", IN_UNITS)

    assert refused(raise_claim, market, "T-1", IN_MONEY) == "MARKET_CLAIM_EXISTS"
    assert due(market, IN_MONEY) == ("T-2", "T-3")
    assert entitled(market, "alice", IN_UNITS).claimed == 0


def test_a_trade_brings_one_option_of_each_election_of_a_ballot(market: Market) -> None:
    """F158, W30: two resolutions are two elections, and have a claim each."""
    raise_claim(market, "T-1", IN_UNITS)
    raise_claim(market, "T-1", SPECIAL)

    assert entitled(market, "alice", IN_UNITS).claimed == 400
    assert entitled(market, "alice", SPECIAL).claimed == 400


def test_each_leg_brings_the_option_of_which_its_giver_has_enough(market: Market) -> None:
    """F158, W30: money for the first leg, units for the second, and neither of them twice."""
    raise_claim(market, "T-3", IN_MONEY)
    assert "T-3" in due(market, IN_UNITS)
    raise_claim(market, "T-3", IN_UNITS)
    assert [line.option for line in claim_of(market, "T-3").lines] == [IN_MONEY, IN_UNITS]
    assert claimed(market) == (350, 300)
    for action in (IN_MONEY, IN_UNITS):
        assert refused(raise_claim, market, "T-3", action) == "MARKET_CLAIM_EXISTS"

    market.submit(Participant.ATS, SETTLEMENT, "cancel", "T-3", "an error")
    resolve_claim(market, "T-3", IN_UNITS)
    assert claimed(market) == (350, 0)
    assert refused(resolve_claim, market, "T-3", IN_UNITS) == "MARKET_CLAIM_OVER"
    resolve_claim(market, "T-3", IN_MONEY)
    assert claimed(market) == (0, 0)


def claimed(market: Market) -> tuple[int, int]:
    """Return for how many units of alice each option waits for claims."""
    in_money, in_units = (entitled(market, "alice", each) for each in (IN_MONEY, IN_UNITS))
    return in_money.claimed, in_units.claimed
