"""Who may take part in a trade, asked anew at each of its stages.

What a proposal reads is public, so it is asked about the venue alone: of each party, its consent
asks, and of the security, the lock, which shows it on the register anyway.
"""

from collections.abc import Iterator, Sequence

from tallystick.chaincode import Context
from tallystick.contracts.agency.agencies import Agencies
from tallystick.contracts.listings.listings import Listings
from tallystick.contracts.orders.models import PlacedOrder
from tallystick.contracts.orders.orders import Orders
from tallystick.contracts.orders.rules import licence_findings, unit_findings, with_orders
from tallystick.contracts.parties import (
    Authority,
    Exercised,
    PartiesCheck,
    Party,
    ask,
    check_parties,
)
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import Finding, TradeReason
from tallystick.contracts.trades.rules import claim_findings, with_claims
from tallystick.contracts.trades.terms import Order, TradeTerms


class Admission:
    """What is asked about the parties and firms of a trade."""

    def __init__(self, ctx: Context, orders: Orders) -> None:
        self._ctx = ctx
        self._orders = orders

    def at_consent(self, terms: TradeTerms, party: str, authority: Authority) -> list[Finding]:
        """Return what stands against a party's consent: its signature, its broker, its account."""
        orders = [each for each in terms.orders if each[0] == party]
        caller = self._ctx.client.msp_id
        is_member = any(order.member == caller for _, order in orders)
        submitter = () if is_member else (Exercised(organization=caller),)
        check = self._brokered(terms, orders, submitter)
        known = check.parties or (Party(identity=party),)
        report = ask(self._ctx, check.model_copy(update={"authority": authority, "parties": known}))
        # Who shows no signature of the party is not told who that is, nor anything about it.
        barring = report.licences or report.authority
        return list(barring) or [*report.findings, *self._agency_findings(orders)]

    def at_withdrawal(self, party: str, authority: Authority) -> list[Finding]:
        """Return what stands against a party's withdrawal."""
        report = check_parties(self._ctx, [Party(identity=party)], authority)
        return list(report.licences or report.authority) or report.findings

    def at_lock(self, terms: TradeTerms, splits_seen: int) -> list[Finding]:
        """Return what stands against locking a trade: who trades must still be able to."""
        check = self._brokered(terms, terms.orders, self._clearing(terms))
        placed = [self._orders.require(each.venue, each.order) for each in terms.placed_orders]
        report = ask(self._ctx, with_orders(with_claims(check, terms), placed))
        return list(report.licences) or [
            *report.findings,
            *claim_findings(terms, report),
            *licence_findings(placed, report),
            *self._unit_findings(placed, splits_seen),
            *self._agency_findings(terms.orders),
            *self._listing_findings(terms),
        ]

    def at_delivery(self, terms: TradeTerms) -> list[Finding]:
        """Return what stands against delivering a trade, beside units and money.

        What was locked is owed: an account that is unlinked now, or a mandate withdrawn, is no way
        out of it.
        """
        check = PartiesCheck(exercised=self._clearing(terms))
        report = ask(self._ctx, with_claims(check, terms))
        return list(report.licences) or [
            *report.findings,
            *claim_findings(terms, report),
            *self._listing_findings(terms),
        ]

    def _clearing(self, terms: TradeTerms) -> tuple[Exercised, ...]:
        """Return that the submitter clears a trade, and that its venue may still trade."""
        return (
            Exercised(organization=self._ctx.client.msp_id, powers=(Power.CLEAR,)),
            Exercised(organization=terms.venue, powers=(Power.OPERATE_VENUE,)),
        )

    def _brokered(
        self,
        terms: TradeTerms,
        orders: Sequence[tuple[str, Order]],
        exercised: Sequence[Exercised],
    ) -> PartiesCheck:
        """Return the question whether those who gave orders have brokers, members, accounts."""
        members = dict.fromkeys(order.member for _, order in orders)
        return PartiesCheck(
            parties=tuple(
                Party(identity=identity, account_at=terms.venue, account=order.account)
                for identity, order in orders
                if order.account is not None
            ),
            authorities=tuple(
                Authority(identity=identity, participant=order.broker) for identity, order in orders
            ),
            exercised=(
                *exercised,
                *(Exercised(organization=each, powers=_SETTLES) for each in members),
            ),
        )

    def _unit_findings(self, placed: Sequence[PlacedOrder], splits_seen: int) -> Iterator[Finding]:
        # Not asked when it is proposed: what that reads would show which security it is.
        securities = dict.fromkeys(each.statement.security for each in placed)
        timelines = {each: self._orders.timeline(each) for each in securities}
        return unit_findings(placed, splits_seen, timelines)

    def _agency_findings(self, orders: Sequence[tuple[str, Order]]) -> Iterator[Finding]:
        agencies = Agencies(self._ctx)
        for _, order in orders:
            if order.agent is not None:
                finding = agencies.finding(order.broker, order.agent)
                if finding is not None:
                    yield finding

    def _listing_findings(self, terms: TradeTerms) -> Iterator[Finding]:
        listings = Listings(self._ctx)
        asks_for_accounts = False
        for security in dict.fromkeys(move.asset for move in terms.deliveries):
            listing = listings.find(security, terms.venue)
            if listing is None or listing.ended is not None:
                yield TradeReason.NOT_LISTED.finding(security=security, venue=terms.venue)
            elif listing.terms.accounts_required:
                asks_for_accounts = True
        for identity, order in terms.orders if asks_for_accounts else ():
            if order.account is None:
                yield TradeReason.ACCOUNT_NOT_NAMED.finding(
                    trade=terms.trade, party=identity, venue=terms.venue
                )


_SETTLES = (Power.SETTLE_DIRECTLY,)
