"""What stands against a trade, beside its status. Pure."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from tallystick.contracts.instants import Instant
from tallystick.contracts.parties import PartiesCheck, PartiesReport, Party
from tallystick.contracts.prices import amount_of, scaled
from tallystick.contracts.reasons import Finding, RegisterReason, TradeReason
from tallystick.contracts.statements import Side
from tallystick.contracts.trades.models import Approved, Consented
from tallystick.contracts.trades.terms import DvpModel, LegKind, TradeTerms

SIDES: Final[tuple[Side, ...]] = ("buyer", "seller")
"""The sides of a trade without further legs."""


def check_terms(terms: TradeTerms, *, venue: str, moment: Instant) -> None:
    """Return if a venue may propose a trade with these terms now.

    Raises:
        Refusal: NOT_THE_VENUE, SAME_PARTY, SAME_ORDER, AMOUNT_DIFFERS, PRICE_UNEXPLAINED,
            RECEIPT_TERMS_WRONG or TRADE_DATES_WRONG.
    """
    trade = terms.trade
    if terms.venue != venue:
        raise TradeReason.NOT_THE_VENUE.refusal(trade=trade, participant=venue, venue=terms.venue)
    for leg in terms.all_legs:
        if leg.sender == leg.receiver:
            raise RegisterReason.SAME_PARTY.refusal(holder=leg.sender)
    if terms.buy.order == terms.sell.order:
        raise TradeReason.SAME_ORDER.refusal(trade=trade, order=terms.buy.order)
    _check_payment(terms)
    if terms.expires_at <= moment:
        raise TradeReason.TRADE_DATES_WRONG.refusal(trade=trade)


def party_on(terms: TradeTerms, side: Side) -> str:
    """Return who is on a side; refuse with SIDE_UNKNOWN when there is nobody."""
    party = terms.parties.get(side)
    if party is None:
        raise TradeReason.SIDE_UNKNOWN.refusal(trade=terms.trade, side=side)
    return party


def _check_payment(terms: TradeTerms) -> None:
    due = amount_of(terms.price, terms.quantity)
    if terms.amount != due:
        raise TradeReason.AMOUNT_DIFFERS.refusal(trade=terms.trade, amount=terms.amount, due=due)
    if terms.off_quote is None and is_off_quote(terms):
        raise TradeReason.PRICE_UNEXPLAINED.refusal(trade=terms.trade)
    if not has_usable_receipts(terms):
        raise TradeReason.RECEIPT_TERMS_WRONG.refusal(trade=terms.trade)


def is_off_quote(terms: TradeTerms) -> bool:
    """Return whether one side could have had a better price elsewhere."""
    price = scaled(terms.price)
    is_dear = terms.best_offer is not None and price > scaled(terms.best_offer)
    is_cheap = terms.best_bid is not None and price < scaled(terms.best_bid)
    return is_dear or is_cheap


def has_usable_receipts(terms: TradeTerms) -> bool:
    """Return whether each leg that is paid off the ledger names a bank; nets know no receipts."""
    receipts = [leg for leg in terms.all_legs if leg.kind is LegKind.RECEIPT]
    return all(leg.bank for leg in receipts) and (not receipts or terms.model is DvpModel.GROSS)


def matched_at(consents: Collection[Consented | None]) -> Instant | None:
    """Return when the last of all parties consented; None while not all have, or had at once.

    Args:
        consents: Of each party; None for one that has given none.
    """
    given = [each for each in consents if each is not None]
    if len(given) < len(consents):
        return None
    last = max(each.given_at for each in given)
    return last if all(each.counts(last) for each in given) else None


def consent_findings(
    terms: TradeTerms, given: Mapping[Side, Consented], moment: Instant
) -> Iterator[Finding]:
    """Yield a finding for each party that has not consented, or whose consent has ended."""
    for side, party in terms.parties.items():
        consent = given.get(side)
        facts = {"trade": terms.trade, "side": side, "party": party}
        if consent is None:
            yield TradeReason.CONSENT_MISSING.finding(**facts)
        elif not consent.counts(moment):
            yield TradeReason.CONSENT_EXPIRED.finding(**facts, valid_until=str(consent.valid_until))


def approval_findings(
    terms: TradeTerms, given: Mapping[str, Approved], moment: Instant
) -> Iterator[Finding]:
    """Yield a finding for each mediator that has not approved, or whose approval has ended."""
    for mediator in terms.mediators:
        approval = given.get(mediator)
        if approval is None:
            yield TradeReason.MEDIATION_MISSING.finding(trade=terms.trade, mediator=mediator)
        elif moment >= approval.valid_until:
            yield TradeReason.MEDIATION_EXPIRED.finding(
                trade=terms.trade, mediator=mediator, valid_until=approval.valid_until
            )


def with_claims(check: PartiesCheck, terms: TradeTerms) -> PartiesCheck:
    """Return a question that also asks for the claims that the venue knew by a copy."""
    topics: dict[str, dict[str, None]] = {}
    for each in terms.claims:
        topics.setdefault(each.party, {})[each.topic] = None
    subjects = (Party(identity=who, topics=tuple(found)) for who, found in topics.items())
    return check.model_copy(update={"parties": (*check.parties, *subjects)})


def claim_findings(terms: TradeTerms, report: PartiesReport) -> Iterator[Finding]:
    """Yield a finding for each claim that the venue knew by a copy that is no longer true."""
    live = {
        (each.profile.identity, claim.topic, claim.issuer, claim.version)
        for each in report.parties
        if each.profile is not None
        for claim in each.profile.attested
    }
    for cached in terms.claims:
        if (cached.party, cached.topic, cached.issuer, cached.version) not in live:
            yield TradeReason.CACHED_CLAIM_STALE.finding(
                trade=terms.trade,
                party=cached.party,
                topic=cached.topic,
                issuer=cached.issuer,
                version=cached.version,
            )
