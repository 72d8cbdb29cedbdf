"""How a custodian holds for clients, read off the register."""

from collections.abc import Iterable, Sequence

from tallystick.chaincode import Context
from tallystick.contracts.book import Account
from tallystick.contracts.custody.custodians import Clients, Custodians
from tallystick.contracts.custody.models import (
    Custody,
    CustodyReport,
    Safeguarded,
    Valuation,
)
from tallystick.contracts.custody.rules import limit_in_force, safeguarded
from tallystick.contracts.instants import now
from tallystick.contracts.register.allowances import Allowances
from tallystick.contracts.register.movements import Movements


class CustodyReports:
    """Reports about custodians, at one moment."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._book = Movements(ctx).book
        self._allowances = Allowances(ctx)
        self._custodians = Custodians(ctx.state)

    def of(self, custodian: str, valuations: Sequence[Valuation]) -> CustodyReport:
        """Return what a custodian holds of the securities that are valued."""
        row = self._custodians.require(custodian)
        clients = tuple(sorted(Clients(self._ctx, custodian).all()))
        lines = tuple(self._line(custodian, row.custody, clients, each) for each in valuations)
        exposure = sum(line.value for line in lines)
        limit = limit_in_force(row.cover, now(self._ctx))
        return CustodyReport(
            custodian=custodian,
            lines=lines,
            exposure=exposure,
            limit=limit,
            is_covered=exposure <= limit,
        )

    def _line(
        self, custodian: str, custody: Custody, clients: Sequence[str], valuation: Valuation
    ) -> Safeguarded:
        security = valuation.security
        return safeguarded(
            valuation,
            own=self._units(security, [custody.identity]),
            omnibus=self._units(security, custody.client_accounts),
            drawable=[self._drawable(security, client, custodian) for client in clients],
        )

    def _units(self, security: str, accounts: Iterable[str]) -> int:
        return sum(self._book.position(Account(security, each)).quantity for each in accounts)

    def _drawable(self, security: str, client: str, custodian: str) -> int:
        """Return how many units of a client the custodian may draw now, for whatever it be."""
        moment = now(self._ctx)
        allowed = [
            line.quantity
            for line in self._allowances.of_holder(security, client)
            if line.spender == custodian and moment < line.expires_at
        ]
        if not allowed:
            return 0
        held = self._book.position(Account(security, client)).quantity
        bounds = [quantity for quantity in allowed if quantity is not None]
        return min(held, sum(bounds)) if len(bounds) == len(allowed) else held
