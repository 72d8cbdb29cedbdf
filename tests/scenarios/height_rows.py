"""What the rows of a state say: who has what, and what has happened."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TypeVar

from tallystick.chaincode.events import EventRecord
from tallystick.chaincode.keys import composite_key, partial_range, split_composite_key
from tallystick.contracts.actions.distributions import entitlement_key, totals_key
from tallystick.contracts.actions.market_claims import claim_key
from tallystick.contracts.actions.models import Action, Entitlement, MarketClaim, Totals
from tallystick.contracts.book import Position
from tallystick.contracts.cash.models import (
    Accrual,
    KeptReceipt,
    Limits,
    Receipt,
    ReceiptStatus,
)
from tallystick.contracts.cash.receipts import receipt_key
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.confidential import SALT_SIZE
from tallystick.contracts.discipline.models import BuyIn, FailRecord
from tallystick.contracts.events import LedgerEvent, read_event
from tallystick.contracts.models import Model
from tallystick.contracts.netting.models import Cycle, CycleStatus
from tallystick.contracts.offerings.models import Subscription, SubscriptionStatus
from tallystick.contracts.participants import Participant
from tallystick.contracts.readers import accounts_of, actions_of, trades_of
from tallystick.contracts.register.models import Security
from tallystick.contracts.timelines import NO_TURNS, Timeline
from tallystick.contracts.trades.models import Status, Trade
from tallystick.node.ledger.state import StateView
from tallystick.wire.hashing import sha256

ACCOUNTS = accounts_of(Participant.BANK)
ACTIONS = actions_of(Participant.ISSUER)
TRADES = trades_of(Participant.ATS)
SETTLEMENT = Chaincode.SETTLEMENT

ModelT = TypeVar("ModelT", bound=Model)


# --- who has what ---


def units_of(state: StateView, security: str) -> Counter[str]:
    """Return what the register says: how many units each holder has, in those of now."""
    return Counter({holder: row.quantity for holder, row in _positions(state, security)})


def supply_of_units(state: StateView, security: str) -> int:
    """Return how many units there are, as the rows of what was issued and ended say."""
    rows = _rows(state, Chaincode.TOKEN, "supply", security)
    return _timeline(state, security).summed((int(parts[1]), int(value)) for parts, value in rows)


def waiting_units_of(state: StateView, security: str) -> Counter[str]:
    """Return how many of each holder's units are on hold, in those of now."""
    return Counter({holder: row.held for holder, row in _positions(state, security)})


def frozen_units_of(state: StateView, security: str) -> Counter[str]:
    """Return how many of each holder's units are frozen, in those of now."""
    return Counter({holder: row.frozen for holder, row in _positions(state, security)})


def money_of(state: StateView, cash: str) -> Counter[str]:
    """Return what a bank's collection says; fees that wait are had by their receiver."""
    money: Counter[str] = Counter()
    for parts, value in _private_rows(state, "position", cash):
        money[parts[1]] += Position.model_validate_json(value).quantity
    return money + fees_of(state, cash)


def fees_of(state: StateView, cash: str) -> Counter[str]:
    """Return what waits in fees until their receivers collect it."""
    fees: Counter[str] = Counter()
    for parts, value in _private_rows(state, "accrual", cash):
        fees[parts[1]] += Accrual.model_validate_json(value).amount
    return fees


def waiting_money_of(state: StateView, cash: str) -> Counter[str]:
    """Return how much of each holder's money is on hold."""
    return Counter(
        {
            parts[1]: Position.model_validate_json(value).held
            for parts, value in _private_rows(state, "position", cash)
        }
    )


def supply_of_money(state: StateView, cash: str) -> int:
    """Return how much a bank has been paid in, less what it has paid out."""
    return sum(int(value) for _, value in _rows(state, Chaincode.CASH, "supply", cash))


def limits_of(state: StateView, cash: str) -> Mapping[str, Limits]:
    """Return what is reserved of balances, and what their holders owe."""
    return {
        parts[1]: Limits.model_validate_json(value)
        for parts, value in _private_rows(state, "limits", cash)
    }


def entries_of(state: StateView, cash: str, transaction_id: str) -> Iterator[LedgerEvent]:
    """Yield what a transaction has told of money among the accounts, and to nobody else."""
    for _, value in _private_rows(state, "entry", cash, transaction_id):
        event = read_event(EventRecord.model_validate_json(value))
        assert event is not None, "every entry is of a kind that readers know"
        yield event


def rows_of_cash(state: StateView) -> Iterator[tuple[str, bytes]]:
    """Yield all rows of the cash contract but what receipts say, without their salt."""
    for key, row in state.range(Chaincode.CASH, "", ""):
        yield key, row.value
    for key, row in state.range_private(Chaincode.CASH, ACCOUNTS, "", ""):
        if row.value[SALT_SIZE:] and split_composite_key(key)[0] != "receipt":
            yield key, row.value[SALT_SIZE:]


def paid_elsewhere(state: StateView) -> Counter[str]:
    """Return what holders have got off the ledger, or paid, by receipts that are used up."""
    money: Counter[str] = Counter()
    for _, value in _rows(state, Chaincode.CASH, "receipt"):
        receipt = Receipt.model_validate_json(value)
        if receipt.status is ReceiptStatus.USED:
            key = receipt_key(receipt.bank, receipt.number)
            kept = _private(state, Chaincode.CASH, ACCOUNTS, key, KeptReceipt)
            assert kept is not None, "the collection of the bank has what its receipts say"
            money.update({kept.terms.payee: kept.terms.amount, kept.terms.payer: 0})
            money[kept.terms.payer] -= kept.terms.amount
    return money


def account_hashes(state: StateView) -> Mapping[bytes, bytes]:
    """Return the hashes of a bank's private rows by those of their keys, as values give them."""
    rows = state.range_private(Chaincode.CASH, ACCOUNTS, "", "")
    return {sha256(key.encode()): sha256(row.value) for key, row in rows}


# --- what has happened ---


def trades_in(state: StateView) -> Mapping[str, Trade]:
    """Return the public rows of trades."""
    rows = _rows(state, SETTLEMENT, "trade")
    return {parts[0]: Trade.model_validate_json(value) for parts, value in rows}


def settled_trades(state: StateView) -> set[str]:
    """Return the trades that are settled by their own row, or by that of the cycle they are in."""
    cycles = {
        cycle.terms.cycle: cycle.status
        for _, value in _rows(state, SETTLEMENT, "cycle")
        for cycle in (Cycle.model_validate_json(value),)
    }
    return {
        name
        for name, each in trades_in(state).items()
        if each.status is Status.SETTLED
        or (
            each.status is Status.IN_CYCLE
            and cycles[str(each.netting_cycle)] is CycleStatus.SETTLED
        )
    }


def issued_subscriptions(state: StateView) -> set[str]:
    """Return the subscriptions whose units are issued, by their own rows."""
    return _subscriptions(state, SubscriptionStatus.ISSUED)


def paid_subscriptions(state: StateView) -> set[str]:
    """Return the subscriptions that are paid, by their own rows."""
    return _subscriptions(state, SubscriptionStatus.PAID)


def action_of(state: StateView, action: str) -> Action | None:
    """Return the public row of a corporate action."""
    row = state.get(SETTLEMENT, composite_key("action", action))
    return None if row is None else Action.model_validate_json(row.value)


def entitlement_of(state: StateView, action: str, holder: str) -> Entitlement | None:
    """Return what a holder gets by an action, to a peer that may know; likewise below."""
    return _private(state, SETTLEMENT, ACTIONS, entitlement_key(action, holder), Entitlement)


def totals_of(state: StateView, action: str) -> Totals | None:
    """Return the sums of a distribution."""
    return _private(state, SETTLEMENT, ACTIONS, totals_key(action), Totals)


def is_paid(state: StateView, action: str, holder: str) -> bool:
    """Return whether a holder has got what an action gives."""
    row = entitlement_of(state, action, holder)
    return row is not None and row.is_paid


def market_claim_of(state: StateView, action: str, trade: str) -> MarketClaim | None:
    """Return the market claim of a trade."""
    return _private(state, SETTLEMENT, TRADES, claim_key(action, trade), MarketClaim)


def buy_in_of(state: StateView, trade: str) -> BuyIn | None:
    """Return where the buy-in of a trade stands."""
    return _private(state, SETTLEMENT, TRADES, composite_key("buy-in", trade), BuyIn)


def fail_of(state: StateView, trade: str) -> FailRecord | None:
    """Return what is recorded of a trade that fails."""
    return _private(state, SETTLEMENT, TRADES, composite_key("fail", trade), FailRecord)


# --- how rows are read ---


def _subscriptions(state: StateView, status: SubscriptionStatus) -> set[str]:
    rows = [
        Subscription.model_validate_json(value)
        for _, value in _rows(state, SETTLEMENT, "subscription")
    ]
    return {each.subscription for each in rows if each.status is status}


def _positions(state: StateView, security: str) -> Iterator[tuple[str, Position]]:
    timeline = _timeline(state, security)
    for parts, value in _rows(state, Chaincode.TOKEN, "position", security):
        yield parts[1], Position.model_validate_json(value).brought_up(timeline)


def _timeline(state: StateView, security: str) -> Timeline:
    row = state.get(Chaincode.TOKEN, composite_key("security", security))
    return NO_TURNS if row is None else Security.model_validate_json(row.value).timeline


def _rows(
    state: StateView, chaincode: Chaincode, *place: str
) -> Iterator[tuple[tuple[str, ...], bytes]]:
    for key, row in state.range(chaincode, *partial_range(*place)):
        yield split_composite_key(key)[1], row.value


def _private_rows(state: StateView, *place: str) -> Iterator[tuple[tuple[str, ...], bytes]]:
    """Yield the rows of a bank's collection that are not emptied, without their salt."""
    for key, row in state.range_private(Chaincode.CASH, ACCOUNTS, *partial_range(*place)):
        if row.value[SALT_SIZE:]:
            yield split_composite_key(key)[1], row.value[SALT_SIZE:]


def _private(
    state: StateView, chaincode: Chaincode, collection: str, key: str, model: type[ModelT]
) -> ModelT | None:
    row = state.get_private(chaincode, collection, key)
    content = b"" if row is None else row.value[SALT_SIZE:]
    return model.model_validate_json(content) if content else None
