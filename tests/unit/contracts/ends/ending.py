"""A way by which something ends from a state of its table, and what everybody has before and after.

Whoever holds what waits goes on having it. So an end that delivers nothing leaves what everybody
has as it was before anything began, and nothing of it waits any more.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Generic, TypeVar
from unittest.mock import patch

from tallystick.chaincode import split_composite_key
from tallystick.chaincode.testing.world import MemoryTransaction
from tallystick.contracts.book import Position
from tallystick.contracts.cash.models import Accrual, CashAccount, CashPage, Reconciliation
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.confidential import SALT_SIZE
from tallystick.contracts.orders.models import Commitment
from tallystick.contracts.orders.permits import PERMIT_LIFE_S
from tallystick.contracts.orders.rules import committed
from tallystick.contracts.register.models import Holding, RegisterPage
from tallystick.contracts.testing import Market
from tallystick.contracts.timelines import NO_TURNS

Amounts = Counter[tuple[str, str]]
"""How much, by asset and holder."""

IN_ORDERS, IN_FEES = "ACME in orders", "USD in fees"
"""Where ``waiting`` says what is committed, and what is to be collected."""

MarketT = TypeVar("MarketT", bound=Market)


@dataclass(frozen=True, slots=True)
class Scene(Generic[MarketT]):
    """A market where something stands in a state.

    Attributes:
        had: What everybody had before it began.
    """

    market: MarketT
    had: Amounts


@dataclass(frozen=True, slots=True)
class Ending(Generic[MarketT]):
    """A way from a state to an end.

    Attributes:
        status: Where it begins; None of what does not exist yet.
        step: What ends it, by the table.
        how: In a test's name.
        scene: Returns a market, which is forked, and what everybody had.
        end: Ends it.
        stands: Returns the status.
        waits: What waits in that status, while its holder has it.
        moves: What changes hands nevertheless, such as compensation.
    """

    status: StrEnum | None
    step: StrEnum
    how: str
    scene: Callable[[], Scene[MarketT]]
    end: Callable[[MarketT], object]
    stands: Callable[[MarketT], StrEnum | None]
    waits: Amounts = field(default_factory=Counter)
    moves: Amounts = field(default_factory=Counter)

    @property
    def name(self) -> str:
        """What a test is called that shows it."""
        return f"{self.how}: {self.step} when {self.status or 'not there yet'}"


@dataclass(frozen=True, slots=True)
class Table(Generic[MarketT]):
    """A table of states, and the ways in which something ends by it.

    Attributes:
        living: Statuses from which there is a step.
        ends: Of the steps, from each status, those that end something and deliver nothing, and
            where they lead.
        endings: At least one for each of them.
        irrevocable: Statuses from which something goes on, but is not ended as a whole.
    """

    living: AbstractSet[StrEnum | None]
    ends: Mapping[tuple[StrEnum | None, StrEnum], StrEnum]
    endings: Sequence[Ending[MarketT]]
    irrevocable: AbstractSet[StrEnum | None] = frozenset()


def amounts(asset: str, **of_holders: int) -> Amounts:
    """Return how much of an asset holders have, or get."""
    return Counter({(asset, holder): amount for holder, amount in of_holders.items()})


def holdings(market: Market) -> Amounts:
    """Return the units and the money of everybody."""
    units, money = _lines(market)
    having = Counter({("ACME", each.holder): each.quantity for each in units})
    having.update({("USD", each.holder): each.amount for each in money})
    return having


def waiting(market: Market) -> Amounts:
    """Return what of it waits: held, reserved, frozen, or committed to orders.

    Fees that nobody has collected wait too, and are nobody's balance yet.
    """
    units, money = _lines(market)
    waits = Counter({("ACME", each.holder): each.quantity - each.available for each in units})
    waits.update({("USD", each.holder): each.amount - each.available for each in money})
    return waits + _committed(market) + _uncollected(market)


def _committed(market: Market) -> Amounts:
    """Return the units that orders and trades commit, as the permit of a further order sees it."""
    since = market.after(-timedelta(seconds=PERMIT_LIFE_S))
    rows: dict[str, list[Commitment]] = {}
    for (_, holder, *_), value in _rows(market, Chaincode.SETTLEMENT, "commitment"):
        rows.setdefault(holder, []).append(Commitment.model_validate_json(value))
    found = {holder: committed(each, since, NO_TURNS)[0] for holder, each in rows.items()}
    return amounts(IN_ORDERS, **found)


def _uncollected(market: Market) -> Amounts:
    found = Amounts()
    for (_, receiver, _), value in _rows(market, Chaincode.CASH, "accrual"):
        found[IN_FEES, receiver] += Accrual.model_validate_json(value).amount
    return found


def _rows(
    market: Market, chaincode: Chaincode, kind: str
) -> Iterator[tuple[tuple[str, ...], bytes]]:
    """Yield the private rows of a kind that are not empty, each with the parts of its key."""
    for (_, key), value in market.ledger.world.rows_of(chaincode).private.items():
        row_kind, parts = split_composite_key(key)
        if row_kind == kind and value[SALT_SIZE:]:
            yield parts, value[SALT_SIZE:]


@contextmanager
def heights(market: Market) -> Iterator[list[Amounts]]:
    """Collect what everybody has at each height that is reached meanwhile."""
    seen: list[Amounts] = []
    commit = MemoryTransaction.commit

    def watched(transaction: MemoryTransaction) -> None:
        commit(transaction)
        if any(transaction.writes.values()):
            seen.append(_owned(market))

    with patch.object(MemoryTransaction, "commit", watched):
        yield seen


def _owned(market: Market) -> Amounts:
    """Return the same as ``holdings``, from the rows: to ask would be a transaction."""
    units = market.ledger.world.rows_of(Chaincode.TOKEN).values
    money = market.ledger.world.rows_of(Chaincode.CASH).private
    rows = [*units.items(), *((key, value[SALT_SIZE:]) for (_, key), value in money.items())]
    having = Amounts()
    for key, value in rows:
        kind, parts = split_composite_key(key)
        if kind == "position" and value:
            asset, holder = parts
            having[asset, holder] += Position.model_validate_json(value).quantity
    return having


def is_conserved(market: Market) -> bool:
    """Return whether there are as many units as were issued, and as much money as was paid in."""
    issued = market.evaluate(Chaincode.TOKEN, "supply", "ACME").load(int)
    money = market.evaluate(Chaincode.CASH, "reconciliation", "USD").load(Reconciliation)
    has = holdings(market)
    return money.holds and issued == sum(has[place] for place in has if place[0] == "ACME")


def moved(had: Amounts, moves: Amounts) -> Amounts:
    """Return what everybody has once something has changed hands."""
    having = Counter(had)
    having.update(moves)
    return having


def _lines(market: Market) -> tuple[Sequence[Holding], Sequence[CashAccount]]:
    """Return the lines of the register, and all accounts; of each the first page is all."""
    register = market.evaluate(Chaincode.TOKEN, "register", "ACME").load(RegisterPage)
    accounts = market.evaluate(Chaincode.CASH, "accounts", "USD").load(CashPage)
    assert (register.bookmark, accounts.bookmark) == ("", "")
    return register.holdings, accounts.accounts
