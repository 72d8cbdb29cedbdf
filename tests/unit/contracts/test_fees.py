"""What venues take: exact to the minor unit, out of money only, collected without a hot account."""

import pytest
from tests.unit.contracts.acts import refused
from tests.unit.contracts.fees import set_fees
from tests.unit.contracts.money import (
    CASH,
    SALT,
    account,
    collect,
    grant_credit,
    instruct,
    payment,
)

from tallystick.chaincode import composite_key
from tallystick.chaincode.testing import Outcome
from tallystick.contracts.cash.models import Reconciliation
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.fees.models import FeeKind, FeeLine, FeeSchedule, Rounding
from tallystick.contracts.fees.rules import FeeCase, amount_of, charge_of
from tallystick.contracts.models import MAX_QUANTITY
from tallystick.contracts.participants import Participant
from tallystick.contracts.payments import CashInstruction, Fee
from tallystick.contracts.testing import Market

ATS, BANK = Participant.ATS, Participant.BANK
HOUSE = "fee-house"
LINE = FeeLine(kind=FeeKind.TRADE, payer="buyer", receiver=HOUSE)


def line(**changes: str | int | None) -> FeeLine:
    return FeeLine.model_validate({**LINE.model_dump(), **changes})


def case(amount: int = 1_000, security: str = "ACME") -> FeeCase:
    return FeeCase(
        kind=FeeKind.TRADE,
        security=security,
        cash="USD",
        amount=amount,
        buyer="bob",
        seller="alice",
    )


# --- how much ---


@pytest.mark.parametrize(
    ("fee", "amount", "expected"),
    [
        pytest.param(line(flat=25), 1, 25, id="flat"),
        pytest.param(line(basis_points=10), 100_000, 100, id="ten basis points"),
        pytest.param(line(basis_points=25), 199, 0, id="below half: rounded half up"),
        pytest.param(line(basis_points=25), 200, 1, id="half: rounded half up"),
        pytest.param(line(basis_points=25, rounding=Rounding.DOWN), 399, 0, id="rounded down"),
        pytest.param(line(basis_points=25, rounding=Rounding.UP), 1, 1, id="rounded up"),
        pytest.param(line(basis_points=25, rounding=Rounding.UP), 400, 1, id="nothing to round"),
        pytest.param(line(flat=5, basis_points=100), 1_000, 15, id="both parts"),
        pytest.param(line(basis_points=1, minimum=50), 1_000, 50, id="the least"),
        pytest.param(line(flat=900, maximum=50), 1_000, 50, id="the most"),
        pytest.param(line(basis_points=10_000), 2**53 - 1, 2**53 - 1, id="exact for any amount"),
    ],
)
def test_a_fee_is_exact(fee: FeeLine, amount: int, expected: int) -> None:
    """SS-56, F137."""
    assert amount_of(fee, amount) == expected


def test_a_fee_for_a_security_takes_the_place_of_its_receivers_general_one() -> None:
    """F137."""
    lines = [line(flat=1), line(flat=2, security="ACME"), line(flat=4, receiver="other")]

    assert [fee.amount for fee in charge_of(lines, case()).fees] == [2, 4]
    assert [fee.amount for fee in charge_of(lines, case(security="BETA")).fees] == [1, 4]


def test_a_fee_is_for_its_kind_and_side_and_nobody_pays_itself() -> None:
    lines = [
        line(flat=1, kind=FeeKind.SUBSCRIPTION),
        line(flat=2, payer="seller"),
        line(flat=4, receiver="bob"),
    ]

    assert charge_of(lines, case()).fees == (
        Fee(cash="USD", payer="alice", receiver=HOUSE, amount=2),
    )


def test_a_fee_that_is_no_amount_is_a_finding_beside_the_fees_that_are() -> None:
    """SS-98."""
    lines = [
        line(flat=MAX_QUANTITY, basis_points=10),
        line(flat=MAX_QUANTITY, payer="seller"),
    ]
    charge = charge_of(lines, case())

    assert [each.code for each in charge.findings] == ["FEE_TOO_LARGE"]
    assert [each.payer for each in charge.fees] == ["alice"]


# --- the schedule ---


def test_a_venue_says_what_it_takes_before_it_takes_it(market: Market) -> None:
    """SS-56."""
    market.register(HOUSE)
    outcome = set_fees(market, line(flat=25), line(basis_points=10, payer="seller"))

    asked = ("fees", ATS)
    schedule = market.evaluate(Chaincode.SETTLEMENT, *asked).load(FeeSchedule)
    quote = market.evaluate(Chaincode.SETTLEMENT, "quote_fees", ATS, "trade", "ACME", 10_000)
    assert (schedule.version, len(schedule.lines)) == (1, 2)
    assert [(fee.payer, fee.amount) for fee in quote.load(tuple[Fee, ...])] == [
        ("buyer", 25),
        ("seller", 10),
    ]
    assert outcome.event_types == ("settlement.FeesSet",)


def test_a_new_schedule_takes_the_place_of_the_old_one(market: Market) -> None:
    market.register(HOUSE)
    set_fees(market, line(flat=25))
    set_fees(market)

    schedule = market.evaluate(Chaincode.SETTLEMENT, "fees", ATS).load(FeeSchedule)
    assert (schedule.version, schedule.lines) == (2, ())


def test_fees_go_to_registered_identities_only(market: Market) -> None:
    assert refused(set_fees, market, line(receiver="nobody", flat=1)) == "IDENTITY_UNKNOWN"


# --- taking and collecting them ---


def take(market: Market, *fees: Fee, amount: int = 1_000) -> Outcome:
    instruction = CashInstruction(moves=(payment(amount),), fees=fees, secret=SALT)
    return instruct(market, instruction)


def fee(amount: int, payer: str = "bob") -> Fee:
    return Fee(cash="USD", payer=payer, receiver=HOUSE, amount=amount)


def test_a_fee_comes_out_of_the_money_of_its_payer_and_waits_for_its_receiver(
    market: Market,
) -> None:
    """SS-56, F33."""
    market.register(HOUSE)
    taken = take(market, fee(25), fee(10, payer="alice"))

    assert (market.money("bob"), market.money("alice"), market.money(HOUSE)) == (48_975, 990, 0)
    collect(market, HOUSE, taken.transaction_id)
    assert market.money(HOUSE) == 35
    assert refused(collect, market, HOUSE, taken.transaction_id) == "NOTHING_TO_COLLECT"


def test_a_seller_may_pay_its_fee_out_of_what_the_trade_brings(market: Market) -> None:
    take(market, fee(1_000, payer="alice"))

    assert market.money("alice") == 0


def test_who_cannot_pay_the_fee_does_not_settle_and_keeps_its_units(market: Market) -> None:
    """SS-56."""
    units = market.units("alice")

    assert refused(take, market, fee(1_001, payer="alice")) == "INSUFFICIENT_AVAILABLE"
    assert (market.units("alice"), market.money("alice")) == (units, 0)


def test_fees_of_two_trades_touch_no_common_row(market: Market) -> None:
    """W25: whoever collects is in nobody's way."""
    market.register(HOUSE)
    rows = market.ledger.world.rows_of(CASH).private
    written = []
    for holder in ("bob", "alice"):
        before = dict(rows)
        instruct(market, CashInstruction(fees=(fee(5, holder),), secret=SALT))
        written.append({key for key, value in rows.items() if before.get(key) != value})
        market.deposit("alice", 5)

    assert all(written)
    assert written[0].isdisjoint(written[1])


def test_fees_that_wait_are_counted(market: Market) -> None:
    """SS-09."""
    market.register(HOUSE)
    take(market, fee(25))

    sums = market.submit(BANK, CASH, "reconciliation", "USD").load(Reconciliation)
    assert (sums.accrued, sums.balances, sums.supply, sums.lent) == (25, 49_975, 50_000, 0)
    assert sums.holds


def test_what_is_collected_repays_credit_first(market: Market) -> None:
    market.register(HOUSE)
    grant_credit(market, 100, HOUSE)
    instruct(market, CashInstruction(moves=(payment(100, HOUSE, "alice"),), secret=SALT))
    taken = take(market, fee(25))
    collect(market, HOUSE, taken.transaction_id)

    house = account(market, HOUSE)
    assert (house.amount, house.drawn) == (0, 75)


def test_a_schedule_of_a_former_release_counts_no_more_and_is_in_nobodys_way(
    market: Market,
) -> None:
    """SS-56: a venue that had one can publish its fees again."""
    rows = market.ledger.world.rows_of(Chaincode.SETTLEMENT).values
    rows[composite_key("fees", ATS)] = b'{"venue":"AtsMSP","version":1,"lines":[]}'
    asked = (Chaincode.SETTLEMENT, "fees", ATS)
    before = market.evaluate(*asked).payload
    market.register(HOUSE)
    set_fees(market, line(flat=25))

    assert before == b"", "no schedule"
    assert market.evaluate(*asked).load(FeeSchedule).lines == (line(flat=25),)


def test_a_withdrawal_is_free(market: Market) -> None:
    """SS-56: whatever is taken otherwise, all that somebody has can be paid out."""
    market.register(HOUSE)
    set_fees(market, line(flat=25))
    subscribing = line(kind=FeeKind.SUBSCRIPTION, flat=25)
    set_fees(market, subscribing, by=Participant.BROKER_DEALER)
    market.submit(BANK, CASH, "withdraw", "USD", "bob", 50_000)

    assert market.money("bob") == 0
