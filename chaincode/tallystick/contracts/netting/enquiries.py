"""What the token and the cash contract say about a cycle before anything is settled."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from pydantic import TypeAdapter

from tallystick.chaincode import Context
from tallystick.contracts.book import Delivery
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.cycles import (
    CycleDelivery,
    EndState,
    GrossBook,
    GrossJudgement,
    GrossTrade,
    Sold,
)
from tallystick.contracts.netting.funds import Funds
from tallystick.contracts.netting.models import Cycle
from tallystick.contracts.netting.obligations import Due, Kind, Line, Obligation, Transfer
from tallystick.contracts.payments import Draw, FundsQuestion, MemberFunds
from tallystick.contracts.reasons import Finding

_FUNDS = TypeAdapter(tuple[MemberFunds, ...])


@dataclass(frozen=True, slots=True)
class Answers:
    """What both contracts said.

    Attributes:
        objections: By trade, what stands against it by itself.
        funds: What members have, by line.
        sold: What is sold in the trades, of securities whose rules ask.
        restated: By trade, the quantities of units that are due, where they are not those agreed.
    """

    objections: dict[str, tuple[Finding, ...]]
    funds: dict[Line, Funds]
    sold: tuple[Sold, ...]
    money: dict[Line, MemberFunds]
    restated: dict[str, tuple[int, ...]]

    def present(self, trade: Obligation) -> Obligation:
        """Return a trade with what is due in it now, in units of now."""
        quantities = self.restated.get(trade.trade)
        return trade if quantities is None else trade.restated(quantities)

    def backing(self, served: Sequence[Obligation]) -> dict[str, tuple[Line, int]]:
        """Return, by trade, what is committed to its order; those served first have it first."""
        left = {
            (line, each.reservation): each.amount
            for line, has in self.money.items()
            for each in has.orders
        }
        backing: dict[str, tuple[Line, int]] = {}
        for trade in served:
            if (order := trade.order) is not None:
                line = Line(Kind.CASH, order.cash, order.holder)
                amount = min(order.amount, left.get((line, order.reservation), 0))
                if amount:
                    left[line, order.reservation] -= amount
                    backing[trade.trade] = (line, amount)
        return backing

    def draws(self, line: Line, amount: int, keeper: str) -> list[Draw]:
        """Return how an amount is drawn of a member's collateral: by name of the reservation."""
        draws = []
        for reserved in self.money[line].collateral:
            part = min(amount, reserved.amount)
            amount -= part
            if part:
                draw = Draw(
                    cash=line.asset,
                    holder=line.member,
                    keeper=keeper,
                    reservation=reserved.reservation,
                    amount=part,
                )
                draws.append(draw)
        return draws


class Enquiries:
    """Asks each contract what a cycle must know."""

    def __init__(self, ctx: Context, cycle: Cycle) -> None:
        self._ctx = ctx
        self._cycle = cycle

    def answers(self, served: Sequence[Obligation]) -> Answers:
        """Return what is said of trades, those that are served first coming first.

        Raises:
            Refusal: What is wrong with the licence of who asks.
        """
        judgement, money = self._judgement(served), self._money(served)
        objections = {each.trade: each.findings for each in judgement.objections}
        for trade in served:
            lines = chain.from_iterable((d.outgoing, d.incoming) for d in trade.of(Kind.CASH))
            found = (each for line in dict.fromkeys(lines) for each in money[line].findings)
            if unlike := tuple(dict.fromkeys(found)):
                objections[trade.trade] = (*objections.get(trade.trade, ()), *unlike)
        funds = {line: _funds_of(each) for line, each in money.items()}
        for each in judgement.available:
            line = Line(Kind.SECURITY, each.security, each.holder)
            funds[line] = Funds(available=each.quantity)
        restated = {each.trade: each.quantities for each in judgement.restated}
        return Answers(objections, funds, judgement.sold, money, restated)

    def end_state(self, delivery: CycleDelivery) -> EndState:
        """Return what stands against what members would hold after a delivery."""
        if not delivery.moves:
            return EndState(by_move=())
        answer = self._ctx.invoke(Chaincode.TOKEN, "judge_cycle", delivery)
        return EndState.model_validate_json(answer)

    def _judgement(self, served: Sequence[Obligation]) -> GrossJudgement:
        trades = tuple(
            GrossTrade.model_construct(
                trade=trade.trade,
                moves=tuple(
                    delivery_of(due).model_copy(update={"splits_seen": trade.splits_seen})
                    for due in trade.of(Kind.SECURITY)
                ),
            )
            for trade in served
        )
        book = GrossBook.model_construct(venue=self._cycle.terms.venue, trades=trades)
        answer = self._ctx.invoke(Chaincode.TOKEN, "judge_trades", book)
        return GrossJudgement.model_validate_json(answer)

    def _money(self, served: Sequence[Obligation]) -> dict[Line, MemberFunds]:
        dues = [due for trade in served for due in trade.of(Kind.CASH)]
        lines = chain.from_iterable((due.outgoing, due.incoming) for due in dues)
        accounts = tuple((line.asset, line.member) for line in dict.fromkeys(lines))
        question = FundsQuestion.model_construct(
            keeper=self._cycle.clearer, venue=self._cycle.terms.venue, accounts=accounts
        )
        answer = self._ctx.invoke(Chaincode.CASH, "funds", question)
        return {
            Line(Kind.CASH, each.cash, each.holder): each
            if self._cycle.terms.draws_collateral
            else each.model_copy(update={"collateral": ()})
            for each in _FUNDS.validate_json(answer)
        }


def delivery_of(due: Due | Transfer) -> Delivery:
    """Return what goes over, out of what is available."""
    return Delivery.model_construct(
        asset=due.asset, sender=due.sender, receiver=due.receiver, quantity=due.quantity
    )


def _funds_of(each: MemberFunds) -> Funds:
    collateral = sum(reserved.amount for reserved in each.collateral)
    return Funds(each.available, each.credit, collateral)
