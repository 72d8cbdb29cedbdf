"""Freezes, as callers of the token contract see them."""

from tallystick.chaincode import Context, transaction
from tallystick.contracts import events
from tallystick.contracts.book import Account
from tallystick.contracts.instants import now
from tallystick.contracts.licensed import MarketContract, licensed
from tallystick.contracts.models import Identifier, Quantity, ShortText
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import RegisterReason
from tallystick.contracts.register.models import (
    Freeze,
)
from tallystick.contracts.register.movements import Movements
from tallystick.contracts.register.securities import Securities


class FreezeFunctions(MarketContract):
    """Holders and units that may not move."""

    @transaction
    @licensed(Power.KEEP_REGISTER, Power.OVERSEE)
    def freeze(
        self, ctx: Context, security: Identifier, holder: Identifier, reason: ShortText
    ) -> None:
        """Stop a holder from sending and receiving units of a security."""
        securities = Securities(ctx.state)
        securities.require(security)
        securities.save_freeze(Account(security, holder), Freeze(reason=reason, since=now(ctx)))
        ctx.emit(events.HolderFrozen(security=security, holder=holder, reason=reason))

    @transaction
    @licensed(Power.KEEP_REGISTER, Power.OVERSEE)
    def unfreeze(self, ctx: Context, security: Identifier, holder: Identifier) -> None:
        """Let a frozen holder send and receive again."""
        securities = Securities(ctx.state)
        account = Account(security, holder)
        if securities.freeze(account) is None:
            raise RegisterReason.HOLDER_NOT_FROZEN.refusal(security=security, holder=holder)
        securities.delete_freeze(account)
        ctx.emit(events.HolderUnfrozen(security=security, holder=holder))

    @transaction
    @licensed(Power.KEEP_REGISTER, Power.OVERSEE)
    def freeze_units(
        self,
        ctx: Context,
        security: Identifier,
        holder: Identifier,
        quantity: Quantity,
        reason: ShortText,
    ) -> None:
        """Freeze so many of a holder's available units."""
        _freeze_units(ctx, Account(security, holder), quantity, reason)

    @transaction
    @licensed(Power.KEEP_REGISTER, Power.OVERSEE)
    def unfreeze_units(
        self,
        ctx: Context,
        security: Identifier,
        holder: Identifier,
        quantity: Quantity,
        reason: ShortText,
    ) -> None:
        """Make so many of a holder's frozen units available again."""
        _freeze_units(ctx, Account(security, holder), -quantity, reason)


def _freeze_units(ctx: Context, account: Account, quantity: int, reason: str) -> None:
    Securities(ctx.state).require(account.asset)
    book = Movements(ctx).book
    book.write(book.frozen(account, quantity))
    ctx.emit(
        events.UnitsFrozen(
            security=account.asset, holder=account.holder, quantity=quantity, reason=reason
        )
    )
