"""The money at work: every movement of it is judged, entered in the book and told, here.

The limits of a holder (``Limits``) are looked at whenever its balance changes. What was reserved
and has expired is free before anything else is decided. What is missing in the end is lent if its
credit goes so far, and what becomes available repays that first: so nobody owes the bank while it
has money to pay with, and no balance is ever below nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

from tallystick.chaincode import Context, composite_key
from tallystick.contracts import events
from tallystick.contracts.book import Account, Book, Delivery, HeldMove, Move, Plan
from tallystick.contracts.cash.entries import Entries
from tallystick.contracts.cash.models import Accrual, Limits, Reservation
from tallystick.contracts.cash.rules import Loan, expired, lent, reduced
from tallystick.contracts.events import Basis
from tallystick.contracts.instants import day_of, now
from tallystick.contracts.parties import Authority, Exercised, Party, check_parties
from tallystick.contracts.payments import CashInstruction, Draw, Fee
from tallystick.contracts.reasons import Finding, MoneyReason, refuse_if_any


class Vault:
    """All accounts of all cash, as one transaction sees them; the only writer of money."""

    def __init__(self, ctx: Context, secret: str = "") -> None:
        """Open the vault; ``secret`` hides what is done from who can guess it."""
        self._ctx = ctx
        self._secret = secret
        self._moment = now(ctx)
        self._limits: dict[Account, Limits | None] = {}
        self.entries = Entries(ctx, secret)
        self.book = Book(ctx.state, ctx.transaction_id, self.entries.rows_of)

    # --- payments that everybody may know of ---

    def move(
        self,
        moves: Sequence[Move],
        basis: Basis,
        authority: Authority | None = None,
        reference: str | None = None,
    ) -> None:
        """Move money if nothing stands against it, on credit unless it leaves the ledger.

        Raises:
            Refusal: With every finding in its payload.
        """
        self.free_expired(_senders(moves))
        plan = self.book.moved(moves, day_of(self._moment))
        loans = self._loans(plan, may_draw=basis is not Basis.REDEMPTION)
        self._write(plan, loans, self.lacks([each.holder for each in plan.after], authority))
        for event in self._transfers(moves, plan, basis):
            self._ctx.emit(event.model_copy(update={"reference": reference}))
        self._tell_loans(loans)

    # --- what settlement instructs ---

    def instruct(self, instruction: CashInstruction) -> None:
        """Carry out what settlement says about money, all of it or nothing.

        Raises:
            Refusal: With every finding in its payload.
        """
        self._release(instruction.release)
        self._draw(instruction.draws)
        payers = [Account(fee.cash, fee.payer) for fee in instruction.fees]
        self.free_expired([*_senders(instruction.moves), *payers, *_senders(instruction.lock)])
        parties = _parties(instruction)
        lacks = self.lacks(parties) if parties else ()
        if instruction.moves or payers:
            self._pay(instruction.moves, instruction.fees, lacks)
            lacks = ()
        if instruction.lock:
            self._lock(instruction.lock, lacks)
        eased = [move.place[0] for move in instruction.release]
        eased += [Account(draw.cash, draw.holder) for draw in instruction.draws]
        self.repay(eased)

    def _pay(
        self, moves: Sequence[Delivery], fees: Sequence[Fee], lacks: Sequence[Finding]
    ) -> None:
        plan = self._paid(moves, fees)
        loans = self._loans(plan)
        self._write(plan, loans, lacks)
        for event in self._transfers(moves, plan, Basis.SETTLEMENT):
            self.entries.tell(event.cash, event)
        self._accrue(fees)
        self._tell_loans(loans)

    def _lock(self, moves: Sequence[HeldMove], lacks: Sequence[Finding]) -> None:
        """Lock money for payments to come; it still belongs to its holder."""
        plan = self.book.held(move.placement for move in moves)
        loans = self._loans(plan)
        self._write(plan, loans, lacks)
        for move in moves:
            event = events.MoneyLocked(
                cash=move.asset,
                holder=move.sender,
                receiver=move.receiver,
                amount=move.quantity,
                lock=move.hold,
            )
            self.entries.tell(move.asset, event)
        self._tell_loans(loans)

    def _release(self, moves: Sequence[HeldMove]) -> None:
        """Give locks up; what is locked must always find its way back, so nobody is asked."""
        plan = self.book.released(move.place for move in moves)
        self.book.write(plan)
        for move in moves:
            event = events.MoneyReleased(
                cash=move.asset,
                holder=move.sender,
                amount=plan.freed[move.place],
                lock=move.hold,
            )
            self.entries.tell(move.asset, event)

    def _draw(self, draws: Sequence[Draw]) -> None:
        for draw in draws:
            account = Account(draw.cash, draw.holder)
            self.free_expired([account])
            limits = self.limits(account)
            reservation = limits.find(draw.keeper, draw.reservation) if limits else None
            if reservation is not None:
                self.free(account, reservation, min(draw.amount, reservation.amount), "drawn")

    # --- fees ---

    def _accrue(self, fees: Sequence[Fee]) -> None:
        """Let each receiver have its fees of this transaction in a row of their own."""
        sums: dict[Account, int] = {}
        for fee in fees:
            receiver = Account(fee.cash, fee.receiver)
            sums[receiver] = sums.get(receiver, 0) + fee.amount
            event = events.FeeTaken(**fee.model_dump(), salt=self._salt_of(receiver))
            self.entries.tell(fee.cash, event)
        for receiver, amount in sums.items():
            key = accrual_key(receiver, self._ctx.transaction_id)
            row = Accrual(amount=amount, salt=self._salt_of(receiver))
            self.entries.rows_of(receiver.asset).save(key, row)

    def _salt_of(self, receiver: Account) -> str:
        """Return what hides the fees of a receiver, without giving the act's own secret away."""
        return sha256(f"{self._secret}/{receiver.holder}".encode()).hexdigest()

    def collect(self, receiver: Account, transactions: Sequence[str]) -> None:
        """Bring the fees of some transactions to the account of their receiver.

        Raises:
            Refusal: NOTHING_TO_COLLECT, or what stands against the receiver.
        """
        rows = self.entries.rows_of(receiver.asset)
        amount, salt = 0, ""
        for transaction_id in transactions:
            key = accrual_key(receiver, transaction_id)
            accrual = rows.load(key, Accrual)
            if accrual is None:
                raise MoneyReason.NOTHING_TO_COLLECT.refusal(
                    receiver=receiver.holder, cash=receiver.asset, transaction=transaction_id
                )
            amount, salt = amount + accrual.amount, accrual.salt
            rows.delete(key)
        plan = self.book.unchanged([receiver])
        plan.change(receiver, quantity=amount)
        loans = self._loans(plan)
        self._write(plan, loans, self.lacks([receiver.holder]))
        event = events.FeesCollected(
            cash=receiver.asset,
            receiver=receiver.holder,
            amount=amount,
            transactions=tuple(transactions),
        )
        self.entries.tell(receiver.asset, event, salt)
        self._tell_loans(loans)

    # --- limits ---

    def limits(self, account: Account) -> Limits | None:
        """Return what is reserved of a balance and what it may lack; None when nothing is."""
        if account not in self._limits:
            rows = self.entries.rows_of(account.asset)
            self._limits[account] = rows.load(limits_key(account), Limits)
        return self._limits[account]

    def save_limits(self, account: Account, limits: Limits, *, held: int = 0) -> None:
        """Write the limits of a balance, of which ``held`` more is held by them.

        Raises:
            Refusal: INSUFFICIENT_AVAILABLE.
        """
        if held:
            plan = self.book.unchanged([account])
            plan.change(account, held=held)
            self.book.write(plan)
        self.entries.rows_of(account.asset).save(limits_key(account), limits)
        self._limits[account] = limits

    def free(
        self,
        account: Account,
        reservation: Reservation,
        amount: int,
        cause: str,
        evidence_hash: str | None = None,
    ) -> None:
        """Write and tell that so much of a reservation is free."""
        limits = self.limits(account)
        assert limits is not None, "a reservation is part of its holder's limits"
        self.save_limits(account, reduced(limits, reservation, amount), held=-amount)
        event = events.ReservationReduced(
            cash=account.asset,
            holder=account.holder,
            keeper=reservation.keeper,
            reservation=reservation.name,
            amount=amount,
            cause=cause,
            evidence_hash=evidence_hash,
        )
        self.entries.tell(account.asset, event, limits.salt)

    def free_expired(self, accounts: Iterable[Account]) -> None:
        """Write and tell that the reservations that are over are free."""
        for account in dict.fromkeys(accounts):
            limits = self.limits(account)
            for reservation in expired(limits, self._moment) if limits else ():
                self.free(account, reservation, reservation.amount, "expired")

    def settle_up(self, account: Account) -> None:
        """Bring an account up to the moment: free what has expired, and let it repay."""
        self.free_expired([account])
        self.repay([account])

    def repay(self, accounts: Iterable[Account]) -> None:
        """Let what has become available repay what its holders owe."""
        for account in dict.fromkeys(accounts):
            plan = self.book.unchanged([account])
            loans = self._loans(plan)
            self._write(plan, loans)
            self._tell_loans(loans)

    # --- how ---

    def findings(self, moves: Sequence[Delivery], fees: Sequence[Fee]) -> Sequence[Finding]:
        """Return what stands against payments as things are now; nothing is written."""
        plan = self._paid(moves, fees)
        for account in plan.before:
            limits = self.limits(account)
            over = expired(limits, self._moment) if limits else ()
            plan.change(account, held=-sum(each.amount for each in over))
        loans = self._loans(plan)
        exceeded = [finding for loan in loans for finding in loan.findings()]
        lacks = self.lacks([account.holder for account in plan.after])
        return [*lacks, *exceeded, *plan.shortfalls()]

    def _paid(self, moves: Sequence[Delivery], fees: Sequence[Fee]) -> Plan:
        """Plan payments, and fees out of what is available then."""
        payers = [Account(fee.cash, fee.payer) for fee in fees]
        plan = self.book.moved(moves, day_of(self._moment), payers)
        for fee, payer in zip(fees, payers, strict=True):
            plan.change(payer, quantity=-fee.amount)
        return plan

    def lacks(
        self,
        holders: Sequence[str],
        authority: Authority | None = None,
        exercised: Sequence[Exercised] | None = None,
    ) -> Sequence[Finding]:
        """Return what stands against those who have, pay or get money.

        Raises:
            Refusal: When the act is not for who submits it: then no word of anybody's affairs.
        """
        parties = [Party(identity=holder) for holder in dict.fromkeys(holders)]
        report = check_parties(self._ctx, parties, authority, exercised)
        refuse_if_any([*report.licences, *report.authority])
        return [finding for party in report.parties for finding in party.findings]

    def _loans(self, plan: Plan, *, may_draw: bool = True) -> list[Loan]:
        """Plan what the accounts of a plan borrow and repay by it."""
        loans = []
        for account, position in tuple(plan.after.items()):
            limits = self.limits(account)
            if limits is None:
                continue
            loan = lent(account, limits, position.available, self._moment, may_draw=may_draw)
            plan.change(account, quantity=loan.amount)
            loans.append(loan)
        return loans

    def _write(self, plan: Plan, loans: Sequence[Loan], lacks: Sequence[Finding] = ()) -> None:
        """Write a plan if nothing stands against it.

        Raises:
            Refusal: With ``lacks``, DEBIT_CAP_EXCEEDED, INSUFFICIENT_AVAILABLE.
        """
        exceeded = [finding for loan in loans for finding in loan.findings()]
        refuse_if_any([*lacks, *exceeded, *plan.shortfalls()])
        self.book.write(plan)
        for loan in loans:
            if loan.amount:
                self.save_limits(loan.account, loan.limits)

    def _tell_loans(self, loans: Sequence[Loan]) -> None:
        for loan in loans:
            if loan.amount:
                kind = events.CreditDrawn if loan.amount > 0 else events.CreditRepaid
                event = kind(
                    cash=loan.account.asset,
                    holder=loan.account.holder,
                    amount=abs(loan.amount),
                    drawn=loan.limits.drawn,
                )
                self.entries.tell(event.cash, event, loan.limits.salt)

    def _transfers(
        self, moves: Sequence[Move], plan: Plan, basis: Basis
    ) -> Iterator[events.MoneyTransferred]:
        """Yield the one event of each payment; the last one out of a lock frees what is left."""
        places = [(Account(move.asset, str(move.sender)), str(move.hold)) for move in moves]
        last = {place: number for number, place in enumerate(places)}
        for number, move in enumerate(moves):
            place = places[number]
            yield events.MoneyTransferred(
                cash=move.asset,
                sender=move.sender,
                receiver=move.receiver,
                amount=move.quantity,
                basis=basis,
                lock=move.hold,
                freed=plan.freed[place] if move.hold and last[place] == number else 0,
                actor=self._ctx.client.msp_id,
            )


def limits_key(account: Account) -> str:
    """Return the key of the limits of a balance."""
    return composite_key("limits", *account)


def accrual_key(receiver: Account, transaction_id: str) -> str:
    """Return the key of what a transaction brought in fees."""
    return composite_key("accrual", *receiver, transaction_id)


def _senders(moves: Iterable[Move]) -> Iterator[Account]:
    for move in moves:
        if move.sender is not None:
            yield Account(move.asset, move.sender)


def _parties(instruction: CashInstruction) -> Sequence[str]:
    """Return who pays, gets or locks money by an instruction, each once.

    Those who get fees are looked at when they collect them.
    """
    moves = (*instruction.moves, *instruction.lock)
    sides = [holder for move in moves for holder in (move.sender, move.receiver)]
    sides += [fee.payer for fee in instruction.fees]
    return tuple(dict.fromkeys(sides))
