"""The money at work: every movement of it is judged, entered in the book and told, here."""

from collections.abc import Sequence

from tallystick.chaincode import Context, composite_key
from tallystick.contracts import events
from tallystick.contracts.book import Book, LockedMove, Move, Plan
from tallystick.contracts.cash.models import Cash
from tallystick.contracts.events import Basis
from tallystick.contracts.parties import Authority, Party, check_parties
from tallystick.contracts.reasons import Finding, Reason, refuse_if_any


class Vault:
    """All accounts of all cash, as one transaction sees them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.book = Book(ctx.state, ctx.transaction_id)

    def move(self, moves: Sequence[Move], basis: Basis, authority: Authority | None = None) -> None:
        """Move money if nothing stands against it: the one entry point for every payment.

        Raises:
            Refusal: With every finding in its payload.
        """
        plan = self.book.moved(moves)
        refuse_if_any(self._findings(plan, moves, authority))
        self.book.write(plan)
        for move in moves:
            self._ctx.emit(
                events.MoneyTransferred(
                    cash=move.asset,
                    sender=move.sender,
                    receiver=move.receiver,
                    amount=move.quantity,
                    basis=basis,
                    lock=move.lock,
                    actor=self._ctx.client.msp_id,
                )
            )

    def lock(self, moves: Sequence[LockedMove]) -> None:
        """Lock money for payments to come."""
        plan = self.book.locked(moves)
        refuse_if_any(self._findings(plan, moves))
        self.book.write(plan)
        for move in moves:
            self._ctx.emit(
                events.MoneyLocked(
                    cash=move.asset,
                    holder=move.sender,
                    receiver=move.receiver,
                    amount=move.quantity,
                    lock=move.lock,
                )
            )

    def release(self, moves: Sequence[LockedMove]) -> None:
        """Give locks up; what is locked must always find its way back."""
        self.book.write(self.book.released(moves))
        for move in moves:
            self._ctx.emit(
                events.MoneyReleased(
                    cash=move.asset, holder=move.sender, amount=move.quantity, lock=move.lock
                )
            )

    def cash(self, cash: str) -> Cash:
        """Return a cash; refuse with CASH_UNKNOWN when there is none."""
        row = self.find_cash(cash)
        if row is None:
            raise Reason.CASH_UNKNOWN.refusal(cash=cash)
        return row

    def find_cash(self, cash: str) -> Cash | None:
        """Return a cash, or None."""
        return self._ctx.state.load(composite_key("cash", cash), Cash)

    def save_cash(self, row: Cash) -> None:
        """Write a cash."""
        self._ctx.state.save(composite_key("cash", row.cash), row)

    def _findings(
        self, plan: Plan, moves: Sequence[Move], authority: Authority | None = None
    ) -> list[Finding]:
        """Judge moves whose end state is ``plan``: everybody known, nobody overdrawn."""
        for cash in dict.fromkeys(move.asset for move in moves):
            self.cash(cash)
        holders = dict.fromkeys(account.holder for account in plan.after)
        report = check_parties(self._ctx, [Party(identity=holder) for holder in holders], authority)
        lacks = [finding for findings in report.parties for finding in findings]
        return [*report.authority, *lacks, *plan.shortfalls()]
