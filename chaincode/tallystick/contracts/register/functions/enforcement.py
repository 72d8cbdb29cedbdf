"""Freezes, forced movements and corrections, as callers of the token contract see them."""

from tallystick.chaincode import Context, transaction
from tallystick.contracts.book import Account
from tallystick.contracts.licensed import MarketContract, licensed
from tallystick.contracts.models import Identifier, Quantity, ShortText
from tallystick.contracts.powers import Power
from tallystick.contracts.register.enforcement import Enforcement
from tallystick.contracts.register.models import ForcedOrder, Relabelling


class EnforcementFunctions(MarketContract):
    """What happens against a holder's will, or without it."""

    @transaction
    @licensed(Power.KEEP_REGISTER, Power.OVERSEE)
    def freeze(
        self, ctx: Context, security: Identifier, holder: Identifier, reason: ShortText
    ) -> None:
        """Stop a holder from sending and receiving units of a security."""
        Enforcement(ctx).stop(Account(security, holder), reason)

    @transaction
    @licensed(Power.KEEP_REGISTER, Power.OVERSEE)
    def unfreeze(self, ctx: Context, security: Identifier, holder: Identifier) -> None:
        """Let a frozen holder send and receive again."""
        Enforcement(ctx).clear(Account(security, holder))

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
        Enforcement(ctx).freeze(Account(security, holder), quantity, reason)

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
        Enforcement(ctx).freeze(Account(security, holder), -quantity, reason)

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def force(self, ctx: Context, order: ForcedOrder) -> None:
        """Move or end units as a court orders, to holders who may have them: all or nothing."""
        Enforcement(ctx).force(order)

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def relabel_lots(self, ctx: Context, relabelling: Relabelling) -> None:
        """Put right where units come from, or move them to another tranche of their holder."""
        Enforcement(ctx).relabel(relabelling)
