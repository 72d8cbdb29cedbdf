"""Receipts: a bank's word that something was paid off the ledger, good for one payment, once."""

from collections.abc import Iterator

from tallystick.chaincode import Context, composite_key
from tallystick.contracts import events
from tallystick.contracts.cash.entries import Entries
from tallystick.contracts.cash.models import KeptReceipt, Receipt, ReceiptStatus
from tallystick.contracts.instants import Instant, now
from tallystick.contracts.intents import canonical_hash
from tallystick.contracts.reasons import Finding, MoneyReason, RegisterReason, refuse_if_any
from tallystick.contracts.statements import ReceiptTerms


class Receipts:
    """The receipts of all banks, as one transaction sees and uses them.

    Who knows the number knows that there is a receipt and whether it was used. What it says is in
    the collection of its bank.
    """

    def __init__(self, ctx: Context, entries: Entries) -> None:
        self._ctx = ctx
        self._entries = entries

    def make(self, terms: ReceiptTerms, expires_at: Instant, salt: str) -> None:
        """Enter a receipt, which may take the place of a void one.

        Raises:
            Refusal: MOMENT_PAST, SAME_PARTY or RECEIPT_EXISTS.
        """
        moment = now(self._ctx)
        if expires_at <= moment:
            raise RegisterReason.MOMENT_PAST.refusal(moment=expires_at, now=moment)
        if terms.payer == terms.payee:
            raise RegisterReason.SAME_PARTY.refusal(holder=terms.payer)
        key = receipt_key(terms.bank, terms.number)
        former = self._find(terms.bank, terms.number)
        if former is not None and former.status is not ReceiptStatus.VOID:
            raise MoneyReason.RECEIPT_EXISTS.refusal(bank=terms.bank, number=terms.number)
        kept = KeptReceipt(terms=terms, salt=salt)
        row = Receipt(
            bank=terms.bank,
            number=terms.number,
            terms_hash=canonical_hash(kept),
            expires_at=expires_at,
            status=ReceiptStatus.OPEN,
        )
        self._ctx.state.save(key, row)
        self._entries.rows_at(terms.bank, salt).save(key, kept)
        event = events.ReceiptMade(
            bank=row.bank, number=row.number, terms_hash=row.terms_hash, expires_at=expires_at
        )
        self._ctx.emit(event)

    def usable(self, terms: ReceiptTerms, moment: Instant) -> Receipt:
        """Return the receipt that can be used at a moment as the payment that ``terms`` name.

        Raises:
            Refusal: With what stands against it.
        """
        refuse_if_any(list(self.findings(terms, moment)))
        return self.require(terms.bank, terms.number)

    def use(self, terms: ReceiptTerms) -> None:
        """Use a receipt up as the payment that ``terms`` name; refuse as ``usable`` does."""
        self._save(self.usable(terms, now(self._ctx)), ReceiptStatus.USED)
        self._ctx.emit(events.ReceiptUsed(bank=terms.bank, number=terms.number))

    def findings(self, terms: ReceiptTerms, moment: Instant | None = None) -> Iterator[Finding]:
        """Yield RECEIPT_UNKNOWN, RECEIPT_NOT_OPEN, RECEIPT_EXPIRED or RECEIPT_DIFFERS."""
        place = {"bank": terms.bank, "number": terms.number}
        row = self._find(terms.bank, terms.number)
        if row is None:
            yield MoneyReason.RECEIPT_UNKNOWN.finding(**place)
        elif row.status is not ReceiptStatus.OPEN:
            yield MoneyReason.RECEIPT_NOT_OPEN.finding(**place, state=row.status)
        elif (moment or now(self._ctx)) >= row.expires_at:
            yield MoneyReason.RECEIPT_EXPIRED.finding(**place, expires_at=row.expires_at)
        elif self.kept(row).terms != terms:
            yield MoneyReason.RECEIPT_DIFFERS.finding(**place)

    def void(self, bank: str, number: str) -> None:
        """Take a receipt back.

        Raises:
            Refusal: RECEIPT_UNKNOWN or RECEIPT_NOT_OPEN.
        """
        row = self.require(bank, number)
        if row.status is not ReceiptStatus.OPEN:
            raise MoneyReason.RECEIPT_NOT_OPEN.refusal(bank=bank, number=number, state=row.status)
        self._save(row, ReceiptStatus.VOID)
        self._ctx.emit(events.ReceiptVoided(bank=bank, number=number))

    def require(self, bank: str, number: str) -> Receipt:
        """Return a receipt; refuse with RECEIPT_UNKNOWN when there is none."""
        row = self._find(bank, number)
        if row is None:
            raise MoneyReason.RECEIPT_UNKNOWN.refusal(bank=bank, number=number)
        return row

    def kept(self, row: Receipt) -> KeptReceipt:
        """Return what a receipt says; only peers of members of the bank's collection can."""
        rows = self._entries.rows_at(row.bank, "")
        kept = rows.load(receipt_key(row.bank, row.number), KeptReceipt)
        assert kept is not None, "a receipt is recorded together with what it says"
        return kept

    def _find(self, bank: str, number: str) -> Receipt | None:
        return self._ctx.state.load(receipt_key(bank, number), Receipt)

    def _save(self, row: Receipt, status: ReceiptStatus) -> None:
        changed = row.model_copy(update={"status": status})
        self._ctx.state.save(receipt_key(row.bank, row.number), changed)


def receipt_key(bank: str, number: str) -> str:
    """Return the key of a receipt, public and private."""
    return composite_key("receipt", bank, number)
