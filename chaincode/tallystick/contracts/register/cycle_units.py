"""The units of a netting cycle: judged by what everybody would hold in the end, and delivered."""

from tallystick.chaincode import Context
from tallystick.contracts.book import Account
from tallystick.contracts.compliance.rulings import Rulings
from tallystick.contracts.cycles import CycleDelivery, EndState
from tallystick.contracts.events import Basis
from tallystick.contracts.reasons import Finding
from tallystick.contracts.register.instructions import Instruction
from tallystick.contracts.register.movements import Movements


class CycleUnits:
    """What cycles do to units, in one transaction."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._movements = Movements(ctx)

    def end_state(self, delivery: CycleDelivery) -> EndState:
        """Return what stands against a delivery, move by move where a move is to blame."""
        plan, decision = self._movements.end_state(_instruction(delivery))
        by_move: list[list[Finding]] = [[] for _ in delivery.moves]
        for result in decision.results:
            by_move[result.place].extend(result.findings)
        blamed: list[Finding] = []
        for place, move in enumerate(delivery.moves):
            found = [*plan.excesses_of(Account(move.asset, str(move.receiver)))]
            if place in plan.unmatched:
                found.append(plan.unmatched[place])
            by_move[place] += found
            blamed += found
        return EndState(
            by_move=tuple(map(tuple, by_move)),
            beside=(
                *decision.before,
                *(finding for finding in decision.beside if finding not in blamed),
            ),
        )

    def deliver(self, delivery: CycleDelivery) -> None:
        """Move what a cycle settles, note what was sold, and give up holds of trades that end.

        Raises:
            Refusal: With every finding in its payload.
        """
        if delivery.moves:
            self._movements.execute(_instruction(delivery))
        rulings = Rulings(self._ctx)
        for sold in delivery.sold:
            windows = self._movements.subject(sold.security, delivery.venue).needs.windows
            rulings.note_sale(sold, delivery.venue, windows)
        if delivery.released:
            self._movements.release([move.place for move in delivery.released])


def _instruction(delivery: CycleDelivery) -> Instruction:
    """Return a delivery as one instruction."""
    basis = Basis.NET_DELIVERY if delivery.net else Basis.SETTLEMENT
    return Instruction(delivery.moves, basis, venue=delivery.venue)
