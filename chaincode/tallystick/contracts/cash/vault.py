"""The money at work: every movement of it is judged, entered in the book and told, here.

Who has how much is for the bank, the clearing firm, the transfer agent and the regulator: accounts
lie in the collection of the bank that owes the money. What a trade does to them is told there too,
entry by entry, and in public only that there is an entry: a price shall not be read off an account.
"""

from collections.abc import Iterator, Sequence

from tallystick.chaincode import Context, composite_key
from tallystick.chaincode.events import EventRecord, encode_event
from tallystick.contracts import events
from tallystick.contracts.book import Book, HeldMove, Move, Plan
from tallystick.contracts.cash.models import Cash
from tallystick.contracts.confidential import ConfidentialRows
from tallystick.contracts.events import Basis
from tallystick.contracts.instants import day_of, now
from tallystick.contracts.parties import Authority, Party, check_parties
from tallystick.contracts.readers import accounts_of
from tallystick.contracts.reasons import Finding, MoneyReason, refuse_if_any

MoneyEvent = events.MoneyTransferred | events.MoneyLocked | events.MoneyReleased


class Vault:
    """All accounts of all cash, as one transaction sees them."""

    def __init__(self, ctx: Context, secret: str = "") -> None:
        """Open the vault; ``secret`` hides what a trade does from who can guess it."""
        self._ctx = ctx
        self._secret = secret
        self._rows: dict[str, ConfidentialRows] = {}
        self._entries = 0
        self.book = Book(ctx.state, ctx.transaction_id, self._rows_of)

    def move(self, moves: Sequence[Move], basis: Basis, authority: Authority | None = None) -> None:
        """Move money if nothing stands against it: the one entry point for every payment.

        Raises:
            Refusal: With every finding in its payload.
        """
        plan = self.book.moved(moves, day_of(now(self._ctx)))
        refuse_if_any(self._findings(plan, moves, authority))
        self.book.write(plan)
        for move in moves:
            self._tell(
                events.MoneyTransferred(
                    cash=move.asset,
                    sender=move.sender,
                    receiver=move.receiver,
                    amount=move.quantity,
                    basis=basis,
                    lock=move.hold,
                    actor=self._ctx.client.msp_id,
                )
            )

    def findings(self, moves: Sequence[Move]) -> tuple[Finding, ...]:
        """Return what stands against a movement now; nothing is written."""
        return tuple(self._findings(self.book.moved(moves, day_of(now(self._ctx))), moves))

    def lock(self, moves: Sequence[HeldMove]) -> None:
        """Lock money for payments to come."""
        plan = self.book.held(move.placement for move in moves)
        refuse_if_any(self._findings(plan, moves))
        self.book.write(plan)
        for move in moves:
            self._tell(
                events.MoneyLocked(
                    cash=move.asset,
                    holder=move.sender,
                    receiver=move.receiver,
                    amount=move.quantity,
                    lock=move.hold,
                )
            )

    def release(self, moves: Sequence[HeldMove]) -> None:
        """Give locks up; what is locked must always find its way back."""
        self.book.write(self.book.released(move.place for move in moves))
        for move in moves:
            self._tell(
                events.MoneyReleased(
                    cash=move.asset, holder=move.sender, amount=move.quantity, lock=move.hold
                )
            )

    def entries(self, cash: str, transaction_id: str) -> Iterator[EventRecord]:
        """Yield what a transaction did for trades in a cash, in the order in which it did it."""
        for _, value in self._rows_of(cash).partial("entry", cash, transaction_id):
            yield EventRecord.model_validate_json(value)

    def cash(self, cash: str) -> Cash:
        """Return a cash; refuse with CASH_UNKNOWN when there is none."""
        row = self.find_cash(cash)
        if row is None:
            raise MoneyReason.CASH_UNKNOWN.refusal(cash=cash)
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
        if report.licences or report.authority:
            # No word about somebody's money to who may not act for them.
            return [*report.licences, *report.authority]
        lacks = [finding for party in report.parties for finding in party.findings]
        return [*lacks, *plan.shortfalls()]

    def _tell(self, event: MoneyEvent) -> None:
        """Publish an event; one that belongs to a trade is entered among the bank's accounts."""
        if not self._secret:
            self._ctx.emit(event)
            return
        number = self._entries
        self._entries += 1
        key = composite_key("entry", event.cash, self._ctx.transaction_id, f"{number:06}")
        self._rows_of(event.cash).put(key, encode_event(event))
        self._ctx.emit(events.EntryMade(cash=event.cash, number=number))

    def _rows_of(self, cash: str) -> ConfidentialRows:
        rows = self._rows.get(cash)
        if rows is None:
            collection = accounts_of(self.cash(cash).bank)
            rows = self._rows[cash] = ConfidentialRows(self._ctx, collection, self._secret)
        return rows
