"""What is approved beforehand, and where units may change hands without a venue."""

from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import JsonValue
from tests.unit.contracts.acts import refusal_of, refused
from tests.unit.contracts.compliance.stage import (
    AGENT,
    BROKER,
    REGULATOR,
    TOKEN,
    RuledMarket,
    case,
    holder,
    rule,
    sent,
)
from tests.unit.contracts.register_acts import allow, draw, force

from tallystick.chaincode import Refusal
from tallystick.contracts.compliance.case import PairApproval
from tallystick.contracts.compliance.models import BoundRule, TransferApproval
from tallystick.contracts.compliance.records import Recomputation
from tallystick.contracts.events import Basis
from tallystick.contracts.participants import Participant
from tallystick.contracts.parties import Standing
from tallystick.contracts.register.models import Verdict
from tallystick.contracts.statements import ANY_SCOPE, AllowanceScope, UnitsAllowed
from tallystick.contracts.testing import Market

ATS = Participant.ATS
ISSUER = Participant.ISSUER
HASH = "a" * 64


def recomputed(market: Market, decision: str) -> Recomputation:
    return market.evaluate(TOKEN, "recompute", "ACME", decision).load(Recomputation)


def approve(market: Market, actor: str, quantity: int = 5, *waives: str) -> None:
    approval = TransferApproval(
        security="ACME",
        sender="alice",
        receiver="bob",
        quantity=quantity,
        expires_at=market.ledger.now.strftime("2025-%m-%dT%H:%M:%SZ"),
        waives=waives,
        evidence_hash=HASH,
    )
    market.submit(actor, TOKEN, "approve_transfer", approval)


def withdraw(market: Market, actor: str) -> None:
    market.submit(actor, TOKEN, "withdraw_approval", "ACME", "alice", "bob")


def approvers(market: Market) -> list[str]:
    answer = market.evaluate(TOKEN, "approval", "ACME", "alice", "bob")
    return list(answer.load(PairApproval).approvers) if answer.payload else []


def test_an_approval_by_enough_approvers_counts_once(ruled: RuledMarket) -> None:
    """F91, F92."""
    ruled.bind(rule("approved-transfer", approvers=[ISSUER, REGULATOR], quorum=2))
    approve(ruled, ISSUER)
    approve(ruled, AGENT)
    assert [each.code for each in ruled.ask(5).reasons] == ["APPROVAL_MISSING"]
    approve(ruled, REGULATOR)
    assert (ruled.ask(5).allowed, ruled.ask(6).most) == (True, 5)

    ruled.transfer("alice", "bob", 4)

    assert not ruled.ask(1).allowed


def test_a_gift_passes_outside_venues_with_the_transfer_agents_approval(
    ruled: RuledMarket,
) -> None:
    """SS-53, W18."""
    ruled.bind(rule("venue-only"))
    ruled.agree(ruled.terms())
    assert [each.code for each in ruled.ask(5).reasons] == ["VENUE_REQUIRED"]
    approve(ruled, AGENT, 5, "venue-only")

    assert (ruled.ask(6).allowed, ruled.ask(6).most) == (False, 5)
    with pytest.raises(Refusal, match="RULE_UNKNOWN"):
        approve(ruled, AGENT, 5, "in-good-standing")
    ruled.transfer("alice", "bob", 5)

    assert not ruled.ask(5).allowed


def test_a_waiver_counts_for_any_rule_that_is_bound(ruled: RuledMarket) -> None:
    """F91: an estate passes a maximum; what needs no approval leaves it unused."""
    ruled.bind(rule("maximum-holding", units=5))
    approve(ruled, AGENT, 10, "maximum-holding")
    ruled.transfer("alice", "bob", 2)
    assert (ruled.ask(10).allowed, ruled.ask(1).most) == (True, 10)

    done = ruled.transfer("alice", "bob", 10)

    assert done.event_types.count("token.ApprovalUsed") == 1
    assert recomputed(ruled, done.transaction_id).agrees
    assert not ruled.ask(1).allowed


def test_others_approve_what_the_transfer_agent_waives_and_nothing_else(
    ruled: RuledMarket,
) -> None:
    """F91, F92, SS-53: a gift passes by two approvals, of which the transfer agent's is first."""
    ruled.bind(
        rule("venue-only"),
        rule("approved-transfer", approvers=[AGENT, REGULATOR], quorum=2),
    )
    assert refused(approve, ruled, REGULATOR, 5, "venue-only") == "WAIVER_NOT_PERMITTED"
    approve(ruled, AGENT, 5, "venue-only")
    assert [each.code for each in ruled.ask(5).reasons] == ["APPROVAL_MISSING"]
    more = (ruled, REGULATOR, 5, "venue-only", "maximum-holding")
    assert refused(approve, *more) == "APPROVAL_DIFFERS"

    approve(ruled, REGULATOR, 5, "venue-only")

    ruled.transfer("alice", "bob", 5)
    assert refused(approve, ruled, REGULATOR, 5, "venue-only") == "WAIVER_NOT_PERMITTED"


def test_a_waiver_that_has_ended_is_the_transfer_agents_to_renew(ruled: RuledMarket) -> None:
    approve(ruled, AGENT, 5, "venue-only")
    ruled.ledger.advance(timedelta(days=366))
    assert refused(approve, ruled, REGULATOR, 5, "venue-only") == "WAIVER_NOT_PERMITTED"


def test_who_joins_an_approval_can_take_back_no_more_than_its_own_word(ruled: RuledMarket) -> None:
    """F91, F92: any broker may approve the same, and ends by that nothing that others approved."""
    ruled.bind(rule("venue-only"))
    approve(ruled, AGENT, 5, "venue-only")
    assert refused(withdraw, ruled, BROKER) == "LICENCE_MISSING"
    approve(ruled, BROKER, 5, "venue-only")
    withdraw(ruled, BROKER)
    assert approvers(ruled) == [AGENT]
    assert refused(withdraw, ruled, BROKER) == "LICENCE_MISSING"
    ruled.transfer("alice", "bob", 5)


def test_the_transfer_agent_withdraws_an_approval_for_all(ruled: RuledMarket) -> None:
    approve(ruled, AGENT)
    approve(ruled, REGULATOR)
    withdraw(ruled, AGENT)
    assert approvers(ruled) == []


def test_an_approval_ends_with_the_last_who_withdraws(ruled: RuledMarket) -> None:
    approve(ruled, ISSUER)
    approve(ruled, REGULATOR)
    withdraw(ruled, ISSUER)
    assert approvers(ruled) == [REGULATOR]
    withdraw(ruled, REGULATOR)
    assert approvers(ruled) == []


def test_an_approval_of_some_units_limits_nothing_that_needs_none(ruled: RuledMarket) -> None:
    ruled.bind(rule("approved-transfer", approvers=[ISSUER], bases=["settlement"]))
    approve(ruled, ISSUER)
    assert (ruled.ask(6).allowed, ruled.ask(1).most) == (True, ruled.ask(1).available)


def test_an_approval_that_has_ended_is_not_told_to_be_used(ruled: RuledMarket) -> None:
    ruled.bind(rule("approved-transfer", approvers=[ISSUER], bases=["settlement"]))
    approve(ruled, ISSUER)
    ruled.ledger.advance(timedelta(days=366))
    ruled.confirm("alice", "bob")
    assert "token.ApprovalUsed" not in ruled.transfer("alice", "bob", 1).event_types


def test_an_order_leaves_what_was_approved_to_those_for_whom_it_was(ruled: RuledMarket) -> None:
    """F91: what is moved by order needs nobody's approval, so it uses none up."""
    ruled.bind(rule("approved-transfer", approvers=[ISSUER]))
    approve(ruled, ISSUER)

    forced = force(ruled, 5)

    assert "token.ApprovalUsed" not in forced.event_types
    assert recomputed(ruled, forced.transaction_id).agrees
    assert "token.ApprovalUsed" in ruled.transfer("alice", "bob", 5).event_types


def test_a_draw_that_names_a_venue_is_no_trade_there(ruled: RuledMarket) -> None:
    """SS-53, SS-57, W18: the venue alone says what was traded at it."""
    ruled.bind(rule("venue-only"))
    scope = AllowanceScope(venue=ATS)
    allow(ruled, 5, scope)
    with pytest.raises(Refusal, match="VENUE_REQUIRED"):
        draw(ruled, 5, scope)


@pytest.mark.parametrize(
    ("scope", "venue", "expected"),
    [
        (ANY_SCOPE, ATS, ["VENUE_REQUIRED"]),
        (AllowanceScope(trade="T-1"), ATS, ["VENUE_REQUIRED"]),
        (AllowanceScope(venue=ATS), ATS, []),
        (AllowanceScope(venue=ATS), "OtherMSP", ["VENUE_NOT_ADMITTED"]),
    ],
)
def test_where_draws_are_excepted_they_name_a_venue_that_is_admitted(
    scope: AllowanceScope, venue: str, expected: list[str], ruled: RuledMarket
) -> None:
    """SS-53, SS-58, W18: a custody exchange's clearing firm delivers what was sold there."""
    ruled.bind(rule("venue-only", excepted=["allowance"], venues=[venue]))
    allow(ruled, 5, scope)

    verdict = ruled.evaluate(TOKEN, "can_draw", sent(5), Participant.CLEARING, scope).load(Verdict)

    assert [each.code for each in verdict.reasons] == expected
    if not expected:
        moved = draw(ruled, 5, scope)
        assert recomputed(ruled, moved.transaction_id).agrees
        return
    with pytest.raises(Refusal, match=expected[0]):
        draw(ruled, 5, scope)


def test_only_who_clears_draws_for_a_venue(ruled: RuledMarket) -> None:
    """SS-03, SS-07: a broker may safeguard, and draw; but not settle what a venue's sale was."""
    ruled.bind(rule("maximum-holding", units=100))
    for scope, expected in ((ANY_SCOPE, []), (AllowanceScope(venue=ATS), ["LICENCE_MISSING"])):
        allowed = UnitsAllowed(
            security="ACME",
            holder="alice",
            spender=BROKER,
            quantity=5,
            expires_at=ruled.after(timedelta(hours=1)),
            scope=scope,
        )
        ruled.submit(BROKER, TOKEN, "approve", allowed)

        verdict = ruled.evaluate(TOKEN, "can_draw", sent(5), BROKER, scope).load(Verdict)
        refusal = refusal_of(ruled.submit, BROKER, TOKEN, "transfer_from", sent(5), scope)

        assert [each.code for each in verdict.reasons] == expected
        assert (refusal and refusal.code) == next(iter(expected), None)


def test_earlier_versions_of_venue_only_stay_for_what_they_decided() -> None:
    """SS-78: the first took a venue's name for a trade, the second let every draw in."""
    at, leg = case(holder("a", 9, -1), holder("b", 0, 1), 1, basis=Basis.ALLOWANCE)
    named = replace(at, venue=Standing(organization=ATS))
    said = {}
    for version, excepted in ((1, []), (2, []), (2, ["allowance"])):
        written: dict[str, JsonValue] = {"excepted": [*excepted]}
        bound = BoundRule(rule="venue-only", version=version, parameters={"*": written}).bound()
        said[version, *excepted] = [
            [each.code for each in bound.findings(made, leg)] for made in (at, named)
        ]

    required = ["VENUE_REQUIRED"]
    assert said == {(1,): [required, []], (2,): [required, required], (2, "allowance"): [[], []]}


def test_a_trade_at_a_venue_settles_where_holders_may_not_deal_directly(
    ruled: RuledMarket,
) -> None:
    """SS-53, SS-57, W18."""
    ruled.deposit("bob", 50_000)
    ruled.bind(rule("venue-only", venues=[ATS]))
    ruled.agree(ruled.terms())
    ruled.lock()
    ruled.settle()

    assert ruled.units("bob") == 10
