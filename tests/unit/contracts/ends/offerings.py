"""How offerings and subscriptions end: alice and bob have ordered, and what they paid waits."""

from collections.abc import Callable, Mapping
from functools import cache, partial

from tests.unit.contracts.ends.ending import Amounts, Ending, Scene, Table, amounts, holdings, moved
from tests.unit.contracts.offerings.stage import (
    A_DAY,
    LONG_STOP,
    PAID_LATER,
    PRICE,
    PrimaryMarket,
)

from tallystick.contracts.offerings.models import Status, SubscriptionStatus
from tallystick.contracts.offerings.states import (
    SUBSCRIPTION_TRANSITIONS,
    TRANSITIONS,
    Step,
    SubscriptionStep,
)

S, U = Status, SubscriptionStatus
ORDERED = {"a": ("alice", 800), "b": ("bob", 700)}
TOO_FEW = {"a": ("alice", 300)}
HALF = 500
"""What each of two gets who order all 1,000 that are offered."""

Act = Callable[[PrimaryMarket], object]
BOTH = ("a", "b")
NOTHING = Amounts()
ESCROW = amounts("USD", alice=800 * PRICE, bob=700 * PRICE)


# --- where they begin ---


@cache
def staged() -> PrimaryMarket:
    """Return a market in which nothing is offered yet."""
    market = PrimaryMarket()
    market.set_the_stage()
    return market


@cache
def begun(*acts: Act) -> Scene[PrimaryMarket]:
    """Return a market after some acts."""
    market = staged().fork()
    had = holdings(market)
    for act in acts:
        act(market)
    return Scene(market, had)


def announce(market: PrimaryMarket) -> None:
    """Only announce an offering."""
    market.announce(market.offered())


def subscribe(market: PrimaryMarket, orders: Mapping[str, tuple[str, int]]) -> None:
    """Let holders order and pay."""
    for name, (holder, units) in orders.items():
        market.subscribe(name, holder, units)


def place_order(market: PrimaryMarket) -> None:
    """Let alice order, and not pay."""
    market.place(market.order("a", "alice", 300))


def allot_before_payment(market: PrimaryMarket) -> None:
    """Let half be allotted to each of two, who are to pay within a day; more than one must."""
    market.offer(soft_cap=HALF + 100, **PAID_LATER)
    for name, holder in (("a", "alice"), ("b", "bob")):
        market.place(market.order(name, holder, 2 * HALF))
    market.close()
    market.allocate()


def pay_first(market: PrimaryMarket) -> None:
    """Let alice pay what was allotted to her."""
    market.pay("a")


def issue_to_first(market: PrimaryMarket) -> None:
    """Let bob pay too, and alice get her units."""
    market.pay("b")
    market.fund()
    market.issue_page("a")


order_too_few = partial(subscribe, orders=TOO_FEW)
order = partial(subscribe, orders=ORDERED)
OPEN: tuple[Act, ...] = (PrimaryMarket.offer, order)
CLOSED = (*OPEN, PrimaryMarket.close)
ALLOCATED = (*CLOSED, PrimaryMarket.allocate)
FUNDED = (*ALLOCATED, PrimaryMarket.fund)


# --- how they end ---


def withdraw(market: PrimaryMarket, refunds: tuple[str, ...] = BOTH) -> None:
    """Withdraw the offering, and give back what waits."""
    market.withdraw()
    if refunds:
        market.refund(*refunds)


def lapse(market: PrimaryMarket, refunds: tuple[str, ...] = BOTH) -> None:
    """Let the long stop come, and give back what waits."""
    market.ledger.advance(LONG_STOP)
    market.lapse()
    if refunds:
        market.refund(*refunds)


def find_too_few_orders(market: PrimaryMarket) -> None:
    """Allocate in vain, and give back what waits."""
    market.allocate()
    market.refund("a")


def find_too_little_money(market: PrimaryMarket) -> None:
    """Fund in vain when the time to pay is over, and give back what waits."""
    market.ledger.advance(A_DAY)
    market.fund()
    market.refund("a")


def cancel(market: PrimaryMarket) -> None:
    """Go back on an order."""
    market.cancel("a", "alice")


def reject(market: PrimaryMarket) -> None:
    """Reject an order."""
    market.reject("a")


def withdraw_one(market: PrimaryMarket) -> None:
    """Withdraw an offering with one order."""
    withdraw(market, refunds=("a",))


def refund_what_no_page_came_to(market: PrimaryMarket) -> None:
    """Give back after the long stop of an issue that has begun."""
    market.ledger.advance(LONG_STOP)
    market.refund("b")


# --- the tables ---


def status_of_subscription(market: PrimaryMarket, name: str = "a") -> SubscriptionStatus:
    """Return where an order stands."""
    return market.view(name).subscription.status


def _offering(
    status: Status, step: Step, acts: tuple[Act, ...], end: Act, waits: Amounts = ESCROW
) -> Ending[PrimaryMarket]:
    scene = partial(begun, *acts)
    return Ending(status, step, "an offering", scene, end, PrimaryMarket.status, waits)


def _subscription(
    status: SubscriptionStatus, step: SubscriptionStep, acts: tuple[Act, ...], end: Act
) -> Ending[PrimaryMarket]:
    waits = amounts("USD", alice=300 * PRICE) if status is U.PAID else NOTHING
    scene = partial(begun, *acts)
    return Ending(status, step, "a subscription", scene, end, status_of_subscription, waits)


@cache
def half_issued() -> Scene[PrimaryMarket]:
    """Return an offering of which alice has her units, and bob has paid for his."""
    before = begun(allot_before_payment, pay_first, issue_to_first)
    price = HALF * PRICE
    issued = amounts("ACME", alice=HALF) + amounts("USD", treasury=price)
    issued[("USD", "alice")] -= price
    return Scene(before.market, moved(before.had, issued))


NOT_REACHED = Ending(
    U.PAID,
    SubscriptionStep.REFUND,
    "a subscription that no page of an issue came to",
    half_issued,
    refund_what_no_page_came_to,
    partial(status_of_subscription, name="b"),
    waits=amounts("USD", bob=HALF * PRICE),
)

OFFERINGS = Table(
    {status for status, _ in TRANSITIONS},
    {
        place: following
        for place, following in TRANSITIONS.items()
        if following in {S.FAILED, S.WITHDRAWN}
    },
    (
        _offering(S.ANNOUNCED, Step.WITHDRAW, (announce,), partial(withdraw, refunds=()), NOTHING),
        _offering(S.OPEN, Step.WITHDRAW, OPEN, withdraw),
        _offering(S.CLOSED, Step.WITHDRAW, CLOSED, withdraw),
        _offering(S.ALLOCATED, Step.WITHDRAW, ALLOCATED, withdraw),
        _offering(S.FUNDED, Step.WITHDRAW, FUNDED, withdraw),
        _offering(S.ANNOUNCED, Step.LAPSE, (announce,), partial(lapse, refunds=()), NOTHING),
        _offering(S.OPEN, Step.LAPSE, OPEN, lapse),
        _offering(S.CLOSED, Step.LAPSE, CLOSED, lapse),
        _offering(S.ALLOCATED, Step.LAPSE, ALLOCATED, lapse),
        _offering(S.FUNDED, Step.LAPSE, FUNDED, lapse),
        _offering(
            S.CLOSED,
            Step.FAIL,
            (PrimaryMarket.offer, order_too_few, PrimaryMarket.close),
            find_too_few_orders,
            amounts("USD", alice=300 * PRICE),
        ),
        _offering(
            S.ALLOCATED,
            Step.FAIL,
            (allot_before_payment, pay_first),
            find_too_little_money,
            amounts("USD", alice=HALF * PRICE),
        ),
    ),
    # An issue that has begun is finished; who gets no units by its long stop is refunded.
    irrevocable={S.ISSUING},
)

PLACED: tuple[Act, ...] = (PrimaryMarket.offer, place_order)
PAID: tuple[Act, ...] = (PrimaryMarket.offer, order_too_few)
SUBSCRIPTIONS = Table(
    {status for status, _ in SUBSCRIPTION_TRANSITIONS},
    {
        place: following
        for place, following in SUBSCRIPTION_TRANSITIONS.items()
        if following in {U.CANCELLED, U.REJECTED, U.REFUNDED}
    },
    (
        _subscription(U.PLACED, SubscriptionStep.CANCEL, PLACED, cancel),
        _subscription(U.PLACED, SubscriptionStep.REJECT, PLACED, reject),
        _subscription(U.PLACED, SubscriptionStep.REFUND, PLACED, withdraw_one),
        _subscription(U.PAID, SubscriptionStep.CANCEL, PAID, cancel),
        _subscription(U.PAID, SubscriptionStep.REJECT, PAID, reject),
        _subscription(U.PAID, SubscriptionStep.REFUND, PAID, withdraw_one),
        NOT_REACHED,
    ),
)
