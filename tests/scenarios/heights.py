"""A peer's ledger built again from its blocks, and what everybody has at each height of it."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tallystick.chaincode.keys import partial_range, split_composite_key
from tallystick.contracts.actions.distributions import entitlement_key
from tallystick.contracts.actions.models import Entitlement
from tallystick.contracts.book import Position
from tallystick.contracts.cash.models import Accrual
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.confidential import SALT_SIZE
from tallystick.contracts.netting.models import Cycle, CycleStatus
from tallystick.contracts.offerings.models import Subscription, SubscriptionStatus
from tallystick.contracts.trades.models import Status, Trade
from tallystick.node.ledger.committed import (
    recorded_codes,
    recorded_commit_hash,
    transaction_id_of_entry,
)
from tallystick.node.ledger.ledger import CommittableBlock, Ledger
from tallystick.node.ledger.memory import MemoryStore
from tallystick.node.ledger.replay import recorded_updates
from tallystick.node.ledger.state import PrivateSetId, StateView
from tallystick.protos.ledger.rwset.rwset_pb2 import (
    CollectionPvtReadWriteSet,
    NsPvtReadWriteSet,
    TxPvtReadWriteSet,
    TxReadWriteSet,
)
from tallystick.wire.hashing import sha256

ACCOUNTS, ACTIONS = "accounts_BankMSP", "actions_IssuerMSP"


async def each_height(source: Ledger, directory: Path) -> AsyncIterator[StateView]:
    """Yield the state after each block of a ledger, as a new one makes it of blocks 0, 1, 2, …

    Private values are those that the source keeps beside its blocks. The new ledger comes to the
    same commit hash after every block, or this fails.
    """
    ledger = Ledger.open(directory, MemoryStore())
    try:
        for number in range(source.height):
            block = source.block(number)
            recorded = recorded_commit_hash(block)
            updates = recorded_updates(block, ledger.state)
            await ledger.commit(
                CommittableBlock(
                    block=block,
                    codes=recorded_codes(block),
                    updates=updates,
                    transaction_ids=[transaction_id_of_entry(each) for each in block.data.data],
                    private=_private_results(source, updates.private_sets),
                )
            )
            assert ledger.last_commit_hash() == recorded
            yield ledger.state
    finally:
        ledger.close()


def _private_results(source: Ledger, sets: Iterable[PrivateSetId]) -> Mapping[int, bytes]:
    """Return the private sets that a peer has of a block, by index of the transaction."""
    found: dict[int, TxPvtReadWriteSet] = {}
    for set_id in sets:
        rwset = source.private_sets.get(set_id)
        if rwset is not None:
            results = found.setdefault(
                set_id.version.transaction_index,
                TxPvtReadWriteSet(data_model=TxReadWriteSet.KV),
            )
            collection = CollectionPvtReadWriteSet(collection_name=set_id.collection, rwset=rwset)
            results.ns_pvt_rwset.append(
                NsPvtReadWriteSet(namespace=set_id.namespace, collection_pvt_rwset=[collection])
            )
    return {index: results.SerializeToString() for index, results in found.items()}


# --- what is read of a state ---


@dataclass(frozen=True, slots=True)
class Act:
    """What moves as a whole or not at all.

    Attributes:
        units: By how many units each holder's change when it happens.
        money: Likewise for money.
    """

    units: Mapping[str, int]
    money: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Having:
    """What everybody has at a height; fees that wait are had under the name of their receiver."""

    units: Counter[str] = field(default_factory=Counter)
    money: Counter[str] = field(default_factory=Counter)

    def after(self, acts: Iterable[Act]) -> "Having":
        """Return what everybody has once acts have happened as a whole."""
        units, money = Counter(self.units), Counter(self.money)
        for act in acts:
            units.update(act.units)
            money.update(act.money)
        return Having(units, money)


def units_of(state: StateView, security: str) -> Counter[str]:
    """Return what the register says at a height: how many units each holder has."""
    return Counter(
        {
            parts[1]: Position.model_validate_json(value).quantity
            for parts, value in _rows(state, Chaincode.TOKEN, "position", security)
        }
    )


def money_of(state: StateView, cash: str) -> Counter[str]:
    """Return what a bank's collection says at a height, to a peer that has it."""
    money: Counter[str] = Counter()
    for parts, value in _private_rows(state, ACCOUNTS, "position", cash):
        money[parts[1]] += Position.model_validate_json(value).quantity
    for parts, value in _private_rows(state, ACCOUNTS, "accrual", cash):
        money[parts[1]] += Accrual.model_validate_json(value).amount
    return money


def supply_of(state: StateView, chaincode: Chaincode, asset: str) -> int:
    """Return how much of a security, or of a cash, there is, as its rows of changes say."""
    return sum(int(value) for _, value in _rows(state, chaincode, "supply", asset))


def settled_trades(state: StateView) -> set[str]:
    """Return the trades that are settled by their own row, or by that of the cycle they are in."""
    cycles = {
        cycle.terms.cycle: cycle.status
        for _, value in _rows(state, Chaincode.SETTLEMENT, "cycle")
        for cycle in (Cycle.model_validate_json(value),)
    }
    trades = [
        Trade.model_validate_json(value) for _, value in _rows(state, Chaincode.SETTLEMENT, "trade")
    ]
    return {
        each.trade
        for each in trades
        if each.status is Status.SETTLED
        or (
            each.status is Status.IN_CYCLE
            and cycles[str(each.netting_cycle)] is CycleStatus.SETTLED
        )
    }


def issued_subscriptions(state: StateView) -> set[str]:
    """Return the subscriptions whose units are issued, by their own rows."""
    rows = [
        Subscription.model_validate_json(value)
        for _, value in _rows(state, Chaincode.SETTLEMENT, "subscription")
    ]
    return {each.subscription for each in rows if each.status is SubscriptionStatus.ISSUED}


def is_paid(state: StateView, action: str, holder: str) -> bool:
    """Return whether a holder has got what an action gives, to a peer that may know."""
    key = entitlement_key(action, holder)
    row = state.get_private(Chaincode.SETTLEMENT, ACTIONS, key)
    return row is not None and Entitlement.model_validate_json(row.value[SALT_SIZE:]).is_paid


def account_hashes(state: StateView) -> Mapping[bytes, bytes]:
    """Return the hashes of a bank's private rows by those of their keys, as values give them."""
    rows = state.range_private(Chaincode.CASH, ACCOUNTS, "", "")
    return {sha256(key.encode()): sha256(row.value) for key, row in rows}


def _rows(
    state: StateView, chaincode: Chaincode, *place: str
) -> Iterator[tuple[tuple[str, ...], bytes]]:
    for key, row in state.range(chaincode, *partial_range(*place)):
        yield split_composite_key(key)[1], row.value


def _private_rows(
    state: StateView, collection: str, *place: str
) -> Iterator[tuple[tuple[str, ...], bytes]]:
    """Yield the rows of the cash contract that are not emptied, without their salt."""
    for key, row in state.range_private(Chaincode.CASH, collection, *partial_range(*place)):
        if row.value[SALT_SIZE:]:
            yield split_composite_key(key)[1], row.value[SALT_SIZE:]
