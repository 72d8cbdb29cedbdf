"""Market claims: what goes to the other side of a trade that was open over a record date.

Who bought before the ex day, and gets the units after the record date, is owed by the seller what
the action gives. The other way round, who sold on or after the ex day, and delivered before the
record date, is owed it by the buyer: a reverse claim. A claim moves entitlement, not money: so it
cannot fail for want of money, each side's own rate of withholding counts, and the sums stay exact.
As long as the trade is open, the entitlement waits.
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
from tallystick.contracts.actions.rules import claim_due, entitlement, regranted
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
        """Enter the claim that a trade has given rise to.

        That of a trade that is settled is settled at once; until the trade is over, the giver is
        not paid.

        Raises:
            Refusal: MARKET_CLAIM_EXISTS, MARKET_CLAIM_NOT_DUE, MARKET_CLAIM_UNCOVERED, or
                ENTITLEMENT_PAID when the giver has got what it is to give.
        """
        row = self._actions.advanced(action, Step.CLAIM)
        trade_row = self._trades.require(trade)
        terms = self._trades.terms(trade_row)
        rows = self._trades.rows(trade_row, terms.salt)
        key = claim_key(action, trade)
        if rows.load(key, MarketClaim) is not None:
            raise ActionReason.MARKET_CLAIM_EXISTS.refusal(action=action, trade=trade)
        claim = self._due(row, trade_row, terms)
        if claim is None:
            raise ActionReason.MARKET_CLAIM_NOT_DUE.refusal(action=action, trade=trade)
        giver = self._entitlement(row, claim.giver)
        if giver.is_paid:
            raise ActionReason.ENTITLEMENT_PAID.refusal(action=action, holder=claim.giver)
        if giver.units - giver.claimed < claim.units:
            raise ActionReason.MARKET_CLAIM_UNCOVERED.refusal(
                action=action,
                trade=trade,
                holder=claim.giver,
                units=claim.units,
                left=giver.units - giver.claimed,
            )
        if trade_row.status is Status.SETTLED:
            claim = claim.model_copy(update={"status": ClaimStatus.SETTLED})
            self._grant(row, claim)
        else:
            waiting = giver.model_copy(update={"claimed": giver.claimed + claim.units})
            self._actions.rows(row).save(entitlement_key(action, claim.giver), waiting)
        rows.save(key, claim)
        self._tell(action, trade, claim)

    def resolve(self, action: str, trade: str) -> None:
        """Settle a claim whose trade is settled, or drop one whose trade ended otherwise.

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
        giver = self._entitlement(row, claim.giver)
        freed = giver.model_copy(update={"claimed": giver.claimed - claim.units})
        self._actions.rows(row).save(entitlement_key(action, claim.giver), freed)
        is_settled = trade_row.status is Status.SETTLED
        if is_settled:
            # A part of the trade may have become a trade of its own meanwhile, with its own claim.
            (left,) = self._actions.register.units_then(
                row, (terms.quantity,), trade_row.splits_seen
            )
            claim = claim.model_copy(update={"units": min(claim.units, left)})
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
        claim = claim_due(row.terms, trade, terms)
        if claim is None or not distribution_of(row).is_for(claim.taker):
            return None
        (units,) = self._actions.register.units_then(row, (claim.units,), trade.splits_seen)
        return claim.model_copy(update={"units": units})

    def _grant(self, row: Action, claim: MarketClaim) -> None:
        """Move entitlement from giver to taker; the sums follow."""
        action, rows = row.terms.action, self._actions.rows(row)
        totals = rows.load(totals_key(action), Totals)
        assert totals is not None, "claims are raised once everybody is entered"
        for holder, change in ((claim.giver, -claim.units), (claim.taker, claim.units)):
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
