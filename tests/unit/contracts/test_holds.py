"""Holds: units that wait under a notary, while their holder goes on holding them."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from pydantic import ValidationError
from tests.unit.contracts.acts import refused
from tests.unit.contracts.netting.books import For
from tests.unit.contracts.netting.cleared import cleared_of
from tests.unit.contracts.register_acts import (
    HASH_LOCK,
    HOUR,
    SECRET,
    TOKEN,
    as_agent,
    hold,
    holding,
    holds,
    signed,
)

from tallystick.chaincode.testing import Outcome
from tallystick.contracts.participants import Participant
from tallystick.contracts.register.models import HoldExecution
from tallystick.contracts.statements import HoldDeclined, HoldExtended
from tallystick.contracts.testing import EVIDENCE, Market
from tallystick.contracts.trades.terms import DvpModel

BROKER, CLEARING = Participant.BROKER_DEALER, Participant.CLEARING


WHOLE = HoldExecution(security="ACME", holder="alice", hold="h-1", quantity=100)


def execute(
    market: Market, *, participant: str = CLEARING, **said: str | int | bool | None
) -> Outcome:
    """Execute the whole hold, or as ``said`` differs from that, as its notary."""
    execution = WHOLE.model_copy(update=said)
    return market.submit(participant, TOKEN, "execute_hold", execution)


def release(market: Market, participant: str = CLEARING, name: str = "h-1") -> Outcome:
    return market.submit(participant, TOKEN, "release_hold", "ACME", "alice", name)


def test_who_holds_units_on_hold_goes_on_holding_them(market: Market) -> None:
    """SS-59, SS-86: they count for votes and dividends, and cannot be used."""
    hold(market, 300)

    line = holding(market)
    assert (line.quantity, line.held, line.available) == (1000, 300, 700)
    assert refused(market.transfer, "alice", "bob", 701) == "INSUFFICIENT_AVAILABLE"
    market.transfer("alice", "bob", 700)


@pytest.mark.parametrize(
    ("quantity", "keeps_open", "held", "available"),
    [
        pytest.param(100, False, {}, 900, id="wholly"),
        pytest.param(100, True, {}, 900, id="wholly: nothing stays to be kept open"),
        pytest.param(40, False, {}, 960, id="in part: the rest is free"),
        pytest.param(40, True, {"h-1": 60}, 900, id="in part, kept open"),
    ],
)
def test_a_notary_executes_a_hold(
    quantity: int, *, keeps_open: bool, held: dict[str, int], available: int, market: Market
) -> None:
    """F69."""
    hold(market)
    execute(market, quantity=quantity, keeps_open=keeps_open)

    assert (market.units("bob"), holds(market)) == (quantity, held)
    assert holding(market).available == available


def renew(market: Market) -> Outcome:
    extended = HoldExtended(
        security="ACME", holder="alice", hold="h-1", expires_at=market.after(9 * HOUR)
    )
    return signed(market, "alice", extended)


def decline(market: Market) -> Outcome:
    declined = HoldDeclined(security="ACME", holder="alice", hold="h-1", receiver="bob")
    return signed(market, "bob", declined)


STEPS: dict[str, Callable[[Market], Outcome]] = {
    "place": hold,
    "execute in part, kept open": partial(execute, quantity=40, keeps_open=True),
    "execute": execute,
    "renew": renew,
    "release": release,
    "decline": decline,
}
OUTCOMES = {"held": {"h-1": 100}, "held, for less": {"h-1": 60}, "ended": {}}
"""What is held after each outcome that the document names."""


def documented() -> list[tuple[str, str, str]]:
    """Return state, step and outcome of each cell of the table of holds."""
    text = (Path(__file__).parents[3] / "docs" / "contracts" / "register.md").read_text()
    table = text.partition("## Holds\n\n")[2].partition("\n\n")[0].splitlines()
    head, _, *lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    return [
        (state, step, outcome.strip("`"))
        for state, *outcomes in lines
        for step, outcome in zip(head[1:], outcomes, strict=True)
    ]


def test_the_document_tells_every_step() -> None:
    assert {step for _, step, _ in documented()} == set(STEPS)


@pytest.mark.parametrize(("state", "step", "outcome"), documented())
def test_a_hold_lives_as_the_document_says(
    state: str, step: str, outcome: str, market: Market
) -> None:
    if state != "none":
        hold(market)
    if state == "held, expired":
        market.ledger.advance(HOUR)

    if outcome in OUTCOMES:
        STEPS[step](market)
        assert holds(market) == OUTCOMES[outcome]
    else:
        assert refused(STEPS[step], market) == outcome


def test_a_hold_that_is_kept_open_is_executed_again(market: Market) -> None:
    hold(market)
    for quantity in (40, 50, 10):
        execute(market, quantity=quantity, keeps_open=True)

    assert (market.units("bob"), holds(market), holding(market).held) == (100, {}, 0)


@pytest.mark.parametrize(
    ("act", "code"),
    [
        pytest.param(partial(execute, quantity=101), "HOLD_DIFFERS", id="more than is held"),
        pytest.param(partial(execute, receiver="carol"), "HOLD_DIFFERS", id="to somebody else"),
        pytest.param(partial(execute, hold="h-2"), "HOLD_UNKNOWN", id="another hold"),
        pytest.param(
            partial(execute, participant=BROKER), "NOT_THE_NOTARY", id="by who is no notary"
        ),
        pytest.param(
            partial(execute, participant=BROKER, secret=SECRET),
            "NOT_THE_NOTARY",
            id="with a secret that nobody asked for",
        ),
        pytest.param(
            partial(release, participant=BROKER), "NOT_THE_NOTARY", id="released by another"
        ),
        pytest.param(hold, "HOLD_EXISTS", id="a second hold of the same name"),
        pytest.param(
            partial(hold, quantity=901, name="h-2"),
            "INSUFFICIENT_AVAILABLE",
            id="more holds than there are units",
        ),
    ],
)
def test_a_hold_does_what_it_says_and_nothing_else(
    act: partial[Outcome], code: str, market: Market
) -> None:
    hold(market)
    assert refused(act, market) == code
    assert holds(market) == {"h-1": 100}


def test_rules_are_asked_when_units_are_held_and_again_when_they_go(market: Market) -> None:
    """F98."""
    market.register("stranger")
    assert refused(partial(hold, receiver="stranger"), market) == "RECEIVER_NOT_VERIFIED"
    hold(market)
    as_agent(market, "freeze", "ACME", "bob", "a court")
    assert refused(execute, market) == "RECEIVER_FROZEN"
    assert holds(market) == {"h-1": 100}


def test_a_hold_for_nobody_in_particular_names_its_receiver_at_the_end(market: Market) -> None:
    """F73."""
    hold(market, receiver=None)
    assert refused(execute, market) == "HOLD_RECEIVER_MISSING"
    execute(market, receiver="bob")
    assert market.units("bob") == 100


def test_who_shows_the_secret_executes_a_hold(market: Market) -> None:
    """F72: a hash lock ties units here to what happens elsewhere."""
    hold(market, hash_lock=HASH_LOCK)
    by_secret = partial(execute, market, participant=BROKER)

    assert refused(by_secret) == "NOT_THE_NOTARY"
    assert refused(partial(by_secret, secret="open barley")) == "SECRET_WRONG"
    by_secret(secret=SECRET)
    assert market.units("bob") == 100


@pytest.mark.parametrize(
    ("receiver", "execution", "code"),
    [
        pytest.param("bob", {"quantity": 1}, "HOLD_DIFFERS", id="a part, to end the rest"),
        pytest.param("bob", {"quantity": 1, "keeps_open": True}, "HOLD_DIFFERS", id="bit by bit"),
        pytest.param("bob", {"receiver": "carol"}, "HOLD_DIFFERS", id="to oneself"),
        pytest.param(
            None, {"receiver": "carol"}, "NOT_THE_NOTARY", id="to oneself, where nobody is named"
        ),
    ],
)
def test_a_secret_that_was_shown_is_of_no_use_to_others(
    receiver: str | None, execution: dict[str, str | int | bool], code: str, market: Market
) -> None:
    market.onboard("carol")
    hold(market, receiver=receiver, hash_lock=HASH_LOCK)
    by_secret = partial(execute, market, participant=BROKER, secret=SECRET, **execution)

    assert refused(by_secret) == code
    assert holds(market) == {"h-1": 100}


def test_a_hold_is_over_from_the_second_of_its_expiry(market: Market) -> None:
    """F70: before it the notary alone, from then on anybody releases and nobody executes."""
    hold(market)
    market.ledger.advance(HOUR)
    assert refused(execute, market) == "HOLD_EXPIRED"
    release(market, Participant.BANK)

    assert (holds(market), holding(market).available) == ({}, 1000)


def test_a_notary_releases_and_a_receiver_declines(market: Market) -> None:
    """F70."""
    hold(market)
    release(market)
    hold(market)
    declined = HoldDeclined(security="ACME", holder="alice", hold="h-1", receiver="bob")
    assert refused(signed, market, "alice", declined) == "INTENT_KEY_UNKNOWN"
    signed(market, "bob", declined)

    assert (holds(market), holding(market).available) == ({}, 1000)
    hold(market, receiver=None)
    assert refused(signed, market, "bob", declined) == "HOLD_DIFFERS"


def test_a_hold_is_renewed_while_it_lasts(market: Market) -> None:
    """F71."""
    hold(market)
    extended = HoldExtended(
        security="ACME", holder="alice", hold="h-1", expires_at=market.after(3 * HOUR)
    )
    signed(market, "alice", extended)
    market.ledger.advance(2 * HOUR)
    execute(market, quantity=40, keeps_open=True)
    market.ledger.advance(HOUR)
    later = extended.model_copy(update={"expires_at": market.after(HOUR)})
    assert refused(signed, market, "alice", later) == "HOLD_EXPIRED"


def test_a_holder_does_not_cut_a_hold_short(market: Market) -> None:
    """F71, F72: whoever has the secret counts on the moment that was said."""
    hold(market, hash_lock=HASH_LOCK)
    shortened = HoldExtended(
        security="ACME", holder="alice", hold="h-1", expires_at=market.after(timedelta(seconds=1))
    )
    assert refused(signed, market, "alice", shortened) == "HOLD_SHORTENED"
    market.ledger.advance(timedelta(minutes=59))
    execute(market, participant=BROKER, secret=SECRET)
    assert market.units("bob") == 100


def test_holds_stack_and_each_ends_by_its_own_name(market: Market) -> None:
    """F74."""
    for name in ("h-1", "h-2", "h-3"):
        hold(market, 300, name=name)
    release(market, name="h-2")
    execute(market, quantity=300, hold="h-3")

    assert holds(market) == {"h-1": 300}
    assert holding(market).available == 400


def test_an_order_of_a_court_releases_a_hold(market: Market) -> None:
    hold(market)
    as_agent(market, "release_hold_by_order", "ACME", "alice", "h-1", EVIDENCE)
    assert holds(market) == {}


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(partial(execute, quantity=10, hold="T-1@0"), id="execute"),
        pytest.param(partial(release, name="T-1@0"), id="release"),
        pytest.param(
            lambda market: as_agent(
                market, "release_hold_by_order", "ACME", "alice", "T-1@0", EVIDENCE
            ),
            id="release by order",
        ),
        pytest.param(
            lambda market: signed(
                market,
                "bob",
                HoldDeclined(security="ACME", holder="alice", hold="T-1@0", receiver="bob"),
            ),
            id="decline",
        ),
        pytest.param(
            lambda market: signed(
                market,
                "alice",
                HoldExtended(
                    security="ACME", holder="alice", hold="T-1@0", expires_at=market.after(HOUR)
                ),
            ),
            id="renew",
        ),
    ],
)
def test_the_hold_of_a_trade_ends_with_its_trade_only(
    act: partial[Outcome], market: Market
) -> None:
    """SS-89."""
    market.agree(market.terms())
    market.lock()

    assert refused(act, market) == "NOT_THE_NOTARY"
    market.settle()
    assert (market.units("bob"), holds(market)) == (10, {})


@pytest.mark.parametrize("model", list(DvpModel))
def test_no_hold_of_a_holder_stands_in_the_way_of_a_trade(model: DvpModel, market: Market) -> None:
    """SS-89, F74: whatever its name; and no end of the trade ends it."""
    cleared = cleared_of(market)
    hold(cleared, 5, name="T-1")
    cleared.trade("T-1", "alice", "bob", For(10, 500), model)
    if model is DvpModel.GROSS:
        cleared.lock()
        cleared.settle()
    else:
        cleared.open_cycle(cleared.cycle_terms(model=model))
        cleared.accept("T-1")
        cleared.settle_cycle()

    assert (cleared.units("bob"), holds(cleared)) == (10, {"T-1": 5})


def test_a_holder_names_no_hold_as_those_of_trades_are_named(market: Market) -> None:
    with pytest.raises(ValidationError):
        hold(market, name="T-1@0")
