"""One investor at two venues: a limit holds over both, and neither is told of the other's orders.

SS-49, SS-96, SS-107. A peer of the other venue gets every block: arguments, what was read and
written, hashes of private values, events and results of every transaction.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256

import pytest
from tests.unit.contracts.acts import refused
from tests.unit.contracts.in_public import Place, Told, listening
from tests.unit.contracts.money import reserve, reserved
from tests.unit.contracts.trades.orders import (
    OTHER_VENUE,
    SETTLEMENT,
    an_order,
    filling,
    open_other_venue,
    order_row,
    place,
    withdraw,
)

from tallystick.chaincode import Refusal, composite_key
from tallystick.chaincode.testing.stub import MemoryStub
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.orders.models import (
    Permit,
    PermitKey,
    SignedOrder,
    SignedOrderWithdrawal,
)
from tallystick.contracts.orders.permits import PERMIT_LIFE_S
from tallystick.contracts.participants import Participant
from tallystick.contracts.readers import COMMITMENTS
from tallystick.contracts.statements import OrderPlaced, OrderSide, OrderWithdrawn
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.terms import Order

ATS, BROKER, CLEARING = Participant.ATS, Participant.BROKER_DEALER, Participant.CLEARING
IDENTITY = Chaincode.IDENTITY
LICENCES = re.compile(rb"\x00(organization|class|conflicts)\x00")
KINDS = ["order", "pending", "commitment", "turn", "position", "holding", "nonce", "limits"]


@pytest.fixture
def market(market: Market) -> Market:
    """Alice and carol have 1000 ACME each, and may sell them at two venues."""
    open_other_venue(market)
    market.onboard("carol")
    market.issue("carol", 1000)
    return market


def signed(market: Market, order: OrderPlaced) -> SignedOrder:
    """Return an order as its holder signs it."""
    salt = sha256(order.order.encode()).hexdigest()
    return SignedOrder(statement=order, intent=market.sign(order.holder, order), salt=salt)


def permit_for(market: Market, order: SignedOrder, by: str = BROKER) -> Permit:
    return market.submit(by, SETTLEMENT, "order_permit", order=order).load(Permit)


def placed(market: Market, order: OrderPlaced) -> Told:
    """Place an order; return what its transaction tells in public."""
    asked = signed(market, order)
    permit = permit_for(market, asked)
    with listening() as told:
        market.submit(BROKER, SETTLEMENT, "place_order", order=asked, permit=permit)
    return told


def links(one: Told, other: Told) -> list[Place]:
    """Return what two transactions both read or wrote, but for what every order does.

    That is the licence of who submits, and the key that all permits are sealed with.
    """
    sealed = (SETTLEMENT, COMMITMENTS, sha256(composite_key("permit_key").encode()).digest())
    common = (one.places & other.places) - {sealed}
    return [each for each in common if each[0] != IDENTITY or not LICENCES.match(each[2])]


def shape(told: Told) -> list[tuple[str, str, bool]]:
    """Return what transactions touch and delete, less the keys."""
    return sorted((*place[:2], place in told.deleted) for place in told.places)


def names_of(market: Market, holder: str) -> list[str]:
    """Return what could tell that something is somebody's, or what it is about."""
    wallet = market.wallets[holder]
    return [holder, wallet.key, wallet.public_key, "ACME"]


# --- what the other venue is told ---


@pytest.mark.parametrize("side", OrderSide)
def test_an_order_tells_neither_whose_it_is_nor_in_what(side: OrderSide, market: Market) -> None:
    order = an_order(market, "O-1", side=side, quantity=617, limit="43219")
    told = placed(market, order)
    words = [*names_of(market, "alice"), "617", "43219", side.value, order.expires_at]

    assert told.tells(words) == []
    assert told.guessed(KINDS, ["alice", "ACME", "0", "1", f"nonce-{market.nonces}"]) == []
    assert told.tells(["O-1"]) == ["O-1"]  # the venue's name for it, which tells nothing


def test_the_same_ears_hear_of_whom_a_permit_is_asked(market: Market) -> None:
    """So the test above can fail: the query, which leaves nothing in a block, does read that."""
    asked = signed(market, an_order(market))
    with listening() as told:
        permit_for(market, asked)

    assert told.tells(["alice", "ACME"]) == ["alice", "ACME"]


def test_two_orders_of_one_holder_have_no_more_in_common_than_those_of_two(
    market: Market,
) -> None:
    """Rows that both read or write, and so the versions of what is read, say nothing of whose."""
    here = placed(market, an_order(market, "O-1", quantity=300))
    there = placed(market, an_order(market, "O-2", venue=OTHER_VENUE, quantity=300))
    hers = placed(market, an_order(market, "O-3", venue=OTHER_VENUE, holder="carol", quantity=300))

    assert here.places & there.places == here.places & hers.places
    assert links(here, there) == []


def test_to_buy_touches_as_many_rows_as_to_sell(market: Market) -> None:
    sells = placed(market, an_order(market, "O-1"))
    buys = placed(market, an_order(market, "O-2", side=OrderSide.BUY))

    assert shape(sells) == shape(buys)


def fill_and_cancel(market: Market, order: OrderPlaced) -> None:
    """Fill an order by a trade that is cancelled before it is locked."""
    placed = Order(order=order.order, broker=BROKER, is_placed=True)
    market.propose(market.terms(quantity=600).model_copy(update={order.side.value: placed}))
    market.submit(ATS, SETTLEMENT, "cancel", "T-1", "an error")


def fill_and_withdraw(market: Market, order: OrderPlaced) -> None:
    """Fill a part of an order by a trade, and withdraw the rest."""
    placed = Order(order=order.order, broker=BROKER, is_placed=True)
    market.propose(market.terms(quantity=100).model_copy(update={order.side.value: placed}))
    withdraw(market, order)


ENDS = {
    "a trade fills a part and the rest is withdrawn": fill_and_withdraw,
    "its holder withdraws it": withdraw,
    "its venue withdraws it": lambda market, order: withdraw(market, order, by=ATS),
    "a trade fills it and ends": fill_and_cancel,
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_an_end_of_an_order_does_not_tell_its_side(
    end: Callable[[Market, OrderPlaced], object], market: Market
) -> None:
    """What is deleted at the end of one that sells is deleted at the end of one that buys."""
    found = {}
    for side, holder in ((OrderSide.SELL, "alice"), (OrderSide.BUY, "bob")):
        fork = market.fork()
        order = an_order(fork, side=side, holder=holder)
        place(fork, order)
        with listening() as told:
            end(fork, order)
        found[side] = shape(told)

    assert found[OrderSide.SELL] == found[OrderSide.BUY]
    assert any(is_deleted for _, _, is_deleted in found[OrderSide.SELL])


@pytest.mark.parametrize("by", [BROKER, ATS])
def test_the_end_of_an_order_tells_no_more_than_its_beginning(by: str, market: Market) -> None:
    order = an_order(market, quantity=617)
    place(market, order)
    elsewhere = placed(market, an_order(market, "O-2", venue=OTHER_VENUE, quantity=300))
    said = OrderWithdrawn(venue=ATS, order=order.order, holder="alice")
    ends = SignedOrderWithdrawal(statement=said, intent=market.sign("alice", said))
    asked = {"withdrawal": ends}
    permit = market.submit(BROKER, SETTLEMENT, "withdrawal_permit", **asked).load(Permit)
    with listening() as told:
        proof = {"permit": permit} if by == BROKER else {}
        market.submit(by, SETTLEMENT, "withdraw_order", **asked, **proof)

    assert order_row(market).ended
    assert told.tells([*names_of(market, "alice"), "617"]) == []
    assert links(told, elsewhere) == []


def test_a_trade_that_fills_an_order_is_proposed_without_a_word_of_the_other(
    market: Market,
) -> None:
    place(market, an_order(market))
    elsewhere = placed(market, an_order(market, "O-2", venue=OTHER_VENUE, quantity=300))
    with listening() as told:
        market.propose(filling(market))

    assert told.tells(names_of(market, "alice")) == []
    assert links(told, elsewhere) == []


def test_once_a_trade_is_locked_the_order_elsewhere_is_still_nobodys(market: Market) -> None:
    place(market, an_order(market))
    elsewhere = placed(market, an_order(market, "O-2", venue=OTHER_VENUE, quantity=300))
    with listening() as told:
        market.agree(filling(market))
        market.lock()

    assert told.tells(["alice"]) == ["alice"]  # the register is public
    assert links(told, elsewhere) == []


def test_money_that_waits_for_an_order_does_not_tell_at_which_venue(market: Market) -> None:
    """Whose it is, is told: its holder's key is asked for. So no venue submits it."""
    with listening() as told:
        reserve(market, reserved(market, 4321, keeper=OTHER_VENUE), BROKER)

    assert told.tells(["bob"]) == ["bob"]
    assert told.tells([OTHER_VENUE, ATS, "4321"]) == []


# --- what holds all the same ---


def test_what_is_committed_elsewhere_is_refused_as_what_one_never_had(market: Market) -> None:
    """The limit holds over both venues, and its refusal is the same whoever holds the rest."""
    place(market, an_order(market, quantity=600))
    with pytest.raises(Refusal) as refusal:
        place(market, an_order(market, "O-2", venue=OTHER_VENUE, quantity=401))
    market.transfer("carol", "bob", 600)
    with pytest.raises(Refusal) as hers:
        place(market, an_order(market, "O-2", venue=OTHER_VENUE, quantity=401, holder="carol"))

    assert refusal.value.code == hers.value.code == "UNITS_COMMITTED"
    assert refusal.value.message == hers.value.message.replace("carol", "alice")
    assert refusal.value.facts == {**hers.value.facts, "holder": "alice"}


def test_of_two_orders_that_were_judged_side_by_side_one_is_placed(market: Market) -> None:
    first = signed(market, an_order(market, quantity=600))
    second = signed(market, an_order(market, "O-2", venue=OTHER_VENUE, quantity=600))
    permits = [permit_for(market, each) for each in (first, second)]
    market.submit(BROKER, SETTLEMENT, "place_order", order=first, permit=permits[0])

    late = (BROKER, SETTLEMENT, "place_order")
    assert refused(market.submit, *late, order=second, permit=permits[1]) == "PERMIT_VOID"
    assert refused(permit_for, market, second) == "UNITS_COMMITTED"


def test_turns_are_found_however_many_were_taken(market: Market) -> None:
    for number in range(1, 12):
        place(market, an_order(market, f"O-{number}", quantity=1))
    private = market.ledger.world.rows_of(SETTLEMENT).private

    turns = [key for place, key in private if place == COMMITMENTS and "\x00turn\x00" in key]
    assert len(turns) == 11


# --- what permits are worth ---


def with_another_key(market: Market) -> None:
    key = PermitKey(key="7" * 64)
    market.submit(CLEARING, SETTLEMENT, "renew_permit_key", permit_key=key)


VOID = {
    "its time is over": lambda market: market.ledger.advance(timedelta(seconds=PERMIT_LIFE_S)),
    "the key is another": with_another_key,
    "another order came first": lambda market: place(market, an_order(market, "O-9", quantity=1)),
}


@pytest.mark.parametrize("happens", VOID.values(), ids=VOID)
def test_a_permit_is_void_once(happens: object, market: Market) -> None:
    order = signed(market, an_order(market))
    permit = permit_for(market, order)
    assert callable(happens)
    happens(market)

    act = (BROKER, SETTLEMENT, "place_order")
    assert refused(market.submit, *act, order=order, permit=permit) == "PERMIT_VOID"


def test_a_permit_counts_to_its_last_second(market: Market) -> None:
    order = signed(market, an_order(market))
    permit = permit_for(market, order)
    market.ledger.advance(timedelta(seconds=PERMIT_LIFE_S - 1))
    market.submit(BROKER, SETTLEMENT, "place_order", order=order, permit=permit)

    assert order_row(market).unfilled == 600


def test_a_permit_is_for_what_was_judged_and_nothing_else(market: Market) -> None:
    order = signed(market, an_order(market, quantity=1))
    permit = permit_for(market, order)
    more = signed(market, an_order(market, quantity=600))
    other_salt = order.model_copy(update={"salt": "8" * 64})
    forged = Permit(sealed="A" * 64)

    act = (BROKER, SETTLEMENT, "place_order")
    for changed in (more, other_salt):
        assert refused(market.submit, *act, order=changed, permit=permit) == "PERMIT_VOID"
    assert refused(market.submit, *act, order=order, permit=forged) == "PERMIT_VOID"


def test_under_a_mandate_a_permit_is_for_whose_mandate_it_is(market: Market) -> None:
    order = signed(market, an_order(market)).model_copy(update={"intent": None})
    permit = permit_for(market, order)

    stolen = (Participant.ISSUER, SETTLEMENT, "place_order")
    assert refused(market.submit, *stolen, order=order, permit=permit) == "PERMIT_VOID"
    market.submit(BROKER, SETTLEMENT, "place_order", order=order, permit=permit)


def test_a_permit_is_for_who_asked_for_it(market: Market) -> None:
    """Though the order is signed, so that others could carry it along."""
    order = signed(market, an_order(market))
    permit = permit_for(market, order)

    act = (SETTLEMENT, "place_order")
    for other in (Participant.ISSUER, CLEARING):
        assert refused(market.submit, other, *act, order=order, permit=permit) == "PERMIT_VOID"
    market.submit(BROKER, *act, order=order, permit=permit)


def test_a_permit_does_not_count_on_another_channel_that_has_its_key(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a mandate: a signature names its channel in any case."""
    order = signed(market, an_order(market)).model_copy(update={"intent": None})
    permit = permit_for(market, order)
    monkeypatch.setattr(MemoryStub, "channel_id", "another")

    act = (BROKER, SETTLEMENT, "place_order")
    assert refused(market.submit, *act, order=order, permit=permit) == "PERMIT_VOID"


def test_a_permit_asked_for_by_a_fast_clock_does_not_count_before_its_time(market: Market) -> None:
    """Else who asks as if it were tomorrow has today's commitments left out."""
    order = signed(market, an_order(market))
    a_second = timedelta(seconds=1)
    market.ledger.advance(a_second)
    permit = permit_for(market, order)
    market.ledger.advance(-a_second)

    act = (BROKER, SETTLEMENT, "place_order")
    assert refused(market.submit, *act, order=order, permit=permit) == "PERMIT_VOID"
    market.ledger.advance(a_second)
    market.submit(*act, order=order, permit=permit)


def test_nobody_but_a_venue_withdraws_without_a_permit(market: Market) -> None:
    order = an_order(market)
    place(market, order)
    said = OrderWithdrawn(venue=ATS, order=order.order, holder="alice")
    ends = SignedOrderWithdrawal(statement=said, intent=market.sign("alice", said))

    unjudged = (BROKER, SETTLEMENT, "withdraw_order")
    assert refused(market.submit, *unjudged, withdrawal=ends) == "TRANSIENT_MISSING"
    withdraw(market, order)
    assert order_row(market).ended
