"""The one entry point for every movement of units: judged, entered in the book, and told, here.

Issue, redemption, transfer, allowance draw, delivery, corporate action and forced act: whatever the
cause, who holds what changes by ``Movements.execute`` and by nothing else. ``hold`` and ``release``
prepare a movement and give it up; they change nobody's quantity.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import replace

from tallystick.chaincode import Context
from tallystick.contracts import events
from tallystick.contracts.book import (
    Account,
    Book,
    Move,
    Place,
    Placement,
    Plan,
    position_key,
)
from tallystick.contracts.compliance.case import Case, Disclosed, Leg
from tallystick.contracts.compliance.cases import Cases, Given, Subject, Subjects
from tallystick.contracts.compliance.decisions import Asked, Decision, free_lots, takes_barred
from tallystick.contracts.compliance.judging import Result, judge
from tallystick.contracts.compliance.records import Outcome
from tallystick.contracts.compliance.rulings import Rulings
from tallystick.contracts.events import Basis
from tallystick.contracts.instants import day_of, now
from tallystick.contracts.lots import Lot, taken
from tallystick.contracts.models import MAX_QUANTITY
from tallystick.contracts.parties import (
    PartiesReport,
    Party,
    check_parties,
)
from tallystick.contracts.reasons import ComplianceReason, Finding, refuse_if_any
from tallystick.contracts.register.instructions import Instruction
from tallystick.contracts.register.publications import Publications
from tallystick.contracts.register.record_dates import RecordDates
from tallystick.contracts.register.rules import ON_SALE, cap_findings, move_findings
from tallystick.contracts.register.securities import Securities, security_key

THAWED = "taken by order"
"""Why units are unfrozen that a forced movement takes."""


class Movements:
    """Movements of units, as one transaction sees and makes them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._securities = Securities(ctx.state)
        self.book = Book(ctx.state, ctx.transaction_id)
        self._rulings = Rulings(ctx)
        self._publications = Publications(ctx)
        self._known: dict[tuple[str, str | None], Subject] = {}
        self._cases = Cases(ctx, self.book)
        self._record_dates = RecordDates(ctx)

    def execute(self, instruction: Instruction) -> None:
        """Move units if nothing stands against it, judging the end state of all moves together.

        Raises:
            Refusal: With every finding in its payload.
        """
        self.read_ahead(instruction)
        # What moves from now on comes after the record dates that are due.
        for asset in instruction.assets:
            if self._record_dates.seal_due(asset):
                self.book.look_again(asset)
        instruction, plan, decision = self._decided(self._dated(instruction), self._planned)
        refuse_if_any(decision.findings)
        self.book.write(plan)
        for account, quantity in plan.thawed.items():
            self._ctx.emit(
                events.UnitsFrozen(
                    security=account.asset,
                    holder=account.holder,
                    quantity=-quantity,
                    reason=THAWED,
                )
            )
        for move, lots in zip(instruction.moves, plan.carried, strict=True):
            self._ctx.emit(self._told(plan, instruction, move, lots))
        self.tell_merged(plan)
        self._rulings.settle(decision, self.subjects(instruction))

    def hold(self, placements: Sequence[Placement], instruction: Instruction) -> None:
        """Hold units, under the rules that moving them as instructed would face now."""

        def planned(instruction: Instruction) -> Plan:
            plan = self.book.held(placements)
            plan.carried = [
                taken(self.book.position(account).lots, move.quantity, move.choice)
                for (account, _, _), move in zip(placements, instruction.moves, strict=True)
            ]
            return plan

        instruction, plan, decision = self._decided(instruction, planned)
        refuse_if_any(decision.findings)
        self.book.write(plan)
        self._rulings.record(decision, Outcome.HELD, self.subjects(instruction))
        for account, name, hold in placements:
            self._ctx.emit(
                events.HoldPlaced(
                    security=account.asset,
                    holder=account.holder,
                    hold=name,
                    **hold.model_dump(exclude={"as_of"}),
                )
            )

    def release(self, places: Sequence[Place], evidence_hash: str | None = None) -> None:
        """Give holds up. No rule stands against it: held units must find their way back."""
        plan = self.book.released(places)
        self.book.write(plan)
        for account, name in places:
            self._ctx.emit(
                events.HoldReleased(
                    security=account.asset,
                    holder=account.holder,
                    hold=name,
                    quantity=plan.freed[account, name],
                    evidence_hash=evidence_hash,
                )
            )

    def tell_merged(self, plan: Plan) -> None:
        """Tell whose lots were too many and were merged."""
        for account, lots in plan.merged.items():
            self._ctx.emit(
                events.LotsMerged(security=account.asset, holder=account.holder, lots=lots)
            )

    def end_state(self, instruction: Instruction) -> tuple[Plan, Decision]:
        """Return what an instruction would come to now, and what is decided about that."""
        return self._decided(self._dated(instruction), self._planned)[1:]

    def decision(self, instruction: Instruction) -> Decision:
        """Return what would be decided about an instruction now; nothing is written.

        Approvals are looked up in any case: how much may go can depend on them.
        """
        return self._decided(self._dated(instruction), self._planned, is_asked=True)[2]

    def asked(self, instruction: Instruction) -> Asked:
        """Return the rules that decide about an instruction, of one security."""
        subjects = self.subjects(instruction)
        security = self._securities.require(instruction.moves[0].asset)
        drawn = instruction.drawn
        left = None if drawn is None else drawn.left
        return Asked(
            always=instruction.always,
            bound={name: subject.bound for name, subject in subjects.items()},
            granularity=security.terms.granularity,
            at_most=MAX_QUANTITY if left is None else left,
            ends_at=None if drawn is None else drawn.ends_at,
        )

    def record_refusal(self, instruction: Instruction) -> None:
        """Record why an instruction is refused; refuse with NOTHING_TO_RECORD when it is not."""
        if not self.record_if_refused(instruction):
            security = instruction.moves[0].asset
            raise ComplianceReason.NOTHING_TO_RECORD.refusal(security=security)

    def record_if_refused(self, instruction: Instruction) -> Sequence[Finding]:
        """Return what stands against an instruction now; if anything does, record and tell it."""
        decision = self.decision(instruction)
        findings = decision.findings
        if not findings:
            return ()
        self._rulings.record(decision, Outcome.REFUSED, self.subjects(instruction))
        codes = tuple(dict.fromkeys(each.code for each in findings))
        for security in instruction.assets:
            self._ctx.emit(
                events.RefusalRecorded(
                    security=security,
                    decision=self._ctx.transaction_id,
                    venue=instruction.venue,
                    codes=codes,
                )
            )
        return findings

    # --- how ---

    def _told(
        self, plan: Plan, instruction: Instruction, move: Move, lots: tuple[Lot, ...]
    ) -> events.UnitsTransferred:
        freed = 0
        if move.hold is not None and not move.keeps_open:
            freed = plan.freed[Account(move.asset, str(move.sender)), move.hold]
        return events.UnitsTransferred(
            security=move.asset,
            sender=move.sender,
            receiver=move.receiver,
            quantity=move.quantity,
            basis=instruction.basis,
            hold=move.hold,
            freed=freed,
            actor=self._ctx.client.msp_id,
            lots=lots,
            day=day_of(now(self._ctx)),
            dates=move.dates,
            document_hash=instruction.document_hash,
        )

    def _dated(self, instruction: Instruction) -> Instruction:
        """Return the instruction with the dates that its securities give to what is sold."""
        if instruction.basis not in ON_SALE:
            return instruction
        moves = tuple(self._sold(move) for move in instruction.moves)
        return instruction if moves == instruction.moves else replace(instruction, moves=moves)

    def _sold(self, move: Move) -> Move:
        dates = self._securities.require(move.asset).terms.on_sale
        return move if move.dates is dates else move.model_copy(update={"dates": dates})

    def _planned(self, instruction: Instruction) -> Plan:
        plan = self.book.moved(instruction.moves, day_of(now(self._ctx)))
        if instruction.basis is Basis.FORCED:
            plan.thaw()
        return plan

    def read_ahead(self, instruction: Instruction) -> None:
        """Fetch the securities and positions that an instruction touches, all at once."""
        keys = [security_key(asset) for asset in instruction.assets]
        keys += [position_key(account) for account in instruction.accounts]
        self._ctx.state.read_ahead(keys)

    def _decided(
        self,
        instruction: Instruction,
        planned: Callable[[Instruction], Plan],
        *,
        is_asked: bool = False,
    ) -> tuple[Instruction, Plan, Decision]:
        """Plan and judge an instruction; return it as it is then, since free units go first.

        What was approved beforehand is looked up where a rule asks for it, and where it may help:
        when something stands against the movement.
        """
        plan = planned(instruction)
        decision = self._decision(plan, instruction)
        if not is_asked and not decision.is_refused_by_rules:
            return instruction, plan, decision
        moves = tuple(self._freed(instruction, decision))
        if moves != instruction.moves:
            instruction = replace(instruction, moves=moves)
            plan = planned(instruction)
            decision = self._decision(plan, instruction)
        if is_asked or decision.is_refused_by_rules:
            decision = self._with_approvals(decision, instruction)
        return instruction, plan, decision

    def _with_approvals(self, decision: Decision, instruction: Instruction) -> Decision:
        case = decision.case
        approvals = tuple(self._cases.approvals(case.legs, case.basis))
        if approvals == case.approvals:
            return decision
        case = replace(case, approvals=approvals)
        results = _results(case, instruction, self.subjects(instruction))
        return replace(decision, case=case, results=results)

    def _freed(self, instruction: Instruction, decision: Decision) -> Iterator[Move]:
        """Yield the moves, those of senders who would give barred lots with a choice of others."""
        subjects, case = self.subjects(instruction), decision.case
        wanted: Counter[Account] = Counter()
        barred: set[Account] = set()
        for move, leg in zip(instruction.moves, case.legs, strict=True):
            if move.choice.is_free and leg.is_between_holders:
                sender = Account(move.asset, str(move.sender))
                wanted[sender] += move.quantity
                if takes_barred(case, leg, subjects[move.asset].bound):
                    barred.add(sender)
        for move, leg in zip(instruction.moves, case.legs, strict=True):
            sender, choice = Account(move.asset, str(move.sender)), None
            if sender in barred and move.choice.is_free and leg.is_between_holders:
                bound = subjects[move.asset].bound
                choice = free_lots(case, leg, bound, wanted[sender])
            yield move if choice is None else move.model_copy(update={"choice": choice})

    def _decision(self, plan: Plan, instruction: Instruction) -> Decision:
        """Judge an instruction whose end state is ``plan``; the identity contract is asked once."""
        subjects = self.subjects(instruction)
        report = self.ask(instruction, subjects)
        legs = tuple(
            Leg.model_construct(
                security=move.asset,
                sender=move.sender,
                receiver=move.receiver,
                quantity=move.quantity,
                lots=tuple(lots),
            )
            for move, lots in zip(instruction.moves, plan.carried, strict=True)
        )
        case = self._cases.case(Given(legs, plan, instruction.basis, report, subjects))
        return Decision(
            case=case,
            results=_results(case, instruction, subjects),
            before=(*report.licences, *report.authority),
            beside=(
                *self._findings_of_securities(plan, instruction),
                *plan.shortfalls(),
                *plan.excesses(),
                *(() if instruction.drawn is None else instruction.drawn.findings),
            ),
        )

    def _findings_of_securities(self, plan: Plan, instruction: Instruction) -> Iterator[Finding]:
        for asset in instruction.assets:
            security = self._securities.require(asset)
            moves = [move for move in instruction.moves if move.asset == asset]
            yield from move_findings(
                security, moves, instruction.basis, is_asked=instruction.is_own
            )
            created = sum(
                quantity for account, quantity in plan.created.items() if account.asset == asset
            )
            # All issues touch the supply: it is read only when a cap makes it matter.
            if created > 0 and security.terms.cap is not None:
                supply = self.book.supply(asset)
                yield from cap_findings(security, supply=supply, created=created)

    def ask(self, instruction: Instruction, subjects: Subjects) -> PartiesReport:
        """Return what ``identity`` says of the holders and organisations of an instruction."""
        receiving = {
            Account(move.asset, move.receiver) for move in instruction.moves if move.receiver
        }
        parties = [
            Party.model_construct(
                identity=account.holder,
                requirements=self._securities.require(account.asset).terms.requirements,
                topics=self._topics(account, subjects[account.asset], receiving),
                is_parting=account not in receiving,
            )
            for account in instruction.accounts
        ]
        return check_parties(
            self._ctx,
            parties,
            instruction.authority,
            instruction.exercised,
            () if instruction.venue is None else (instruction.venue,),
        )

    def _published(self, subject: Subject, security: str) -> Subject:
        """Return a security with what was published of it, as far as its rules ask."""
        needs = subject.needs
        product = self._publications.product(security) if needs.risk else None
        return replace(
            subject,
            disclosed=tuple(self._disclosed(security, each) for each in needs.documents),
            risk_class=None if product is None else product.risk_class,
        )

    def _disclosed(self, security: str, name: str) -> Disclosed:
        row = self._publications.document(security, name)
        due = None if row is None else row.next_due_at
        return Disclosed(document=name, is_there=row is not None, next_due_at=due)

    def _topics(
        self, account: Account, subject: Subject, receiving: Container[Account]
    ) -> tuple[str, ...]:
        comes = account in receiving and not self.book.position(account).quantity
        return subject.topics_of_newcomers if comes else subject.topics

    def subjects(self, instruction: Instruction) -> Subjects:
        """Return the securities of an instruction, as decisions about it see them."""
        return {name: self.subject(name, instruction.venue) for name in instruction.assets}

    def subject(self, name: str, venue: str | None) -> Subject:
        """Return a security, as decisions about what is agreed at a venue see it."""
        found = self._known.get((name, venue))
        if found is None:
            row = self._securities.require(name)
            found = row.subject
            if venue is not None:
                found = row.subject_at(self._rulings.venue_rules(name, venue))
            if found.needs.documents or found.needs.risk:
                found = self._published(found, name)
            self._known[name, venue] = found
        return found


def _results(case: Case, instruction: Instruction, subjects: Subjects) -> tuple[Result, ...]:
    bound = {name: each.bound for name, each in subjects.items()}
    return judge(case, instruction.always, bound)
