"""The one entry point for every movement of units: judged, entered in the book, and told, here.

Issue, redemption, transfer, allowance draw, delivery, corporate action and forced act: whatever the
cause, who holds what changes by ``Movements.execute`` and by nothing else. ``lock`` and ``release``
prepare a delivery and give it up; they change nobody's quantity.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tallystick.chaincode import Context, composite_key
from tallystick.contracts import events
from tallystick.contracts.book import Account, Book, LockedMove, Move, Plan, accounts_of
from tallystick.contracts.compliance.basics import ALWAYS
from tallystick.contracts.compliance.case import Case, Holder, Leg
from tallystick.contracts.compliance.rules import findings_of, judge
from tallystick.contracts.events import Basis
from tallystick.contracts.instants import day_of, now
from tallystick.contracts.parties import (
    Authority,
    Exercised,
    PartiesReport,
    Party,
    check_parties,
)
from tallystick.contracts.reasons import Finding, refuse_if_any
from tallystick.contracts.register.securities import Securities, freeze_key, security_key


@dataclass(frozen=True, slots=True)
class Instruction:
    """What shall move, and by what right; judged as a whole, executed as a whole.

    Attributes:
        moves: What moves; delivered units come out of their lock.
        basis: By what right.
        authority: A mandate or signatures to be judged along; None when the right is judged.
        exercised: Organisations that take part, with the powers that they need for it; None for
            the submitter, who needs some live licence.
        venue: MSP of the venue where it was agreed; None where there is none.
    """

    moves: tuple[Move, ...]
    basis: Basis
    authority: Authority | None = None
    exercised: tuple[Exercised, ...] | None = None
    venue: str | None = None


class Movements:
    """Movements of units, as one transaction sees and makes them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._securities = Securities(ctx.state)
        self.book = Book(ctx.state, ctx.transaction_id)

    def execute(self, instruction: Instruction) -> None:
        """Move units if nothing stands against it, judging the end state of all moves together.

        Raises:
            Refusal: With every finding in its payload.
        """
        moves = instruction.moves
        self._read_ahead(moves)
        plan = self._planned(moves)
        refuse_if_any(self._findings(plan, instruction))
        self.book.write(plan)
        for move, lots in zip(moves, plan.carried, strict=True):
            self._ctx.emit(
                events.UnitsTransferred(
                    security=move.asset,
                    sender=move.sender,
                    receiver=move.receiver,
                    quantity=move.quantity,
                    basis=instruction.basis,
                    lock=move.lock,
                    actor=self._ctx.client.msp_id,
                    lots=lots,
                    day=day_of(now(self._ctx)),
                    dates=move.dates,
                )
            )
        for account, lots in plan.merged.items():
            self._ctx.emit(
                events.LotsMerged(security=account.asset, holder=account.holder, lots=lots)
            )

    def lock(self, moves: Sequence[LockedMove]) -> None:
        """Lock units for deliveries to come, under the rules that the deliveries will face."""
        plan = self.book.locked(moves)
        refuse_if_any(self._findings(plan, Instruction(tuple(moves), Basis.SETTLEMENT)))
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

    def judged(self, instruction: Instruction) -> list[Finding]:
        """Return everything that stands against an instruction now; nothing is written."""
        return self._findings(self._planned(instruction.moves), instruction)

    # --- how ---

    def _planned(self, moves: Sequence[Move]) -> Plan:
        return self.book.moved(moves, day_of(now(self._ctx)))

    def _read_ahead(self, moves: Sequence[Move]) -> None:
        accounts = tuple(dict.fromkeys(accounts_of(moves)))
        keys = [security_key(move.asset) for move in moves]
        keys += [composite_key("position", *account) for account in accounts]
        keys += [freeze_key(account) for account in accounts]
        self._ctx.state.read_ahead(keys)

    def _findings(self, plan: Plan, instruction: Instruction) -> list[Finding]:
        """Judge an instruction whose end state is ``plan``; the identity contract is asked once."""
        accounts = tuple(dict.fromkeys(accounts_of(instruction.moves)))
        report = self._ask(accounts, instruction)
        results = judge(self._case(plan, instruction, accounts, report), ALWAYS)
        return [
            *report.licences,
            *report.authority,
            *findings_of(results),
            *plan.shortfalls(),
        ]

    def _ask(self, accounts: Sequence[Account], instruction: Instruction) -> PartiesReport:
        receiving = {(move.asset, move.receiver) for move in instruction.moves}
        parties = [
            Party.model_construct(
                identity=account.holder,
                requirements=self._securities.require(account.asset).terms.requirements,
                is_parting=account not in receiving,
            )
            for account in accounts
        ]
        return check_parties(
            self._ctx,
            parties,
            instruction.authority,
            instruction.exercised,
            () if instruction.venue is None else (instruction.venue,),
        )

    def _case(
        self,
        plan: Plan,
        instruction: Instruction,
        accounts: Sequence[Account],
        report: PartiesReport,
    ) -> Case:
        holders = {}
        for account, known in zip(accounts, report.parties, strict=True):
            freeze = self._securities.freeze(account)
            before = self.book.position(account)
            holders[account] = Holder(
                profile=known.profile,
                lacks=known.findings,
                stop=None if freeze is None else freeze.reason,
                before=before,
                after=plan.after.get(account, before),
            )
        return Case(
            moment=now(self._ctx),
            basis=instruction.basis,
            legs=tuple(
                Leg(move.asset, move.sender, move.receiver, move.quantity, lots)
                for move, lots in zip(instruction.moves, plan.carried, strict=True)
            ),
            holders=holders,
            pauses={
                move.asset: self._securities.require(move.asset).pause for move in instruction.moves
            },
            venue=next(iter(report.organizations), None),
        )
