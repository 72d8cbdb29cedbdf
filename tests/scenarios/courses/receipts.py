"""Units against money that is paid off the ledger: the other leg is a bank's receipt, used up.

What moves at one height: the units of a trade or of an issue, and the receipt, which counts from
then on as paid by its payer to its payee and never again. Where a trade has money on the ledger
too, that moves with both. A receipt that nothing has used is no leg: its bank may take it back.
"""

from collections.abc import Mapping
from hashlib import sha256

from pydantic import JsonValue
from tests.scenarios.conftest import CASH, SECURITY, Market
from tests.scenarios.courses import trades
from tests.scenarios.courses.acting import DAY, P, agree, endow, represent, settle
from tests.scenarios.height_rows import (
    issued_subscriptions,
    money_of,
    paid_elsewhere,
    settled_trades,
    units_of,
)
from tests.scenarios.heights import Course, Holdings, holdings
from tests.scenarios.moments import opened_at_nine, refused
from tests.scenarios.test_offering import UNITS as SUBSCRIBED
from tests.scenarios.test_offering import offer, order_of
from tests.unit.contracts.offerings.stage import PAID_LATER
from tests.unit.contracts.offerings.stage import PRICE as OFFERED_AT

from tallystick.contracts.cash.models import SignedReceipt
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.instants import instant
from tallystick.contracts.offerings.escrow import hold_of
from tallystick.contracts.statements import ReceiptMade, ReceiptTerms, ReceiptUse
from tallystick.contracts.trades.terms import LegKind, TradeLeg
from tallystick.node.ledger.state import StateView
from tallystick.node.testing import LocalNetwork

ELSEWHERE = "money off the ledger"
CASHIER = "cashier"
UNITS = {"alice": 100}
MONEY = {"bob": 1_000}
QUANTITY, AMOUNT, FURTHER = 10, 500, 70
LONG_STOP = 3 * DAY
PROCEEDS = SUBSCRIBED * OFFERED_AT


# --- what happens ---


async def live(network: LocalNetwork) -> None:
    """Let receipts pay trades and a subscription, and one pay nothing."""
    market = await opened_at_nine(network)
    await market.onboard("alice", "bob", "carol", "acme")
    await endow(market, units=UNITS, money=MONEY)
    await market.register(CASHIER, data_hash="0" * 64)
    await represent(market, CASHIER, P.BANK)
    await trade(market)
    await issue(market)


async def trade(market: Market) -> None:
    """Let a trade wait for its receipt; pay one at once, one in part; take a receipt back."""
    paid_at = {"paid_at": P.BANK}
    for name in ("T-1", "T-3", "T-4"):
        terms = market.terms(name, quantity=QUANTITY, amount=AMOUNT)
        await agree(market, terms.model_copy(update=paid_at))
    await market.lock("T-1")
    assert await refused(lambda: market.settle("T-1")) == "RECEIPT_UNKNOWN"
    await settle(market, P.CLEARING, "record_failure", "T-1")
    await make_receipt(market, receipt_for("T-1", AMOUNT))
    await market.settle("T-1")

    leg = TradeLeg(
        kind=LegKind.RECEIPT,
        asset="USD",
        sender="bob",
        receiver="alice",
        quantity=FURTHER,
        bank=P.BANK,
    )
    in_part = market.terms("T-2", quantity=QUANTITY, amount=AMOUNT)
    await agree(market, in_part.model_copy(update={"legs": (leg,)}))
    await market.lock("T-2")
    await make_receipt(market, receipt_for("T-2", FURTHER, number="T-2@1"))
    await market.settle("T-2")

    await make_receipt(market, receipt_for("T-3", AMOUNT))
    await settle(market, P.CLEARING, "settle_at_once", "T-3")

    await make_receipt(market, receipt_for("T-4", AMOUNT))
    await market.lock("T-4")
    await settle(market, P.ATS, "cancel", "T-4", "an error")
    await market.submit(P.BANK, Chaincode.CASH, "void_receipt", "T-4")


async def issue(market: Market) -> None:
    """Issue to carol, who has paid off the ledger, and to bob, who has not, in one page."""
    later = {**PAID_LATER, "long_stop_at": instant(market.now() + LONG_STOP)}
    terms = await offer(market, proceeds_to="acme", receipts_of=(P.BANK,), **later)
    orders = {holder: order_of(holder, terms) for holder in ("bob", "carol")}
    broker = (P.BROKER_DEALER, Chaincode.SETTLEMENT)
    for holder, order in orders.items():
        intent = market.sign(holder, order)
        await market.submit(*broker, "subscribe", subscription=order, intent=intent)
    await settle(market, P.ISSUER, "close_offering", terms.offering)
    await settle(market, P.ISSUER, "allocate_offering", terms.offering)
    await settle(market, P.BROKER_DEALER, "pay_subscription", terms.offering, "bob")
    receipt = receipt_for(hold_of(orders["carol"]), PROCEEDS, number="R-1").model_copy(
        update={"payer": "carol", "payee": "acme", "use": ReceiptUse.SUBSCRIPTION}
    )
    await make_receipt(market, receipt)
    await market.submit(*broker, "pay_by_receipt", terms.offering, "carol", paid=receipt)
    await settle(market, P.TRANSFER_AGENT, "fund_offering", terms.offering)
    page: JsonValue = list(orders)
    await settle(market, P.TRANSFER_AGENT, "issue_units", terms.offering, page)


def receipt_for(subject: str, amount: int, *, number: str | None = None) -> ReceiptTerms:
    """Return the terms of what bob pays alice for a trade."""
    return ReceiptTerms(
        bank=P.BANK,
        number=number or subject,
        payer="bob",
        payee="alice",
        currency="USD",
        amount=amount,
        use=ReceiptUse.TRADE,
        subject=subject,
    )


async def make_receipt(market: Market, terms: ReceiptTerms) -> None:
    """Enter a receipt that the bank's cashier has signed."""
    until = instant(market.now() + 2 * LONG_STOP)
    made = ReceiptMade(signer=CASHIER, terms=terms, expires_at=until)
    salt = sha256(terms.number.encode()).hexdigest()
    signed = SignedReceipt(statement=made, intent=market.sign(CASHIER, made), salt=salt)
    await market.submit(P.BROKER_DEALER, Chaincode.CASH, "make_receipt", receipt=signed)


# --- what must be so ---


def sale(paid: Mapping[str, int]) -> Holdings:
    """Return what moves with a trade of which bob pays so much in each asset."""
    units = {SECURITY: {"alice": -QUANTITY, "bob": QUANTITY}}
    return holdings(
        units | {asset: {"alice": amount, "bob": -amount} for asset, amount in paid.items()}
    )


def acts() -> dict[str, Holdings]:
    """Return what moves with each trade, and with what each subscriber gets."""
    elsewhere = {name: sale({ELSEWHERE: AMOUNT}) for name in ("T-1", "T-3")}
    issues = {
        f"issued {holder}": holdings(
            {SECURITY: {holder: SUBSCRIBED}, asset: {holder: -PROCEEDS, "acme": PROCEEDS}}
        )
        for holder, asset in (("bob", CASH), ("carol", ELSEWHERE))
    }
    return {**elsewhere, "T-2": sale({CASH: AMOUNT, ELSEWHERE: FURTHER}), **issues}


def having(state: StateView) -> Holdings:
    """Return units, money, and what receipts that are used up say has been paid elsewhere."""
    return holdings(
        {
            SECURITY: units_of(state, SECURITY),
            CASH: money_of(state, CASH),
            ELSEWHERE: paid_elsewhere(state),
        }
    )


def happened(state: StateView) -> set[str]:
    """Return trades that are settled, and subscriptions that are issued."""
    return settled_trades(state) | {f"issued {each}" for each in issued_subscriptions(state)}


def supply(state: StateView) -> Mapping[str, int]:
    """Return how much there is of units and of money; off the ledger, nothing more than before."""
    return {**trades.supply(state), ELSEWHERE: 0}


COURSE = Course(
    live=live,
    begun=holdings({SECURITY: UNITS, CASH: MONEY}),
    acts=acts(),
    holdings=having,
    happened=happened,
    supply=supply,
    moves={
        "settlement.issue_units",
        "settlement.settle",
        "settlement.settle_at_once",
    },
    steps=[{"T-1"}, {"T-2"}, {"T-3"}, {"issued bob", "issued carol"}],
)
