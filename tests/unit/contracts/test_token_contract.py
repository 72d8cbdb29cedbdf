"""Holders, movements, allowances and freezes as callers of the token contract see them."""

from datetime import timedelta

import pytest
from pydantic import JsonValue

from tallystick.chaincode import Refusal, composite_key
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.models import Allocation, Holding, RegisterPage, Verdict
from tallystick.contracts.statements import AllowanceWithdrawn, UnitsAllowed, UnitsSent
from tallystick.contracts.testing import EVIDENCE, Market

BROKER = Participant.BROKER_DEALER
CLEARING = Participant.CLEARING
TRANSFER_AGENT = Participant.TRANSFER_AGENT
TOKEN = Chaincode.TOKEN


def sent(quantity: int, sender: str = "alice", receiver: str = "bob") -> UnitsSent:
    return UnitsSent(security="ACME", sender=sender, receiver=receiver, quantity=quantity)


def lot(quantity: int) -> JsonValue:
    """Return so many units issued today, as events tell them."""
    today = {"acquired_on": "2024-01-02", "held_since": "2024-01-02"}
    labels = dict.fromkeys(("round", "exemption", "tranche"))
    return {"quantity": quantity, **today, **labels, "locks": []}


def supply(market: Market) -> int:
    return market.evaluate(TOKEN, "supply", "ACME").load(int)


def holder_count(market: Market) -> int:
    return market.evaluate(TOKEN, "holder_count", "ACME").load(int)


def allow(market: Market, quantity: int, lifetime: timedelta = timedelta(hours=1)) -> None:
    allowed = UnitsAllowed(
        security="ACME",
        holder="alice",
        spender=CLEARING,
        quantity=quantity,
        expires_at=market.after(lifetime),
    )
    market.submit(BROKER, TOKEN, "approve", allowed, market.sign("alice", allowed))


# --- movements ---


def test_a_transfer_moves_units_under_a_mandate(market: Market) -> None:
    """F48."""
    outcome = market.transfer("alice", "bob", 100)

    assert (market.units("alice"), market.units("bob"), supply(market)) == (900, 100, 1000)
    assert outcome.event_types == ("token.Transferred", "token.HolderCounted")
    assert [event.data for event in outcome.events[:1]] == [
        {
            "security": "ACME",
            "sender": "alice",
            "receiver": "bob",
            "quantity": 100,
            "basis": "transfer",
            "hold": None,
            "freed": 0,
            "actor": "BrokerDealerMSP",
            "lots": [lot(100)],
            "day": "2024-01-02",
            "dates": "acquired",
            "document_hash": None,
        }
    ]


def test_a_transfer_needs_no_mandate_when_it_is_signed(market: Market) -> None:
    """F23, F37."""
    intent = market.sign("alice", sent(100))

    market.submit(Participant.BANK, TOKEN, "transfer", sent(100), intent)

    assert market.units("bob") == 100


@pytest.mark.parametrize("quantity", [0, -1, 2**53])
def test_a_quantity_is_a_positive_integer_that_every_client_can_read(
    quantity: int, market: Market
) -> None:
    """F24."""
    with pytest.raises(Refusal, match="INVALID_ARGUMENT: quantity"):
        market.submit(TRANSFER_AGENT, TOKEN, "issue", "ACME", "alice", quantity)


def test_an_issue_to_many_is_one_unit_of_work(market: Market) -> None:
    """F1, F2, F12."""
    market.register("unverified")
    allocations = [Allocation(to="alice", quantity=1), Allocation(to="unverified", quantity=1)]

    with pytest.raises(Refusal, match="RECEIVER_NOT_VERIFIED"):
        market.submit(TRANSFER_AGENT, TOKEN, "issue_to_many", "ACME", allocations)
    assert supply(market) == 1000

    market.submit(
        TRANSFER_AGENT,
        TOKEN,
        "issue_to_many",
        "ACME",
        [Allocation(to="alice", quantity=1), Allocation(to="bob", quantity=2)],
    )
    assert (market.units("alice"), market.units("bob"), supply(market)) == (1001, 2, 1003)


def test_redeemed_units_are_gone(market: Market) -> None:
    market.submit(TRANSFER_AGENT, TOKEN, "redeem", "ACME", "alice", 400, EVIDENCE)

    assert (market.units("alice"), supply(market)) == (600, 600)


def test_a_holder_of_nothing_leaves_the_register(market: Market) -> None:
    """SS-17."""
    assert holder_count(market) == 1
    market.transfer("alice", "bob", 1)
    assert holder_count(market) == 2
    market.transfer("alice", "bob", 999)

    page = market.evaluate(TOKEN, "register", "ACME").load(RegisterPage)
    assert [(line.holder, line.quantity) for line in page.holdings] == [("bob", 1000)]
    assert holder_count(market) == 1


def test_the_register_comes_in_pages(market: Market) -> None:
    """F170."""
    market.transfer("alice", "bob", 1)

    first = market.evaluate(TOKEN, "register", "ACME", 1).load(RegisterPage)
    second = market.evaluate(TOKEN, "register", "ACME", 1, first.bookmark).load(RegisterPage)

    holders = [line.holder for page in (first, second) for line in page.holdings]
    assert holders == ["alice", "bob"]
    assert second.bookmark == ""


def test_a_bookmark_of_another_register_is_refused(market: Market) -> None:
    market.create_security("BETA")
    foreign = composite_key("position", "ACME", "alice")

    with pytest.raises(Refusal, match=r"^INVALID_PAGE: "):
        market.evaluate(TOKEN, "register", "BETA", 10, foreign)


def test_a_security_whose_name_begins_like_another_has_its_own_register(market: Market) -> None:
    market.create_security("ACME-2")
    market.issue("bob", 7, "ACME-2")

    page = market.evaluate(TOKEN, "register", "ACME").load(RegisterPage)
    assert [line.holder for line in page.holdings] == ["alice"]
    assert market.units("bob", "ACME-2") == 7


def test_transfers_between_disjoint_holders_write_disjoint_rows(market: Market) -> None:
    """SS-112."""
    market.onboard("carol", "dave")
    market.issue("carol", 10)
    rows = market.ledger.world.rows[TOKEN]

    def written(sender: str, receiver: str) -> set[str]:
        before = {key: len(changes) for key, changes in rows.history.items()}
        market.transfer(sender, receiver, 1)
        return {key for key, changes in rows.history.items() if len(changes) > before.get(key, 0)}

    first, second = written("alice", "bob"), written("carol", "dave")

    assert first
    assert second
    assert first.isdisjoint(second)


# --- can_transfer ---


def test_can_transfer_gives_every_reason_and_what_is_available(market: Market) -> None:
    """SS-50, F26, F27."""
    market.register("carol")
    market.submit(TRANSFER_AGENT, TOKEN, "freeze", "ACME", "alice", "court order 7")
    market.submit(TRANSFER_AGENT, TOKEN, "pause", "ACME", "news pending")

    verdict = market.evaluate(TOKEN, "can_transfer", sent(1001, receiver="carol")).load(Verdict)

    assert not verdict.allowed
    assert [reason.code for reason in verdict.reasons] == [
        "SECURITY_PAUSED",
        "SENDER_FROZEN",
        "RECEIVER_NOT_VERIFIED",
        "INSUFFICIENT_AVAILABLE",
    ]
    assert verdict.available == 1000


def test_a_refused_transfer_carries_the_same_reasons_as_can_transfer(market: Market) -> None:
    market.register("carol")
    verdict = market.evaluate(TOKEN, "can_transfer", sent(1001, receiver="carol")).load(Verdict)

    with pytest.raises(Refusal) as refused:
        market.transfer("alice", "carol", 1001)

    assert refused.value.facts["reasons"] == [each.model_dump() for each in verdict.reasons]
    assert refused.value.code == verdict.reasons[0].code


def test_can_transfer_allows_what_a_transfer_then_does(market: Market) -> None:
    verdict = market.evaluate(TOKEN, "can_transfer", sent(1000)).load(Verdict)
    market.transfer("alice", "bob", 1000)

    assert verdict == Verdict(allowed=True, reasons=(), available=1000, most=1000)


# --- freezes ---


def test_frozen_units_stay_with_their_holder_and_do_not_move(market: Market) -> None:
    """SS-17."""
    market.submit(TRANSFER_AGENT, TOKEN, "freeze_units", "ACME", "alice", 300, "pledge")

    holding = market.evaluate(TOKEN, "holding", "ACME", "alice").load(Holding)
    assert holding == Holding(holder="alice", quantity=1000, held=0, frozen=300, available=700)
    with pytest.raises(Refusal, match="INSUFFICIENT_AVAILABLE"):
        market.transfer("alice", "bob", 701)
    market.transfer("alice", "bob", 700)

    market.submit(TRANSFER_AGENT, TOKEN, "unfreeze_units", "ACME", "alice", 300, "pledge ended")
    market.transfer("alice", "bob", 300)
    assert market.units("bob") == 1000


def test_more_than_is_available_cannot_be_frozen(market: Market) -> None:
    with pytest.raises(Refusal, match="INSUFFICIENT_AVAILABLE"):
        market.submit(TRANSFER_AGENT, TOKEN, "freeze_units", "ACME", "alice", 1001, "pledge")


def test_an_unfrozen_holder_trades_again(market: Market) -> None:
    market.submit(TRANSFER_AGENT, TOKEN, "freeze", "ACME", "alice", "court order 7")
    market.submit(TRANSFER_AGENT, TOKEN, "unfreeze", "ACME", "alice")

    market.transfer("alice", "bob", 1)

    assert market.units("bob") == 1


def test_supply_can_be_put_right_while_trading_is_paused(market: Market) -> None:
    market.submit(Participant.REGULATOR, TOKEN, "pause", "ACME", "news pending")

    market.issue("alice", 5)
    market.submit(Participant.REGULATOR, TOKEN, "resume", "ACME")
    market.transfer("alice", "bob", 1005)

    assert market.units("bob") == 1005


# --- allowances: SS-58, SS-59 ---


def test_a_participant_draws_what_it_was_allowed_and_no_more(market: Market) -> None:
    """SS-58, SS-103."""
    allow(market, 30)
    assert market.units("alice") == 1000  # an allowance moves nothing

    for _ in range(3):
        market.submit(CLEARING, TOKEN, "transfer_from", sent(10))

    assert market.units("bob") == 30
    with pytest.raises(Refusal, match="ALLOWANCE_MISSING"):
        market.submit(CLEARING, TOKEN, "transfer_from", sent(1))


def test_a_new_allowance_replaces_the_old_one(market: Market) -> None:
    allow(market, 30)
    allow(market, 5)

    with pytest.raises(Refusal, match="ALLOWANCE_EXCEEDED"):
        market.submit(CLEARING, TOKEN, "transfer_from", sent(6))


def test_a_refused_draw_uses_up_nothing(market: Market) -> None:
    allow(market, 2000)

    with pytest.raises(Refusal, match="INSUFFICIENT_AVAILABLE"):
        market.submit(CLEARING, TOKEN, "transfer_from", sent(1500))

    allowance = market.evaluate(TOKEN, "allowance", "ACME", "alice", CLEARING).json
    assert isinstance(allowance, dict)
    assert allowance["quantity"] == 2000


def test_an_allowance_is_for_one_participant_only(market: Market) -> None:
    allow(market, 30)

    with pytest.raises(Refusal, match="ALLOWANCE_MISSING"):
        market.submit(BROKER, TOKEN, "transfer_from", sent(1))


def test_a_withdrawn_allowance_ends_at_once(market: Market) -> None:
    """SS-58."""
    allow(market, 30)
    withdrawn = AllowanceWithdrawn(security="ACME", holder="alice", spender=CLEARING)
    market.submit(BROKER, TOKEN, "revoke_allowance", withdrawn, market.sign("alice", withdrawn))

    with pytest.raises(Refusal, match="ALLOWANCE_MISSING"):
        market.submit(CLEARING, TOKEN, "transfer_from", sent(1))
    assert market.evaluate(TOKEN, "allowance", "ACME", "alice", CLEARING).json is None
