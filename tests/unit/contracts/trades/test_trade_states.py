"""The life of a trade: the table of its states and steps, as code, as documented, as lived."""

from pathlib import Path

import pytest
from tests.unit.contracts.trades.stage import (
    BEFORE,
    STEPS,
    WAYS,
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
from tallystick.contracts.trades.models import Status
from tallystick.contracts.trades.states import GUARDS, TRANSITIONS, Step

DOCUMENT = Path(__file__).parents[4] / "docs" / "contracts" / "settlement.md"


@pytest.fixture(scope="module")
def mediated_markets(opened_market: Market) -> dict[Status, Market]:
    """A market for each status that T-1 can be in."""
    return {status: brought_to(opened_market.fork(), status) for status in WAYS}


@pytest.mark.parametrize("step", list(STEPS))
@pytest.mark.parametrize("status", list(WAYS))
def test_a_trade_takes_the_steps_in_the_table_and_no_other(
    status: Status, step: Step, mediated_markets: dict[Status, Market]
) -> None:
    """SS-84, SS-111."""
    market = mediated_markets[status].fork()
    following = TRANSITIONS.get((status, step))

    if following is None:
        with pytest.raises(Refusal, match="TRADE_STATUS"):
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
