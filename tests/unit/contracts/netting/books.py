"""Books of trades for tests of netting: random ones, rings, and what they come to gross."""

from collections.abc import Iterable
from typing import NamedTuple

from hypothesis import strategies as st

from tallystick.contracts.netting.obligations import Due, Kind, Line, Obligation

MEMBERS = ("ann", "ben", "cat", "dan")
SECURITIES = ("ACME", "BETA")
BOTH = (Kind.SECURITY, Kind.CASH)


class For(NamedTuple):
    """What a trade is about."""

    quantity: int = 1
    amount: int = 1
    security: str = "ACME"


def trade(
    name: str, seller: str, buyer: str, about: For | None = None, second: int = 0
) -> Obligation:
    """Return a trade in which ``buyer`` pays ``seller`` for units."""
    quantity, amount, security = about or For()
    units = Due(
        kind=Kind.SECURITY, asset=security, sender=seller, receiver=buyer, quantity=quantity
    )
    money = Due(kind=Kind.CASH, asset="USD", sender=buyer, receiver=seller, quantity=amount)
    moment = f"2024-01-02T09:00:{second:02}Z"
    return Obligation(
        trade=name,
        splits_seen=0,
        accepted_at=moment,
        expires_at="2024-01-03T00:00:00Z",
        dues=(units, money),
    )


@st.composite
def books(draw: st.DrawFn, most: int = 12) -> list[Obligation]:
    """Draw a book of trades among the members, each accepted within the same minute."""
    sides = st.lists(st.sampled_from(MEMBERS), min_size=2, max_size=2, unique=True)
    small = st.integers(min_value=1, max_value=9)
    book = []
    for number in range(draw(st.integers(min_value=0, max_value=most))):
        seller, buyer = draw(sides)
        about = For(draw(small), draw(small), draw(st.sampled_from(SECURITIES)))
        second = draw(st.integers(min_value=0, max_value=3))
        book.append(trade(f"T-{number}", seller, buyer, about, second))
    return book


def covers() -> st.SearchStrategy[dict[Line, int]]:
    """Draw what members have for what they owe."""
    lines = [
        Line(kind, asset, member)
        for member in MEMBERS
        for kind, assets in ((Kind.SECURITY, SECURITIES), (Kind.CASH, ("USD",)))
        for asset in assets
    ]
    return st.dictionaries(st.sampled_from(lines), st.integers(min_value=0, max_value=12))


def settled_gross(positions: dict[Line, int], trades: Iterable[Obligation]) -> dict[Line, int]:
    """Return positions after trades have settled one by one."""
    after = dict(positions)
    for each in trades:
        for due in each.dues:
            after[due.outgoing] = after.get(due.outgoing, 0) - due.quantity
            after[due.incoming] = after.get(due.incoming, 0) + due.quantity
    return {line: quantity for line, quantity in after.items() if quantity}
