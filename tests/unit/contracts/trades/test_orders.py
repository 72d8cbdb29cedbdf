"""Orders on the ledger: who may place them, what they commit, what trades may fill."""

from datetime import timedelta

import pytest
from tests.unit.contracts.acts import refused
from tests.unit.contracts.refusals.record_dates import split
from tests.unit.contracts.refusals.scenarios import add_key, revoke_key
from tests.unit.contracts.trades.orders import (
    NETWORK,
    OTHER_VENUE,
    an_order,
    filling,
    open_other_venue,
    order_row,
    place,
    real,
    withdraw,
)
from tests.unit.contracts.trades.stage import A_DAY, AN_HOUR, SETTLEMENT

from tallystick.chaincode import Refusal
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.orders.models import Pending
from tallystick.contracts.orders.permits import PERMIT_LIFE_S
from tallystick.contracts.participants import Participant
from tallystick.contracts.readers import COMMITMENTS, trades_of
from tallystick.contracts.statements import OrderSide, Representation
from tallystick.contracts.testing import Market, new_wallet
from tallystick.contracts.trades.terms import Order

P = Participant
A_SECOND = timedelta(seconds=1)
A_MINUTE = timedelta(minutes=1)


# --- one investor at two venues ---


def test_units_are_committed_once_over_all_venues(market: Market) -> None:
    """SS-30, SS-49, W3."""
    open_other_venue(market)
    place(market, an_order(market))
    elsewhere = an_order(market, "O-2", venue=OTHER_VENUE, quantity=401)
    assert refused(place, market, elsewhere) == "UNITS_COMMITTED"
    place(market, an_order(market, "O-3", venue=OTHER_VENUE, quantity=400))


def test_no_venue_sees_another_venues_orders(market: Market) -> None:
    """SS-49, W3, SS-107."""
    open_other_venue(market)
    place(market, an_order(market))
    with pytest.raises(Refusal) as refusal:
        place(market, an_order(market, "O-2", venue=OTHER_VENUE, quantity=500))
    assert "600" not in f"{refusal.value.message} {refusal.value.facts}"
    assert refused(order_row, market, reader=OTHER_VENUE) == "LICENCE_MISSING"
    assert real(market, OTHER_VENUE).amount == 1000
    private = market.ledger.world.rows_of(SETTLEMENT).private
    collections = {collection for (collection, _), value in private.items() if b"O-1" in value}
    assert collections == {trades_of(P.ATS), COMMITMENTS}


def test_what_a_venue_can_sell_for_somebody_counts_its_own_trades_only(market: Market) -> None:
    """SS-48: available on the register, less what is under way at this venue."""
    open_other_venue(market)
    market.agree(market.terms("T-1", quantity=100))
    elsewhere = market.terms("T-2", quantity=30).model_copy(update={"venue": OTHER_VENUE})
    market.submit(OTHER_VENUE, SETTLEMENT, "propose_trade", terms=elsewhere)
    place(market, an_order(market, quantity=200))

    here, there = real(market), real(market, OTHER_VENUE)
    assert (here.available, here.sells, here.amount) == (1000, 300, 700)
    assert (there.available, there.sells, there.amount) == (1000, 30, 970)

    market.lock()  # the register counts those units now, for every venue
    here, there = real(market), real(market, OTHER_VENUE)
    assert (here.quantity, here.available, here.sells, here.amount) == (1000, 900, 200, 700)
    assert (there.available, there.amount) == (900, 870)


def test_units_that_are_bought_count_where_the_venue_permits_it(market: Market) -> None:
    """SS-48."""
    market.agree(market.terms(quantity=100))
    market.lock()
    bob = real(market, holder="bob")
    assert (bob.buys, bob.amount, bob.with_buys) == (100, 0, 100)
    market.settle()
    bob = real(market, holder="bob")
    assert (bob.buys, bob.amount, bob.with_buys) == (0, 100, 100)


@pytest.mark.parametrize("end", ["cancel", "settle", "expire"])
def test_nothing_of_a_trade_that_has_ended_is_under_way(end: str, market: Market) -> None:
    """SS-48."""
    market.agree(market.terms())
    if end == "cancel":
        market.submit(P.ATS, SETTLEMENT, "cancel", "T-1", "an error")
    elif end == "settle":
        market.submit(P.CLEARING, SETTLEMENT, "settle_at_once", "T-1")
    else:
        market.ledger.advance(A_DAY)
        market.submit(P.ATS, SETTLEMENT, "expire", "T-1")
    private = market.ledger.world.rows_of(SETTLEMENT).private
    assert [key for _, key in private if "\x00pending\x00" in key] == []


# --- who may place an order ---


def office(market: Market) -> None:
    """Let alice be the identity of a family office, and her broker be the broker-dealer."""
    market.license(
        market.licence("OfficeMSP", "family-office", life=A_DAY),
        market.licence(NETWORK, "introducing-broker"),
    )
    statement = Representation(identity="alice", organization="OfficeMSP")
    intent = market.sign("alice", statement)
    market.submit("OfficeMSP", Chaincode.IDENTITY, "represent", statement, intent)


def test_a_network_submits_what_an_office_has_signed_and_sees_no_more(market: Market) -> None:
    """SS-12, SS-36: neither a mandate of the office nor of its clients is needed."""
    office(market)
    place(market, an_order(market), by=NETWORK)
    row = order_row(market)
    assert (row.submitted_by, row.statement.holder) == (NETWORK, "alice")
    for query, *arguments in (
        ("order", P.ATS, "O-1"),
        ("pending", P.ATS, "alice", "ACME"),
        ("real_amount", P.ATS, "alice", "ACME"),
    ):
        assert refused(market.submit, NETWORK, SETTLEMENT, query, *arguments) == "LICENCE_MISSING"
    assert refused(market.submit, NETWORK, Chaincode.IDENTITY, "references", "bob") == (
        "MANDATE_MISSING"
    )


def test_an_order_of_an_office_needs_its_licence_when_placed_and_when_executed(
    market: Market,
) -> None:
    """SS-36, SS-35."""
    office(market)
    order = an_order(market, expires_at=market.after(5 * A_DAY))
    place(market, order, by=NETWORK)
    market.agree(filling(market).model_copy(update={"expires_at": market.after(5 * A_DAY)}))
    market.fork().lock()
    market.ledger.advance(A_DAY)
    assert refused(market.lock) == "SIGNER_NOT_LICENSED"
    assert refused(place, market, an_order(market, "O-2", quantity=1), by=NETWORK) == (
        "SIGNER_NOT_LICENSED"
    )


def test_an_order_whose_key_was_revoked_is_not_executed(market: Market) -> None:
    """SS-36: its signature is verified again."""
    place(market, an_order(market))
    market.agree(filling(market))
    add_key(market, "alice", new_wallet("alice"))
    revoke_key(market, "alice", market.wallets["alice"].key)
    assert refused(market.lock) == "INTENT_KEY_UNKNOWN"


def test_an_order_needs_a_listing_and_a_broker_of_record(market: Market) -> None:
    """SS-02, SS-44."""
    assert refused(place, market, an_order(market, security="BETA")) == "NOT_LISTED"
    assert refused(place, market, an_order(market, broker=P.ISSUER)) == "MANDATE_MISSING"


# --- what a trade may fill ---


def test_a_trade_fills_an_order_and_its_units_stay_committed_until_they_are_locked(
    market: Market,
) -> None:
    """SS-48."""
    open_other_venue(market)
    place(market, an_order(market))
    market.agree(filling(market, 250))
    assert order_row(market).unfilled == 350
    one_too_many = an_order(market, "O-2", venue=OTHER_VENUE, quantity=401)
    assert refused(place, market, one_too_many) == "UNITS_COMMITTED"
    market.lock()
    assert refused(place, market, one_too_many) == "UNITS_COMMITTED"  # they are on hold now
    place(market, an_order(market, "O-3", venue=OTHER_VENUE, quantity=400))
    market.settle()


def test_units_of_a_trade_that_ends_unlocked_are_committed_no_more(market: Market) -> None:
    place(market, an_order(market, quantity=1000))
    market.agree(filling(market, 1000))
    assert refused(place, market, an_order(market, "O-2", quantity=1)) == "UNITS_COMMITTED"
    market.submit(P.ATS, SETTLEMENT, "cancel", "T-1", "an error")
    place(market, an_order(market, "O-3", quantity=1000))
    assert order_row(market).unfilled == 0


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"seller": "bob", "buyer": "alice"}, "holder"),
        ({"security": "BETA"}, "security"),
        ({"quantity": 601, "amount": 601 * 50}, "quantity"),
        ({"price": "49", "amount": 4900}, "price"),
        ({"sell": Order(order="O-1", broker="OtherMSP", is_placed=True)}, "broker"),
    ],
)
def test_a_trade_that_does_not_fit_the_order_is_refused(
    fields: dict[str, object], what: str, market: Market
) -> None:
    """SS-81, SS-36."""
    place(market, an_order(market, limit="50"))
    terms = filling(market).model_copy(
        update={"price": "50", "quantity": 100, "amount": 5000, **fields}
    )
    with pytest.raises(Refusal, match="ORDER_DIFFERS") as refusal:
        market.propose(terms)
    assert refusal.value.facts["what"] == what


def test_an_order_is_over_in_its_last_second(market: Market) -> None:
    place(market, an_order(market, quantity=1000, expires_at=market.after(AN_HOUR)))
    market.ledger.advance(AN_HOUR - A_SECOND)
    market.fork().propose(filling(market))
    assert refused(place, market, an_order(market, "O-2", quantity=1)) == "UNITS_COMMITTED"
    market.ledger.advance(A_SECOND)
    assert refused(market.propose, filling(market)) == "ORDER_DIFFERS"


def test_units_are_free_when_no_permit_lives_that_was_given_before_the_expiry(
    market: Market,
) -> None:
    """Clocks of submitters differ: a trade may yet come that was sent before it."""
    place(market, an_order(market, quantity=1000, expires_at=market.after(AN_HOUR)))
    life = timedelta(seconds=PERMIT_LIFE_S)
    market.ledger.advance(AN_HOUR + life - A_SECOND)
    assert refused(place, market, an_order(market, "O-2", quantity=1)) == "UNITS_COMMITTED"
    market.ledger.advance(A_SECOND)
    place(market, an_order(market, "O-3", quantity=1000))


def test_what_a_trade_has_filled_stays_committed_when_the_order_expires(market: Market) -> None:
    place(market, an_order(market, quantity=900, expires_at=market.after(AN_HOUR)))
    market.agree(filling(market, 700))
    market.ledger.advance(AN_HOUR + A_MINUTE)

    assert refused(place, market, an_order(market, "O-2", quantity=301)) == "UNITS_COMMITTED"
    market.fork().lock()
    place(market, an_order(market, "O-3", quantity=300))
    market.submit(P.ATS, SETTLEMENT, "cancel", "T-1", "an error")
    place(market, an_order(market, "O-4", quantity=700))


def test_what_an_order_committed_is_not_read_once_it_has_expired(market: Market) -> None:
    """So a holder may place orders for years, and none of those that are open is overlooked."""
    place(market, an_order(market, expires_at=market.after(AN_HOUR)))
    private = market.ledger.world.rows_of(SETTLEMENT).private
    (row,) = [place for place in private if "\x00commitment\x00" in place[1]]
    private[row] = b"nobody can read this as a row of commitments"

    assert refused(place, market, an_order(market, "O-2")) == "INTERNAL"
    market.ledger.advance(AN_HOUR + A_MINUTE + A_SECOND)
    place(market, an_order(market, "O-3"))


@pytest.mark.parametrize("side", OrderSide)
def test_nothing_is_committed_once_an_order_was_withdrawn_and_its_trade_has_ended(
    side: OrderSide, market: Market
) -> None:
    order = an_order(market, side=side, holder="alice" if side is OrderSide.SELL else "bob")
    place(market, order)
    placed = Order(order="O-1", broker=P.BROKER_DEALER, is_placed=True)
    market.agree(market.terms(quantity=100).model_copy(update={side.value: placed}))
    private = market.ledger.world.rows_of(SETTLEMENT).private
    rows = [key for _, key in private if "\x00commitment\x00" in key]
    assert len(rows) == 2

    withdraw(market, order)
    market.submit(P.ATS, SETTLEMENT, "cancel", "T-1", "an error")
    assert [key for _, key in private if "\x00commitment\x00" in key] == []


def test_an_order_is_withdrawn_by_its_holder_or_its_venue_and_frees_its_units(
    market: Market,
) -> None:
    order = an_order(market, quantity=1000)
    place(market, order)
    assert refused(withdraw, market, an_order(market, holder="bob")) == "ORDER_DIFFERS"
    withdraw(market, order)
    assert refused(withdraw, market, order) == "ORDER_OVER"
    assert real(market).amount == 1000
    again = an_order(market, "O-2", quantity=1000)
    place(market, again)
    market_side = market.submit(P.ATS, SETTLEMENT, "pending", P.ATS, "alice", "ACME")
    assert [each.name for each in market_side.load(tuple[Pending, ...])] == ["O-2"]
    withdraw(market, again, by=P.ATS)
    assert real(market).sells == 0


def test_a_buy_order_commits_no_units(market: Market) -> None:
    place(market, an_order(market, holder="bob", side=OrderSide.BUY, quantity=5000))
    assert real(market, holder="bob").sells == 0
    assert order_row(market).unfilled == 5000


# --- over a split ---


def over_a_split(market: Market) -> None:
    market.ledger.advance(timedelta(minutes=1))
    split(market, 2)
    market.ledger.advance(timedelta(minutes=1))


def test_what_is_committed_counts_in_the_units_after_a_split(market: Market) -> None:
    """F157, SS-49: an order for 600 of 1000 is one for 1200 of 2000."""
    place(market, an_order(market))
    over_a_split(market)

    assert real(market).amount == 800
    assert refused(place, market, an_order(market, "O-2", quantity=801)) == "UNITS_COMMITTED"
    place(market, an_order(market, "O-3", quantity=800))


def test_a_trade_agreed_before_a_split_is_under_way_in_the_units_after_it(market: Market) -> None:
    """F157."""
    place(market, an_order(market))
    market.agree(filling(market, 600))
    over_a_split(market)

    assert real(market).amount == 800
    market.lock()
    market.settle()
    assert (market.units("alice"), market.units("bob")) == (800, 1200)


def test_an_order_of_before_a_split_fills_no_trade_of_after(market: Market) -> None:
    """F157: its quantity and its limit are of another unit."""
    place(market, an_order(market))
    over_a_split(market)
    market.agree(filling(market, 600))

    assert refused(market.lock) == "ORDER_DIFFERS"
