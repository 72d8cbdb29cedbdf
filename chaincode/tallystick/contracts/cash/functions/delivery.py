"""What the settlement contract lets happen to money: once in a transaction, as a whole."""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts.book import Account
from tallystick.contracts.cash.balances import Balances
from tallystick.contracts.cash.models import Collected
from tallystick.contracts.cash.receipts import Receipts
from tallystick.contracts.cash.vault import Vault
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.instants import Instant
from tallystick.contracts.licensed import MarketContract, licensed, only_through
from tallystick.contracts.models import Identifier
from tallystick.contracts.payments import CashInstruction, FundsQuestion, MemberFunds
from tallystick.contracts.reasons import Finding, MoneyReason
from tallystick.contracts.statements import ReceiptTerms


class DeliveryFunctions(MarketContract):
    """The cash leg."""

    @transaction
    @only_through(Chaincode.SETTLEMENT)
    def instruct(self, ctx: Context, instruction: CashInstruction) -> None:
        """Release, draw, pay, use receipts, take fees and lock: all of it or nothing."""
        vault = Vault(ctx, instruction.secret)
        vault.instruct(instruction)
        receipts = Receipts(ctx, vault.entries)
        for terms in instruction.receipts:
            receipts.use(terms)

    @query
    @only_through(Chaincode.SETTLEMENT)
    def delivery_findings(self, ctx: Context, instruction: CashInstruction) -> tuple[Finding, ...]:
        """Return what stands now against the moves, receipts and fees of an instruction."""
        vault = Vault(ctx, instruction.secret)
        receipts = Receipts(ctx, vault.entries)
        money = vault.findings(instruction.moves, instruction.fees)
        return (
            *money,
            *(found for each in instruction.receipts for found in receipts.findings(each)),
        )

    @query
    @only_through(Chaincode.SETTLEMENT)
    def check_receipt(
        self, ctx: Context, cash: Identifier, terms: ReceiptTerms, until: Instant
    ) -> None:
        """Refuse unless a receipt is in the currency of a cash, and can be used until a moment."""
        vault = Vault(ctx)
        if vault.entries.cash(cash).currency != terms.currency:
            raise MoneyReason.RECEIPT_DIFFERS.refusal(bank=terms.bank, number=terms.number)
        Receipts(ctx, vault.entries).usable(terms, until)

    @query
    @only_through(Chaincode.SETTLEMENT)
    def funds(self, ctx: Context, question: FundsQuestion) -> tuple[MemberFunds, ...]:
        """Return what holders have to pay with: available money, credit, collateral."""
        return tuple(Balances(ctx, Vault(ctx)).funds(question))

    @transaction
    @licensed()
    def collect_fees(
        self, ctx: Context, cash: Identifier, receiver: Identifier, transactions: Collected
    ) -> None:
        """Bring the fees that transactions took to their receiver's account; anybody may ask."""
        Vault(ctx).collect(Account(cash, receiver), transactions)
