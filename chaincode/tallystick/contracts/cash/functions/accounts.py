"""Accounts and sums of money, as callers of the cash contract see them."""

from itertools import islice

from tallystick.chaincode import Context, composite_key, query
from tallystick.chaincode.events import EventRecord
from tallystick.contracts.book import Account
from tallystick.contracts.cash.balances import Balances
from tallystick.contracts.cash.functions.guards import readable_vault
from tallystick.contracts.cash.models import (
    Cash,
    CashAccount,
    CashPage,
    DepositReport,
    Reconciliation,
)
from tallystick.contracts.cash.vault import Vault
from tallystick.contracts.licensed import MarketContract, licence_first
from tallystick.contracts.models import PageSize
from tallystick.contracts.parties import mandate_findings
from tallystick.contracts.readers import may_read
from tallystick.contracts.reasons import refuse_if_any


class AccountFunctions(MarketContract):
    """Who has how much, and what it adds up to."""

    @query
    def cash(self, ctx: Context, cash: str) -> Cash:
        """Return a cash with the bank that owes it."""
        return Vault(ctx).entries.cash(cash)

    @query
    def balance_of(self, ctx: Context, cash: str, holder: str) -> int:
        """Return how much somebody has, locked money included."""
        return self.account(ctx, cash, holder).amount

    @query
    @licence_first()
    def account(self, ctx: Context, cash: str, holder: str) -> CashAccount:
        """Return what somebody has, what of it waits, and what it may owe and does."""
        vault = Vault(ctx)
        if not may_read(ctx, vault.entries.cash(cash).bank):
            refuse_if_any(mandate_findings(ctx, holder))
        return Balances(ctx, vault).account(Account(cash, holder))

    @query
    @licence_first()
    def accounts(
        self, ctx: Context, cash: str, page_size: PageSize = 100, bookmark: str = ""
    ) -> CashPage:
        """Return one page of the holders of a cash, by id; ``bookmark`` is the last one's id."""
        vault = readable_vault(ctx, cash)
        following = (holder for holder, _ in vault.book.positions(cash) if holder > bookmark)
        balances = Balances(ctx, vault)
        accounts = tuple(
            balances.account(Account(cash, holder)) for holder in islice(following, page_size)
        )
        is_last = next(following, None) is None
        return CashPage(
            cash=cash, accounts=accounts, bookmark="" if is_last else accounts[-1].holder
        )

    @query
    @licence_first()
    def entries(self, ctx: Context, cash: str, transaction_id: str) -> tuple[EventRecord, ...]:
        """Return what a transaction did among the accounts: events that only these readers get."""
        return tuple(readable_vault(ctx, cash).entries.told(cash, transaction_id))

    @query
    def supply(self, ctx: Context, cash: str) -> int:
        """Return how much was paid in, less what was paid out."""
        return Vault(ctx).book.supply(cash)

    @query
    def deposit_report(self, ctx: Context, cash: str) -> DepositReport | None:
        """Return what the bank reported last, beside the supply at that height; None if nothing."""
        return ctx.state.load(composite_key("report", cash), DepositReport)

    @query
    @licence_first()
    def reconciliation(self, ctx: Context, cash: str) -> Reconciliation:
        """Return all money of a cash, added up in two ways."""
        balances = Balances(ctx, readable_vault(ctx, cash))
        return balances.reconciliation(cash, self.deposit_report(ctx, cash))
