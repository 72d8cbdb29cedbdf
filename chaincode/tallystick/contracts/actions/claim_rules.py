"""Market claims: when one is due, over what, and which of its lines can be held back. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from tallystick.contracts.actions.models import ClaimLine, ClaimStatus, Entitlement, MarketClaim
from tallystick.contracts.actions.rules import entitlement
from tallystick.contracts.actions.terms import CLAIMED, ActionTerms, Distribution
from tallystick.contracts.instants import day_of
from tallystick.contracts.trades.models import Status, Trade
from tallystick.contracts.trades.states import OPEN
from tallystick.contracts.trades.terms import LegKind, TradeTerms


def claim_due(
    action: ActionTerms, trade: Trade, terms: TradeTerms, replacement: Trade | None
) -> MarketClaim | None:
    """Return the claim that a trade gives rise to, in the units agreed; None when none is due.

    The trade day is the UTC day on which the trade was recorded.

    Args:
        action: What was announced.
        trade: Any trade.
        terms: Its terms.
        replacement: The trade by which it was bought in; None when it was not.
    """
    if action.action_type not in CLAIMED or action.ex_day is None or action.record_at is None:
        return None
    is_cum = _is_cum(action, trade)
    if trade.status is Status.BOUGHT_IN:
        is_due = replacement is not None and outlives(action, trade, replacement)
    else:
        is_early = trade.ended_at is not None and trade.ended_at < action.record_at
        is_due = trade.status in (*OPEN, Status.SETTLED) and is_cum is not is_early
    lines = claim_lines(action, terms, is_reverse=not is_cum) if is_due else ()
    return MarketClaim(lines=lines, is_reverse=not is_cum) if lines else None


def claimed_on(action: ActionTerms) -> str:
    """Return under which name claims on an action are: that of the election whose option it is.

    So a unit that is traded brings one option, as one that is held does. A ballot holds an election
    by each of its resolutions.
    """
    given = action.distribution
    elected = None if given is None else given.elected
    return action.action if elected is None else f"{elected.action}/{elected.resolution}"


def outlives(action: ActionTerms, trade: Trade, replacement: Trade) -> bool:
    """Return whether what a trade's seller owes by an action outlives the buy-in of the trade.

    The buyer should have had what the action gives, and has bought the units elsewhere without it.
    What was bought with it, the replacement itself has brought: by the register, or by a claim.
    """
    return _is_cum(action, trade) and not _is_cum(action, replacement)


def claim_lines(
    action: ActionTerms, terms: TradeTerms, *, is_reverse: bool
) -> tuple[ClaimLine, ...]:
    """Return a line for each leg of the action's security, on the action, in the units agreed.

    A leg whose taker would get nothing by the action has none: its giver keeps what it gets.
    """
    given, lines = action.distribution, []
    assert given is not None, "only distributions give rise to claims"
    option = None if given.elected is None else action.action
    for name, leg in terms.named_legs:
        if leg.kind is LegKind.UNITS and leg.asset == action.security:
            sides = (leg.receiver, leg.sender) if is_reverse else (leg.sender, leg.receiver)
            if given.is_for(sides[1]):
                giver, taker = sides
                lines.append(
                    ClaimLine(leg=name, giver=giver, taker=taker, units=leg.quantity, option=option)
                )
    return tuple(lines)


def _is_cum(action: ActionTerms, trade: Trade) -> bool:
    """Return whether units were traded with what an action gives."""
    return day_of(trade.proposed_at) < str(action.ex_day)


def regranted(before: Entitlement, change: int, given: Distribution) -> Entitlement:
    """Return an entitlement with more or fewer units; what was paid stays paid."""
    fresh = entitlement(before.units + change, given, before.withholding)
    parts = {"units": fresh.units, "gross": fresh.gross, "withheld": fresh.withheld}
    return before.model_copy(update=parts)


def changes(lines: Iterable[ClaimLine]) -> Mapping[str, int]:
    """Return how many units' worth each holder gets by lines together; negative if it gives."""
    changed: Counter[str] = Counter()
    for line in lines:
        changed[line.giver] -= line.units
        changed[line.taker] += line.units
    return {holder: change for holder, change in changed.items() if change}


def owed(lines: Iterable[ClaimLine]) -> Mapping[str, int]:
    """Return how many units' worth each of those gives who get less by lines than they give."""
    return {holder: -change for holder, change in changes(lines).items() if change < 0}


def covered(lines: Sequence[ClaimLine], left: Mapping[str, int]) -> tuple[ClaimLine, ...]:
    """Return the lines that can be held back together, in their order.

    Of a giver that has too little left the last line goes, round by round, until nobody has: what
    a line no longer brings its taker may be what that taker was to give. So of each giver the first
    lines stay, as many as any choice of first lines lets, and more left never takes one away.

    Args:
        lines: In the order of their legs.
        left: Units' worth that each giver has.
    """
    kept = list(lines)
    while True:
        short = [holder for holder, units in owed(kept).items() if units > left[holder]]
        if not short:
            return tuple(kept)
        for holder in short:
            kept.remove(next(line for line in reversed(kept) if line.giver == holder))


def has_changed(before: MarketClaim | None, after: MarketClaim) -> bool:
    """Return whether a claim says something new; other figures in why a line is hindered do not."""
    return before is None or _standing(before) != _standing(after)


def _standing(claim: MarketClaim) -> tuple[MarketClaim, list[str | None]]:
    """Return a claim without its hindrances, and the codes of these."""
    bare = tuple(line.model_copy(update={"hindrance": None}) for line in claim.lines)
    codes = [None if each.hindrance is None else each.hindrance.code for each in claim.lines]
    return claim.model_copy(update={"lines": bare}), codes


def renewed(claim: MarketClaim, agreed: Sequence[ClaimLine], *, moves: bool) -> MarketClaim:
    """Return a claim over what is agreed now; what is settled or on another option stays as it is.

    A part of a trade may have become a trade of its own, which has its own claim.

    Args:
        claim: As it was.
        agreed: Its lines, on the action on which they shall be tried.
        moves: Whether those are tried there, too, that are hindered on another option.
    """
    known = {line.leg: line for line in claim.lines}
    lines = [_renewed(known.pop(line.leg, line), line, moves=moves) for line in agreed]
    # Who would get nothing by this option may get something by another one.
    return claim.model_copy(update={"lines": (*lines, *known.values())})


def _renewed(before: ClaimLine, agreed: ClaimLine, *, moves: bool) -> ClaimLine:
    is_elsewhere = before.option != agreed.option
    is_free = moves and before.status is ClaimStatus.HINDERED
    stays = before.status is ClaimStatus.SETTLED or (is_elsewhere and not is_free)
    return before if stays else agreed
