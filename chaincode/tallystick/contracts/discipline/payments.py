"""What settlement discipline lets the cash contract pay: one instruction in a transaction."""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

from tallystick.chaincode import Context
from tallystick.contracts.book import Delivery
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.payments import CashInstruction


class Owed(NamedTuple):
    """What one identity owes to another, in minor units."""

    cash: str
    debtor: str
    creditor: str
    amount: int


def netted(debts: Iterable[Owed]) -> Iterator[Owed]:
    """Yield what remains to be paid between each two identities, by cash and identities."""
    sums: dict[tuple[str, str, str], int] = {}
    for cash, debtor, creditor, amount in debts:
        first, second = sorted((debtor, creditor))
        key = (cash, first, second)
        sums[key] = sums.get(key, 0) + (amount if debtor == first else -amount)
    for (cash, first, second), amount in sorted(sums.items()):
        if amount > 0:
            yield Owed(cash, first, second, amount)
        elif amount < 0:
            yield Owed(cash, second, first, -amount)


def pay(ctx: Context, debts: Iterable[Owed], salts: Sequence[str]) -> None:
    """Let debts be paid out of available money, after netting; all of them or none.

    Args:
        ctx: The call.
        debts: Who owes whom; nothing is paid when there are none.
        salts: Of the trades that they come from: they hide the payments from who can guess them.
    """
    moves = tuple(
        Delivery(asset=each.cash, sender=each.debtor, receiver=each.creditor, quantity=each.amount)
        for each in netted(debts)
    )
    if moves:
        secret = sha256("/".join(salts).encode()).hexdigest()
        ctx.invoke(Chaincode.CASH, "instruct", CashInstruction(moves=moves, secret=secret))
