"""The tables of hindrances in docs/contracts/actions.md, compared with what the code can find."""

import re
from inspect import getsource

import pytest
from tests.documents import ROOT
from tests.unit.contracts.actions_stage import (
    A_DAY,
    AGENT,
    announce,
    confirm,
    count,
    dividend,
    enter,
    entitled,
    fund,
    given,
    meeting,
    open_payer,
    pay,
    record,
    vote,
)

from tallystick.contracts.actions.market_claims import MarketClaims
from tallystick.contracts.actions.terms import ActionType, Elected
from tallystick.contracts.book.plan import Plan
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.compliance import basics
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.models import SecurityTerms
from tallystick.contracts.register.rules import move_findings
from tallystick.contracts.testing import Market

CODE = re.compile(r"Reason\.([A-Z_]+)")
ONLY_WITH_A_RECEIVER = {
    "SECURITY_PAUSED",
    "RULES_MISSING",
    "RECEIVER_FROZEN",
    "RECEIVER_NOT_VERIFIED",
    "SECURITY_ENDED",
}
ONLY_WITHOUT_A_SENDER = {"ISSUANCE_CLOSED"}


def documented(heading: str) -> set[str]:
    """Return the codes in the second column of a section's table of hindrances."""
    text = (ROOT / "docs/contracts/actions.md").read_text("utf-8")
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\|[^|]+\| `([A-Z]+_[A-Z_]+)` \|[^|]+\|$", section, re.MULTILINE))


def test_what_can_hinder_a_redemption_is_documented() -> None:
    """F159: whoever lets the code find something else decides whether that belongs there."""
    sources = (basics, move_findings, Plan.overdrafts_of)
    found = {code for each in sources for code in CODE.findall(getsource(each))}
    other = ONLY_WITH_A_RECEIVER | ONLY_WITHOUT_A_SENDER

    assert other <= found
    assert documented("Redemptions") == found - other


def test_what_can_hinder_a_market_claim_is_documented() -> None:
    """W30."""
    found = set(CODE.findall(getsource(MarketClaims._unless_settled)))

    assert documented("Market claims") == found


@pytest.mark.parametrize(("elected", "hindrances"), [(400, []), (405, ["GRANULARITY_MISSED"])])
def test_units_elected_for_a_redemption_end_only_in_multiples_of_the_granularity(
    elected: int, hindrances: list[str], opened_market: Market
) -> None:
    """F159: of a security that moves in tens."""
    market = opened_market.fork()
    open_payer(market)
    terms = SecurityTerms(security="BETA", name="Beta", issuer=Participant.ISSUER, granularity=10)
    market.submit(AGENT, Chaincode.TOKEN, "create_security", terms)
    market.issue("alice", 500, "BETA")
    chosen = Elected(action="M-1", resolution="merger", choice="for")
    redemption = dividend(
        market,
        security="BETA",
        action_type=ActionType.REDEMPTION,
        distribution=given(market, payable_at=market.after(3 * A_DAY), elected=chosen),
    )
    announce(market, redemption)
    confirm(market, redemption.action)
    record(market, meeting(market).model_copy(update={"security": "BETA"}))
    vote(market, "alice", for_=elected)
    market.ledger.advance(A_DAY)
    count(market)
    enter(market, "alice")
    fund(market, elected * 5)
    market.ledger.advance(A_DAY)
    pay(market, "alice")

    assert [each.code for each in entitled(market, "alice").hindrances] == hindrances
    assert market.units("alice", "BETA") == 500 - (0 if hindrances else elected)
