"""Who signs for a party without being it: refused, and not told whose signature it should be."""

from collections.abc import Callable

import pytest
from tests.unit.contracts.discipline.stage import SETTLEMENT, P, matched, row

from tallystick.chaincode import Refusal
from tallystick.chaincode.testing import Outcome
from tallystick.contracts.discipline.models import ChangeGiven
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.statements import (
    BuyInCalled,
    BuyInWithdrawn,
    CancelTrade,
    ChangeAgreed,
    TradeHeld,
)
from tallystick.contracts.testing import KYC_HOUSE, Market

Act = Callable[[Market, str], Outcome]


def submitted(
    market: Market, by: str, function: str, *more: str, intent: SignedIntent, **secrets: ChangeGiven
) -> Outcome:
    return market.submit(by, SETTLEMENT, function, "T-1", *more, intent=intent, **secrets)


def put_on_hold(market: Market, by: str) -> Outcome:
    said = TradeHeld(trade="T-1", side="buyer", party=KYC_HOUSE, holds=True)
    intent = market.sign(KYC_HOUSE, said)
    return submitted(market, by, "hold_trade", "buyer", intent=intent)


def agree_to_cancel(market: Market, by: str) -> Outcome:
    change = CancelTrade()
    said = ChangeAgreed(
        trade="T-1",
        side="buyer",
        party=KYC_HOUSE,
        terms_hash=row(market).terms_hash,
        change=change,
    )
    intent = market.sign(KYC_HOUSE, said)
    given = ChangeGiven(change=change)
    return submitted(market, by, "agree_change", "buyer", intent=intent, change=given)


def call_a_buy_in(market: Market, by: str) -> Outcome:
    digest = row(market).terms_hash
    said = BuyInCalled(trade="T-1", party=KYC_HOUSE, terms_hash=digest, agent=P.BROKER_DEALER)
    intent = market.sign(KYC_HOUSE, said)
    return submitted(market, by, "call_buy_in", P.BROKER_DEALER, intent=intent)


def withdraw_a_buy_in(market: Market, by: str) -> Outcome:
    said = BuyInWithdrawn(trade="T-1", party=KYC_HOUSE, terms_hash=row(market).terms_hash)
    return submitted(market, by, "withdraw_buy_in", intent=market.sign(KYC_HOUSE, said))


@pytest.mark.parametrize("act", [put_on_hold, agree_to_cancel, call_a_buy_in, withdraw_a_buy_in])
@pytest.mark.parametrize(
    ("by", "code"),
    [
        pytest.param(P.ISSUER, "SIDE_NOT_SIGNED", id="licensed"),
        pytest.param("NobodyMSP", "LICENCE_MISSING", id="not licensed"),
    ],
)
def test_a_stranger_who_signs_for_a_side_is_not_told_who_that_is(
    act: Act, by: str, code: str, disciplined: Market
) -> None:
    """SS-107."""
    matched(disciplined)

    with pytest.raises(Refusal, match=code) as refused:
        act(disciplined, by)

    assert "bob" not in f"{refused.value.message} {refused.value.facts}"
