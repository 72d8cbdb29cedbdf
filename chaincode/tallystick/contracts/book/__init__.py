"""The book: who holds how much of what, and the one place where a quantity changes.

Securities and cash are both kept in such a book, each in its own chaincode.
"""

from tallystick.contracts.book.book import Book, hold_key, holder_of, position_key
from tallystick.contracts.book.models import (
    Account,
    Delivery,
    HeldMove,
    Hold,
    Move,
    Place,
    Placement,
    Position,
    Recorded,
    accounts_of,
)
from tallystick.contracts.book.plan import Plan
from tallystick.contracts.book.recorded import recorded_key, timeline_of
from tallystick.contracts.book.records import Records

__all__ = [
    "Account",
    "Book",
    "Delivery",
    "HeldMove",
    "Hold",
    "Move",
    "Place",
    "Placement",
    "Plan",
    "Position",
    "Recorded",
    "Records",
    "accounts_of",
    "hold_key",
    "holder_of",
    "position_key",
    "recorded_key",
    "timeline_of",
]
