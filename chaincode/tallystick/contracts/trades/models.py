"""The rows, arguments and results that concern trades."""

from enum import StrEnum

from tallystick.contracts.book import HeldMove
from tallystick.contracts.instants import Day, Instant
from tallystick.contracts.intents import canonical_hash
from tallystick.contracts.models import Identifier, Model, Quantity, Salt
from tallystick.contracts.statements import Side


class TradeTerms(Model):
    """Private row ``terms (trade)``: what buyer and seller agree on, for members' eyes only.

    Attributes:
        trade: Id of the trade, unique for ever; public, so it must not tell anything.
        amount: Price of the whole quantity, in the minor unit of the cash.
        venue: MSP of the venue that matched the trade.
        settlement_day: The first UTC day on which it may settle.
        expires_at: From this moment on it cannot settle any more.
        salt: Random, drawn by the venue: without it, guessed terms could be tried on the hash.
    """

    trade: Identifier
    security: Identifier
    quantity: Quantity
    cash: Identifier
    amount: Quantity
    buyer: Identifier
    seller: Identifier
    venue: Identifier
    settlement_day: Day
    expires_at: Instant
    salt: Salt

    @property
    def digest(self) -> str:
        """The hash that both sides sign: SHA-256 of the canonical JSON of all the terms."""
        return canonical_hash(self)

    def party(self, side: Side) -> str:
        """Return who is on a side."""
        return self.buyer if side == "buyer" else self.seller

    @property
    def delivery(self) -> HeldMove:
        """The securities leg."""
        return HeldMove(
            asset=self.security,
            sender=self.seller,
            receiver=self.buyer,
            quantity=self.quantity,
            hold=self.trade,
        )

    @property
    def payment(self) -> HeldMove:
        """The cash leg."""
        return HeldMove(
            asset=self.cash,
            sender=self.buyer,
            receiver=self.seller,
            quantity=self.amount,
            hold=self.trade,
        )


class Status(StrEnum):
    """Where a trade stands."""

    PROPOSED = "proposed"
    LOCKED = "locked"
    SETTLED = "settled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Trade(Model):
    """Row ``trade (id)``, which everybody may read; never deleted, so the id is used once.

    Attributes:
        terms_hash: Of the terms, which lie in the venue's collection.
    """

    trade: Identifier
    venue: str
    terms_hash: str
    settlement_day: Day
    expires_at: Instant
    status: Status


class Consented(Model):
    """Row ``consent (trade, side)``: apart from the trade, so that both may come in one block."""

    given_at: Instant


class ConsentGiven(Model):
    """Private row ``consent (trade, side)``: whose consent it is."""

    party: str
    key: str
    given_at: Instant


class StatusChange(Model):
    """One step of a trade's history."""

    status: Status
    transaction_id: str
    at: Instant


class TradeView(Model):
    """A trade with what happened to it.

    Attributes:
        terms: None for readers who are not entitled to them.
        consents: Sides that have consented.
        history: Oldest first.
    """

    trade: Trade
    terms: TradeTerms | None
    consents: tuple[Side, ...]
    history: tuple[StatusChange, ...]


class TradeLine(Model):
    """One trade among others; ``terms`` is None for readers who are not entitled to them."""

    trade: Trade
    terms: TradeTerms | None


class TradePage(Model):
    """Trades, by id; pass the bookmark for the next page, empty after the last."""

    trades: tuple[TradeLine, ...]
    bookmark: str
