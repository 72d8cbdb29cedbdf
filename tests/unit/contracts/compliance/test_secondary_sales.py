"""What holders sell in the issuer's offering: Regulation A's limits, and whose they are."""

from datetime import timedelta

import pytest
from tests.unit.contracts.acts import refused
from tests.unit.contracts.compliance.stage import (
    AGENT,
    BROKER,
    TOKEN,
    RuledMarket,
    issue,
    rule,
)
from tests.unit.contracts.register_acts import force

from tallystick.contracts.compliance.models import TransferApproval
from tallystick.contracts.compliance.records import Recomputation
from tallystick.contracts.participants import Participant
from tallystick.contracts.testing import EVIDENCE

ATS = Participant.ATS
TIER_1, TIER_2 = "us-reg-a-tier-1-2026-01-01", "us-reg-a-tier-2-2026-01-01"
FIRST_YEAR = "us-reg-a-first-year-2026-01-01"
THOUSAND_DOLLARS = 100_000
"""In cents: so many thousand units cost so many million dollars."""


@pytest.fixture
def selling(ruled: RuledMarket) -> RuledMarket:
    """Alice, carol and dan have enough to sell; alice and carol are affiliates of the issuer."""
    ruled.onboard("carol", "dan")
    for holder in ("alice", "carol", "dan"):
        ruled.issue(holder, 60_000)
    for holder in ("alice", "carol"):
        ruled.attest(holder, "affiliate")
    ruled.attest("bob", "accreditation")
    return ruled


def offered(market: RuledMarket, *packs: str) -> None:
    market.bind(packs=packs, unit_price=THOUSAND_DOLLARS)


def approval_of(
    market: RuledMarket,
    seller: str = "alice",
    *,
    quantity: int = 30_000,
    tier: str = "reg-a-tier-1",
    to: str = "bob",
) -> TransferApproval:
    """Return the approval of a sale in the offering, on the venue or off."""
    return TransferApproval(
        security="ACME",
        sender=seller,
        receiver=to,
        quantity=quantity,
        expires_at=market.after(timedelta(days=1)),
        waives=("lock-up", "volume-window", "venue-only"),
        exemption=tier,
        evidence_hash=EVIDENCE,
    )


def place(
    market: RuledMarket, seller: str, quantity: int, tier: str = "reg-a-tier-1", to: str = "bob"
) -> str:
    """Let a holder sell to somebody in the offering; return the id of the transaction."""
    approval = approval_of(market, seller, tier=tier, to=to)
    market.submit(AGENT, TOKEN, "approve_transfer", approval)
    try:
        return market.transfer(seller, to, quantity).transaction_id
    finally:
        if market.evaluate(TOKEN, "approval", "ACME", seller, to).json is not None:
            market.submit(AGENT, TOKEN, "withdraw_approval", "ACME", seller, to)


@pytest.mark.parametrize(
    ("pack", "tier", "most"), [(TIER_1, "reg-a-tier-1", 6_000), (TIER_2, "reg-a-tier-2", 22_500)]
)
def test_affiliates_together_sell_so_much_in_a_year(
    pack: str, tier: str, most: int, selling: RuledMarket
) -> None:
    """17 CFR 230.251(a)(1), (a)(2): six million dollars, and twenty-two and a half."""
    offered(selling, pack)
    place(selling, "alice", most - 1, tier)

    assert refused(place, selling, "carol", 2, tier) == "SECONDARY_EXCEEDED"
    last = place(selling, "carol", 1, tier)
    place(selling, "dan", 1, tier)

    again = selling.evaluate(TOKEN, "recompute", "ACME", last).load(Recomputation)
    assert again.agrees
    assert refused(place, selling, "alice", 1, tier) == "SECONDARY_EXCEEDED"
    selling.ledger.advance(timedelta(days=366, seconds=-10))
    selling.confirm("alice", "bob", "carol")
    assert refused(place, selling, "carol", 1, tier) == "SECONDARY_EXCEEDED"
    selling.ledger.advance(timedelta(seconds=10))
    place(selling, "alice", most, tier)


def test_what_holders_sell_counts_with_what_the_issuer_raises(selling: RuledMarket) -> None:
    """17 CFR 230.251(a)(1): twenty million dollars, of the issuer and of holders together."""
    offered(selling, TIER_1)
    issue(selling, "bob", 14_000, "reg-a-tier-1")
    place(selling, "alice", 6_000)

    assert refused(place, selling, "dan", 1) == "RAISE_EXCEEDED"
    assert refused(issue, selling, "bob", 1, "reg-a-tier-1") == "RAISE_EXCEEDED"


def test_in_the_first_year_holders_sell_three_tenths_of_the_offering(
    selling: RuledMarket,
) -> None:
    """17 CFR 230.251(a)(3): of all that is sold; all holders count, affiliates or not."""
    offered(selling, TIER_1, FIRST_YEAR)
    assert refused(place, selling, "dan", 1) == "SECONDARY_EXCEEDED"
    issue(selling, "bob", 700, "reg-a-tier-1")
    place(selling, "dan", 100)

    assert refused(place, selling, "alice", 201) == "SECONDARY_EXCEEDED"
    place(selling, "alice", 200)
    issue(selling, "bob", 7, "reg-a-tier-1")
    place(selling, "dan", 3)


def test_who_buys_from_a_holder_in_an_offering_invests_in_it(selling: RuledMarket) -> None:
    """17 CFR 230.251(d)(2)(i)(C): a tenth of nothing, for who has no claim about its means."""
    offered(selling, TIER_2)
    assert refused(place, selling, "alice", 1, "reg-a-tier-2", "dan") == "INVESTMENT_EXCEEDED"
    selling.attest("dan", "annual-income", level=20)
    place(selling, "alice", 2, "reg-a-tier-2", "dan")
    assert refused(place, selling, "alice", 1, "reg-a-tier-2", "dan") == "INVESTMENT_EXCEEDED"


def test_the_most_that_a_holder_may_sell_is_told(selling: RuledMarket) -> None:
    """W15: with the approval that is there, without which nothing may be sold off the venues."""
    selling.bind(rule("venue-only"), packs=[TIER_1], unit_price=THOUSAND_DOLLARS)
    selling.submit(AGENT, TOKEN, "approve_transfer", approval_of(selling))

    asked = selling.ask(7_000)

    assert (asked.allowed, asked.most) == (False, 6_000)
    assert [each.code for each in asked.cures] == ["SECONDARY_EXCEEDED"]
    assert "[us-reg-a-tier-1 2: 17 CFR 230.251(a)(1)]" in asked.reasons[0].message


def test_what_is_no_part_of_an_offering_is_not_limited_by_it(selling: RuledMarket) -> None:
    offered(selling, TIER_1)
    selling.transfer("alice", "bob", 9_000)
    place(selling, "alice", 6_000)
    assert selling.units("bob") == 15_000


def test_more_than_an_approval_covers_is_no_part_of_the_offering(selling: RuledMarket) -> None:
    """A holder would use up more of what may be raised than the transfer agent has approved."""
    offered(selling, TIER_1)
    selling.submit(AGENT, TOKEN, "approve_transfer", approval_of(selling, quantity=100))
    selling.transfer("alice", "bob", 5_950)
    assert selling.ask(100).allowed

    place(selling, "carol", 5_950)

    asked = selling.ask(100)
    assert [each.code for each in asked.reasons] == ["SECONDARY_EXCEEDED"]
    assert (asked.most, selling.ask(101).allowed) == (selling.units("alice"), True)
    selling.transfer("alice", "bob", 50)
    assert selling.evaluate(TOKEN, "approval", "ACME", "alice", "bob").json is None


def test_an_exemption_by_which_nothing_is_limited_is_not_approved(selling: RuledMarket) -> None:
    """Mistyped, it would let the sale pass by what is waived beside it, and count nowhere."""
    offered(selling, TIER_1)
    approval = approval_of(selling, tier="reg-a-teir-1")
    approve = (AGENT, TOKEN, "approve_transfer", approval)
    assert refused(selling.submit, *approve) == "EXEMPTION_UNKNOWN"

    of_a_venue = rule("secondary-limit", exemption="reg-a-teir-1", window="P1Y", amount=1)
    selling.submit(ATS, TOKEN, "bind_venue_rules", "ACME", [of_a_venue])
    selling.submit(*approve)


def test_what_is_moved_by_order_is_no_part_of_the_offering(selling: RuledMarket) -> None:
    """A court's order sells nothing: what holders may sell, and who may buy, is as before."""
    offered(selling, TIER_1)
    selling.submit(AGENT, TOKEN, "approve_transfer", approval_of(selling))

    assert "token.PurchaseNoted" not in force(selling, 6_000).event_types

    assert "token.PurchaseNoted" in selling.transfer("alice", "bob", 6_000).event_types


def test_only_the_keeper_of_the_register_says_what_is_part_of_an_offering(
    selling: RuledMarket,
) -> None:
    """A stranger's word would use up what the issuer may raise."""
    offered(selling, TIER_1)
    approval = approval_of(selling).model_copy(update={"waives": ()})
    approve = (BROKER, TOKEN, "approve_transfer", approval)
    assert refused(selling.submit, *approve) == "WAIVER_NOT_PERMITTED"


def test_a_limit_of_secondary_sales_says_one(ruled: RuledMarket) -> None:
    nothing = rule("secondary-limit", exemption="reg-a-tier-1", window="P1Y")
    assert refused(ruled.bind, nothing) == "RULE_PARAMETERS_WRONG"
