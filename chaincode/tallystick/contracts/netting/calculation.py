"""What a cycle settles now, and what has to be told to the token and the cash contract for it.

All of it is worked out in the transaction that settles, from the state that it reads: nothing that
was computed before can have become wrong meanwhile. The same calculation says what would settle.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tallystick.chaincode import Context
from tallystick.contracts.book import HeldMove
from tallystick.contracts.cycles import CycleDelivery
from tallystick.contracts.instants import now
from tallystick.contracts.netting.enquiries import Answers, Enquiries, delivery_of
from tallystick.contracts.netting.funds import Funds, Use, uses_of
from tallystick.contracts.netting.models import Cycle, Dropped, Report
from tallystick.contracts.netting.objections import MAX_ROUNDS, leaving
from tallystick.contracts.netting.obligations import Kind, Line, Obligation, Transfer, transfers_of
from tallystick.contracts.netting.removal import in_order_of_removal
from tallystick.contracts.netting.report import asset_reports, net_positions
from tallystick.contracts.netting.shortage import Backing, Covered, Shortage, covered
from tallystick.contracts.payments import CashInstruction, Draw
from tallystick.contracts.reasons import Finding, NettingReason, refuse_if_any
from tallystick.contracts.trades.terms import DvpModel


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a cycle comes to.

    Attributes:
        delivery: What happens to units.
        payment: What happens to money.
    """

    delivery: CycleDelivery
    payment: CashInstruction
    report: Report


class Calculation:
    """Works one cycle out."""

    def __init__(
        self,
        ctx: Context,
        cycle: Cycle,
        trades: Collection[Obligation],
        defaulted: Collection[str],
    ) -> None:
        """Bind the calculation to a call.

        Args:
            ctx: The call.
            cycle: The cycle.
            trades: All that it has taken, in any order.
            defaulted: Members in default.
        """
        self._moment = now(ctx)
        self._terms, self._clearer = cycle.terms, cycle.clearer
        self._enquiries = Enquiries(ctx, cycle)
        self._ordered = in_order_of_removal(trades, cycle.terms.removal)
        self._defaulted = defaulted
        self._dropped: dict[str, tuple[Finding, ...]] = {}

    def settlement(self, secret: str) -> Settlement:
        """Return what the cycle settles now; ``secret`` hides payments from who can guess them.

        First trades leave that something stands against by themselves. Then, in turns, those leave
        that members cannot cover, and of what is left those whose end state rules object to.

        Raises:
            Refusal: What stands against settling anything, such as a missing licence.
        """
        served = self._ordered[::-1]
        answers = self._enquiries.answers(served)
        self._ordered = [answers.present(trade) for trade in self._ordered]
        self._drop_objected(answers)
        funds = {
            line: has.pledged if line.member in self._defaulted else has
            for line, has in answers.funds.items()
        }
        backing = answers.backing([trade for trade in served if trade.trade not in self._dropped])
        result, delivery = self._agreed(answers, funds, backing)
        orders = [trade for trade in result.kept if trade.trade in backing]
        for trade in orders:
            line, amount = backing[trade.trade]
            funds[line] = funds[line].having(amount)
        uses = dict(uses_of(result.nets, funds))
        draws = [_drawn(trade, backing[trade.trade][1]) for trade in orders]
        for line, use in uses.items():
            draws += answers.draws(line, use.collateral, self._clearer)
        moves = tuple(map(delivery_of, _transfers(result, Kind.CASH)))
        payment = CashInstruction.model_construct(draws=tuple(draws), moves=moves, secret=secret)
        report = self._report(result, delivery, uses)
        return Settlement(self._with_released(delivery), payment, report)

    def _agreed(
        self, answers: Answers, funds: Mapping[Line, Funds], backing: Backing
    ) -> tuple[Covered, CycleDelivery]:
        """Drop trades until members cover what is left and no rule objects to its end state."""
        cover = {line: has.cover for line, has in funds.items()}
        turns = 0
        while True:
            result = covered(self._left(), cover, self._netted, backing)
            self._drop_short(result.removed)
            delivery = self._delivery(result, answers)
            end = self._enquiries.end_state(delivery)
            refuse_if_any(end.beside)
            turns += 1
            objected = leaving(
                result.kept, delivery.moves, end.by_move, one_by_one=turns < MAX_ROUNDS
            )
            if not objected:
                return result, delivery
            self._dropped.update((each.trade.trade, each.findings) for each in objected)

    @property
    def _netted(self) -> tuple[Kind, ...]:
        """What is netted; the rest is covered trade by trade."""
        is_net = self._terms.model is DvpModel.NET
        return (Kind.SECURITY, Kind.CASH) if is_net else (Kind.CASH,)

    def _left(self) -> list[Obligation]:
        return [trade for trade in self._ordered if trade.trade not in self._dropped]

    # --- which trades do not settle ---

    def _drop_objected(self, answers: Answers) -> None:
        for trade in self._ordered:
            found = (*answers.objections.get(trade.trade, ()), *trade.findings)
            if found:
                self._dropped[trade.trade] = found
            if self._moment >= trade.expires_at:
                self._dropped[trade.trade] = (
                    NettingReason.TRADE_OVERDUE.finding(
                        trade=trade.trade, expires_at=trade.expires_at
                    ),
                )

    def _drop_short(self, removed: Sequence[Shortage]) -> None:
        for each in removed:
            reason = NettingReason.COVER_MISSING
            if each.line.member in self._defaulted:
                reason = NettingReason.MEMBER_IN_DEFAULT
            finding = reason.finding(
                member=each.line.member,
                missing=each.missing,
                asset=each.line.asset,
                cycle=self._terms.cycle,
            )
            self._dropped[each.trade.trade] = (finding,)

    # --- what is done ---

    def _delivery(self, result: Covered, answers: Answers) -> CycleDelivery:
        """Return what goes over in units: net, or out of what is held for each trade."""
        venue = self._terms.venue
        if self._terms.model is DvpModel.NET_MONEY:
            held = tuple(each for trade in reversed(result.kept) for each in trade.held)
            return CycleDelivery.model_construct(venue=venue, gross=held)
        kept = {trade.trade for trade in result.kept}
        return CycleDelivery.model_construct(
            venue=venue,
            net=tuple(map(delivery_of, _transfers(result, Kind.SECURITY))),
            sold=tuple(each for each in answers.sold if each.trade in kept),
        )

    def _with_released(self, delivery: CycleDelivery) -> CycleDelivery:
        """Return a delivery that also gives up what is held for trades that end."""
        if self._terms.keeps_dropped:
            return delivery
        dropped = (trade for trade in self._ordered if trade.trade in self._dropped)
        released = tuple(each for trade in dropped for each in trade.held)
        return delivery.model_copy(update={"released": released})

    def _report(self, result: Covered, delivery: CycleDelivery, uses: Mapping[Line, Use]) -> Report:
        transfers = [*transfers_of(result.nets), *map(_as_transfer, delivery.gross)]
        return Report(
            settled=len(result.kept),
            dropped=tuple(
                Dropped(trade=trade, findings=self._dropped[trade])
                for trade in sorted(self._dropped)
            ),
            assets=tuple(asset_reports(result.kept, transfers)),
            positions=tuple(net_positions(result.kept, uses)),
        )


def _drawn(trade: Obligation, amount: int) -> Draw:
    """Return what is drawn of the money that is committed to a trade's order."""
    assert trade.order is not None, "what backs a trade is committed to its order"
    return trade.order.model_copy(update={"amount": amount})


def _transfers(result: Covered, kind: Kind) -> Iterator[Transfer]:
    return (each for each in transfers_of(result.nets) if each.kind is kind)


def _as_transfer(move: HeldMove) -> Transfer:
    return Transfer(Kind.SECURITY, move.asset, move.sender, move.receiver, move.quantity)
