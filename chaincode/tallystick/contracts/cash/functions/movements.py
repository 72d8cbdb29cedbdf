"""Money that comes, goes and is paid, as callers of the cash contract see it."""

from tallystick.chaincode import Context, composite_key, transaction
from tallystick.contracts import events
from tallystick.contracts.book import Move
from tallystick.contracts.cash.functions.guards import (
    ISSUING,
    banks_vault,
    issuer_of,
    require_word_of,
)
from tallystick.contracts.cash.models import (
    Amount,
    Cash,
    CashKind,
    Currency,
    DepositReport,
    FundingNote,
)
from tallystick.contracts.cash.vault import Vault
from tallystick.contracts.events import Basis
from tallystick.contracts.instants import now
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.licensed import MarketContract, licence_first
from tallystick.contracts.models import Identifier, Quantity
from tallystick.contracts.parties import Exercised, authority_for, require_licences
from tallystick.contracts.reasons import MoneyReason
from tallystick.contracts.statements import Funding, MoneyFunded, MoneySent


class MovementFunctions(MarketContract):
    """Money comes from the bank that owes it, goes to it, and is paid in between."""

    @transaction
    def open_cash(
        self,
        ctx: Context,
        cash: Identifier,
        currency: Currency,
        kind: CashKind = CashKind.DEPOSIT,
    ) -> None:
        """Let what the submitting bank owes in a currency be cash of this id."""
        bank = ctx.client.msp_id
        require_licences(ctx, Exercised(organization=bank, powers=(ISSUING[kind],)))
        entries = Vault(ctx).entries
        if entries.find_cash(cash) is not None:
            raise MoneyReason.CASH_EXISTS.refusal(cash=cash)
        row = Cash(cash=cash, currency=currency, bank=bank, opened_at=now(ctx), kind=kind)
        entries.save_cash(row)
        ctx.emit(events.CashOpened(cash=cash, currency=currency, bank=bank, money=kind))

    @transaction
    @licence_first()
    def deposit(self, ctx: Context, cash: Identifier, to: Identifier, amount: Quantity) -> None:
        """Create money that the submitting bank owes to an identity from now on."""
        vault = banks_vault(ctx, cash)
        vault.move([Move(asset=cash, sender=None, receiver=to, quantity=amount)], Basis.ISSUE)

    @transaction
    @licence_first()
    def withdraw(
        self, ctx: Context, cash: Identifier, holder: Identifier, amount: Quantity
    ) -> None:
        """End money that the submitting bank has paid out: all of it, for no fee."""
        vault = banks_vault(ctx, cash)
        move = Move(asset=cash, sender=holder, receiver=None, quantity=amount)
        vault.move([move], Basis.REDEMPTION)

    @transaction
    @licence_first()
    def fund(self, ctx: Context, funded: MoneyFunded, intent: SignedIntent) -> None:
        """Create or end money as the bank has signed; each payment off the ledger counts once."""
        vault = Vault(ctx)
        row = vault.entries.cash(funded.cash)
        key = composite_key("payment", row.bank, funded.reference)
        if ctx.state.get(key) is not None:
            raise MoneyReason.PAYMENT_RECORDED.refusal(bank=row.bank, reference=funded.reference)
        require_word_of(ctx, issuer_of(row), funded, intent)
        ctx.state.save(key, FundingNote(cash=funded.cash, direction=funded.direction, at=now(ctx)))
        comes = funded.direction is Funding.IN
        move = Move(
            asset=funded.cash,
            sender=None if comes else funded.holder,
            receiver=funded.holder if comes else None,
            quantity=funded.amount,
        )
        basis = Basis.ISSUE if comes else Basis.REDEMPTION
        vault.move([move], basis, reference=funded.reference)

    @transaction
    @licence_first()
    def transfer(self, ctx: Context, sent: MoneySent, intent: SignedIntent | None = None) -> None:
        """Pay as the holder says: by signature, or through a participant with its mandate."""
        move = Move(
            asset=sent.cash, sender=sent.sender, receiver=sent.receiver, quantity=sent.amount
        )
        authority = authority_for(ctx, sent.sender, sent, intent)
        Vault(ctx).move([move], Basis.TRANSFER, authority)

    @transaction
    @licence_first()
    def report_deposit(self, ctx: Context, cash: Identifier, deposit: Amount) -> DepositReport:
        """Note what the submitting bank holds against a cash, beside the ledger's supply now.

        A difference is recorded and told, not refused: that is when it must be known.
        """
        supply = banks_vault(ctx, cash).book.supply(cash)
        report = DepositReport(cash=cash, deposit=deposit, supply=supply, reported_at=now(ctx))
        ctx.state.save(composite_key("report", cash), report)
        ctx.emit(events.DepositReported(cash=cash, deposit=deposit, supply=supply))
        return report
