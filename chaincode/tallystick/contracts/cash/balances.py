"""What holders have, as it is now, for who may know. It writes nothing."""

from collections.abc import Iterator, Sequence

from tallystick.chaincode import Context
from tallystick.contracts.book import Account
from tallystick.contracts.cash.models import (
    Accrual,
    CashAccount,
    DepositReport,
    Limits,
    Reconciliation,
    Reservation,
)
from tallystick.contracts.cash.rules import expired, lasting
from tallystick.contracts.cash.vault import Vault
from tallystick.contracts.instants import now
from tallystick.contracts.parties import Party, check_parties
from tallystick.contracts.payments import FundsQuestion, MemberFunds, Reserved
from tallystick.contracts.reasons import Finding, MoneyReason
from tallystick.contracts.statements import ReservationUse

NO_LIMITS = Limits(salt="")


class Balances:
    """The accounts of all cash, to be read."""

    def __init__(self, ctx: Context, vault: Vault) -> None:
        self._ctx = ctx
        self._vault = vault
        self._moment = now(ctx)

    def account(self, account: Account) -> CashAccount:
        """Return what somebody has; what has expired is available, though still in the rows."""
        position = self._vault.book.position(account)
        limits = self._vault.limits(account) or NO_LIMITS
        over = sum(each.amount for each in expired(limits, self._moment))
        return CashAccount(
            holder=account.holder,
            amount=position.quantity,
            held=position.held - over,
            available=position.available + over,
            reserved=sum(each.amount for each in lasting(limits, self._moment)),
            cap=limits.cap,
            drawn=limits.drawn,
        )

    def funds(self, question: FundsQuestion) -> Iterator[MemberFunds]:
        """Yield what holders have to pay with, in the order of the question."""
        holders = tuple(dict.fromkeys(holder for _, holder in question.accounts))
        report = check_parties(self._ctx, [Party(identity=each) for each in holders])
        findings = {
            holder: each.findings for holder, each in zip(holders, report.parties, strict=True)
        }
        for account in (Account(*each) for each in question.accounts):
            yield self._funds(account, question, findings[account.holder])

    def _funds(
        self, account: Account, question: FundsQuestion, findings: Sequence[Finding]
    ) -> MemberFunds:
        cash, holder = account
        if self._vault.entries.find_cash(cash) is None:
            unknown = MoneyReason.CASH_UNKNOWN.finding(cash=cash)
            return MemberFunds(cash=cash, holder=holder, findings=(*findings, unknown))
        limits = self._vault.limits(account) or NO_LIMITS
        reserved = lasting(limits, self._moment)
        return MemberFunds(
            cash=cash,
            holder=holder,
            available=self.account(account).available,
            credit=limits.unused(self._moment),
            collateral=_told(reserved, question.keeper, ReservationUse.COLLATERAL),
            orders=_told(reserved, question.venue, ReservationUse.ORDER),
            findings=tuple(findings),
        )

    def reconciliation(self, cash: str, report: DepositReport | None) -> Reconciliation:
        """Return all money of a cash, added up in two ways."""
        rows = self._vault.entries.rows_of(cash)
        limits = (Limits.model_validate_json(row) for _, row in rows.partial("limits", cash))
        accruals = (Accrual.model_validate_json(row) for _, row in rows.partial("accrual", cash))
        return Reconciliation(
            cash=cash,
            supply=self._vault.book.supply(cash),
            lent=sum(each.drawn for each in limits),
            balances=sum(position.quantity for _, position in self._vault.book.positions(cash)),
            accrued=sum(each.amount for each in accruals),
            report=report,
        )


def _told(
    reservations: Sequence[Reservation], keeper: str | None, use: ReservationUse
) -> tuple[Reserved, ...]:
    return tuple(
        Reserved(reservation=each.name, amount=each.amount)
        for each in reservations
        if each.keeper == keeper and each.use is use
    )
