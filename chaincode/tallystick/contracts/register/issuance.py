"""Securities, and how units come into being and end, as callers of the token contract see it."""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts import events
from tallystick.contracts.book import Move
from tallystick.contracts.events import Basis
from tallystick.contracts.instants import now
from tallystick.contracts.licensed import MarketContract, licensed
from tallystick.contracts.models import Identifier, Quantity, ShortText
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import RegisterReason
from tallystick.contracts.register.models import (
    Allocation,
    Security,
    SecurityTerms,
)
from tallystick.contracts.register.movements import Instruction, Movements
from tallystick.contracts.register.securities import Securities


class IssuanceFunctions(MarketContract):
    """Securities, issues, redemptions and pauses."""

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def create_security(self, ctx: Context, terms: SecurityTerms) -> None:
        """Open the register of a new security."""
        securities = Securities(ctx.state)
        if securities.find(terms.security) is not None:
            raise RegisterReason.SECURITY_EXISTS.refusal(security=terms.security)
        securities.save(Security(terms=terms, created_at=now(ctx)))
        ctx.emit(
            events.SecurityCreated(security=terms.security, name=terms.name, issuer=terms.issuer)
        )

    @transaction
    @licensed(Power.KEEP_REGISTER, Power.OVERSEE)
    def pause(self, ctx: Context, security: Identifier, reason: ShortText) -> None:
        """Stop all movements between holders of a security."""
        securities = Securities(ctx.state)
        row = securities.require(security)
        securities.save(row.model_copy(update={"pause": reason}))
        ctx.emit(events.SecurityPaused(security=security, reason=reason))

    @transaction
    @licensed(Power.KEEP_REGISTER, Power.OVERSEE)
    def resume(self, ctx: Context, security: Identifier) -> None:
        """Let units of a paused security move again."""
        securities = Securities(ctx.state)
        row = securities.require(security)
        if row.pause is None:
            raise RegisterReason.SECURITY_NOT_PAUSED.refusal(security=security)
        securities.save(row.model_copy(update={"pause": None}))
        ctx.emit(events.SecurityResumed(security=security))

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def issue(self, ctx: Context, security: Identifier, to: Identifier, quantity: Quantity) -> None:
        """Create units in the hands of a holder who meets the security's requirements."""
        move = Move(asset=security, sender=None, receiver=to, quantity=quantity)
        Movements(ctx).execute(Instruction((move,), Basis.ISSUE))

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def issue_to_many(
        self, ctx: Context, security: Identifier, allocations: tuple[Allocation, ...]
    ) -> None:
        """Create units in the hands of many: all of them or none."""
        moves = [
            Move(asset=security, sender=None, receiver=each.to, quantity=each.quantity)
            for each in allocations
        ]
        Movements(ctx).execute(Instruction(tuple(moves), Basis.ISSUE))

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def redeem(
        self, ctx: Context, security: Identifier, holder: Identifier, quantity: Quantity
    ) -> None:
        """End units of a holder."""
        move = Move(asset=security, sender=holder, receiver=None, quantity=quantity)
        Movements(ctx).execute(Instruction((move,), Basis.REDEMPTION))

    @query
    def security(self, ctx: Context, security: str) -> Security:
        """Return a security with its terms."""
        return Securities(ctx.state).require(security)

    @query
    def supply(self, ctx: Context, security: str) -> int:
        """Return how many units of a security are in being."""
        return Movements(ctx).book.supply(security)
