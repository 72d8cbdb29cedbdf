"""Allowances: how much, for what, until when; and that no two changes of one get lost."""

from functools import partial

import pytest
from tests.unit.contracts.acts import refused
from tests.unit.contracts.register_acts import (
    HOUR,
    TOKEN,
    allow,
    allowances,
    as_agent,
    draw,
    holding,
    lots,
    signed,
)

from tallystick.contracts.lots import Origin
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import (
    ANY_SCOPE,
    AllowanceLowered,
    AllowanceRaised,
    AllowanceScope,
    AllowanceWithdrawn,
)
from tallystick.contracts.testing import Market

CLEARING = Participant.CLEARING
AT_THE_ATS = AllowanceScope(venue=Participant.ATS)
FOR_A_TRADE = AllowanceScope(trade="T-1")
TRANCHE_B = AllowanceScope(tranche="b")


def raised(quantity: int, scope: AllowanceScope = ANY_SCOPE) -> AllowanceRaised:
    return AllowanceRaised(
        security="ACME", holder="alice", spender=CLEARING, quantity=quantity, scope=scope
    )


def lowered(quantity: int) -> AllowanceLowered:
    return AllowanceLowered(security="ACME", holder="alice", spender=CLEARING, quantity=quantity)


def test_one_approval_serves_many_draws_and_no_more(market: Market) -> None:
    """SS-58, F39."""
    allow(market, 10)
    for quantity in (4, 5):
        draw(market, quantity)

    assert refused(draw, market, 2) == "ALLOWANCE_EXCEEDED"
    draw(market, 1)
    assert refused(draw, market, 1) == "ALLOWANCE_MISSING"
    assert market.units("bob") == 10


def test_an_allowance_of_everything_lasts_until_it_ends(market: Market) -> None:
    """SS-61, F44: complete, rather than partial."""
    allow(market, None)
    draw(market, 600)
    market.issue("alice", 50)
    draw(market, 450)

    assert holding(market).quantity == 0
    assert allowances(market) == {"//": None}
    market.issue("alice", 1)
    market.ledger.advance(HOUR)
    assert refused(draw, market, 1) == "ALLOWANCE_EXPIRED"


@pytest.mark.parametrize(
    ("change", "left"),
    [
        pytest.param(raised(5), 12, id="five more than what the draw left"),
        pytest.param(lowered(5), 2, id="five fewer"),
        pytest.param(lowered(9), None, id="to nothing at the least"),
    ],
)
def test_raising_and_lowering_race_with_no_draw(
    change: AllowanceRaised, left: int | None, market: Market
) -> None:
    """SS-61, F40: whatever was drawn before the change arrives, it is a difference."""
    allow(market, 10)
    draw(market, 3)
    signed(market, "alice", change)

    assert allowances(market).get("//") == left


def test_what_is_not_allowed_is_not_raised(market: Market) -> None:
    assert refused(signed, market, "alice", raised(1)) == "ALLOWANCE_MISSING"
    allow(market, None)
    assert refused(signed, market, "alice", raised(1)) == "ALLOWANCE_UNBOUNDED"


@pytest.mark.parametrize(
    ("expected", "code"),
    [(7, ""), (10, "ALLOWANCE_DIFFERS"), (0, "ALLOWANCE_DIFFERS")],
)
def test_an_allowance_is_replaced_only_if_it_is_as_expected(
    expected: int, code: str, market: Market
) -> None:
    allow(market, 10)
    draw(market, 3)
    replace = partial(allow, market, 20, expected=expected)

    if code:
        assert refused(replace) == code
    else:
        replace()
    assert allowances(market) == {"//": 7 if code else 20}


def test_nothing_is_expected_where_there_is_nothing(market: Market) -> None:
    allow(market, 5, expected=0)
    assert allowances(market) == {"//": 5}


def test_an_allowance_may_have_to_be_covered(market: Market) -> None:
    """F42."""
    as_agent(market, "freeze_units", "ACME", "alice", 400, "a court")

    assert refused(partial(allow, market, 601, is_covered=True)) == "ALLOWANCE_NOT_COVERED"
    allow(market, 600, is_covered=True)
    allow(market, 601)
    allow(market, None, is_covered=True)


# --- scopes ---


def test_each_scope_has_an_allowance_of_its_own(market: Market) -> None:
    """F45: what is allowed for a venue or a trade is good for nothing else."""
    allow(market, 5, AT_THE_ATS)
    allow(market, 7, FOR_A_TRADE)

    assert refused(draw, market, 1) == "ALLOWANCE_MISSING"
    assert refused(draw, market, 6, AT_THE_ATS) == "ALLOWANCE_EXCEEDED"
    draw(market, 5, AT_THE_ATS)
    draw(market, 7, FOR_A_TRADE)
    assert allowances(market) == {}


def test_the_venue_of_a_draw_needs_its_licence(market: Market) -> None:
    """SS-01, F46."""
    allow(market, 5, AT_THE_ATS)
    withdraw = partial(
        market.submit,
        Participant.REGULATOR,
        "identity",
        "suspend_licence",
        Participant.ATS,
        "ats",
        "an inquiry",
    )
    withdraw()

    assert refused(draw, market, 5, AT_THE_ATS) == "LICENCE_SUSPENDED"
    assert allowances(market) == {f"{Participant.ATS}//": 5}


def test_the_licence_of_who_draws_is_judged_at_the_draw(market: Market) -> None:
    """SS-03, F46."""
    allow(market, 5)
    market.submit(
        Participant.REGULATOR, "identity", "suspend_licence", CLEARING, "clearing", "an inquiry"
    )

    assert refused(draw, market, 5) == "LICENCE_SUSPENDED"
    market.submit(Participant.REGULATOR, "identity", "resume_licence", CLEARING, "clearing")
    draw(market, 5)


def test_an_allowance_of_a_tranche_draws_on_that_tranche(market: Market) -> None:
    """F43, F164."""
    as_agent(market, "issue", "ACME", "alice", 10, Origin(tranche="b"))
    allow(market, 50, TRANCHE_B)

    assert refused(draw, market, 11, TRANCHE_B) == "LOTS_TOO_FEW"
    draw(market, 10, TRANCHE_B)
    assert [(lot.tranche, lot.quantity) for lot in lots(market, "bob")] == [("b", 10)]
    assert lots(market, "alice", "b") == ()


def test_a_draw_that_fails_uses_nothing_up(market: Market) -> None:
    """F41."""
    allow(market, 2000)
    assert refused(draw, market, 1001) == "INSUFFICIENT_AVAILABLE"
    assert allowances(market) == {"//": 2000}


def test_an_allowance_is_withdrawn_by_its_scope(market: Market) -> None:
    allow(market, 5)
    allow(market, 7, FOR_A_TRADE)
    signed(
        market,
        "alice",
        AllowanceWithdrawn(security="ACME", holder="alice", spender=CLEARING, scope=FOR_A_TRADE),
    )
    assert allowances(market) == {"//": 5}
    found = market.evaluate(TOKEN, "allowance", "ACME", "alice", CLEARING, FOR_A_TRADE)
    assert found.json is None
