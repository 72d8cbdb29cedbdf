"""Money of bob that waits for others: committed to an order, kept as collateral, or both at work.

And what a venue takes for a trade, until somebody collects it.
"""

from functools import cache, partial

from pydantic import JsonValue
from tests.unit.contracts.ends.commitments import after, expire, staged
from tests.unit.contracts.ends.ending import IN_FEES, Amounts, Scene, amounts, holdings
from tests.unit.contracts.ends.hindered import SIGNED, Kind, Way, anybody, without
from tests.unit.contracts.fees import set_fees
from tests.unit.contracts.money import release, release_by_order, reserve, reserved
from tests.unit.contracts.netting.cleared import ClearedMarket
from tests.unit.contracts.trades.stage import AN_HOUR, P, cancel, settle_at_once, view

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.fees.models import FeeKind, FeeLine
from tallystick.contracts.statements import ReservationUse
from tallystick.contracts.testing import Market
from tallystick.contracts.trades.models import Status
from tallystick.contracts.trades.terms import DvpModel

SETTLEMENT = Chaincode.SETTLEMENT
BID, MARGIN = "T-1-buy", "margin"
"""What the money is for: the order of the trade's buyer, and its default."""

RESERVED, PLEDGED, PRICE, FEE = 30_000, 15_000, 20_000, 100
TOO_DEAR = 49_000
"""A price for which the rest would do, but not what is pledged alone."""

SIDES = ("alice", "bob")


def commit(market: Market) -> None:
    """Let bob commit money to his order, for an hour."""
    reserve(market, reserved(market, RESERVED, BID))


def pledge(market: Market) -> None:
    """Let bob have money kept as collateral, without an end."""
    said = reserved(market, PLEDGED, MARGIN, keeper=P.CLEARING, life=None)
    reserve(market, said.model_copy(update={"use": ReservationUse.COLLATERAL}))


def buy(market: ClearedMarket, amount: int, model: DvpModel = DvpModel.GROSS) -> None:
    """Let bob buy 100 units of alice, by his order."""
    terms = market.terms(quantity=100, amount=amount)
    market.agree(terms.model_copy(update={"model": model}))


def net(market: ClearedMarket) -> None:
    """Take the trade into a cycle that draws collateral, and keeps nothing that leaves it."""
    rules = {"keeps_dropped": False, "draws_collateral": True}
    market.open_cycle(market.cycle_terms().model_copy(update=rules))
    market.accept("T-1")


@cache
def fee_taken() -> Scene[ClearedMarket]:
    """Return a market where a trade has settled of which carol gets a fee."""
    market = staged().fork()
    market.onboard("carol")
    set_fees(market, FeeLine(kind=FeeKind.TRADE, payer="buyer", receiver="carol", flat=FEE))
    buy(market, PRICE)
    settle_at_once(market)
    return Scene(market, holdings(market))


# --- ways ---


def let_an_hour_pass(market: Market) -> None:
    """Let the time of a commitment come."""
    market.ledger.advance(AN_HOUR)


def release_all(market: Market) -> None:
    """Give both back, each by its keeper."""
    release(market, BID)
    release(market, MARGIN, P.CLEARING)


def release_all_by_order(market: Market) -> None:
    """Give both back as the bank is ordered to."""
    release_by_order(market, BID)
    release_by_order(market, MARGIN, P.CLEARING)


def end_trade_and_release(market: Market) -> None:
    """End the trade as its venue, and give back what it has not drawn."""
    cancel(market)
    release(market, BID)


def settle_in_default(market: ClearedMarket) -> None:
    """Let the cycle settle while bob is in default, so that it drops his trade."""
    market.submit(P.CLEARING, SETTLEMENT, "declare_default", default=market.notice("bob"))
    market.settle_cycle()
    assert list(market.dropped()) == ["T-1"]
    release(market, MARGIN, P.CLEARING)


def cancel_cycle(market: ClearedMarket) -> None:
    """End the cycle as the regulator, and give back what was pledged for it."""
    market.submit(P.REGULATOR, SETTLEMENT, "cancel_cycle", "C-1", "an error")
    release_all_by_order(market)


def collect(market: Market, *, by: str) -> None:
    """Bring the fee to whom it is due."""
    history = view(market).history
    settled = [each.transaction_id for each in history if each.status is Status.SETTLED]
    named: list[JsonValue] = [*settled]
    market.submit(by, Chaincode.CASH, "collect_fees", "USD", "carol", named)


def _reserved(amount: int) -> Amounts:
    return amounts("USD", bob=amount)


BOUGHT = amounts("ACME", alice=100) + _reserved(RESERVED)
ORDERED = Way(partial(release_by_order, order=BID), without(P.BANK))

KINDS: dict[str, Kind[ClearedMarket]] = {
    "money committed to an order": Kind(
        partial(after, commit),
        ("bob",),
        _reserved(RESERVED),
        {
            "its venue releases it": Way(partial(release, order=BID), without(P.ATS)),
            "its bank is ordered to release it": ORDERED,
            "it expires": Way(let_an_hour_pass),
        },
    ),
    "collateral": Kind(
        partial(after, pledge),
        ("bob",),
        _reserved(PLEDGED),
        {
            "who clears releases it": Way(
                partial(release, order=MARGIN, keeper=P.CLEARING), without(P.CLEARING)
            ),
            "its bank is ordered to release it": Way(
                partial(release_by_order, order=MARGIN, keeper=P.CLEARING), without(P.BANK)
            ),
        },
    ),
    "money committed to an order, and drawn by a locked trade": Kind(
        partial(after, commit, partial(buy, amount=PRICE), ClearedMarket.lock),
        SIDES,
        BOUGHT,
        {
            "the venue ends the trade and releases the rest": Way(
                end_trade_and_release, without(P.ATS)
            ),
            "all of it expires": Way(expire, anybody()),
        },
    ),
    "money committed to an order, and collateral, in a cycle": Kind(
        partial(after, commit, pledge, partial(buy, amount=TOO_DEAR, model=DvpModel.NET), net),
        SIDES,
        _reserved(RESERVED + PLEDGED),
        {
            "the cycle drops who is in default": Way(settle_in_default, without(P.CLEARING, P.ATS)),
            "the regulator cancels the cycle": Way(cancel_cycle, without(P.BANK)),
        },
    ),
    "a fee": Kind(
        fee_taken,
        ("carol",),
        amounts(IN_FEES, carol=FEE),
        {
            "its venue collects it": Way(partial(collect, by=P.ATS), without(P.ATS, also=SIGNED)),
            "another collects it": Way(partial(collect, by=P.ISSUER), anybody(SIGNED)),
        },
        moves=amounts("USD", carol=FEE),
        kept=frozenset(SIGNED),
    ),
}
