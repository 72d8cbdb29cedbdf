"""Who is not registered is told so, before anything else is said against what it wants."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.unit.contracts.acts import refused
from tests.unit.contracts.money import SALT, reserved
from tests.unit.contracts.offerings.stage import PrimaryMarket
from tests.unit.contracts.register_acts import as_agent, sent, signed
from tests.unit.contracts.trades.orders import an_order, place

from tallystick.chaincode.testing import Outcome
from tallystick.contracts.cash.models import SignedReservation
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.custody.models import CustodyAgreement, CustodyEnding
from tallystick.contracts.participants import Participant
from tallystick.contracts.statements import (
    CustodyAgreed,
    CustodyEnded,
    UnitsAllowed,
    UnitsHeld,
)
from tallystick.contracts.testing import new_wallet

BROKER, CLEARING = Participant.BROKER_DEALER, Participant.CLEARING
HOUR = timedelta(hours=1)
STRANGER = "dora"
Act = Callable[[PrimaryMarket], Outcome]


@pytest.fixture(scope="module")
def prepared() -> PrimaryMarket:
    """Much stands against dora: she has a wallet only, ACME is paused, nobody safeguards."""
    market = PrimaryMarket()
    market.set_the_stage()
    market.offer()
    as_agent(market, "pause", "ACME", "news")
    market.wallets[STRANGER] = new_wallet(STRANGER)
    return market


@pytest.fixture
def market(prepared: PrimaryMarket) -> PrimaryMarket:
    return prepared.fork()


def allow(market: PrimaryMarket) -> Outcome:
    allowed = UnitsAllowed(
        security="ACME",
        holder=STRANGER,
        spender=CLEARING,
        quantity=5,
        expires_at=market.after(HOUR),
    )
    return signed(market, STRANGER, allowed)


def hold(market: PrimaryMarket) -> Outcome:
    held = UnitsHeld(
        security="ACME",
        holder=STRANGER,
        hold="h-1",
        quantity=5,
        notary=CLEARING,
        expires_at=market.after(HOUR),
    )
    return signed(market, STRANGER, held)


def enter_custody(market: PrimaryMarket) -> Outcome:
    agreed = CustodyAgreed(custodian=BROKER, client=STRANGER)
    agreement = CustodyAgreement(agreed=agreed, intent=market.sign(STRANGER, agreed))
    return market.submit(BROKER, Chaincode.TOKEN, "agree_custody", agreement=agreement)


def end_custody(market: PrimaryMarket) -> Outcome:
    ended = CustodyEnding(ended=CustodyEnded(custodian=CLEARING, client=STRANGER))
    return market.submit(CLEARING, Chaincode.TOKEN, "end_custody", ending=ended)


def transfer_too_late(market: PrimaryMarket, by: str = BROKER) -> Outcome:
    transfer = sent(5, sender=STRANGER)
    intent = market.sign(STRANGER, transfer, expires_at=market.after(-HOUR))
    return market.submit(by, Chaincode.TOKEN, "transfer", transfer, intent)


def reserve_too_late(market: PrimaryMarket) -> Outcome:
    said = reserved(market, 5).model_copy(update={"holder": STRANGER})
    intent = market.sign(STRANGER, said, expires_at=market.after(-HOUR))
    asked = SignedReservation(statement=said, intent=intent, salt=SALT)
    return market.submit(BROKER, Chaincode.CASH, "reserve", reservation=asked)


ACTS: dict[str, tuple[Act, str | None]] = {
    "order": (lambda market: place(market, an_order(market, holder=STRANGER)), "MANDATE_MISSING"),
    "order of an account": (
        lambda market: place(market, an_order(market, holder=STRANGER, account="a-1")),
        "MANDATE_MISSING",
    ),
    "order too late for what nobody trades": (
        lambda market: place(
            market,
            an_order(market, holder=STRANGER, security="BETA", expires_at=market.after(-HOUR)),
        ),
        "MANDATE_MISSING",
    ),
    "subscription of the wrong size": (
        lambda market: market.place(market.order("S-1", STRANGER, 7)),
        "SUBSCRIPTION_SIZE",
    ),
    "subscription": (
        lambda market: market.place(market.order("S-1", STRANGER, 100)),
        "RECEIVER_NOT_VERIFIED",
    ),
    "transfer": (
        lambda market: signed(market, STRANGER, sent(5, sender=STRANGER)),
        "SECURITY_PAUSED",
    ),
    "transfer by its broker": (
        lambda market: market.transfer(STRANGER, "bob", 5),
        "MANDATE_MISSING",
    ),
    "allowance": (allow, None),
    "hold": (hold, "SENDER_NOT_VERIFIED"),
    "custody": (enter_custody, "CUSTODIAN_UNKNOWN"),
    "end of custody": (end_custody, "NOT_A_CLIENT"),
    "transfer signed too late": (transfer_too_late, "INTENT_EXPIRED"),
    "reservation signed too late": (reserve_too_late, "INTENT_EXPIRED"),
}
"""What a newcomer may try, and what is said of it once it is registered."""


@pytest.mark.parametrize("act", [act for act, _ in ACTS.values()], ids=ACTS)
def test_without_an_identity_nothing_else_is_asked(act: Act, market: PrimaryMarket) -> None:
    """SS-26."""
    assert refused(act, market) == "IDENTITY_UNKNOWN"


def test_without_a_licence_nothing_is_said_of_a_signature(market: PrimaryMarket) -> None:
    """SS-26, SS-01."""
    assert refused(transfer_too_late, market, "NobodyMSP") == "LICENCE_MISSING"


@pytest.mark.parametrize(("act", "code"), ACTS.values(), ids=ACTS)
def test_with_an_identity_the_rest_is(act: Act, code: str | None, market: PrimaryMarket) -> None:
    market.register(STRANGER)
    if code is None:
        assert act(market).events
    else:
        assert refused(act, market) == code
