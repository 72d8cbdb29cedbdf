"""The rows, arguments and results of settlement discipline."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from tallystick.contracts.instants import Day, Instant
from tallystick.contracts.models import Identifier, Model, Quantity, Sha256Hex
from tallystick.contracts.statements import Change, Side

MAX_NOTES = 400
MAX_HOLD_CHANGES = 64
STANDARD_SALE = "long"


class Cause(StrEnum):
    """Why a trade did not settle on a business day."""

    LACK_OF_SECURITIES = "lack-of-securities"
    LACK_OF_CASH = "lack-of-cash"
    ON_HOLD = "on-hold"
    LATE_MATCHING = "late-matching"
    BARRED = "barred"  # a rule stands against a side
    NEITHER_SIDE = "neither-side"  # such as a failure of systems


class CauseNote(Model):
    """What clearing found: from a business day on, until the next note.

    Attributes:
        side: Who is responsible; None for neither.
    """

    day: Day
    cause: Cause
    side: Side | None


class HoldChange(Model):
    """A side put the trade on hold, or released it."""

    at: Instant
    side: Side
    holds: bool


class FailRecord(Model):
    """Private row ``fail (trade)``: what is known of why it did not settle.

    Attributes:
        sale: What kind of sale it is: ``long``, ``short``, ``market-maker``.
        notes: Ascending by day.
        holds: In the order in which they came.
        collected: The last business day whose penalties have been paid; None for no day.
        paid_by_buyer: What the buyer has paid in penalties, in minor units.
        paid_by_seller: Likewise the seller.
    """

    sale: str = STANDARD_SALE
    notes: Annotated[tuple[CauseNote, ...], Field(max_length=MAX_NOTES)] = ()
    holds: Annotated[tuple[HoldChange, ...], Field(max_length=MAX_HOLD_CHANGES)] = ()
    collected: Day | None = None
    paid_by_buyer: int = 0
    paid_by_seller: int = 0


class ChangeGiven(Model):
    """Secret argument ``change``, and private row ``change (trade, side)``.

    The row holds what a side agreed to last, until the other side agrees to the same, or the trade
    changes otherwise.
    """

    change: Change


class BuyInStatus(StrEnum):
    """Where a buy-in stands."""

    CALLED = "called"
    FAILED = "failed"
    EXECUTED = "executed"
    COMPENSATED = "compensated"
    WITHDRAWN = "withdrawn"


class BuyIn(Model):
    """Private row ``buy-in (trade)``.

    Attributes:
        agent: MSP of who is to buy.
        execution_due: From this second on money may be due instead.
        replacement: The trade by which it was bought elsewhere.
        compensation: What the seller paid for it, in minor units.
    """

    status: BuyInStatus
    agent: str
    called_at: Instant
    execution_due: Instant
    replacement: str | None = None
    compensation: int = 0


class BoughtIn(Model):
    """Private row ``bought-in (trade)``: the buy-in that a trade has served; it serves one."""

    trade: str


class Valuation(Model):
    """Secret argument ``valuation``: what the units of a trade are worth.

    Attributes:
        market_value: Of the whole quantity, in minor units of the trade's cash.
        evidence_hash: SHA-256 of the document that shows it.
    """

    market_value: Quantity
    evidence_hash: Sha256Hex


class FailedDay(Model):
    """A business day on which a trade was due and did not settle.

    Attributes:
        cause: None while nothing is known of it.
        side: Who is responsible; None when neither is, or nobody knows.
        penalty: What that side owes the other for the day, in minor units of the trade's cash.
    """

    day: Day
    cause: Cause | None
    side: Side | None
    penalty: int


class FailView(Model):
    """How a trade stands to its day.

    Attributes:
        failing_since: The cut-off of its settlement day, once that has passed without settlement.
        age: Business days on which it was due and had not settled.
        days: One by one; None for readers who are not entitled to them.
        record: What is recorded; None likewise.
        buy_in: None likewise, and when there is none.
    """

    trade: str
    calendar: str | None
    settlement_day: Day
    settles_from: Instant
    on_hold: tuple[Side, ...]
    failing_since: Instant | None
    age: int
    days: tuple[FailedDay, ...] | None = None
    record: FailRecord | None = None
    buy_in: BuyIn | None = None


class CloseOut(Model):
    """A fail that must be closed out.

    Attributes:
        due_at: The opening by which it must be.
    """

    trade: str
    sale: Identifier
    settlement_day: Day
    due_at: Instant
    is_overdue: bool
    provision: str


class CloseOutPage(Model):
    """Close-outs among one page of all trades; pass the bookmark for the next page."""

    close_outs: tuple[CloseOut, ...]
    bookmark: str


class ReportAsked(Model):
    """What a report shall be about.

    Attributes:
        first_day: Of the period: of trades by their settlement day, of penalties by theirs.
        last_day: Likewise; it belongs to the period.
        member: Empty for all members.
        security: Empty for all securities.
    """

    venue: Identifier
    first_day: Day
    last_day: Day
    member: str = ""
    security: str = ""


class ReportLine(Model):
    """A member's trades in a security that were due in a period.

    Attributes:
        settled: Trades that settled without failing on any business day.
        failed: Trades that failed at least one.
        settled_value: In minor units of the cash.
        failed_value: Likewise.
        failed_days: Business days that they failed, in all.
        owed: Penalties that the member owes for days of the period.
        due: Penalties that others owe to it.
    """

    member: str
    security: str
    cash: str
    settled: int = 0
    settled_value: int = 0
    failed: int = 0
    failed_value: int = 0
    failed_days: int = 0
    owed: int = 0
    due: int = 0


class DisciplineReport(Model):
    """What one page of all trades adds to the report; the reader sums the lines of all pages.

    Attributes:
        lines: By member, security and cash.
        bookmark: For the next page, empty after the last.
    """

    lines: tuple[ReportLine, ...]
    bookmark: str
