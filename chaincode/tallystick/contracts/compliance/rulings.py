"""Decisions and their traces on the ledger: counts, sales, purchases, approvals used, records."""

from collections import Counter
from collections.abc import Collection, Iterator

from tallystick.chaincode import Context
from tallystick.contracts import events
from tallystick.contracts.book import Account
from tallystick.contracts.compliance.case import Case
from tallystick.contracts.compliance.cases import Subjects
from tallystick.contracts.compliance.counters import Counters
from tallystick.contracts.compliance.counts import told
from tallystick.contracts.compliance.decisions import Decision
from tallystick.contracts.compliance.histories import Sale
from tallystick.contracts.compliance.holdings import recounted
from tallystick.contracts.compliance.models import NO_VENUE_RULES, VenueRules
from tallystick.contracts.compliance.periods import Period
from tallystick.contracts.compliance.records import Outcome, Records, venue_rules_key
from tallystick.contracts.compliance.volumes import is_sale
from tallystick.contracts.cycles import Sold
from tallystick.contracts.events import Basis
from tallystick.contracts.instants import now
from tallystick.contracts.rows import load_row


class Rulings:
    """What is read for decisions, and what they leave behind, in one transaction."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._counters = Counters(ctx.state, ctx.transaction_id)
        self._records = Records(ctx)

    def venue_rules(self, security: str, venue: str | None) -> VenueRules:
        """Return what a venue asks on top of a security's rules."""
        if venue is None:
            return NO_VENUE_RULES
        key = venue_rules_key(security, venue)
        return load_row(self._ctx.state, key, VenueRules) or NO_VENUE_RULES

    def settle(self, decision: Decision, subjects: Subjects) -> None:
        """Leave the traces of an instruction that is executed."""
        case = decision.case
        for security in subjects:
            for change in recounted(case, security):
                self._counters.recount(security, change)
                self._ctx.emit(told(security, change.person, change.after))
        venue = None if case.venue is None else case.venue.organization
        for sold in _sales(case, subjects):
            self.note_sale(sold, venue, subjects[sold.security].needs.windows)
        self._note_purchases(case, subjects)
        for approval in case.used_approvals:
            used = events.ApprovalUsed(
                security=approval.security, sender=approval.sender, receiver=approval.receiver
            )
            self._counters.end_approval(used.security, used.sender, used.receiver)
            self._ctx.emit(used)
        self.record(decision, Outcome.MOVED, subjects)

    def note_sale(self, sold: Sold, venue: str | None, windows: Collection[Period]) -> None:
        """Note that a person has sold units; sales that no window asks for any more are gone."""
        sale = Sale(moment=now(self._ctx), quantity=sold.quantity, venue=venue)
        forgotten = self._counters.note_sale(sold.security, sold.person, sale, windows)
        self._ctx.emit(
            events.SaleNoted(
                security=sold.security,
                person=sold.person,
                quantity=sold.quantity,
                venue=venue,
                forgotten=forgotten,
            )
        )

    def record(self, decision: Decision, outcome: Outcome, subjects: Subjects) -> None:
        """Leave a record of a decision."""
        versions = {name: each.venue_rules for name, each in subjects.items()}
        self._records.save(decision, outcome, versions)

    def _note_purchases(self, case: Case, subjects: Subjects) -> None:
        amounts: Counter[tuple[Account, str]] = Counter()
        sellers: dict[tuple[Account, str], list[events.Seller]] = {}
        for leg in case.legs:
            price = case.price_of(leg)
            exemption = case.exemption_of(leg) if price else None
            if leg.receiver is None or exemption is None:
                continue
            place = (Account(leg.security, leg.receiver), exemption)
            amounts[place] += price
            if (seller := case.sender(leg)) is not None:
                told = events.Seller(classes=seller.classes, amount=price)
                sellers.setdefault(place, []).append(told)
        for (account, exemption), amount in amounts.items():
            buyer = case.holders[account]
            purchase = events.PurchaseNoted(
                issuer=subjects[account.asset].issuer,
                exemption=exemption,
                transaction=self._ctx.transaction_id,
                security=account.asset,
                holder=account.holder,
                person=buyer.person,
                amount=amount,
                classes=buyer.classes,
                sellers=tuple(sellers.get((account, exemption), ())),
            )
            self._counters.note_purchase(purchase, case.moment)
            self._ctx.emit(purchase)


def _sales(case: Case, subjects: Subjects) -> Iterator[Sold]:
    """Yield what the legs sell, of securities whose rules ask.

    What a net delivery moves is nobody's sale: what was sold, the trades say that it settles.
    """
    for leg in case.legs if case.basis is not Basis.NET_DELIVERY else ():
        sender = case.sender(leg)
        if sender is not None and subjects[leg.security].needs.sales and is_sale(case, leg):
            yield Sold.model_construct(
                security=leg.security, person=sender.person, quantity=leg.quantity
            )
