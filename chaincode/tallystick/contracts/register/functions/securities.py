"""Securities, as callers of the token contract see them."""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts import events
from tallystick.contracts.instants import now
from tallystick.contracts.licensed import MarketContract, licensed
from tallystick.contracts.models import Identifier, Quantity, ShortText
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import RegisterReason
from tallystick.contracts.register.models import Amendment, Security, SecurityTerms
from tallystick.contracts.register.movements import Movements
from tallystick.contracts.register.securities import Securities


class SecurityFunctions(MarketContract):
    """What a security is, from its opening to its end."""

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def create_security(self, ctx: Context, terms: SecurityTerms) -> None:
        """Open the register of a new security."""
        securities = Securities(ctx.state)
        if securities.find(terms.security) is not None:
            raise RegisterReason.SECURITY_EXISTS.refusal(security=terms.security)
        securities.save(Security(terms=terms, created_at=now(ctx)))
        ctx.emit(events.SecurityCreated(**terms.model_dump()))

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def amend_security(self, ctx: Context, amendment: Amendment) -> int:
        """Change what a security is called; return the number of this version of its terms."""
        securities = Securities(ctx.state)
        row = securities.require(amendment.security)
        named = {"name": amendment.name, "identifiers": amendment.identifiers}
        number = row.number + 1
        terms = row.terms.model_copy(update=named)
        securities.change(amendment.security, terms=terms, number=number)
        ctx.emit(events.SecurityAmended(number=number, **amendment.model_dump()))
        return number

    @transaction
    @licensed(Power.KEEP_REGISTER, Power.OVERSEE)
    def pause(self, ctx: Context, security: Identifier, reason: ShortText) -> None:
        """Stop all movements between holders of a security."""
        Securities(ctx.state).change(security, pause=reason)
        ctx.emit(events.SecurityPaused(security=security, reason=reason))

    @transaction
    @licensed(Power.KEEP_REGISTER, Power.OVERSEE)
    def resume(self, ctx: Context, security: Identifier) -> None:
        """Let units of a paused security move again."""
        securities = Securities(ctx.state)
        if securities.require(security).pause is None:
            raise RegisterReason.SECURITY_NOT_PAUSED.refusal(security=security)
        securities.change(security, pause=None)
        ctx.emit(events.SecurityResumed(security=security))

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def set_cap(self, ctx: Context, security: Identifier, cap: Quantity | None) -> None:
        """Set the most units that there may be; None lifts the cap."""
        securities = Securities(ctx.state)
        terms = securities.require(security).terms
        supply = Movements(ctx).book.supply(security)
        if cap is not None and supply > cap:
            raise RegisterReason.CAP_BELOW_SUPPLY.refusal(security=security, supply=supply, cap=cap)
        securities.change(security, terms=terms.model_copy(update={"cap": cap}))
        ctx.emit(events.CapChanged(security=security, cap=cap))

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def close_issuance(self, ctx: Context, security: Identifier) -> None:
        """Let no more units of a security ever be issued. There is no way back."""
        Securities(ctx.state).change(security, is_closed=True)
        ctx.emit(events.IssuanceClosed(security=security))

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def renounce_enforcement(self, ctx: Context, security: Identifier) -> None:
        """Give up for ever to move units against their holder's will. There is no way back."""
        Securities(ctx.state).change(security, is_unforced=True)
        ctx.emit(events.EnforcementRenounced(security=security))

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def deactivate(self, ctx: Context, security: Identifier, reason: ShortText) -> None:
        """End a security: from now on its units can only be redeemed. There is no way back."""
        Securities(ctx.state).change(security, ended=reason)
        ctx.emit(events.SecurityDeactivated(security=security, reason=reason))

    @query
    def security(self, ctx: Context, security: str) -> Security:
        """Return a security with its terms."""
        return Securities(ctx.state).require(security)

    @query
    def supply(self, ctx: Context, security: str) -> int:
        """Return how many units of a security are in being."""
        return Movements(ctx).book.supply(security)

    @query
    def holder_count(self, ctx: Context, security: str) -> int:
        """Return how many hold units of a security."""
        return Movements(ctx).book.holder_count(security)
