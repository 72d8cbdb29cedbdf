"""The register at work: every movement of units is judged, entered in the book and told, here.

``Register.move`` is the one entry point for issue, redemption, transfer, allowance draw and
delivery; ``lock`` and ``release`` prepare a delivery and give it up.
"""

from collections.abc import Sequence

from tallystick.chaincode import Context, composite_key
from tallystick.contracts import events
from tallystick.contracts.book import Account, Book, LockedMove, Move, Plan, accounts_of
from tallystick.contracts.events import Basis
from tallystick.contracts.parties import Authority, Party, check_parties
from tallystick.contracts.reasons import Finding, Reason, refuse_if_any
from tallystick.contracts.token.models import Freeze, Security
from tallystick.contracts.token.rules import Side, movement_findings


class Register:
    """The holders of all securities, as one transaction sees them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.book = Book(ctx.state, ctx.transaction_id)

    # --- movements ---

    def move(self, moves: Sequence[Move], basis: Basis, authority: Authority | None = None) -> None:
        """Move units if nothing stands against it, judging the end state of all the moves together.

        Args:
            moves: What moves; delivered units come out of their lock.
            basis: By what right.
            authority: A mandate or signature to be judged along; None when the right is judged.

        Raises:
            Refusal: With every finding in its payload.
        """
        self._read_ahead(moves)
        plan = self.book.moved(moves)
        refuse_if_any(self._findings(plan, moves, authority))
        self.book.write(plan)
        for move in moves:
            self._ctx.emit(
                events.UnitsTransferred(
                    security=move.asset,
                    sender=move.sender,
                    receiver=move.receiver,
                    quantity=move.quantity,
                    basis=basis,
                    lock=move.lock,
                    actor=self._ctx.client.msp_id,
                )
            )

    def lock(self, moves: Sequence[LockedMove]) -> None:
        """Lock units for deliveries to come, under the rules that the deliveries will face."""
        plan = self.book.locked(moves)
        refuse_if_any(self._findings(plan, moves))
        self.book.write(plan)
        for move in moves:
            self._ctx.emit(
                events.UnitsLocked(
                    security=move.asset,
                    holder=move.sender,
                    receiver=move.receiver,
                    quantity=move.quantity,
                    lock=move.lock,
                )
            )

    def release(self, moves: Sequence[LockedMove]) -> None:
        """Give locks up. No rule stands against it: locked units must find their way back."""
        self.book.write(self.book.released(moves))
        for move in moves:
            self._ctx.emit(
                events.UnitsReleased(
                    security=move.asset,
                    holder=move.sender,
                    quantity=move.quantity,
                    lock=move.lock,
                )
            )

    def findings(self, move: Move) -> list[Finding]:
        """Return everything that stands against one movement now."""
        return self._findings(self.book.moved([move]), [move])

    # --- rows ---

    def security(self, security: str) -> Security:
        """Return a security; refuse with SECURITY_UNKNOWN when there is none."""
        row = self.find_security(security)
        if row is None:
            raise Reason.SECURITY_UNKNOWN.refusal(security=security)
        return row

    def find_security(self, security: str) -> Security | None:
        """Return a security, or None."""
        return self._ctx.state.load(composite_key("security", security), Security)

    def save_security(self, row: Security) -> None:
        """Write a security."""
        self._ctx.state.save(composite_key("security", row.terms.security), row)

    def freeze(self, account: Account) -> Freeze | None:
        """Return the freeze of a holder, or None."""
        return self._ctx.state.load(composite_key("freeze", *account), Freeze)

    def save_freeze(self, account: Account, row: Freeze) -> None:
        """Write the freeze of a holder."""
        self._ctx.state.save(composite_key("freeze", *account), row)

    def delete_freeze(self, account: Account) -> None:
        """Remove the freeze of a holder."""
        self._ctx.state.delete(composite_key("freeze", *account))

    # --- how ---

    def _read_ahead(self, moves: Sequence[Move]) -> None:
        accounts = tuple(dict.fromkeys(accounts_of(moves)))
        keys = [composite_key("security", move.asset) for move in moves]
        keys += [composite_key("position", *account) for account in accounts]
        keys += [composite_key("freeze", *account) for account in accounts]
        self._ctx.state.read_ahead(keys)

    def _findings(
        self, plan: Plan, moves: Sequence[Move], authority: Authority | None = None
    ) -> list[Finding]:
        """Judge moves whose end state is ``plan``; the identity contract is asked once."""
        securities = {move.asset: self.security(move.asset) for move in moves}
        accounts = tuple(dict.fromkeys(accounts_of(moves)))
        parties = [
            Party.model_construct(
                identity=account.holder, requirements=securities[account.asset].terms.requirements
            )
            for account in accounts
        ]
        report = check_parties(self._ctx, parties, authority)
        sides = {
            account: Side(account.holder, self.freeze(account), lacks)
            for account, lacks in zip(accounts, report.parties, strict=True)
        }
        findings = list(report.authority)
        for move in moves:
            sender, receiver = (
                None if holder is None else sides[Account(move.asset, holder)]
                for holder in (move.sender, move.receiver)
            )
            findings += movement_findings(securities[move.asset], sender, receiver)
        return findings + plan.shortfalls()
