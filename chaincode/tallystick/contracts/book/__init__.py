"""The book: who holds how much of what, and the one place where a quantity changes.

Securities and cash are both kept in such a book, each in its own chaincode.
"""

from tallystick.contracts.book.book import Book, holder_of
from tallystick.contracts.book.models import (
    Account,
    Lock,
    LockedMove,
    Move,
    Position,
    accounts_of,
)
from tallystick.contracts.book.plan import Plan

__all__ = [
    "Account",
    "Book",
    "Lock",
    "LockedMove",
    "Move",
    "Plan",
    "Position",
    "accounts_of",
    "holder_of",
]
