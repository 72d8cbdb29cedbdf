"""Market claims: what goes to the other side of a trade that was open over a record date.

Who bought before the ex day, and gets the units after the record date, is owed by the seller what
the action gives. The other way round, who sold on or after the ex day, and delivered before the
record date, is owed it by the buyer: a reverse claim. A claim moves entitlement, not money: so it
cannot fail for want of money, each side's own rate of withholding counts, and the sums stay exact.
As long as the trade is open, the entitlement waits.

A trade has one claim, with a line for each of its legs of units. What a holder gives by one line
and gets by another counts as one. Each line stands by itself: one whose giver has too little left
is hindered, which is noted, and holds up no other; it can be tried again. A trade that was bought
in has been replaced by another: of the two claims, one stands (see ``claim_rules.outlives``). Of
what holders elect between, a leg brings one option: its line is on it, and can be tried on another
one as long as it is hindered.
"""

from collections.abc import Iterator, Sequence

from tallystick.chaincode import Context, Refusal, composite_key
from tallystick.contracts import events
from tallystick.contracts.actions.actions import Actions
from tallystick.contracts.actions.claim_rules import (
    changes,
    claim_due,
    claim_lines,
    claimed_on,
    covered,
    has_changed,
    outlives,
    owed,
    regranted,
    renewed,
)
from tallystick.contracts.actions.distributions import (
    Distributions,
    distribution_of,
    entitlement_key,
    totals_key,
)
from tallystick.contracts.actions.models import (
    Action,
    ClaimLine,
    ClaimStatus,
    Entitlement,
    MarketClaim,
    Totals,
)
from tallystick.contracts.actions.rules import entitlement
from tallystick.contracts.actions.states import Step
from tallystick.contracts.reasons import ActionReason, refuse_if_any
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
        """Enter the claim that a trade has given rise to, or try its hindered lines again.

        Lines of a trade that is over are settled at once; until the trade is over, what they take
        of their givers waits. An open claim is lowered once a part of its trade is a trade of its
        own, with its own claim.

        Raises:
            Refusal: MARKET_CLAIM_NOT_DUE, MARKET_CLAIM_EXISTS, or what hinders lines still, when
                nothing has changed.
        """
        row = self._actions.advanced(action, Step.CLAIM)
        trade_row = self._trades.require(trade)
        terms = self._trades.terms(trade_row)
        known = self._found(row, trade_row)
        if known is None:
            claim = self._due(row, trade_row, terms)
            if claim is None:
                raise ActionReason.MARKET_CLAIM_NOT_DUE.refusal(action=action, trade=trade)
        elif known.is_over or self._has_lapsed(row, trade_row):
            raise _exists(known, action, trade)
        else:
            claim = self._as_agreed(row, trade_row, terms, known, moves=True)
        tried = self._try(row, trade_row, known, claim)
        if not has_changed(known, tried):
            refuse_if_any(tried.on(action).hindrances)
            raise _exists(tried, action, trade)
        self._save(row, trade_row, terms, tried)

    def resolve(self, action: str, trade: str) -> None:
        """Settle a claim whose trade is settled, or drop one whose trade ended otherwise.

        That of a trade that was bought in is settled if it outlives the trade. Hindered lines are
        tried again. Of what holders elect between, lines on another option are left as they are.

        Raises:
            Refusal: MARKET_CLAIM_UNKNOWN, MARKET_CLAIM_OVER, MARKET_CLAIM_OPEN, or what hinders
                all that is left of it.
        """
        row = self._actions.advanced(action, Step.CLAIM)
        trade_row = self._trades.require(trade)
        terms = self._trades.terms(trade_row)
        known = self._claim(row, trade_row)
        concerned = known.on(action)
        if concerned.is_over:
            raise ActionReason.MARKET_CLAIM_OVER.refusal(
                action=action, trade=trade, state=concerned.status
            )
        if trade_row.status in OPEN:
            raise ActionReason.MARKET_CLAIM_OPEN.refusal(
                action=action, trade=trade, state=trade_row.status
            )
        if self._has_lapsed(row, trade_row):
            resolved = self._drop(row, known)
        else:
            claim = self._as_agreed(row, trade_row, terms, known, moves=False)
            resolved = self._try(row, trade_row, known, claim)
        if not has_changed(known, resolved):
            refuse_if_any(resolved.on(action).hindrances)
        self._save(row, trade_row, terms, resolved)

    # --- what is known ---

    def claim(self, action: str, trade: str) -> MarketClaim:
        """Return a claim; refuse with MARKET_CLAIM_UNKNOWN when there is none."""
        return self._claim(self._actions.require(action), self._trades.require(trade))

    def due(self, action: str, page_size: int, bookmark: str) -> tuple[list[str], str]:
        """Return the trades of a page for which a claim is due and not raised."""
        row = self._actions.require(action)
        page = self._ctx.state.partial_page("trade", page_size=page_size, bookmark=bookmark)
        trades = [Trade.model_validate_json(value) for _, value in page.rows]
        return list(self._unraised(row, trades)), page.bookmark

    # --- how ---

    def _unraised(self, row: Action, trades: list[Trade]) -> Iterator[str]:
        for trade in trades:
            known = self._found(row, trade)
            if known is None:
                is_due = self._due(row, trade, self._trades.terms(trade)) is not None
            else:
                is_due = bool(known.hindrances) and not self._has_lapsed(row, trade)
            if is_due:
                yield trade.trade

    def _due(self, row: Action, trade: Trade, terms: TradeTerms) -> MarketClaim | None:
        if trade.ended_at != self._trades.ended_at(trade):
            return None  # Its cycle has ended, and its row does not say yet what became of it.
        claim = claim_due(row.terms, trade, terms, self._replacement(trade))
        return None if claim is None else self._as_recorded(row, trade, claim)

    def _replacement(self, trade: Trade) -> Trade | None:
        return None if trade.replaced_by is None else self._trades.require(trade.replaced_by)

    def _has_lapsed(self, row: Action, trade: Trade) -> bool:
        """Return whether a trade has ended so that what is claimed for it is dropped."""
        if trade.status in (*OPEN, Status.SETTLED):
            return False
        replacement = self._replacement(trade)
        return replacement is None or not outlives(row.terms, trade, replacement)

    def _as_agreed(
        self, row: Action, trade: Trade, terms: TradeTerms, known: MarketClaim, *, moves: bool
    ) -> MarketClaim:
        """Return a claim that is not over by the terms of its trade as they are now.

        ``moves`` says whether lines that are hindered on another option are tried on this one.
        """
        lines = claim_lines(row.terms, terms, is_reverse=known.is_reverse)
        agreed = self._as_recorded(row, trade, known.model_copy(update={"lines": lines}))
        return renewed(known, agreed.lines, moves=moves)

    def _as_recorded(self, row: Action, trade: Trade, claim: MarketClaim) -> MarketClaim:
        """Return a claim in the units of the record date."""
        agreed = [line.units for line in claim.lines]
        then = self._actions.register.units_then(row, agreed, trade.splits_seen)
        lines = (
            line.model_copy(update={"units": units})
            for line, units in zip(claim.lines, then, strict=True)
        )
        return claim.model_copy(update={"lines": tuple(lines)})

    def _try(
        self, row: Action, trade: Trade, known: MarketClaim | None, claim: MarketClaim
    ) -> MarketClaim:
        """Hold back what open lines take, or move it if the trade is over; note what hinders.

        ``known`` is the claim as it was, for which entitlement waits already; None of a new one.
        """
        action = row.terms.action
        if known is not None:
            self._free(row, known.on(action).open_lines)
        wanted = claim.on(action).open_lines
        left = {line.giver: self._entitlement(row, line.giver).left for line in wanted}
        taken = covered(wanted, left)
        if trade.status in OPEN:
            self._hold_back(row, taken)
            status = ClaimStatus.OPEN
        else:
            self._grant(row, taken)
            status = ClaimStatus.SETTLED
        lines = tuple(
            line.model_copy(update={"status": status})
            if line in taken
            else self._unless_settled(row, trade.trade, line)
            for line in claim.lines
        )
        return claim.model_copy(update={"lines": lines})

    def _unless_settled(self, row: Action, trade: str, line: ClaimLine) -> ClaimLine:
        """Return a line that could not be taken, with what hinders it.

        One that is settled, or on another option, stays as it is.
        """
        if line.status is ClaimStatus.SETTLED or not line.is_on(row.terms.action):
            return line
        action, giver = row.terms.action, self._entitlement(row, line.giver)
        if giver.is_paid:
            hindrance = ActionReason.ENTITLEMENT_PAID.finding(action=action, holder=line.giver)
        else:
            hindrance = ActionReason.MARKET_CLAIM_UNCOVERED.finding(
                action=action, trade=trade, holder=line.giver, units=line.units, left=giver.left
            )
        return line.model_copy(update={"status": ClaimStatus.HINDERED, "hindrance": hindrance})

    def _drop(self, row: Action, known: MarketClaim) -> MarketClaim:
        """Let what waits be free, and return the claim with all that is not settled dropped.

        What is on another option stays as it is, until that is resolved.
        """
        action = row.terms.action
        self._free(row, known.on(action).open_lines)
        dropped = {"status": ClaimStatus.DROPPED, "hindrance": None}
        lines = tuple(
            line.model_copy(update=dropped)
            if line.is_on(action) and line.status is not ClaimStatus.SETTLED
            else line
            for line in known.lines
        )
        return known.model_copy(update={"lines": lines})

    def _hold_back(self, row: Action, lines: Sequence[ClaimLine]) -> None:
        """Let entitlement that lines take wait."""
        for holder, units in owed(lines).items():
            self._claim_of(row, holder, units)

    def _free(self, row: Action, lines: Sequence[ClaimLine]) -> None:
        """Let entitlement wait no longer."""
        for holder, units in owed(lines).items():
            self._claim_of(row, holder, -units)

    def _claim_of(self, row: Action, holder: str, units: int) -> None:
        before = self._entitlement(row, holder)
        after = before.model_copy(update={"claimed": before.claimed + units})
        self._actions.rows(row).save(entitlement_key(row.terms.action, holder), after)

    def _grant(self, row: Action, lines: Sequence[ClaimLine]) -> None:
        """Move entitlement from givers to takers; the sums follow."""
        action, rows = row.terms.action, self._actions.rows(row)
        totals = rows.load(totals_key(action), Totals)
        assert totals is not None, "claims are raised once everybody is entered"
        for holder, change in changes(lines).items():
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

    def _found(self, row: Action, trade: Trade) -> MarketClaim | None:
        """Return the claim of a trade on an action, or on all options of its election."""
        key = claim_key(claimed_on(row.terms), trade.trade)
        return self._trades.rows(trade).load(key, MarketClaim)

    def _claim(self, row: Action, trade: Trade) -> MarketClaim:
        action = row.terms.action
        claim = self._found(row, trade)
        if claim is None or not claim.on(action).lines:
            raise ActionReason.MARKET_CLAIM_UNKNOWN.refusal(action=action, trade=trade.trade)
        return claim

    def _save(self, row: Action, trade: Trade, terms: TradeTerms, claim: MarketClaim) -> None:
        """Write and tell what has become of a claim."""
        action = row.terms.action
        key = claim_key(claimed_on(row.terms), trade.trade)
        self._trades.rows(trade, terms.salt).save(key, claim)
        self._ctx.emit(
            events.MarketClaimChanged(
                action=action,
                trade=trade.trade,
                is_reverse=claim.is_reverse,
                status=claim.status,
                is_hindered=bool(claim.hindrances),
            )
        )


def _exists(claim: MarketClaim, action: str, trade: str) -> Refusal:
    """Return the refusal of a claim that is raised already, on an action or on another option."""
    line = (claim.on(action).lines or claim.lines)[0]
    return ActionReason.MARKET_CLAIM_EXISTS.refusal(action=line.option or action, trade=trade)


def claim_key(action: str, trade: str) -> str:
    """Return the key of a market claim, among the rows of the trade's venue."""
    return composite_key("market-claim", action, trade)
