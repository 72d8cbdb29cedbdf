"""Market claims: what goes to the other side of a trade that was open over a record date.

Who bought before the ex day, and gets the units after the record date, is owed by the seller what
the action gives. The other way round, who sold on or after the ex day, and delivered before the
record date, is owed it by the buyer: a reverse claim. A claim moves entitlement, not money: so it
cannot fail for want of money, each side's own rate of withholding counts, and the sums stay exact.
As long as the trade is open, the entitlement waits.

A trade has one claim, with a line for each of its legs of units. What a holder gives by one line
and gets by another counts as one. A trade that was bought in has been replaced by another: of the
two claims, one stands (see ``rules.outlives``).
"""

from collections.abc import Iterator

from tallystick.chaincode import Context, composite_key
from tallystick.contracts import events
from tallystick.contracts.actions.actions import Actions
from tallystick.contracts.actions.distributions import (
    Distributions,
    distribution_of,
    entitlement_key,
    totals_key,
)
from tallystick.contracts.actions.models import (
    Action,
    ClaimStatus,
    Entitlement,
    MarketClaim,
    Totals,
)
from tallystick.contracts.actions.rules import (
    claim_due,
    claim_lines,
    entitlement,
    outlives,
    regranted,
)
from tallystick.contracts.actions.states import Step
from tallystick.contracts.confidential import ConfidentialRows
from tallystick.contracts.reasons import ActionReason
from tallystick.contracts.trades.models import Status, Trade
from tallystick.contracts.trades.states import OPEN
from tallystick.contracts.trades.terms import TradeTerms
from tallystick.contracts.trades.trades import Trades


class MarketClaims:
    """Market claims, as one transaction sees them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._actions = Actions(ctx)
        self._distributions = Distributions(ctx)
        self._trades = Trades(ctx)

    def raise_claim(self, action: str, trade: str) -> None:
        """Enter the claim that a trade has given rise to, with all its lines.

        That of a trade that is over is settled at once; until the trade is over, the givers are not
        paid. One that is open is lowered once a part of its trade is a trade of its own, with its
        own claim.

        Raises:
            Refusal: MARKET_CLAIM_EXISTS, MARKET_CLAIM_NOT_DUE, MARKET_CLAIM_UNCOVERED, or
                ENTITLEMENT_PAID when a giver has got what it is to give.
        """
        row = self._actions.advanced(action, Step.CLAIM)
        trade_row = self._trades.require(trade)
        terms = self._trades.terms(trade_row)
        rows = self._trades.rows(trade_row, terms.salt)
        known = rows.load(claim_key(action, trade), MarketClaim)
        claim = self._due(row, trade_row, terms)
        is_over = trade_row.status not in OPEN
        if known is not None:
            is_lower = claim is not None and claim != known
            if known.status is not ClaimStatus.OPEN or is_over or not is_lower:
                raise ActionReason.MARKET_CLAIM_EXISTS.refusal(action=action, trade=trade)
            self._free(row, known)
        if claim is None:
            raise ActionReason.MARKET_CLAIM_NOT_DUE.refusal(action=action, trade=trade)
        self._hold_back(row, trade, claim)
        if is_over:
            self._free(row, claim)
            self._grant(row, claim)
            claim = claim.model_copy(update={"status": ClaimStatus.SETTLED})
        rows.save(claim_key(action, trade), claim)
        self._tell(action, trade, claim)

    def resolve(self, action: str, trade: str) -> None:
        """Settle a claim whose trade is settled, or drop one whose trade ended otherwise.

        That of a trade that was bought in is settled if it outlives the trade.

        Raises:
            Refusal: MARKET_CLAIM_UNKNOWN, MARKET_CLAIM_OVER, or MARKET_CLAIM_OPEN.
        """
        row = self._actions.advanced(action, Step.CLAIM)
        trade_row = self._trades.require(trade)
        terms = self._trades.terms(trade_row)
        rows = self._trades.rows(trade_row, terms.salt)
        claim = self._claim(rows, action, trade)
        if claim.status is not ClaimStatus.OPEN:
            raise ActionReason.MARKET_CLAIM_OVER.refusal(
                action=action, trade=trade, state=claim.status
            )
        if trade_row.status in OPEN:
            raise ActionReason.MARKET_CLAIM_OPEN.refusal(
                action=action, trade=trade, state=trade_row.status
            )
        replacement = self._replacement(trade_row)
        is_settled = trade_row.status is Status.SETTLED or (
            replacement is not None and outlives(row.terms, trade_row, replacement)
        )
        self._free(row, claim)
        if is_settled:
            # A part of the trade may have become a trade of its own meanwhile, with its own claim.
            lines = claim_lines(row.terms, terms, is_reverse=claim.is_reverse)
            claim = claim.model_copy(update={"lines": lines})
            claim = self._as_recorded(row, trade_row, claim)
            self._grant(row, claim)
        status = ClaimStatus.SETTLED if is_settled else ClaimStatus.DROPPED
        claim = claim.model_copy(update={"status": status})
        rows.save(claim_key(action, trade), claim)
        self._tell(action, trade, claim)

    # --- what is known ---

    def claim(self, action: str, trade: str) -> MarketClaim:
        """Return a claim; refuse with MARKET_CLAIM_UNKNOWN when there is none."""
        return self._claim(self._trades.rows(self._trades.require(trade)), action, trade)

    def due(self, action: str, page_size: int, bookmark: str) -> tuple[list[str], str]:
        """Return the trades of a page for which a claim is due and not raised."""
        row = self._actions.require(action)
        page = self._ctx.state.partial_page("trade", page_size=page_size, bookmark=bookmark)
        trades = [Trade.model_validate_json(value) for _, value in page.rows]
        return list(self._unraised(row, trades)), page.bookmark

    # --- how ---

    def _unraised(self, row: Action, trades: list[Trade]) -> Iterator[str]:
        for trade in trades:
            rows = self._trades.rows(trade)
            if rows.load(claim_key(row.terms.action, trade.trade), MarketClaim) is not None:
                continue
            if self._due(row, trade, self._trades.terms(trade)) is not None:
                yield trade.trade

    def _due(self, row: Action, trade: Trade, terms: TradeTerms) -> MarketClaim | None:
        if trade.ended_at != self._trades.ended_at(trade):
            return None  # Its cycle has ended, and its row does not say yet what became of it.
        claim = claim_due(row.terms, trade, terms, self._replacement(trade))
        return None if claim is None else self._as_recorded(row, trade, claim)

    def _replacement(self, trade: Trade) -> Trade | None:
        return None if trade.replaced_by is None else self._trades.require(trade.replaced_by)

    def _as_recorded(self, row: Action, trade: Trade, claim: MarketClaim) -> MarketClaim:
        """Return a claim in the units of the record date."""
        agreed = [line.units for line in claim.lines]
        then = self._actions.register.units_then(row, agreed, trade.splits_seen)
        lines = (
            line.model_copy(update={"units": units})
            for line, units in zip(claim.lines, then, strict=True)
        )
        return claim.model_copy(update={"lines": tuple(lines)})

    def _hold_back(self, row: Action, trade: str, claim: MarketClaim) -> None:
        """Let entitlement that is claimed wait; refuse when a giver has too little or was paid."""
        action, rows = row.terms.action, self._actions.rows(row)
        for holder, units in claim.given.items():
            giver = self._entitlement(row, holder)
            if giver.is_paid:
                raise ActionReason.ENTITLEMENT_PAID.refusal(action=action, holder=holder)
            left = giver.units - giver.claimed
            if left < units:
                raise ActionReason.MARKET_CLAIM_UNCOVERED.refusal(
                    action=action, trade=trade, holder=holder, units=units, left=left
                )
            waiting = giver.model_copy(update={"claimed": giver.claimed + units})
            rows.save(entitlement_key(action, holder), waiting)

    def _free(self, row: Action, claim: MarketClaim) -> None:
        """Let entitlement wait no longer."""
        rows = self._actions.rows(row)
        for holder, units in claim.given.items():
            giver = self._entitlement(row, holder)
            freed = giver.model_copy(update={"claimed": giver.claimed - units})
            rows.save(entitlement_key(row.terms.action, holder), freed)

    def _grant(self, row: Action, claim: MarketClaim) -> None:
        """Move entitlement from givers to takers; the sums follow."""
        action, rows = row.terms.action, self._actions.rows(row)
        totals = rows.load(totals_key(action), Totals)
        assert totals is not None, "claims are raised once everybody is entered"
        for holder, change in claim.changes.items():
            before = self._entitlement(row, holder)
            after = regranted(before, change, distribution_of(row))
            rows.save(entitlement_key(action, holder), after)
            totals = totals.model_copy(update={"gross": totals.gross + after.gross - before.gross})
        rows.save(totals_key(action), totals)

    def _entitlement(self, row: Action, holder: str) -> Entitlement:
        """Return what a holder gets; nothing of one who held nothing."""
        rows = self._actions.rows(row)
        found = rows.load(entitlement_key(row.terms.action, holder), Entitlement)
        if found is not None:
            return found
        rate = self._distributions.rate(rows, row, holder)
        return entitlement(0, distribution_of(row), rate)

    def _claim(self, rows: ConfidentialRows, action: str, trade: str) -> MarketClaim:
        claim = rows.load(claim_key(action, trade), MarketClaim)
        if claim is None:
            raise ActionReason.MARKET_CLAIM_UNKNOWN.refusal(action=action, trade=trade)
        return claim

    def _tell(self, action: str, trade: str, claim: MarketClaim) -> None:
        self._ctx.emit(
            events.MarketClaimChanged(
                action=action, trade=trade, is_reverse=claim.is_reverse, status=claim.status
            )
        )


def claim_key(action: str, trade: str) -> str:
    """Return the key of a market claim, among the rows of the trade's venue."""
    return composite_key("market-claim", action, trade)
