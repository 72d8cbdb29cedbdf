"""Holds, as callers of the token contract see them."""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts.book import Account
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.licensed import MarketContract, licence_first, licensed
from tallystick.contracts.models import Identifier, Sha256Hex
from tallystick.contracts.parties import authority_for, require_authority
from tallystick.contracts.powers import Power
from tallystick.contracts.register.holds import Holds
from tallystick.contracts.register.models import HoldExecution, HoldLine
from tallystick.contracts.register.movements import Movements
from tallystick.contracts.statements import HoldDeclined, HoldExtended, UnitsHeld


class HoldFunctions(MarketContract):
    """Units that wait, under a notary."""

    @transaction
    @licence_first()
    def place_hold(self, ctx: Context, held: UnitsHeld, intent: SignedIntent | None = None) -> None:
        """Hold units as their holder says; it stays the holder, and cannot use them."""
        Holds(ctx).place(held, authority_for(ctx, held.holder, held, intent))

    @transaction
    @licensed()
    def execute_hold(self, ctx: Context, execution: HoldExecution) -> None:
        """Let held units go, as the notary says or whoever shows the secret."""
        Holds(ctx).execute(execution)

    @transaction
    def renew_hold(
        self, ctx: Context, extended: HoldExtended, intent: SignedIntent | None = None
    ) -> None:
        """Let a hold last longer, as the holder says while it lasts."""
        require_authority(ctx, extended.holder, extended, intent)
        Holds(ctx).renew(extended)

    @transaction
    @licensed()
    def release_hold(
        self, ctx: Context, security: Identifier, holder: Identifier, hold: Identifier
    ) -> None:
        """Give a hold up: its notary may, and once it has expired anybody."""
        Holds(ctx).release(Account(security, holder), hold)

    @transaction
    def decline_hold(
        self, ctx: Context, declined: HoldDeclined, intent: SignedIntent | None = None
    ) -> None:
        """Give a hold up as its receiver says."""
        require_authority(ctx, declined.receiver, declined, intent)
        Holds(ctx).decline(declined)

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def release_hold_by_order(
        self,
        ctx: Context,
        security: Identifier,
        holder: Identifier,
        hold: Identifier,
        evidence_hash: Sha256Hex,
    ) -> None:
        """Give a hold up against its terms, as a court orders; not one of a trade."""
        Holds(ctx).release_by_order(Account(security, holder), hold, evidence_hash)

    @query
    def holds(self, ctx: Context, security: str, holder: str) -> tuple[HoldLine, ...]:
        """Return the holds on a holder's units, by name."""
        found = Movements(ctx).book.holds(Account(security, holder))
        return tuple(
            HoldLine(hold=name, **hold.model_dump(exclude={"as_of"})) for name, hold in found
        )
