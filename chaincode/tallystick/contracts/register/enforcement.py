"""What the transfer agent does against a holder's will, or without it: each with its evidence."""

from tallystick.chaincode import Context
from tallystick.contracts import events
from tallystick.contracts.book import Account, Move
from tallystick.contracts.events import Basis
from tallystick.contracts.lots import Dates
from tallystick.contracts.reasons import RegisterReason
from tallystick.contracts.register.instructions import Instruction
from tallystick.contracts.register.models import ForcedMove, ForcedOrder, Relabelling
from tallystick.contracts.register.movements import Movements
from tallystick.contracts.register.securities import Securities


class Enforcement:
    """Freezes, forced movements and corrections, as one transaction makes them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._securities = Securities(ctx.state)
        self._movements = Movements(ctx)
        self._book = self._movements.book

    def stop(self, account: Account, reason: str) -> None:
        """Stop a holder from sending and receiving."""
        self._securities.require(account.asset)
        self._book.write(self._book.stopped(account, reason))
        self._ctx.emit(
            events.HolderFrozen(security=account.asset, holder=account.holder, reason=reason)
        )

    def clear(self, account: Account) -> None:
        """Let a stopped holder send and receive again; refuse with HOLDER_NOT_FROZEN."""
        if self._book.position(account).stop is None:
            raise RegisterReason.HOLDER_NOT_FROZEN.refusal(
                security=account.asset, holder=account.holder
            )
        self._book.write(self._book.stopped(account, None))
        self._ctx.emit(events.HolderUnfrozen(security=account.asset, holder=account.holder))

    def freeze(self, account: Account, quantity: int, reason: str) -> None:
        """Freeze so many of a holder's available units, or unfreeze a negative number."""
        self._securities.require(account.asset)
        self._book.write(self._book.frozen(account, quantity))
        self._ctx.emit(
            events.UnitsFrozen(
                security=account.asset, holder=account.holder, quantity=quantity, reason=reason
            )
        )

    def force(self, order: ForcedOrder) -> None:
        """Move or end units as ordered: available ones first, then frozen ones, which are unfrozen.

        Held ones stay: a hold is released first, or its trade comes to its end.
        """
        moves = tuple(_move(order.security, each) for each in order.moves)
        self._movements.execute(Instruction(moves, Basis.FORCED, document_hash=order.evidence_hash))

    def relabel(self, relabelling: Relabelling) -> None:
        """Put right where units come from, or move them to another tranche."""
        self._securities.require(relabelling.security)
        account = Account(relabelling.security, relabelling.holder)
        plan = self._book.relabelled(
            account, relabelling.quantity, relabelling.choice, relabelling.label
        )
        self._book.write(plan)
        before, after = plan.carried
        self._ctx.emit(
            events.LotsRelabelled(
                security=account.asset,
                holder=account.holder,
                before=before,
                after=after,
                evidence_hash=relabelling.evidence_hash,
            )
        )
        self._movements.tell_merged(plan)


def _move(security: str, forced: ForcedMove) -> Move:
    """Return a forced move; units that are given back keep their dates."""
    return Move(
        asset=security,
        sender=forced.holder,
        receiver=forced.receiver,
        quantity=forced.quantity,
        choice=forced.choice,
        dates=Dates.KEPT,
    )
