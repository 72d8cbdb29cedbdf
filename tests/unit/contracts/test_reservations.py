"""Prefunded limits: money that is committed to orders, over all venues, to the second."""

from datetime import timedelta

import pytest
from tests.unit.contracts.acts import refused
from tests.unit.contracts.money import (
    ATS,
    BANK,
    BROKER,
    CASH,
    HOUR,
    OTHER_VENUE,
    SALT,
    account,
    ask,
    end_licence,
    grant_credit,
    instruct,
    license_other_venue,
    lock,
    lock_of,
    pay,
    payment,
    release,
    release_by_order,
    renew,
    reserve,
    reserved,
)

from tallystick.chaincode.testing import Outcome
from tallystick.contracts.cash.models import (
    Reservation,
    ReservationAnswer,
    SignedReservation,
)
from tallystick.contracts.participants import Participant
from tallystick.contracts.payments import CashInstruction, Draw, FundsQuestion
from tallystick.contracts.statements import MoneyReserved, MoneySent, ReservationUse
from tallystick.contracts.testing import EVIDENCE, Market

SECOND = timedelta(seconds=1)
CLEARING = Participant.CLEARING


def draw(amount: int, order: str = "O-1", keeper: str = ATS) -> Draw:
    return Draw(cash="USD", holder="bob", keeper=keeper, reservation=order, amount=amount)


def trade(market: Market, amount: int, *draws: Draw, hold: str = "T-9") -> Outcome:
    """Lock what a trade costs, drawing on what was committed to its order."""
    instruction = CashInstruction(draws=draws, lock=(lock_of(amount, hold),), secret=SALT)
    return instruct(market, instruction)


def seen_by(market: Market, participant: str) -> list[str]:
    outcome = market.submit(participant, CASH, "reservations", "USD", "bob")
    return [each.name for each in outcome.load(tuple[Reservation, ...])]


# --- the limit ---


def test_money_that_is_committed_stays_its_holders_and_is_not_available(market: Market) -> None:
    """SS-96, F145."""
    reserve(market, reserved(market, 30_000))

    bob = account(market)
    assert (bob.amount, bob.held, bob.reserved, bob.available) == (50_000, 30_000, 30_000, 20_000)


def test_orders_and_open_commitments_are_at_most_the_deposit_over_all_venues(
    market: Market,
) -> None:
    """SS-96, F145."""
    license_other_venue(market)
    reserve(market, reserved(market, 30_000))
    too_much = reserved(market, 20_001, keeper=OTHER_VENUE)
    assert refused(reserve, market, too_much) == "RESERVATION_TOO_LARGE"

    reserve(market, reserved(market, 20_000, keeper=OTHER_VENUE))
    assert account(market).available == 0


def test_neither_withdrawal_nor_payment_nor_lock_undercuts_a_commitment(market: Market) -> None:
    """SS-96."""
    reserve(market, reserved(market, 30_000))
    sent = MoneySent(cash="USD", sender="bob", receiver="alice", amount=20_001)

    for act in (
        lambda: market.submit(BANK, CASH, "withdraw", "USD", "bob", 20_001),
        lambda: market.submit(BROKER, CASH, "transfer", sent),
        lambda: pay(market, payment(20_001)),
        lambda: lock(market, lock_of(20_001)),
    ):
        assert refused(act) == "INSUFFICIENT_AVAILABLE"


def test_credit_does_not_count_as_a_deposit(market: Market) -> None:
    """SS-96: the limit is what was deposited."""
    grant_credit(market, 1_000)

    assert refused(reserve, market, reserved(market, 50_001)) == "RESERVATION_TOO_LARGE"


# --- use, release, end ---


def test_a_trade_uses_a_part_of_what_its_order_has_committed(market: Market) -> None:
    """SS-96."""
    reserve(market, reserved(market, 50_000))
    trade(market, 20_000, draw(20_000))
    trade(market, 10_000, draw(10_000), hold="T-10")

    bob = account(market)
    assert (bob.held, bob.reserved, bob.available) == (50_000, 20_000, 0)


def test_a_trade_that_costs_more_takes_the_rest_from_what_is_available(market: Market) -> None:
    reserve(market, reserved(market, 30_000))
    trade(market, 40_000, draw(40_000))

    bob = account(market)
    assert (bob.held, bob.reserved, bob.available) == (40_000, 0, 10_000)


def test_a_trade_cannot_draw_on_another_order_or_venue(market: Market) -> None:
    reserve(market, reserved(market, 50_000))

    for other in (draw(1, order="O-2"), draw(1, keeper=OTHER_VENUE)):
        assert refused(trade, market, 1, other) == "INSUFFICIENT_AVAILABLE"


def test_what_is_released_is_free(market: Market) -> None:
    reserve(market, reserved(market, 50_000))
    release(market)

    assert account(market).available == 50_000


def test_only_the_keeper_releases_before_the_end(market: Market) -> None:
    license_other_venue(market)
    reserve(market, reserved(market, 50_000))

    assert refused(release, market, keeper=OTHER_VENUE) == "RESERVATION_UNKNOWN"


@pytest.mark.parametrize(
    ("wait", "available"),
    [pytest.param(HOUR - SECOND, 0, id="a second early"), pytest.param(HOUR, 50_000, id="then")],
)
def test_a_commitment_is_free_from_its_last_second_on(
    market: Market, wait: timedelta, available: int
) -> None:
    """SS-96: nobody has to do anything for it."""
    reserve(market, reserved(market, 50_000))
    market.ledger.advance(wait)

    assert account(market).available == available
    if available:
        pay(market, payment(50_000))
        assert market.money("alice") == 50_000
    else:
        assert refused(pay, market, payment(1)) == "INSUFFICIENT_AVAILABLE"


def test_what_is_over_gives_nothing_to_a_trade_but_its_money_is_there(market: Market) -> None:
    reserve(market, reserved(market, 50_000))
    market.ledger.advance(HOUR)
    trade(market, 50_000, draw(50_000))

    assert account(market).held == 50_000


def test_a_commitment_is_renewed_while_it_lasts(market: Market) -> None:
    """SS-96."""
    reserve(market, reserved(market, 50_000))
    market.ledger.advance(HOUR - SECOND)
    renew(market, HOUR)
    market.ledger.advance(HOUR - SECOND)
    assert account(market).available == 0

    market.ledger.advance(SECOND)
    assert refused(renew, market, HOUR) == "RESERVATION_UNKNOWN"
    assert account(market).available == 50_000


def test_a_holder_does_not_end_early_what_its_keeper_counts_on(market: Market) -> None:
    """SS-96: else a withdrawal a second later would undercut the order."""
    reserve(market, reserved(market, 50_000))

    assert refused(renew, market, HOUR - SECOND) == "RESERVATION_SHORTENED"
    renew(market, HOUR)


def test_a_commitment_ends_in_the_future(market: Market) -> None:
    over = reserved(market, 1, life=timedelta(0))

    assert refused(reserve, market, over) == "MOMENT_PAST"


# --- by whose word ---


def test_a_broker_commits_for_its_client_under_a_mandate(market: Market) -> None:
    asked = SignedReservation(statement=reserved(market, 100), salt=SALT)
    market.submit(BROKER, CASH, "reserve", reservation=asked)

    assert seen_by(market, ATS) == ["O-1"]


def test_a_venue_commits_nobodys_money_without_its_word(market: Market) -> None:
    asked = SignedReservation(statement=reserved(market, 100), salt=SALT)

    assert refused(market.submit, ATS, CASH, "reserve", reservation=asked) == "MANDATE_MISSING"


def test_who_is_no_venue_neither_uses_nor_gives_back_what_was_committed_to_it(
    market: Market,
) -> None:
    """Its licence is not asked for before: that would tell everybody at which venue orders are."""
    reserve(market, reserved(market, 100, keeper=BROKER))

    assert refused(release, market, keeper=BROKER) == "LICENCE_MISSING"
    assert account(market).reserved == 100
    market.ledger.advance(HOUR)
    reserve(market, reserved(market, 50_000))
    assert account(market).reserved == 50_000


def test_a_signature_commits_once(market: Market) -> None:
    said = reserved(market, 100)
    asked = SignedReservation(statement=said, intent=market.sign("bob", said), salt=SALT)
    market.submit(ATS, CASH, "reserve", reservation=asked)
    release(market)

    again = refused(market.submit, ATS, CASH, "reserve", reservation=asked)
    assert again == "INTENT_ALREADY_USED"


# --- who sees what ---


def test_a_venue_sees_its_own_commitments_and_nobody_elses(market: Market) -> None:
    """SS-96."""
    license_other_venue(market)
    reserve(market, reserved(market, 100))
    reserve(market, reserved(market, 200, "O-2", keeper=OTHER_VENUE))

    assert seen_by(market, ATS) == ["O-1"]
    assert seen_by(market, OTHER_VENUE) == ["O-2"]
    for reader in (BANK, BROKER, CLEARING, Participant.REGULATOR):
        assert seen_by(market, reader) == ["O-1", "O-2"]
    assert seen_by(market, Participant.ISSUER) == []


def test_two_venues_may_use_one_name_without_learning_of_each_other(market: Market) -> None:
    license_other_venue(market)
    reserve(market, reserved(market, 100))
    reserve(market, reserved(market, 200, keeper=OTHER_VENUE))

    assert account(market).reserved == 300


def test_a_refusal_tells_a_venue_the_most_and_nothing_of_others(market: Market) -> None:
    """SS-96."""
    license_other_venue(market)
    reserve(market, reserved(market, 30_000))

    with pytest.raises(Exception, match="at most 20000 can") as refusal:
        reserve(market, reserved(market, 20_001, keeper=OTHER_VENUE))
    assert "30000" not in str(refusal.value)
    assert "50000" not in str(refusal.value)


def answer(market: Market, participant: str, amount: int) -> ReservationAnswer:
    outcome = market.submit(participant, CASH, "may_reserve", "USD", "bob", amount)
    return outcome.load(ReservationAnswer)


def test_who_acts_for_a_holder_is_told_whether_and_at_most_how_much(market: Market) -> None:
    """SS-96."""
    reserve(market, reserved(market, 30_000))

    assert answer(market, BROKER, 20_000) == ReservationAnswer(allowed=True, most=20_000)
    assert answer(market, BROKER, 20_001) == ReservationAnswer(allowed=False, most=20_000)
    assert not answer(market, BROKER, 0).allowed


def test_a_venue_is_told_of_those_who_have_an_account_there(market: Market) -> None:
    asked = (ATS, CASH, "may_reserve", "USD", "bob", 1)

    assert refused(market.submit, *asked) == "ACCOUNT_NOT_LINKED"


def test_neither_arguments_nor_events_nor_public_rows_tell_of_a_commitment(market: Market) -> None:
    outcome = reserve(market, reserved(market, 31_337, "O-secret"))

    world = market.ledger.world.rows_of(CASH)
    assert outcome.event_types == ("cash.EntryMade",)
    assert not [key for key, value in world.values.items() if b"31337" in value]
    assert {collection for collection, _ in world.private} == {"accounts_BankMSP"}


# --- collateral ---


def pledged(market: Market, amount: int, life: timedelta | None = None) -> MoneyReserved:
    word = reserved(market, amount, "C-1", keeper=CLEARING, life=life)
    return word.model_copy(update={"use": ReservationUse.COLLATERAL})


def test_collateral_is_kept_for_a_clearing_firm_without_end(market: Market) -> None:
    """SS-95."""
    reserve(market, pledged(market, 40_000))
    market.ledger.advance(timedelta(days=300))

    assert account(market).available == 10_000
    release(market, "C-1", CLEARING)
    assert account(market).available == 50_000


def test_collateral_without_an_end_is_given_none_by_its_holder(market: Market) -> None:
    """SS-95: what a cycle may draw on stays there until the clearing firm gives it back."""
    reserve(market, pledged(market, 40_000))

    assert refused(renew, market, HOUR, "C-1", CLEARING) == "RESERVATION_SHORTENED"


def test_a_bank_gives_back_as_ordered_what_a_firm_keeps_that_has_no_licence_any_more(
    market: Market,
) -> None:
    """SS-95: collateral does not end by itself, and without a licence nobody gives it back."""
    reserve(market, pledged(market, 40_000))
    end_licence(market, CLEARING)
    assert refused(release, market, "C-1", CLEARING) == "LICENCE_MISSING"

    outcome = release_by_order(market, "C-1", CLEARING)

    bob = account(market)
    assert (bob.amount, bob.available, bob.reserved) == (50_000, 50_000, 0)
    told = market.submit(BANK, CASH, "entries", "USD", outcome.transaction_id)
    assert f'"cause":"ordered","evidence_hash":"{EVIDENCE}"' in told.text


def test_a_bank_gives_back_what_is_reserved_for_a_keeper_that_there_is_not(market: Market) -> None:
    """SS-96: its holder mistyped the name, and nobody of that name gives it back."""
    reserve(market, reserved(market, 40_000, keeper="No such venue", life=99 * HOUR), BROKER)
    assert account(market).available == 10_000

    release_by_order(market, keeper="No such venue")

    assert account(market).available == 50_000


def test_nobody_but_the_bank_that_owes_the_money_gives_it_back_in_the_place_of_a_keeper(
    market: Market,
) -> None:
    reserve(market, reserved(market, 100))

    other_bank = "OtherBankMSP"
    market.license(market.licence(other_bank, "settlement-bank"))
    assert refused(release_by_order, market, by=other_bank) == "NOT_THE_ISSUING_BANK"
    assert refused(release_by_order, market, keeper=OTHER_VENUE) == "RESERVATION_UNKNOWN"


def test_a_venue_keeps_no_collateral(market: Market) -> None:
    at_venue = pledged(market, 1).model_copy(update={"keeper": ATS})

    assert refused(reserve, market, at_venue) == "LICENCE_MISSING"


def test_collateral_that_is_drawn_pays_for_its_holder(market: Market) -> None:
    """SS-95."""
    reserve(market, pledged(market, 50_000))
    drawn = draw(20_000, "C-1", CLEARING)
    instruct(market, CashInstruction(draws=(drawn,), moves=(payment(20_000),), secret=SALT))

    assert (market.money("alice"), account(market).reserved) == (20_000, 30_000)


def test_settlement_asks_what_members_have_to_pay_with(market: Market) -> None:
    """SS-95: available money, credit, and collateral that the clearing firm keeps."""
    reserve(market, reserved(market, 10_000))
    reserve(market, pledged(market, 15_000))
    grant_credit(market, 700)
    question = FundsQuestion(keeper=CLEARING, accounts=(("USD", "bob"), ("USD", "alice")))

    bob, alice = ask(market, question)
    assert (bob.available, bob.credit) == (25_000, 700)
    assert [(each.reservation, each.amount) for each in bob.collateral] == [("C-1", 15_000)]
    assert (alice.available, alice.credit, alice.collateral) == (0, 0, ())
