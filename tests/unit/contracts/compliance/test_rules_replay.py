"""Rules in force, counts, approvals and what rules know of the past: all of it from events."""

import pytest
from pydantic import JsonValue
from tests.unit.contracts.compliance.stage import attest, bind, issue, rule, sent
from tests.unit.contracts.listening import ListeningMarket
from tests.unit.contracts.refusals.compliance import approval, in_offering

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.compliance.reported import VolumeReport
from tallystick.contracts.events import HolderCounted, LedgerEvent, read_event
from tallystick.contracts.participants import Participant
from tallystick.contracts.replay import Register, differences, miscounted
from tallystick.contracts.statements import SecurityAccepted

TOKEN = Chaincode.TOKEN
ATS, AGENT = Participant.ATS, Participant.TRANSFER_AGENT
REGULATOR = Participant.REGULATOR
REG_CF = "us-reg-cf-2026-01-01"


@pytest.fixture
def market() -> ListeningMarket:
    """Return a market in which every kind of event about rules has happened."""
    market = ListeningMarket()
    market.open()
    market.onboard("alice", "bob")
    market.issue("alice", 1000)
    attest(market, "alice", "accreditation")
    bind(
        market,
        rule("volume-window", window="P30D", units=900),
        rule("venue-only"),
        packs=[REG_CF],
        unit_price=100,
    )
    reported = VolumeReport(security="ACME", week="2023-12-24", quantity=70)
    market.submit(ATS, TOKEN, "report_volume", reported)
    market.submit(ATS, TOKEN, "bind_venue_rules", "ACME", [rule("maximum-holding", units=5)])
    issue(market, "alice", 10, "reg-cf")
    for waived in ("venue-only", "lock-up"):
        market.submit(AGENT, TOKEN, "approve_transfer", approval(market, 9, waived))
        if waived == "venue-only":
            market.transfer("alice", "bob", 5)
        else:
            market.submit(AGENT, TOKEN, "withdraw_approval", "ACME", "alice", "bob")
    for holder in ("alice", "bob"):
        accepted = SecurityAccepted(security="ACME", holder=holder, accepts=True)
        market.submit(AGENT, TOKEN, "accept_security", accepted, market.sign(holder, accepted))
    refused_now = SecurityAccepted(security="ACME", holder="bob", accepts=False)
    market.submit(AGENT, TOKEN, "accept_security", refused_now, market.sign("bob", refused_now))
    refused = market.submit(ATS, TOKEN, "record_refusal", sent(6)).transaction_id
    market.submit(REGULATOR, TOKEN, "acknowledge", "ACME", refused)
    market.submit(AGENT, TOKEN, "approve_transfer", approval(market, 9))
    market.submit(AGENT, TOKEN, "withdraw_approval", "ACME", "alice", "bob")
    bind(
        market,
        rule("secondary-limit", exemption="reg-a", window="P1Y", amount=900),
        unit_price=100,
    )
    market.submit(AGENT, TOKEN, "approve_transfer", in_offering(market, 9, "reg-a"))
    market.transfer("alice", "bob", 1)
    market.submit(AGENT, TOKEN, "approve_transfer", in_offering(market, 9, "reg-a"))
    persons: list[JsonValue] = ["alice", "bob"]
    market.submit(AGENT, TOKEN, "recount", "ACME", persons)
    return market


def replayed(market: ListeningMarket, *, without: type[LedgerEvent] | None = None) -> Register:
    """Return the register as the events tell it, one kind of them kept back."""
    register = Register()
    for outcome, moment in market.take_outcomes():
        events = [read_event(record) for record in outcome.events]
        told = [each for each in events if each is not None and type(each) is not without]
        register.apply(told, moment)
    return register


def test_events_rebuild_what_rules_rest_on(market: ListeningMarket) -> None:
    """SS-18, SS-78, F101, W1."""
    held = market.ledger.world.rows_of(TOKEN).values

    register = replayed(market)

    kinds = {key.split("\0")[1] for key in register.rows}
    assert kinds >= {"rules", "pack", "venue-rules", "approval", "review", "counted", "sales"}
    assert kinds >= {"raised", "invested", "acceptance", "volumes"}
    assert differences(register.rows, held.items()) == []
    assert list(miscounted(register.rows, held.items())) == []


@pytest.mark.parametrize("withdraws", [(), (REGULATOR,), (AGENT,), (REGULATOR, AGENT)])
def test_events_rebuild_an_approval_of_several_whoever_withdraws(
    market: ListeningMarket, withdraws: tuple[str, ...]
) -> None:
    market.submit(AGENT, TOKEN, "withdraw_approval", "ACME", "alice", "bob")
    for approver in (AGENT, REGULATOR):
        market.submit(approver, TOKEN, "approve_transfer", approval(market, 9))
    for actor in withdraws:
        market.submit(actor, TOKEN, "withdraw_approval", "ACME", "alice", "bob")
    held = market.ledger.world.rows_of(TOKEN).values
    assert differences(replayed(market).rows, held.items()) == []


def test_a_count_that_events_do_not_explain_is_found(market: ListeningMarket) -> None:
    held = market.ledger.world.rows_of(TOKEN).values

    register = replayed(market, without=HolderCounted)

    assert list(miscounted(register.rows, held.items())) == ["ACME"]
