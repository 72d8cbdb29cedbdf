"""What is agreed on in a trade, for the eyes of those who are entitled to it."""

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated

from pydantic import Field, StringConstraints

from tallystick.contracts.book import HeldMove
from tallystick.contracts.calendars.models import Cycle
from tallystick.contracts.instants import Day, Instant
from tallystick.contracts.intents import canonical_hash
from tallystick.contracts.models import Identifier, Model, Quantity, Salt, ShortCode
from tallystick.contracts.payments import Draw
from tallystick.contracts.prices import Price
from tallystick.contracts.statements import (
    OrderPlaced,
    OrderSide,
    ReceiptTerms,
    ReceiptUse,
    Side,
)

MAX_LEGS = 30
MAX_MEDIATORS = 8
MAX_CACHED = 16

# Without "@", which numbers the holds of further legs.
TradeId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$")]


class DvpModel(StrEnum):
    """How units and money are exchanged, by the models of the Bank for International Settlements.

    1: both gross, trade by trade. 2: units gross, money net. 3: both net.
    """

    GROSS = "dvp-1"
    NET_MONEY = "dvp-2"
    NET = "dvp-3"


class LegKind(StrEnum):
    """What goes over in a leg."""

    UNITS = "units"
    MONEY = "money"
    RECEIPT = "receipt"


class TradeLeg(Model):
    """One thing that goes from one party to another.

    Attributes:
        asset: A security or a cash; for money paid off the ledger, its currency.
        bank: MSP of the bank whose receipt stands for that money; else None.
    """

    kind: LegKind
    asset: Identifier
    sender: Identifier
    receiver: Identifier
    quantity: Quantity
    bank: Identifier | None = None


class Order(Model):
    """One side's order, as its venue matched it.

    Attributes:
        order: By the venue; several trades may fill one order.
        broker: MSP of the broker of record: it has the investor's mandate and may act for clients.
        agent: MSP of the settlement member that settles for the broker; None when the broker is a
            direct member itself.
        account: Of the investor, at the venue; None where the venue asks for none.
        is_placed: Whether the order lies on the ledger: then the trade must fit it, and fills it.
    """

    order: Identifier
    broker: Identifier
    agent: Identifier | None = None
    account: Identifier | None = None
    is_placed: bool = False

    @property
    def member(self) -> str:
        """Who brings the trade to settlement for this side."""
        return self.agent or self.broker


class CachedClaim(Model):
    """A claim that the venue relied on by a copy of its own.

    Attributes:
        party: Whom it is about.
        version: Of the copy; the trade settles only while it is the claim's version.
    """

    party: Identifier
    topic: Identifier
    issuer: Identifier
    version: Quantity


class TradeTerms(Model):
    """Private row ``terms (trade)``: what the parties agree on.

    Attributes:
        trade: Id of the trade, unique for ever; public, so it must not tell anything.
        price: For one unit.
        amount: Price of the whole quantity, in the minor unit of the cash.
        venue: MSP of the venue that matched the trade.
        buy: The buyer's order.
        sell: The seller's order.
        cycle: T+n for this trade, where it shall not be what is usual at its venue.
        settlement_day: The intended one; None in what a venue proposes leaves it to the calendar.
        expires_at: From this moment on it cannot settle any more.
        salt: Random, drawn by the venue: without it, guessed terms could be tried on the hash.
        model: How it is settled.
        legs: What goes over beside the units and their price; all of it or nothing.
        mediators: MSPs without whose approval it does not settle.
        claims: Claims that the venue knew by a copy only.
        best_bid: The best bid of all venues when it was matched, where the venue knew one.
        best_offer: Likewise, the best offer.
        off_quote: Why it was matched at a worse price than the best.
        paid_at: MSP of the bank at which the price is paid off the ledger, so that its receipt, by
            the number of the trade's id, stands for it; ``cash`` then is the currency. None when
            money on the ledger pays.
    """

    trade: TradeId
    security: Identifier
    quantity: Quantity
    cash: Identifier
    price: Price
    amount: Quantity
    buyer: Identifier
    seller: Identifier
    venue: Identifier
    buy: Order
    sell: Order
    cycle: Cycle | None = None
    settlement_day: Day | None = None
    expires_at: Instant
    salt: Salt
    model: DvpModel = DvpModel.GROSS
    legs: Annotated[tuple[TradeLeg, ...], Field(max_length=MAX_LEGS)] = ()
    mediators: Annotated[tuple[Identifier, ...], Field(max_length=MAX_MEDIATORS)] = ()
    claims: Annotated[tuple[CachedClaim, ...], Field(max_length=MAX_CACHED)] = ()
    best_bid: Price | None = None
    best_offer: Price | None = None
    off_quote: ShortCode | None = None
    paid_at: Identifier | None = None

    @property
    def digest(self) -> str:
        """The hash that all parties sign: SHA-256 of the canonical JSON of all the terms."""
        return canonical_hash(self)

    @property
    def parties(self) -> Mapping[Side, str]:
        """Each distinct party once, by its side: buyer, seller, party-1, party-2 and so on."""
        parties = {"buyer": self.buyer, "seller": self.seller}
        for leg in self.legs:
            for each in (leg.sender, leg.receiver):
                if each not in parties.values():
                    parties[f"party-{len(parties) - 1}"] = each
        return parties

    @property
    def orders(self) -> tuple[tuple[str, Order], ...]:
        """Each side's identity, with its order."""
        return (self.buyer, self.buy), (self.seller, self.sell)

    def placed(self, side: OrderSide) -> OrderPlaced:
        """Return what the trade says of the order of a side, and how much it fills of it."""
        holder, order = self.orders[side is OrderSide.SELL]
        return OrderPlaced(
            venue=self.venue,
            order=order.order,
            holder=holder,
            side=side,
            security=self.security,
            quantity=self.quantity,
            broker=order.broker,
            account=order.account,
            expires_at=self.expires_at,
        )

    @property
    def placed_orders(self) -> tuple[OrderPlaced, ...]:
        """What the trade says of those of its orders that lie on the ledger."""
        sides = zip(OrderSide, (self.buy, self.sell), strict=True)
        return tuple(self.placed(side) for side, order in sides if order.is_placed)

    @cached_property
    def all_legs(self) -> tuple[TradeLeg, ...]:
        """Every leg: the units, their price, and what goes over beside them."""
        units = TradeLeg(
            kind=LegKind.UNITS,
            asset=self.security,
            sender=self.seller,
            receiver=self.buyer,
            quantity=self.quantity,
        )
        money = TradeLeg(
            kind=LegKind.RECEIPT if self.paid_at else LegKind.MONEY,
            asset=self.cash,
            sender=self.buyer,
            receiver=self.seller,
            quantity=self.amount,
            bank=self.paid_at,
        )
        return (units, money, *self.legs)

    @cached_property
    def named_legs(self) -> tuple[tuple[str, TradeLeg], ...]:
        """Every leg with its name, which its hold or receipt bears.

        The price has the trade's id; the units its id and 0, further legs its id and a number.
        No hold of a holder's own has such a sign in its name, so none stands in the way of units.
        """
        names = (
            f"{self.trade}@0",
            self.trade,
            *(f"{self.trade}@{n + 1}" for n in range(len(self.legs))),
        )
        return tuple(zip(names, self.all_legs, strict=True))

    def moves(self, kind: LegKind) -> tuple[HeldMove, ...]:
        """Return the legs of a kind as deliveries out of holds."""
        return tuple(
            HeldMove(
                asset=leg.asset,
                sender=leg.sender,
                receiver=leg.receiver,
                quantity=leg.quantity,
                hold=name,
            )
            for name, leg in self.named_legs
            if leg.kind is kind
        )

    @property
    def deliveries(self) -> tuple[HeldMove, ...]:
        """What goes over in units."""
        return self.moves(LegKind.UNITS)

    @property
    def payments(self) -> tuple[HeldMove, ...]:
        """What goes over in money."""
        return self.moves(LegKind.MONEY)

    @property
    def receipts(self) -> tuple[ReceiptTerms, ...]:
        """What was paid off the ledger, as the receipts must say."""
        return tuple(
            ReceiptTerms(
                bank=leg.bank,
                number=name,
                payer=leg.sender,
                payee=leg.receiver,
                currency=leg.asset,
                amount=leg.quantity,
                use=ReceiptUse.TRADE,
                subject=self.trade,
            )
            for name, leg in self.named_legs
            if leg.kind is LegKind.RECEIPT and leg.bank is not None
        )

    @property
    def draws(self) -> tuple[Draw, ...]:
        """What the buyer may have committed to its order, as far as the price needs it."""
        if self.paid_at is not None:
            return ()
        draw = Draw(
            cash=self.cash,
            holder=self.buyer,
            keeper=self.venue,
            reservation=self.buy.order,
            amount=self.amount,
        )
        return (draw,)
