"""Allowances, as callers of the token contract see them."""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts.book import Account
from tallystick.contracts.events import Basis
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.licensed import MarketContract, licence_first, licensed
from tallystick.contracts.parties import Exercised, require_authority
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import RegisterReason
from tallystick.contracts.register.allowances import Allowances, Place
from tallystick.contracts.register.functions.movements import move_of, verdict_on
from tallystick.contracts.register.instructions import Instruction
from tallystick.contracts.register.models import Allowance, AllowanceLine, Verdict
from tallystick.contracts.register.movements import Movements
from tallystick.contracts.register.securities import Securities
from tallystick.contracts.statements import (
    ANY_SCOPE,
    AllowanceLowered,
    AllowanceRaised,
    AllowanceScope,
    AllowanceWithdrawn,
    UnitsAllowed,
    UnitsSent,
)


class AllowanceFunctions(MarketContract):
    """What holders let participants draw."""

    @transaction
    @licence_first()
    def approve(
        self, ctx: Context, allowed: UnitsAllowed, intent: SignedIntent | None = None
    ) -> None:
        """Let a participant draw units, as their holder or its mandated participant says."""
        Securities(ctx.state).require(allowed.security)
        require_authority(ctx, allowed.holder, allowed, intent)
        if allowed.is_covered:
            _require_cover(ctx, allowed)
        Allowances(ctx).grant(allowed)

    @transaction
    def increase_allowance(
        self, ctx: Context, raised: AllowanceRaised, intent: SignedIntent | None = None
    ) -> None:
        """Let a participant draw more, whatever it has drawn meanwhile."""
        require_authority(ctx, raised.holder, raised, intent)
        Allowances(ctx).change(raised, raised.quantity)

    @transaction
    def decrease_allowance(
        self, ctx: Context, lowered: AllowanceLowered, intent: SignedIntent | None = None
    ) -> None:
        """Let a participant draw less, whatever it has drawn meanwhile."""
        require_authority(ctx, lowered.holder, lowered, intent)
        Allowances(ctx).change(lowered, -lowered.quantity)

    @transaction
    def revoke_allowance(
        self, ctx: Context, withdrawn: AllowanceWithdrawn, intent: SignedIntent | None = None
    ) -> None:
        """End an allowance, as the holder or its mandated participant says."""
        require_authority(ctx, withdrawn.holder, withdrawn, intent)
        Allowances(ctx).end(
            withdrawn.security, withdrawn.holder, withdrawn.spender, withdrawn.scope
        )

    @transaction
    @licence_first(Power.SAFEGUARD)
    def transfer_from(
        self, ctx: Context, sent: UnitsSent, scope: AllowanceScope = ANY_SCOPE
    ) -> None:
        """Move units that their holder allows the submitting participant to draw.

        With a scope, the allowance of just that scope is drawn on: for a venue, which then is the
        venue of the movement and needs its licence, as who draws needs one to clear; for a trade;
        of a tranche.
        """
        place = Place(sent.security, sent.sender, ctx.client.msp_id, scope)
        Movements(ctx).execute(_draw(ctx, sent, place))
        Allowances(ctx).draw(place, sent.quantity)

    @transaction
    @licensed(Power.SAFEGUARD)
    def record_refused_draw(
        self, ctx: Context, sent: UnitsSent, scope: AllowanceScope = ANY_SCOPE
    ) -> None:
        """Record why a ``transfer_from`` of the submitting participant is refused.

        The record says what the draw itself is told, by licences and the allowance too.
        """
        place = Place(sent.security, sent.sender, ctx.client.msp_id, scope)
        Movements(ctx).record_refusal(_draw(ctx, sent, place))

    @query
    def can_draw(
        self, ctx: Context, sent: UnitsSent, spender: str, scope: AllowanceScope = ANY_SCOPE
    ) -> Verdict:
        """Return whether a participant's ``transfer_from`` would pass now, and why not.

        Its licence and the allowance are judged along.
        """
        place = Place(sent.security, sent.sender, spender, scope)
        return verdict_on(ctx, _draw(ctx, sent, place))

    @query
    def allowance(
        self,
        ctx: Context,
        security: str,
        holder: str,
        spender: str,
        scope: AllowanceScope = ANY_SCOPE,
    ) -> Allowance | None:
        """Return what a participant may still draw of a holder's units, if anything."""
        return Allowances(ctx).find(security, holder, spender, scope)

    @query
    def allowances(self, ctx: Context, security: str, holder: str) -> tuple[AllowanceLine, ...]:
        """Return all allowances of a holder, by spender."""
        return tuple(Allowances(ctx).of_holder(security, holder))


def _draw(ctx: Context, sent: UnitsSent, place: Place) -> Instruction:
    """Return a draw, as it is asked about and as it is made."""
    scope = place.scope
    exercised = [Exercised(organization=place.spender, powers=(Power.SAFEGUARD,))]
    if scope.venue is not None:
        exercised.append(Exercised(organization=place.spender, powers=(Power.CLEAR,)))
        exercised.append(Exercised(organization=scope.venue, powers=(Power.OPERATE_VENUE,)))
    move = move_of(sent)
    if scope.tranche is not None:
        choice = move.choice.model_copy(update={"tranche": scope.tranche})
        move = move.model_copy(update={"choice": choice})
    return Instruction(
        (move,),
        Basis.ALLOWANCE,
        exercised=tuple(exercised),
        venue=scope.venue,
        drawn=Allowances(ctx).drawn(place, sent.quantity),
        document_hash=sent.document_hash,
    )


def _require_cover(ctx: Context, allowed: UnitsAllowed) -> None:
    """Refuse unless the holder has what it allows; whoever allows all always has it."""
    position = Movements(ctx).book.position(Account(allowed.security, allowed.holder))
    if allowed.quantity is not None and allowed.quantity > position.available:
        raise RegisterReason.ALLOWANCE_NOT_COVERED.refusal(
            holder=allowed.holder,
            security=allowed.security,
            available=position.available,
            quantity=allowed.quantity,
        )
