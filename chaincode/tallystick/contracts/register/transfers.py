"""Transfers and allowances, as callers of the token contract see them."""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts.book import Account, Move
from tallystick.contracts.events import Basis
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.licensed import MarketContract
from tallystick.contracts.parties import Exercised, authority_for, require_authority
from tallystick.contracts.powers import Power
from tallystick.contracts.register.allowances import Allowances
from tallystick.contracts.register.models import (
    Allowance,
    Verdict,
)
from tallystick.contracts.register.movements import Instruction, Movements
from tallystick.contracts.register.securities import Securities
from tallystick.contracts.statements import (
    AllowanceWithdrawn,
    UnitsAllowed,
    UnitsSent,
)


class TransferFunctions(MarketContract):
    """What holders do with their units, or let others do."""

    @transaction
    def transfer(
        self,
        ctx: Context,
        sent: UnitsSent,
        intent: SignedIntent | None = None,
    ) -> None:
        """Move units as their holder says: by signature, or through a mandated participant."""
        move = _move(sent)
        authority = authority_for(ctx, sent.sender, sent, intent)
        Movements(ctx).execute(Instruction((move,), Basis.TRANSFER, authority))

    @transaction
    def transfer_from(self, ctx: Context, sent: UnitsSent) -> None:
        """Move units that their holder allows the submitting participant to draw."""
        move = _move(sent)
        spender = Exercised(organization=ctx.client.msp_id, powers=(Power.SAFEGUARD,))
        Movements(ctx).execute(Instruction((move,), Basis.ALLOWANCE, exercised=(spender,)))
        Allowances(ctx).draw(sent.security, sent.sender, ctx.client.msp_id, sent.quantity)

    @transaction
    def approve(
        self, ctx: Context, allowed: UnitsAllowed, intent: SignedIntent | None = None
    ) -> None:
        """Let a participant draw units, as their holder or its mandated participant says."""
        Securities(ctx.state).require(allowed.security)
        require_authority(ctx, allowed.holder, allowed, intent)
        Allowances(ctx).grant(allowed)

    @transaction
    def revoke_allowance(
        self, ctx: Context, withdrawn: AllowanceWithdrawn, intent: SignedIntent | None = None
    ) -> None:
        """End an allowance, as the holder or its mandated participant says."""
        require_authority(ctx, withdrawn.holder, withdrawn, intent)
        Allowances(ctx).end(withdrawn.security, withdrawn.holder, withdrawn.spender)

    @query
    def allowance(self, ctx: Context, security: str, holder: str, spender: str) -> Allowance | None:
        """Return what a participant may still draw of a holder's units, if anything."""
        return Allowances(ctx).find(security, holder, spender)

    @query
    def can_transfer(self, ctx: Context, sent: UnitsSent) -> Verdict:
        """Return whether a transfer would pass now, authority aside, and every reason why not."""
        movements = Movements(ctx)
        move = _move(sent)
        reasons = movements.judged(Instruction((move,), Basis.TRANSFER))
        available = movements.book.position(Account(sent.security, sent.sender)).available
        return Verdict(allowed=not reasons, reasons=tuple(reasons), available=available)


def _move(sent: UnitsSent) -> Move:
    return Move(
        asset=sent.security,
        sender=sent.sender,
        receiver=sent.receiver,
        quantity=sent.quantity,
    )
