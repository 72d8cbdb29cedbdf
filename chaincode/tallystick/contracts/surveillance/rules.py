"""What is odd about a trade. Pure."""

from collections.abc import Iterator, Mapping

from tallystick.contracts.parties import PartyReport
from tallystick.contracts.surveillance.models import Flag, SurveillanceLine
from tallystick.contracts.trades.models import Trade
from tallystick.contracts.trades.rules import is_off_quote
from tallystick.contracts.trades.states import OPEN
from tallystick.contracts.trades.terms import TradeTerms


def line_of(trade: Trade, terms: TradeTerms, known: Mapping[str, PartyReport]) -> SurveillanceLine:
    """Return a trade with what is odd about it, as its parties are known now."""
    findings = tuple(
        finding
        for party in terms.parties.values()
        for finding in known[party].findings
        if trade.status in OPEN
    )
    flags = tuple(_flags(terms, known))
    if findings:
        flags = (*flags, Flag.PARTY_BARRED)
    return SurveillanceLine(trade=trade, flags=flags, findings=findings)


def _flags(terms: TradeTerms, known: Mapping[str, PartyReport]) -> Iterator[Flag]:
    buyer, seller = (known[each].profile for each in (terms.buyer, terms.seller))
    if buyer is not None and seller is not None and buyer.person == seller.person:
        yield Flag.SELF_TRADE
    if terms.buy.broker == terms.sell.broker:
        yield Flag.ONE_BROKER
    if is_off_quote(terms):
        yield Flag.OFF_QUOTE
