"""Units that end against money: of each holder all that is due, or none of it for now."""

from collections.abc import Iterator
from dataclasses import replace

from tallystick.chaincode import Context
from tallystick.contracts.book import Account, Move
from tallystick.contracts.events import Basis
from tallystick.contracts.reasons import Finding, refuse_if_any
from tallystick.contracts.redemptions import PaidRedemption, Unredeemed
from tallystick.contracts.register.instructions import Instruction
from tallystick.contracts.register.movements import Movements
from tallystick.contracts.register.rules import move_findings
from tallystick.contracts.register.securities import Securities


def redeem_for_payment(ctx: Context, asked: PaidRedemption) -> tuple[Unredeemed, ...]:
    """End units of those holders against whom nothing stands; return the others.

    Raises:
        Refusal: What is wrong with the submitter's licence.
    """
    movements = Movements(ctx)
    whole = Instruction(
        tuple(
            Move(asset=asked.security, sender=each.holder, receiver=None, quantity=each.quantity)
            for each in asked.units
        ),
        Basis.REDEMPTION,
        is_asked=asked.is_asked,
        is_paid=True,
    )
    against = list(_against_each(ctx, movements, whole))
    possible = [move for move, findings in zip(whole.moves, against, strict=True) if not findings]
    if possible:
        movements.execute(replace(whole, moves=tuple(possible)))
    return tuple(
        Unredeemed(holder=str(move.sender), findings=findings)
        for move, findings in zip(whole.moves, against, strict=True)
        if findings
    )


def _against_each(
    ctx: Context, movements: Movements, whole: Instruction
) -> Iterator[tuple[Finding, ...]]:
    """Yield what stands against each move; as nobody receives, none depends on another."""
    plan, decision = movements.end_state(whole)
    refuse_if_any(decision.before)
    ruled: list[list[Finding]] = [[] for _ in whole.moves]
    for result in decision.results:
        ruled[result.place] += result.findings
    securities = Securities(ctx.state)
    for place, move in enumerate(whole.moves):
        security = securities.require(move.asset)
        yield (
            *ruled[place],
            *move_findings(security, [move], whole.basis, is_asked=whole.is_own),
            *plan.overdrafts_of(Account(move.asset, str(move.sender))),
        )
