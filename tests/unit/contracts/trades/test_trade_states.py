"""The life of a trade: the table of its states and steps, as code, as documented, as lived."""

from pathlib import Path

import pytest
from tests.unit.contracts.trades.stage import (
    BEFORE,
    STEPS,
    approve,
    brought_to,
    holdings,
    mediated,
    view,
)

from tallystick.chaincode import Refusal
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.participants import Participant
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.models import Status, Trade
from tallystick.contracts.trades.states import GUARDS, TRANSITIONS, Guard, Step, after, has_locks
from tallystick.contracts.trades.terms import DvpModel

DOCUMENT = Path(__file__).parents[4] / "docs" / "contracts" / "settlement.md"

ASKED_BEFORE = {
    (Status.IN_CYCLE, Step.APPROVE): "NOT_A_MEDIATOR",
    (Status.IN_CYCLE, Step.REJECT): "NOT_A_MEDIATOR",
    (Status.BOUGHT_IN, Step.BUY_IN): "BUY_IN_STATUS",
}
"""What refuses a step before its trade's status does."""


@pytest.fixture(scope="module")
def markets() -> dict[Status, Market]:
    """A market for each status that T-1 can be in."""
    return {status: brought_to(status) for status in Status}


@pytest.mark.parametrize("step", list(STEPS))
@pytest.mark.parametrize("status", list(Status))
def test_a_trade_takes_the_steps_in_the_table_and_no_other(
    status: Status, step: Step, markets: dict[Status, Market]
) -> None:
    """SS-84, SS-111: nor is bought in what is locked, which its seller does not lack."""
    market = markets[status].fork()
    following = TRANSITIONS.get((status, step))
    assert view(market).trade.status is status

    is_locked = Guard.UNLOCKED in GUARDS.get(step, ()) and has_locks(view(market).trade)
    if following is None or is_locked:
        with pytest.raises(Refusal, match=ASKED_BEFORE.get((status, step), "TRADE_STATUS")):
            STEPS[step](market)
        assert view(market).trade.status is status
    elif step is Step.CONSENT:
        with pytest.raises(Refusal, match="CONSENT_ALREADY_GIVEN"):
            STEPS[step](market)
    else:
        STEPS[step](market)
        assert view(market).trade.status is following


def test_the_table_in_the_documents_is_the_table() -> None:
    living = [each for each in Status if any((each, step) in TRANSITIONS for step in Step)]
    header = f"| Step | {' | '.join(living)} | when |"
    rows = [
        f"| {step} | "
        + " | ".join(TRANSITIONS.get((status, step), "") for status in living)
        + f" | {', '.join(GUARDS[step])} |"
        for step in Step
    ]
    table = "\n".join([header, "|---|" + "---|" * (len(living) + 1), *rows])
    assert table in DOCUMENT.read_text(), table


@pytest.mark.parametrize("model", list(DvpModel))
@pytest.mark.parametrize("status", list(Status))
def test_a_trade_is_bought_in_while_it_waits_for_units_and_nothing_of_it_is_locked(
    status: Status, model: DvpModel
) -> None:
    """SS-111: by the table alone, whatever settlement discipline has asked before."""
    trade = Trade(
        trade="T-1",
        venue=Participant.ATS,
        terms_hash="0" * 64,
        settlement_day="2026-04-06",
        settles_from="2026-04-06T00:00:00Z",
        expires_at="2026-04-07T00:00:00Z",
        status=status,
        model=model,
        proposed_at="2026-04-02T00:00:00Z",
        splits_seen=0,
    )
    is_unlocked = status is Status.PROPOSED or (status, model) == (Status.FAILING, DvpModel.NET)

    if is_unlocked:
        assert after(trade, Step.BUY_IN, trade.settles_from).status is Status.BOUGHT_IN
    else:
        with pytest.raises(Refusal, match="TRADE_STATUS"):
            after(trade, Step.BUY_IN, trade.settles_from)


def test_what_has_ended_takes_no_step() -> None:
    """SS-82."""
    living = {status for status, _ in TRANSITIONS}
    assert living == {Status.PROPOSED, Status.LOCKED, Status.FAILING, Status.IN_CYCLE}


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param((Step.WITHDRAW,), id="withdrawn"),
        pytest.param((Step.REJECT,), id="rejected before the lock"),
        pytest.param((Step.LOCK, Step.REJECT), id="rejected after the lock"),
        pytest.param((Step.CANCEL,), id="cancelled before the lock"),
        pytest.param((Step.LOCK, Step.CANCEL), id="cancelled after the lock"),
        pytest.param((Step.LOCK, Step.RECORD_FAILURE, Step.CANCEL), id="cancelled when failing"),
        pytest.param((Step.EXPIRE,), id="expired before the lock"),
        pytest.param((Step.LOCK, Step.EXPIRE), id="expired after the lock"),
        pytest.param((Step.LOCK, Step.RECORD_FAILURE, Step.EXPIRE), id="expired when failing"),
    ],
)
def test_a_trade_that_ends_without_delivery_gives_everything_back(
    steps: tuple[Step, ...], market: Market
) -> None:
    """SS-89, F127, F130."""
    market.agree(mediated(market))
    approve(market)
    for step in steps:
        STEPS[step](market)

    assert holdings(market) == BEFORE
    market.transfer("alice", "bob", 1000)
    market.submit(Participant.BANK, Chaincode.CASH, "withdraw", "USD", "bob", 50_000)
