"""What the calls of the permission matrix bring along as transient data."""

from collections.abc import Callable, Mapping

from tests.unit.contracts.actions_stage import SECRET
from tests.unit.contracts.discipline.stage import row
from tests.unit.contracts.money import SALT, receipt_terms
from tests.unit.contracts.permissions import cash, custody, discipline, netting, offerings
from tests.unit.contracts.permissions.past import CALLED, LATE, MEETING
from tests.unit.contracts.permissions.roles import P, Secrets
from tests.unit.contracts.permissions.stage import AGREED, MEDIATED, OFFERED, sell_order

from tallystick.chaincode import Refusal
from tallystick.contracts.actions.models import HolderRate, RatesGiven, SignedVotes
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.custody.models import CustodyEnding
from tallystick.contracts.identity.models import References
from tallystick.contracts.orders.models import Permit, PermitKey, SignedOrder, SignedOrderWithdrawal
from tallystick.contracts.statements import (
    BuyInCalled,
    BuyInWithdrawn,
    CancelTrade,
    ChangeAgreed,
    Consent,
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
    ended = CustodyEnded(custodian=P.CLEARING, client="bob")
    return {
        "terms": market.terms("T-9").model_copy(update={"cycle": 0}),
        "secret": SECRET,
        "rates": RATES,
        "votes": VOTES,
        "subscription": offerings.order(market),
        "allotments": offerings.allotments(),
        "paid": receipt_terms(),
        "references": References(investors=(market.investor("alice"),)),
        "ending": CustodyEnding(ended=ended),
        **_orders(market),
        **cash.secrets(market),
        **discipline.SECRETS,
        **netting.secrets(market),
    }


def proofs(market: Market) -> Mapping[str, Secrets]:
    """Return what goes along with one function only."""
    return {
        **_intents(market),
        "lift_default": {"default": netting.notice(market)},
        "pay_by_receipt": {"paid": offerings.receipt(market)},
    }


def _intents(market: Market) -> dict[str, Secrets]:
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


Prelude = Callable[[Market, str, Secrets], Secrets]
"""What happens right before a role's call; it returns what goes along with the call by that."""


def _permit(query: str) -> Prelude:
    """Return the prelude that asks for a permit; who is told none brings the broker's."""

    def asked(market: Market, role: str, brought: Secrets) -> Secrets:
        try:
            said = market.submit(role, Chaincode.SETTLEMENT, query, **brought)
        except Refusal:
            said = market.submit(P.BROKER_DEALER, Chaincode.SETTLEMENT, query, **brought)
        return {"permit": said.load(Permit)}

    return asked


def _agree_with_alice(market: Market, role: str, _: Secrets) -> Secrets:
    return {"agreement": custody.agreement(market, role, "alice")}


def _unseat_issuer(market: Market, _: str, __: Secrets) -> Secrets:
    """Let the issuer be represented no longer: alice is to do it, and an organisation has one."""
    market.submit(P.ISSUER, Chaincode.IDENTITY, "end_representation")
    return {}


PRELUDES: Mapping[str, Prelude] = {
    "agree_custody": _agree_with_alice,
    "place_order": _permit("order_permit"),
    "represent": _unseat_issuer,
    "withdraw_order": _permit("withdrawal_permit"),
}
"""By function; a call without one needs nothing that is the role's own, or undoes another's."""


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
