"""What happens against a holder's will, or without it: freezes, orders, corrections, recovery."""

from datetime import timedelta
from functools import partial

import pytest
from pydantic import JsonValue
from tests.unit.contracts.acts import refused
from tests.unit.contracts.register_acts import (
    TOKEN,
    allow,
    allowances,
    as_agent,
    draw,
    force,
    hold,
    holding,
    holds,
    lots,
    sent,
    signed,
)

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.lots import Label, LotChoice, LotLock, Origin
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.models import (
    ForcedMove,
    ForcedOrder,
    Holding,
    HoldingChange,
    RegisterPage,
    Relabelling,
)
from tallystick.contracts.statements import (
    AllowanceLowered,
    HoldExtended,
    Recovery,
    UnitsSurrendered,
)
from tallystick.contracts.testing import EVIDENCE, Market, new_wallet

CLEARING = Participant.CLEARING


def freeze(market: Market, quantity: int) -> None:
    as_agent(market, "freeze_units", "ACME", "alice", quantity, "a court")


# --- orders ---


@pytest.mark.parametrize(
    ("quantity", "frozen_left"),
    [
        pytest.param(600, 400, id="available units go first"),
        pytest.param(601, 399, id="then exactly what is missing is unfrozen"),
        pytest.param(1000, 0, id="all of it"),
    ],
)
def test_an_order_unfreezes_exactly_what_it_needs(
    quantity: int, frozen_left: int, market: Market
) -> None:
    """F58: and says so."""
    freeze(market, 400)
    outcome = force(market, quantity)

    assert (market.units("bob"), holding(market).frozen) == (quantity, frozen_left)
    thawed = [event.type for event in outcome.events].count("token.UnitsFrozen")
    assert thawed == (frozen_left < 400)


def test_an_order_is_told_apart_and_names_its_evidence(market: Market) -> None:
    """F59, F67, SS-57."""
    data = force(market, 1).events[0].data

    assert isinstance(data, dict)
    assert (data["basis"], data["document_hash"]) == ("forced", EVIDENCE)
    assert data["actor"] == Participant.TRANSFER_AGENT


@pytest.mark.parametrize("function", ["redeem", "redeem_from_many"])
def test_a_redemption_that_nobody_asked_for_names_its_evidence(
    function: str, market: Market
) -> None:
    """F9, F67: as forced movements do; without it, or with a word in its place, nothing ends."""
    many: list[JsonValue] = [{"holder": "alice", "quantity": 1}]
    what: tuple[JsonValue, ...] = ("alice", 1) if function == "redeem" else (many,)
    redeem = partial(as_agent, market, function, "ACME", *what)
    for evidence in ((), ("a court says so",)):
        assert refused(redeem, *evidence) == "INVALID_ARGUMENT"

    data = redeem(EVIDENCE).events[0].data

    assert isinstance(data, dict)
    assert (data["basis"], data["document_hash"]) == ("redemption", EVIDENCE)
    assert holding(market).quantity == 999


def test_units_on_hold_are_not_taken(market: Market) -> None:
    """SS-89: what a trade or a notary counts on stays."""
    hold(market, 100)

    assert refused(force, market, 901) == "INSUFFICIENT_AVAILABLE"
    force(market, 900)
    assert holds(market) == {"h-1": 100}


def test_an_order_passes_stops_and_pauses_but_not_to_who_may_not_hold(market: Market) -> None:
    """F56, F57."""
    market.register("stranger")
    as_agent(market, "freeze", "ACME", "alice", "theft")
    as_agent(market, "pause", "ACME", "theft")

    assert refused(force, market, 1, "stranger") == "RECEIVER_NOT_VERIFIED"
    force(market, 1)
    assert market.units("bob") == 1


def test_what_is_given_back_keeps_its_dates(market: Market) -> None:
    """SS-67."""
    before = lots(market, "alice")
    market.ledger.advance(timedelta(days=30))
    force(market, 1000)

    assert lots(market, "bob") == before


def test_an_order_of_several_moves_is_one_unit_of_work(market: Market) -> None:
    market.transfer("alice", "bob", 10)
    moves = (
        ForcedMove(holder="alice", receiver=None, quantity=990),
        ForcedMove(holder="bob", receiver="alice", quantity=11),
    )
    order = ForcedOrder(security="ACME", moves=moves, evidence_hash=EVIDENCE)

    assert refused(as_agent, market, "force", order) == "INSUFFICIENT_AVAILABLE"
    assert holding(market).quantity == 990


def test_a_forced_redemption_ends_frozen_units(market: Market) -> None:
    """F9."""
    freeze(market, 1000)
    force(market, 1000, None)
    assert market.evaluate(TOKEN, "supply", "ACME").load(int) == 0


def test_enforcement_that_was_given_up_does_not_come_back(market: Market) -> None:
    """F60."""
    as_agent(market, "renounce_enforcement", "ACME")
    assert refused(force, market, 1) == "ENFORCEMENT_RENOUNCED"
    assert refused(force, market, 1, None) == "ENFORCEMENT_RENOUNCED"
    redemption = ("redeem", "ACME", "alice", 1, EVIDENCE)
    assert refused(as_agent, market, *redemption) == "ENFORCEMENT_RENOUNCED"
    signed(market, "alice", UnitsSurrendered(security="ACME", holder="alice", quantity=1))


# --- freezes ---


def test_freezes_are_bounded_by_what_there_is(market: Market) -> None:
    """F54, F55."""
    freeze(market, 1000)
    assert refused(market.transfer, "alice", "bob", 1) == "INSUFFICIENT_AVAILABLE"
    assert refused(freeze, market, 1) == "INSUFFICIENT_AVAILABLE"
    unfreeze = partial(as_agent, market, "unfreeze_units", "ACME", "alice", 1001, "an error")
    assert refused(unfreeze) == "INSUFFICIENT_FROZEN"


def test_who_is_stopped_neither_surrenders_nor_holds_units(market: Market) -> None:
    """F53: what a thief has is neither ended nor put aside; the agent may redeem it."""
    as_agent(market, "freeze", "ACME", "alice", "theft")
    surrendered = UnitsSurrendered(security="ACME", holder="alice", quantity=1)
    assert refused(signed, market, "alice", surrendered) == "SENDER_FROZEN"
    assert refused(partial(hold, market, receiver=None)) == "SENDER_FROZEN"
    as_agent(market, "redeem", "ACME", "alice", 1, EVIDENCE)
    assert holding(market).quantity == 999


def test_who_holds_nothing_can_be_stopped_and_is_on_no_cap_table(market: Market) -> None:
    """F53: before it could receive anything."""
    as_agent(market, "freeze", "ACME", "bob", "theft")

    assert refused(market.transfer, "alice", "bob", 1) == "RECEIVER_FROZEN"
    assert holding(market, "bob").stop == "theft"
    assert market.evaluate(TOKEN, "holder_count", "ACME").load(int) == 1
    page = market.evaluate(TOKEN, "register", "ACME").load(RegisterPage)
    assert [line.holder for line in page.holdings] == ["alice"]
    as_agent(market, "unfreeze", "ACME", "bob")
    market.transfer("alice", "bob", 1)


# --- lots ---


def test_an_issue_labels_its_lots_and_a_holder_chooses_among_them(market: Market) -> None:
    """F7, F162, SS-106: rounds with locks of their own."""
    locks = (LotLock(holder_class="us-person", until="2027-01-01T00:00:00Z"),)
    as_agent(market, "issue", "ACME", "alice", 50, Origin(round="series-a", locks=locks))
    [series_a] = [lot for lot in lots(market, "alice") if lot.round == "series-a"]
    chosen = sent(20).model_copy(update={"choice": LotChoice(lots=(series_a.lot,))})
    signed(market, "alice", chosen)

    [received] = lots(market, "bob")
    assert (received.round, received.quantity, received.locks) == ("series-a", 20, locks)
    assert sum(lot.quantity for lot in lots(market, "alice")) == 1030


def test_units_are_moved_to_another_tranche_with_their_dates(market: Market) -> None:
    """F163: ten of the thousand."""
    [old] = lots(market, "alice")
    market.ledger.advance(timedelta(days=1))
    relabelling = Relabelling(
        security="ACME",
        holder="alice",
        quantity=10,
        label=Label(tranche="b"),
        evidence_hash=EVIDENCE,
    )
    as_agent(market, "relabel_lots", relabelling)

    [moved] = lots(market, "alice", "b")
    assert (moved.quantity, moved.held_since) == (10, old.held_since)
    assert holding(market).quantity == 1000
    too_many = relabelling.model_copy(update={"quantity": 1001})
    assert refused(as_agent, market, "relabel_lots", too_many) == "LOTS_TOO_FEW"


def test_the_register_answers_for_many_and_over_time(market: Market) -> None:
    """F169, F173."""
    market.transfer("alice", "bob", 1000)
    names: list[JsonValue] = ["bob", "alice"]
    answer = market.evaluate(TOKEN, "holdings", "ACME", names)
    assert [each.quantity for each in answer.load(tuple[Holding, ...])] == [1000, 0]

    history = market.evaluate(TOKEN, "holding_history", "ACME", "alice")
    changes = history.load(tuple[HoldingChange, ...])
    assert [each.holding and each.holding.quantity for each in changes] == [None, 1000]


# --- recovery ---


def test_recovery_leaves_everything_in_place_and_the_old_key_dead(market: Market) -> None:
    """SS-67, SS-113, W19, F61, F62, F64, F65, F66: over all securities; the old key nowhere."""
    market.create_security("BETA")
    market.issue("alice", 7, "BETA")
    as_agent(market, "freeze_units", "BETA", "alice", 3, "an inquiry")
    hold(market, 100)
    allow(market, 50)
    market.agree(market.terms())
    market.lock()
    before = (holding(market), lots(market, "alice"), holds(market), allowances(market))

    lost, found = market.wallets["alice"], new_wallet("alice")
    recovery = Recovery(identity="alice", keys=(found.new_key(),), evidence_hash=EVIDENCE)
    market.wallets["alice"] = found
    agent = Participant.TRANSFER_AGENT
    intent = market.sign("alice", recovery)
    market.submit(agent, Chaincode.IDENTITY, "recover_identity", recovery, intent)

    after = (holding(market), lots(market, "alice"), holds(market), allowances(market))
    assert after == before

    market.wallets["alice"] = lost
    lowered = AllowanceLowered(security="ACME", holder="alice", spender=CLEARING, quantity=1)
    extended = HoldExtended(
        security="ACME", holder="alice", hold="h-1", expires_at=market.after(timedelta(hours=9))
    )
    for act in (
        partial(signed, market, "alice", sent(1)),
        partial(signed, market, "alice", lowered),
        partial(signed, market, "alice", extended),
        partial(allow, market, 60),
        partial(hold, market, name="h-2"),
    ):
        assert refused(act) == "INTENT_KEY_UNKNOWN"

    market.wallets["alice"] = found
    signed(market, "alice", sent(1))
    draw(market, 50)
    market.settle()
    assert market.units("bob") == 61
    beta = market.evaluate(TOKEN, "holding", "BETA", "alice").load(Holding)
    assert (beta.quantity, beta.frozen) == (7, 3)
