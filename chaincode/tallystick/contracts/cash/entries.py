"""The rows of the banks' collections, and what is told in them.

Who has how much is for the bank, the clearing firm, the transfer agent and the regulator: accounts
lie in the collection of the bank that owes the money. What settlement, reservations and credit do
to them is told there too, entry by entry, and in public only that there is an entry: neither a
price nor an order shall be read off an account.
"""

from collections.abc import Iterator

from tallystick.chaincode import Context, composite_key
from tallystick.chaincode.events import EventRecord, encode_event
from tallystick.contracts import events
from tallystick.contracts.cash.models import Cash
from tallystick.contracts.confidential import ConfidentialRows
from tallystick.contracts.events import LedgerEvent
from tallystick.contracts.readers import accounts_of
from tallystick.contracts.reasons import MoneyReason
from tallystick.contracts.rows import load_row


class Entries:
    """What each bank owes, and where it keeps it, as one transaction sees it."""

    def __init__(self, ctx: Context, secret: str = "") -> None:
        """Open the rows; ``secret`` hides what is written from who can guess it."""
        self._ctx = ctx
        self._secret = secret
        self._rows: dict[str, ConfidentialRows] = {}
        self._counts: dict[str, int] = {}

    def cash(self, cash: str) -> Cash:
        """Return a cash; refuse with CASH_UNKNOWN when there is none."""
        row = self.find_cash(cash)
        if row is None:
            raise MoneyReason.CASH_UNKNOWN.refusal(cash=cash)
        return row

    def find_cash(self, cash: str) -> Cash | None:
        """Return a cash, or None."""
        return load_row(self._ctx.state, composite_key("cash", cash), Cash)

    def save_cash(self, row: Cash) -> None:
        """Write a cash."""
        self._ctx.state.save(composite_key("cash", row.cash), row)

    def rows_of(self, cash: str) -> ConfidentialRows:
        """Return the collection of the bank that owes a cash."""
        rows = self._rows.get(cash)
        if rows is None:
            rows = self._rows[cash] = self.rows_at(self.cash(cash).bank, self._secret)
        return rows

    def rows_at(self, bank: str, secret: str) -> ConfidentialRows:
        """Return the collection of a bank, for rows that another secret hides."""
        return ConfidentialRows(self._ctx, accounts_of(bank), secret)

    def tell(self, cash: str, event: LedgerEvent, secret: str = "") -> None:
        """Enter an event among the accounts, hidden by ``secret`` unless the act has its own."""
        number = self._counts.get(cash, 0)
        self._counts[cash] = number + 1
        key = composite_key("entry", cash, self._ctx.transaction_id, f"{number:06}")
        rows = self.rows_of(cash)
        if secret and not self._secret:
            rows = self.rows_at(self.cash(cash).bank, secret)
        rows.put(key, encode_event(event))
        self._ctx.emit(events.EntryMade(cash=cash, number=number))

    def told(self, cash: str, transaction_id: str) -> Iterator[EventRecord]:
        """Yield the entries of a transaction in a cash, in the order in which it made them."""
        for _, value in self.rows_of(cash).partial("entry", cash, transaction_id):
            yield EventRecord.model_validate_json(value)
