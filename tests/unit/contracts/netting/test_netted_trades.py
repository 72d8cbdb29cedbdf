"""The steps by which trades enter cycles and leave them, in the one table of trades."""

import pytest

from tallystick.chaincode import Refusal
from tallystick.contracts.trades.models import Status, Trade
from tallystick.contracts.trades.states import TRANSITIONS, Step, after
from tallystick.contracts.trades.terms import DvpModel

NOW = "2024-01-02T09:00:00Z"
NETTING = (Step.NET, Step.SETTLE_NET, Step.LEAVE_CYCLE, Step.DROP)


def trade(status: Status, model: DvpModel = DvpModel.NET) -> Trade:
    return Trade(
        trade="T-1",
        venue="ATSMSP",
        terms_hash="0" * 64,
        settlement_day="2024-01-02",
        settles_from="2024-01-02T00:00:00Z",
        expires_at="2024-01-03T00:00:00Z",
        proposed_at="2024-01-02T08:00:00Z",
        splits_seen=0,
        status=status,
        model=model,
    )


@pytest.mark.parametrize("step", NETTING)
@pytest.mark.parametrize("status", list(Status))
def test_a_trade_is_netted_as_the_table_says_and_not_otherwise(status: Status, step: Step) -> None:
    """SS-84."""
    following = TRANSITIONS.get((status, step))

    if following is None:
        with pytest.raises(Refusal, match="TRADE_STATUS"):
            after(trade(status), step, NOW)
    else:
        assert after(trade(status), step, NOW).status is following


def test_a_trade_in_a_cycle_takes_no_step_but_those_of_its_cycle() -> None:
    assert {step for status, step in TRANSITIONS if status is Status.IN_CYCLE} == {
        Step.SETTLE_NET,
        Step.LEAVE_CYCLE,
        Step.DROP,
    }


def test_a_trade_that_settles_gross_enters_no_cycle() -> None:
    """SS-91."""
    with pytest.raises(Refusal, match="DVP_MODEL_DIFFERS"):
        after(trade(Status.PROPOSED, DvpModel.GROSS), Step.NET, NOW)
