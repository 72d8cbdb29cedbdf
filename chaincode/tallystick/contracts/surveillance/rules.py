"""What is odd about a trade. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from tallystick.contracts.instants import later
from tallystick.contracts.orders.models import PlacedOrder
from tallystick.contracts.parties import PartyReport
from tallystick.contracts.surveillance.models import Flag, SurveillanceLine
from tallystick.contracts.trades.models import Trade
from tallystick.contracts.trades.rules import is_off_quote
from tallystick.contracts.trades.states import OPEN
from tallystick.contracts.trades.terms import TradeTerms

PREARRANGED_WINDOW_S = 60
"""Mirrored orders placed within this time of each other are worth a look; no law says so."""


def line_of(
    trade: Trade,
    terms: TradeTerms,
    orders: Sequence[PlacedOrder],
    known: Mapping[str, PartyReport],
) -> SurveillanceLine:
    """Return a trade with what is odd about it, as its parties are known now."""
    findings = tuple(
        finding
        for party in terms.parties.values()
        for finding in known[party].findings
        if trade.status in OPEN
    )
    flags = tuple(_flags(terms, orders, known))
    if findings:
        flags = (*flags, Flag.PARTY_BARRED)
    return SurveillanceLine(trade=trade, flags=flags, findings=findings)


def is_prearranged(orders: Sequence[PlacedOrder]) -> bool:
    """Return whether two orders mirror each other and were placed one upon the other."""
    match sorted(orders, key=lambda each: each.placed_at):
        case [first, second]:
            ordered = [(each.statement.quantity, each.statement.limit) for each in (first, second)]
            end = later(first.placed_at, PREARRANGED_WINDOW_S)
            return ordered[0] == ordered[1] and second.placed_at <= end
        case _:
            return False


def _flags(
    terms: TradeTerms, orders: Sequence[PlacedOrder], known: Mapping[str, PartyReport]
) -> Iterator[Flag]:
    buyer, seller = (known[each].profile for each in (terms.buyer, terms.seller))
    if buyer is not None and seller is not None and buyer.person == seller.person:
        yield Flag.SELF_TRADE
    if terms.buy.broker == terms.sell.broker:
        yield Flag.ONE_BROKER
    if is_prearranged(orders):
        yield Flag.PREARRANGED
    if is_off_quote(terms):
        yield Flag.OFF_QUOTE
