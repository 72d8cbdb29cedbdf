"""Votes by who held at a record date: weighed, in confidence, counted once."""

from datetime import timedelta

import pytest
from tests.unit.contracts.actions_stage import (
    A_DAY,
    BROKER,
    SETTLEMENT,
    count,
    meeting,
    record,
    vote,
)
from tests.unit.contracts.refusals.scenarios import approve

from tallystick.chaincode import Refusal
from tallystick.contracts.actions.models import MeetingResult, SignedVotes
from tallystick.contracts.actions.rules import result
from tallystick.contracts.actions.terms import Resolution
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.statements import Vote, VotesCast
from tallystick.contracts.testing import Market

A_SECOND = timedelta(seconds=1)


@pytest.fixture
def market(market: Market) -> Market:
    """Let bob hold 400 of 1000."""
    market.transfer("alice", "bob", 400)
    return market


def decided(market: Market) -> tuple[str | None, bool]:
    market.ledger.advance(A_DAY)
    (merger,) = count(market).load(MeetingResult).resolutions
    return merger.decided, merger.has_quorum


def test_a_vote_weighs_what_was_held_at_the_record_date(market: Market) -> None:
    """F156: whoever bought later has no vote, and who sold still has."""
    record(market, meeting(market))
    market.transfer("alice", "bob", 600)
    vote(market, "alice", for_=600)
    vote(market, "bob", against=400)
    assert decided(market) == ("for", True)


def test_allowing_holding_and_escrowing_change_nobodys_vote(market: Market) -> None:
    """SS-59, F51, W2."""
    approve(market, 100)
    market.agree(market.terms(quantity=300))
    market.lock()
    record(market, meeting(market))
    vote(market, "alice", for_=600)
    assert decided(market) == ("for", True)


@pytest.mark.parametrize(
    ("votes", "quorum", "decided"),
    [
        pytest.param({"for": 501, "against": 499}, 5000, "for", id="more than half"),
        pytest.param({"for": 500, "against": 500}, 5000, None, id="a tie decides nothing"),
        pytest.param({"for": 499}, 5000, None, id="too few take part"),
        pytest.param({"for": 500}, 5000, "for", id="just enough take part"),
        pytest.param({"for": 2, "abstain": 900}, 5000, "for", id="abstentions take part only"),
        pytest.param({"abstain": 1000}, 5000, None, id="nobody chooses"),
        pytest.param({}, 0, None, id="nobody votes"),
    ],
)
def test_a_resolution_is_decided_by_quorum_and_majority(
    votes: dict[str, int], quorum: int, decided: str | None
) -> None:
    """F156."""
    resolution = Resolution(
        name="merger", choices=("for", "against", "abstain"), abstention="abstain", quorum=quorum
    )
    cast = [Vote(resolution="merger", choice=name, units=units) for name, units in votes.items()]
    counted = result(resolution, cast, 1000)
    assert counted.decided == decided
    assert dict(counted.units) == {"for": 0, "against": 0, "abstain": 0} | votes


def test_of_several_the_one_with_most_votes_wins_if_that_is_enough() -> None:
    """F158: holders choose among what is offered."""
    resolution = Resolution(name="seat", choices=("a", "b", "c"), majority=3000)
    votes = [
        Vote(resolution="seat", choice=name, units=units)
        for name, units in {"a": 40, "b": 35, "c": 25}.items()
    ]
    assert result(resolution, votes, 100).decided == "a"
    strict = resolution.model_copy(update={"majority": 4000})
    assert result(strict, votes, 100).decided is None


def test_an_intermediary_votes_as_those_say_for_whom_it_holds(market: Market) -> None:
    """F156, SS-59: its votes on one resolution may differ."""
    record(market, meeting(market))
    vote(market, "alice", for_=250, against=300, abstain=50)
    assert decided(market) == ("against", True)


def test_a_vote_is_changed_until_voting_ends_if_the_ballot_says_so(market: Market) -> None:
    """F156."""
    record(market, meeting(market, is_changeable=True))
    vote(market, "alice", for_=600)
    market.ledger.advance(A_DAY - A_SECOND)
    vote(market, "alice", against=600)
    market.ledger.advance(A_SECOND)
    with pytest.raises(Refusal, match="VOTING_CLOSED"):
        vote(market, "alice", for_=600)
    (merger,) = count(market).load(MeetingResult).resolutions
    assert merger.decided == "against"


def test_who_is_excluded_has_no_vote(market: Market) -> None:
    record(market, meeting(market, excluded=("alice",)))
    with pytest.raises(Refusal, match="VOTE_MISSING"):
        vote(market, "alice", for_=1)


def test_a_holder_votes_by_its_own_signature(market: Market) -> None:
    """F156: whoever submits it."""
    record(market, meeting(market))
    cast = VotesCast(
        action="M-1",
        holder="alice",
        votes=(Vote(resolution="merger", choice="for", units=600),),
    )
    signed = SignedVotes(statement=cast, intent=market.sign("alice", cast))
    market.submit("BankMSP", SETTLEMENT, "cast_votes", votes=signed)
    forged = SignedVotes(statement=cast.model_copy(update={"holder": "bob"}))
    with pytest.raises(Refusal, match="MANDATE_MISSING"):
        market.submit("BankMSP", SETTLEMENT, "cast_votes", votes=forged)
    assert decided(market) == ("for", True)


def test_how_somebody_votes_is_not_public(market: Market) -> None:
    """SS-13, F156: that it voted is."""
    record(market, meeting(market))
    vote(market, "alice", against=600)
    public = market.ledger.world.rows_of(Chaincode.SETTLEMENT).values
    told = [value for key, value in public.items() if "voted" in key]
    assert len(told) == 1
    assert b"against" not in told[0]
    assert BROKER.encode() not in told[0]
