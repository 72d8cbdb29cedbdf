"""The rows and results that concern trades."""

from enum import StrEnum

from tallystick.contracts.instants import Day, Instant
from tallystick.contracts.models import Model
from tallystick.contracts.reasons import Finding
from tallystick.contracts.statements import Side
from tallystick.contracts.trades.terms import DvpModel, TradeTerms

# --- rows ---


class Status(StrEnum):
    """Where a trade stands."""

    PROPOSED = "proposed"
    LOCKED = "locked"
    FAILING = "failing"
    IN_CYCLE = "in-cycle"
    SETTLED = "settled"
    WITHDRAWN = "withdrawn"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    BOUGHT_IN = "bought-in"
    EXPIRED = "expired"


class Trade(Model):
    """Row ``trade (id)``, which everybody may read; never deleted, so the id is used once.

    Attributes:
        terms_hash: Of the terms, which lie in the venue's collection.
        calendar: By which its age counts once it fails; None when every day is a business day.
        settlement_day: The intended one, in the calendar's time.
        settles_from: The second from which it may settle: the opening of the settlement day, or
            earlier where both sides agree.
        on_hold: Sides that do not want it to settle for now.
        proposed_at: When its venue recorded it; the UTC day of it is the trade day.
        splits_seen: How many splits, of all securities together, there had been then: its
            quantities are in the units of then.
        ended_at: When it settled or ended without delivery; None while it can settle.
        netting_cycle: The cycle that it is in, or was in last.
        netted_since: When it was first taken into a netting cycle.
        replaced_by: Of one that is bought in, the trade that has delivered the same.
    """

    trade: str
    venue: str
    terms_hash: str
    calendar: str | None = None
    settlement_day: Day
    settles_from: Instant
    expires_at: Instant
    status: Status
    model: DvpModel = DvpModel.GROSS
    on_hold: tuple[Side, ...] = ()
    proposed_at: Instant
    splits_seen: int
    ended_at: Instant | None = None
    netting_cycle: str | None = None
    netted_since: Instant | None = None
    replaced_by: str | None = None


class Consented(Model):
    """Row ``consent (trade, side)``: apart from the trade, so that all may come in one block.

    Attributes:
        given_at: When it was given; of one that has ended and was given anew, for the first time,
            if all parties had consented then.
        valid_until: From then on it counts no more, unless the legs were locked before; None when
            it does not end by itself.
    """

    given_at: Instant
    valid_until: Instant | None = None

    def counts(self, moment: Instant) -> bool:
        """Return whether the consent counts at a moment."""
        return self.valid_until is None or moment < self.valid_until


class ConsentGiven(Model):
    """Private row ``consent (trade, side)``: whose consent it is."""

    party: str
    key: str
    given_at: Instant


class Approved(Model):
    """Row ``approval (trade, mediator)``: it must still count when the trade is delivered."""

    given_at: Instant
    valid_until: Instant


class Failure(Model):
    """Private row ``failure (trade)``: what stood against a delivery when it was recorded last.

    Attributes:
        failing_since: When it was recorded for the first time.
    """

    failing_since: Instant
    recorded_at: Instant
    findings: tuple[Finding, ...]


# --- results ---


class StatusChange(Model):
    """One step of a trade's history."""

    status: Status
    transaction_id: str
    at: Instant


class Approval(Model):
    """A mediator's approval, and until when it counts."""

    mediator: str
    valid_until: Instant


class TradeView(Model):
    """A trade with what happened to it.

    Attributes:
        terms: None for readers who are not entitled to them.
        consents: Sides whose consents count.
        approvals: Of mediators, those that count or have counted.
        failure: Why it could not be delivered; None when it could, and for readers who may not
            know.
        history: Oldest first.
    """

    trade: Trade
    terms: TradeTerms | None
    consents: tuple[Side, ...]
    approvals: tuple[Approval, ...] = ()
    failure: Failure | None = None
    history: tuple[StatusChange, ...]


class TradeLine(Model):
    """One trade among others; ``terms`` is None for readers who are not entitled to them."""

    trade: Trade
    terms: TradeTerms | None


class TradePage(Model):
    """Trades, by id; pass the bookmark for the next page, empty after the last."""

    trades: tuple[TradeLine, ...]
    bookmark: str
