"""The results that concern surveillance."""

from enum import StrEnum

from tallystick.contracts.instants import Instant
from tallystick.contracts.models import Model
from tallystick.contracts.orders.models import PlacedOrder
from tallystick.contracts.reasons import Finding
from tallystick.contracts.statements import Side
from tallystick.contracts.trades.models import Approval, Failure, StatusChange, Trade
from tallystick.contracts.trades.terms import TradeTerms


class Flag(StrEnum):
    """What is odd about a trade: for somebody to look at, no refusal."""

    SELF_TRADE = "self-trade"  # one person on both sides
    ONE_BROKER = "one-broker"  # one broker of record on both sides
    PREARRANGED = "prearranged"  # two orders that mirror each other, placed one upon the other
    OFF_QUOTE = "off-quote"  # a worse price than the best
    PARTY_BARRED = "party-barred"  # under way, and something stands against a party now


class SurveillanceLine(Model):
    """One trade of a venue, and what is odd about it.

    Attributes:
        findings: What stands now against its parties, of a trade that is under way.
    """

    trade: Trade
    flags: tuple[Flag, ...]
    findings: tuple[Finding, ...] = ()


class SurveillancePage(Model):
    """Trades, by id; pass the bookmark for the next page, empty after the last."""

    lines: tuple[SurveillanceLine, ...]
    bookmark: str


class ConsentLine(Model):
    """Who consented on a side, with which key, and when."""

    side: Side
    party: str
    key: str
    given_at: Instant


class Lineage(Model):
    """Everything from the orders to the settlement of a trade.

    Attributes:
        orders: Those that lie on the ledger.
        history: Each status with the transaction that brought it, oldest first: what moved units
            and money is told by the events of that transaction.
    """

    line: SurveillanceLine
    terms: TradeTerms
    orders: tuple[PlacedOrder, ...]
    consents: tuple[ConsentLine, ...]
    approvals: tuple[Approval, ...]
    failure: Failure | None
    history: tuple[StatusChange, ...]
