"""The steps of cycles at work: each asks the rules, then the other contracts, then is told.

Nothing is final before the transaction that settles: until then trades are only noted, and what is
held for them is held. In that transaction everything is, for all trades of the cycle at once. It
writes the rows of its trades too; those of a cycle that is too large for that are brought up to
date afterwards, batch by batch. Nothing else can be done with such a trade meanwhile.
"""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256

from tallystick.chaincode import Context
from tallystick.contracts import events
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.cycles import CycleDelivery
from tallystick.contracts.instants import now
from tallystick.contracts.netting.calculation import Calculation, Settlement
from tallystick.contracts.netting.cycles import Cycles
from tallystick.contracts.netting.models import (
    MAX_ENDED,
    Batch,
    BatchContent,
    Cycle,
    CycleStatus,
    CycleTerms,
    Default,
    DefaultNotice,
    Dropped,
    Report,
)
from tallystick.contracts.netting.obligations import Obligation
from tallystick.contracts.netting.rules import check_open, check_settles, check_terms
from tallystick.contracts.netting.trades import NettedTrades
from tallystick.contracts.parties import Exercised, check_parties, require_licences
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import NettingReason, refuse_if_any

Contents = Mapping[str, BatchContent]
"""What is due in a cycle, by batch."""


class CycleLifecycle:
    """What is done with cycles, in one transaction."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._cycles = Cycles(ctx)
        self._trades = NettedTrades(ctx)

    # --- open and fill ---

    def open(self, terms: CycleTerms) -> None:
        """Let a cycle take trades from now on.

        Raises:
            Refusal: CYCLE_TERMS_WRONG or CYCLE_EXISTS.
        """
        check_terms(terms, now(self._ctx))
        if self._cycles.find(terms.cycle) is not None:
            raise NettingReason.CYCLE_EXISTS.refusal(cycle=terms.cycle)
        row = Cycle(terms=terms, clearer=self._ctx.client.msp_id)
        self._cycles.save(row)
        self._ctx.emit(events.CycleOpened(clearer=row.clearer, **terms.model_dump()))

    def accept(self, cycle: str, trades: Sequence[str]) -> None:
        """Take trades into a cycle, and hold their units if its model says so: all or none."""
        row = self._cycles.require_own(cycle)
        before = sum(batch.trades for batch in self._cycles.batches(cycle).values())
        obligations, secret = self._trades.accept(row, dict.fromkeys(trades), before)
        batch = self._ctx.transaction_id
        self._cycles.save_batch(cycle, batch, Batch(trades=len(obligations)))
        content = BatchContent.model_construct(obligations=obligations, secret=secret)
        self._cycles.save_content(row, batch, content)

    # --- end ---

    def settle(self, cycle: str) -> None:
        """Settle all that a cycle can settle now, in this transaction.

        Raises:
            Refusal: CYCLE_STATUS, CYCLE_NOT_DUE, or what stands
                against settling anything; of a cycle that settles whole, against any trade.
        """
        row = self._cycles.require_own(cycle)
        check_settles(row, now(self._ctx))
        self._require_clearing(row)
        contents = self._contents(row)
        result = self.calculated(row, contents)
        if row.terms.settles_whole:
            refuse_if_any([found for each in result.report.dropped for found in each.findings])
        if result.delivery.does_something:
            self._ctx.invoke(Chaincode.TOKEN, "deliver_cycle", result.delivery)
        if result.payment.draws or result.payment.moves:
            self._ctx.invoke(Chaincode.CASH, "instruct", result.payment)
        settled, dropped = result.report.settled, len(result.report.dropped)
        ended = row.model_copy(
            update={"status": CycleStatus.SETTLED, "settled": settled, "dropped": dropped}
        )
        self._ctx.emit(events.CycleSettled(cycle=cycle, settled=settled, dropped=dropped))
        self._end(ended, result.report, contents)

    def cancel(self, cycle: str, reason: str) -> None:
        """End a cycle without settling anything: all its trades leave it."""
        caller = Exercised(organization=self._ctx.client.msp_id, powers=(Power.OVERSEE,))
        oversees = not check_parties(self._ctx, exercised=[caller]).licences
        row = self._cycles.require(cycle) if oversees else self._cycles.require_own(cycle)
        check_open(row, "cancel")
        contents = self._contents(row)
        trades = sorted(_obligations(contents), key=lambda each: each.trade)
        finding = NettingReason.CYCLE_STATUS.finding(
            cycle=cycle, state=CycleStatus.CANCELLED, step="settle"
        )
        dropped = tuple(Dropped(trade=each.trade, findings=(finding,)) for each in trades)
        held = tuple(move for each in trades for move in each.held)
        if held and not row.terms.keeps_dropped:
            delivery = CycleDelivery.model_construct(venue=row.terms.venue, released=held)
            self._ctx.invoke(Chaincode.TOKEN, "deliver_cycle", delivery)
        ended = row.model_copy(update={"status": CycleStatus.CANCELLED, "dropped": len(dropped)})
        self._ctx.emit(events.CycleCancelled(cycle=cycle, reason=reason))
        self._end(ended, Report(settled=0, dropped=dropped), contents)

    def end_batch(self, cycle: str, batch: str) -> None:
        """Let the trades of a batch say what became of them, once the cycle has ended.

        Raises:
            Refusal: CYCLE_STATUS while the cycle is open, or NOTHING_TO_END.
        """
        row = self._cycles.require(cycle)
        if row.status is CycleStatus.OPEN:
            raise NettingReason.CYCLE_STATUS.refusal(
                cycle=cycle, state=row.status, step="end trades of"
            )
        noted = self._cycles.batches(cycle).get(batch)
        if noted is None or noted.is_ended:
            raise NettingReason.NOTHING_TO_END.refusal(cycle=cycle, batch=batch)
        content = self._cycles.content(row, batch)
        self._end_trades(row, self._cycles.report(row), {batch: content})

    # --- defaults ---

    def declare_default(self, notice: DefaultNotice) -> None:
        """Note that a member cannot meet its obligations: only what it has pledged counts."""
        if self._cycles.default(notice.venue, notice.member) is not None:
            raise NettingReason.IN_DEFAULT.refusal(member=notice.member)
        caller = self._ctx.client.msp_id
        row = Default(
            declared_by=caller,
            declared_at=now(self._ctx),
            evidence_hash=notice.evidence_hash,
        )
        self._cycles.save_default(notice.venue, notice.member, row, notice.salt)
        self._ctx.emit(events.DefaultDeclared(venue=notice.venue, declared_by=caller))

    def lift_default(self, notice: DefaultNotice) -> None:
        """Note that a member can meet its obligations again."""
        if self._cycles.default(notice.venue, notice.member) is None:
            raise NettingReason.NOT_IN_DEFAULT.refusal(member=notice.member)
        self._cycles.save_default(notice.venue, notice.member, None, notice.salt)
        caller = self._ctx.client.msp_id
        self._ctx.emit(events.DefaultLifted(venue=notice.venue, lifted_by=caller))

    # --- how ---

    def preview(self, cycle: Cycle) -> Report:
        """Return what a cycle would come to if it settled now."""
        return self.calculated(cycle, self._contents(cycle)).report

    def calculated(self, cycle: Cycle, contents: Contents) -> Settlement:
        """Return what a cycle settles now."""
        trades = tuple(_obligations(contents))
        members = dict.fromkeys(
            member for each in trades for due in each.dues for member in (due.sender, due.receiver)
        )
        defaulted = frozenset(self._cycles.defaulted(cycle.terms.venue, members))
        calculation = Calculation(self._ctx, cycle, trades, defaulted)
        return calculation.settlement(_secret(contents))

    def _contents(self, cycle: Cycle) -> Contents:
        batches = self._cycles.batches(cycle.terms.cycle)
        return {batch: self._cycles.content(cycle, batch) for batch in batches}

    def _end(self, cycle: Cycle, report: Report, contents: Contents) -> None:
        """Write what became of a cycle, and, unless they are too many, of each of its trades."""
        cycle = cycle.model_copy(update={"ended_at": now(self._ctx)})
        self._cycles.save(cycle)
        self._cycles.save_report(cycle, report, _secret(contents))
        if cycle.settled + cycle.dropped <= MAX_ENDED:
            self._end_trades(cycle, report, contents)

    def _end_trades(self, cycle: Cycle, report: Report, contents: Contents) -> None:
        dropped = {each.trade: each.findings for each in report.dropped}
        for batch, content in contents.items():
            self._trades.end(cycle, content.obligations, dropped)
            noted = Batch(trades=len(content.obligations), is_ended=True)
            self._cycles.save_batch(cycle.terms.cycle, batch, noted)

    def _require_clearing(self, cycle: Cycle) -> None:
        require_licences(
            self._ctx,
            Exercised(organization=cycle.clearer, powers=(Power.CLEAR,)),
            Exercised(organization=cycle.terms.venue, powers=(Power.OPERATE_VENUE,)),
        )


def _obligations(contents: Contents) -> Iterator[Obligation]:
    return (each for content in contents.values() for each in content.obligations)


def _secret(contents: Contents) -> str:
    """Return a secret that only those know who know all that is due."""
    joined = "/".join(content.secret for content in contents.values())
    return sha256(joined.encode()).hexdigest()
