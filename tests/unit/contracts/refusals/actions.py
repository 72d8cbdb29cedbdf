"""Scenarios whose last call is refused: corporate actions."""

from tests.unit.contracts.actions_stage import (
    A_DAY,
    agree_for_long,
    announce,
    claim,
    confirm,
    count,
    dividend,
    enter,
    fund,
    given,
    meeting,
    open_payer,
    pay,
    raise_claim,
    reclaim,
    record,
    resolve_claim,
    vote,
)
from tests.unit.contracts.refusals.scenarios import reaches

from tallystick.contracts.actions.terms import Elected
from tallystick.contracts.reasons import ActionReason
from tallystick.contracts.testing import Market


def funded(market: Market) -> None:
    """Let a dividend of alice's wait to be paid."""
    open_payer(market)
    record(market, dividend(market))
    enter(market, "alice")
    fund(market, 5000)


def payable(market: Market) -> None:
    """Let it be paid from now on."""
    funded(market)
    market.ledger.advance(A_DAY)


@reaches(ActionReason.ACTION_EXISTS)
def _(market: Market) -> None:
    announce(market, dividend(market))
    announce(market, dividend(market))


@reaches(ActionReason.ACTION_UNKNOWN)
def _(market: Market) -> None:
    confirm(market, "D-1")


@reaches(ActionReason.ACTION_STATUS)
def _(market: Market) -> None:
    announce(market, dividend(market))
    enter(market, "alice")


@reaches(ActionReason.ACTION_DIFFERS)
def _(market: Market) -> None:
    record(market, meeting(market))
    enter(market, "alice", action="M-1")


@reaches(ActionReason.ENTITLEMENT_EXISTS)
def _(market: Market) -> None:
    record(market, dividend(market))
    enter(market, "bob")
    enter(market, "bob")


@reaches(ActionReason.ENTITLEMENT_UNKNOWN)
def _(market: Market) -> None:
    payable(market)
    pay(market, "bob")


@reaches(ActionReason.ENTITLEMENT_PAID)
def _(market: Market) -> None:
    payable(market)
    pay(market, "alice")
    claim(market, "alice")


@reaches(ActionReason.NOT_PAYABLE_YET)
def _(market: Market) -> None:
    funded(market)
    pay(market, "alice")


@reaches(ActionReason.CLAIMS_OVER)
def _(market: Market) -> None:
    payable(market)
    market.ledger.advance(8 * A_DAY)
    claim(market, "alice")


@reaches(ActionReason.CLAIMS_OPEN)
def _(market: Market) -> None:
    payable(market)
    reclaim(market)


@reaches(ActionReason.VOTING_CLOSED)
def _(market: Market) -> None:
    record(market, meeting(market))
    market.ledger.advance(A_DAY)
    vote(market, "alice", for_=1)


@reaches(ActionReason.VOTING_OPEN)
def _(market: Market) -> None:
    record(market, meeting(market))
    count(market)


@reaches(ActionReason.VOTE_FINAL)
def _(market: Market) -> None:
    record(market, meeting(market))
    vote(market, "alice", for_=1)
    vote(market, "alice", against=1)


@reaches(ActionReason.VOTE_MISSING)
def _(market: Market) -> None:
    record(market, meeting(market))
    vote(market, "bob", for_=1)


@reaches(ActionReason.VOTES_TOO_MANY)
def _(market: Market) -> None:
    record(market, meeting(market))
    vote(market, "alice", for_=600, against=401)


@reaches(ActionReason.CHOICE_UNKNOWN)
def _(market: Market) -> None:
    record(market, meeting(market))
    vote(market, "alice", maybe=1)


def over_record_date(market: Market) -> None:
    """Let a trade of 400 be open over the record date of a dividend of alice's."""
    agree_for_long(market, 400)
    market.lock()
    funded(market)


@reaches(ActionReason.ENTITLEMENT_CLAIMED)
def _(market: Market) -> None:
    over_record_date(market)
    raise_claim(market)
    market.ledger.advance(A_DAY)
    pay(market, "alice")


@reaches(ActionReason.MARKET_CLAIM_NOT_DUE)
def _(market: Market) -> None:
    agree_for_long(market, 400)
    market.lock()
    market.settle()
    open_payer(market)
    record(market, dividend(market))
    enter(market, "alice", "bob")
    raise_claim(market)


@reaches(ActionReason.MARKET_CLAIM_UNCOVERED)
def _(market: Market) -> None:
    agree_for_long(market, 1001)
    funded(market)
    raise_claim(market)
    raise_claim(market)


@reaches(ActionReason.MARKET_CLAIM_EXISTS)
def _(market: Market) -> None:
    over_record_date(market)
    raise_claim(market)
    raise_claim(market)


@reaches(ActionReason.MARKET_CLAIM_UNKNOWN)
def _(market: Market) -> None:
    over_record_date(market)
    resolve_claim(market)


@reaches(ActionReason.MARKET_CLAIM_OPEN)
def _(market: Market) -> None:
    over_record_date(market)
    raise_claim(market)
    resolve_claim(market)


@reaches(ActionReason.MARKET_CLAIM_OVER)
def _(market: Market) -> None:
    over_record_date(market)
    market.settle()
    raise_claim(market)
    resolve_claim(market)


@reaches(ActionReason.ELECTION_OPEN)
def _(market: Market) -> None:
    record(market, meeting(market, "O-1"))
    option = Elected(action="O-1", resolution="merger", choice="for")
    record(market, dividend(market, distribution=given(market, elected=option)))
    enter(market, "alice")
