"""Receipts, as callers of the cash contract see them."""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts.cash.entries import Entries
from tallystick.contracts.cash.functions.guards import ISSUING, require_word_of
from tallystick.contracts.cash.models import ReceiptView, SignedReceipt
from tallystick.contracts.cash.receipts import Receipts
from tallystick.contracts.confidential import secret_argument
from tallystick.contracts.licensed import MarketContract, licensed
from tallystick.contracts.models import Identifier
from tallystick.contracts.parties import Exercised
from tallystick.contracts.readers import may_read

ISSUERS = tuple(ISSUING.values())


class ReceiptFunctions(MarketContract):
    """Proof that money was paid elsewhere."""

    @transaction
    def make_receipt(self, ctx: Context) -> None:
        """Enter a receipt that a bank has signed; anybody licensed may.

        It comes as transient data, under ``receipt``.
        """
        signed = secret_argument(ctx, "receipt", SignedReceipt)
        made, terms = signed.statement, signed.statement.terms
        entries = Entries(ctx, signed.salt)
        bank = Exercised(organization=terms.bank, powers=ISSUERS)
        rows = entries.rows_at(terms.bank, signed.salt)
        require_word_of(ctx, bank, made, signed.intent, rows)
        Receipts(ctx, entries).make(terms, made.expires_at, signed.salt)

    @transaction
    @licensed(*ISSUERS)
    def void_receipt(self, ctx: Context, number: Identifier) -> None:
        """Take back a receipt of the submitting bank that was not used."""
        Receipts(ctx, Entries(ctx)).void(ctx.client.msp_id, number)

    @query
    def receipt(self, ctx: Context, bank: str, number: str) -> ReceiptView:
        """Return a receipt; what it says is for its bank and those who may read its accounts."""
        receipts = Receipts(ctx, Entries(ctx))
        row = receipts.require(bank, number)
        terms = receipts.kept(row).terms if may_read(ctx, bank) else None
        return ReceiptView(receipt=row, terms=terms)
