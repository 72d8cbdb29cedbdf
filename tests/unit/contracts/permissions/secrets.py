"""What the calls of the permission matrix bring along as transient data."""

from tests.unit.contracts.actions_stage import SECRET
from tests.unit.contracts.discipline.stage import row
from tests.unit.contracts.money import SALT, receipt_terms
from tests.unit.contracts.permissions import cash, discipline, netting, offerings
from tests.unit.contracts.permissions.past import CALLED, LATE, MEETING
from tests.unit.contracts.permissions.roles import P, Secrets
from tests.unit.contracts.permissions.stage import AGREED, MEDIATED, OFFERED, sell_order

from tallystick.chaincode import Refusal
from tallystick.contracts.actions.models import HolderRate, RatesGiven, SignedVotes
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.custody.models import CustodyAgreement, CustodyEnding
from tallystick.contracts.identity.models import References
from tallystick.contracts.orders.models import Permit, PermitKey, SignedOrder, SignedOrderWithdrawal
from tallystick.contracts.statements import (
    BuyInCalled,
    BuyInWithdrawn,
    CancelTrade,
    ChangeAgreed,
    Consent,
    CustodyAgreed,
    CustodyEnded,
    OrderWithdrawn,
    Statement,
    SubscriptionCancelled,
    TradeHeld,
    Vote,
    VotesCast,
    Withdrawal,
)
from tallystick.contracts.testing import Market

RATES = RatesGiven(
    security="ACME", rates=(HolderRate(holder="alice", withholding=0),), salt=SECRET.salt
)
VOTES = SignedVotes(
    statement=VotesCast(
        action=MEETING,
        holder="alice",
        votes=(Vote(resolution="merger", choice="for", units=1),),
    )
)


def secrets(market: Market) -> Secrets:
    """Return what goes along with every call; each function takes its own."""
    agreed = CustodyAgreed(custodian=P.CLEARING, client="alice")
    ended = CustodyEnded(custodian=P.CLEARING, client="bob")
    return {
        "terms": market.terms("T-9"),
        "secret": SECRET,
        "rates": RATES,
        "votes": VOTES,
        "subscription": offerings.order(market),
        "allotments": offerings.allotments(),
        "paid": receipt_terms(),
        "references": References(investors=(market.investor("alice"),)),
        "agreement": CustodyAgreement(agreed=agreed, intent=market.sign("alice", agreed)),
        "ending": CustodyEnding(ended=ended),
        **_orders(market),
        **cash.secrets(market),
        **discipline.SECRETS,
        **netting.secrets(market),
    }


def intents(market: Market) -> dict[str, Secrets]:
    """Return what bob signs, by function."""
    offered, agreed = market.terms(OFFERED), market.terms(AGREED)
    late, called = (row(market, trade).terms_hash for trade in (LATE, CALLED))
    change = ChangeAgreed(
        **_bob(AGREED), side="buyer", terms_hash=agreed.digest, change=CancelTrade()
    )
    statements: dict[str, Statement] = {
        "consent": Consent(**_bob(OFFERED), side="buyer", terms_hash=offered.digest),
        "withdraw": Withdrawal(**_bob(AGREED), side="buyer", reason="second thoughts"),
        "hold_trade": TradeHeld(**_bob(AGREED), side="buyer", holds=True),
        "release_trade": TradeHeld(**_bob(MEDIATED), side="buyer", holds=False),
        "agree_change": change,
        "call_buy_in": BuyInCalled(**_bob(LATE), terms_hash=late, agent=P.BROKER_DEALER),
        "withdraw_buy_in": BuyInWithdrawn(**_bob(CALLED), terms_hash=called),
        "subscribe": offerings.order(market),
        "confirm_subscription": offerings.order(market, "a"),
        "cancel_subscription": SubscriptionCancelled(
            offering=offerings.OPEN, subscription="a", signer="bob"
        ),
    }
    return {function: {"intent": market.sign("bob", each)} for function, each in statements.items()}


def permit(market: Market, role: str, function: str, brought: Secrets) -> Secrets:
    """Return what a query says to a role of alice's order; the broker's permit if it says none."""
    query = _ASKED.get(function)
    if query is None:
        return {}
    try:
        said = market.submit(role, Chaincode.SETTLEMENT, query, **brought)
    except Refusal:
        said = market.submit(P.BROKER_DEALER, Chaincode.SETTLEMENT, query, **brought)
    return {"permit": said.load(Permit)}


_ASKED = {"place_order": "order_permit", "withdraw_order": "withdrawal_permit"}


def _bob(trade: str) -> dict[str, str]:
    return {"trade": trade, "party": "bob"}


def _orders(market: Market) -> Secrets:
    placed = sell_order(market, "O-8")
    withdrawn = OrderWithdrawn(venue=P.ATS, holder="alice", order="O-3")
    return {
        "permit_key": PermitKey(key="6b" * 32),
        "order": SignedOrder(statement=placed, intent=market.sign("alice", placed), salt=SALT),
        "withdrawal": SignedOrderWithdrawal(
            statement=withdrawn, intent=market.sign("alice", withdrawn)
        ),
    }
