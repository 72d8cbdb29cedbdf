"""Movements of units, as callers of the token contract see them."""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts.book import Account, Delivery, HeldMove, Move
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.compliance.decisions import cures, most, unlocks
from tallystick.contracts.events import Basis
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.licensed import MarketContract, licence_first, licensed, only_through
from tallystick.contracts.lots import NO_ORIGIN, Origin
from tallystick.contracts.models import Identifier, Quantity, Sha256Hex
from tallystick.contracts.parties import Exercised, authority_for
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import Finding, RegisterReason
from tallystick.contracts.redemptions import PaidRedemption, Unredeemed
from tallystick.contracts.register.agreed import as_held, in_present_units
from tallystick.contracts.register.instructions import Instruction
from tallystick.contracts.register.models import (
    Allocation,
    Allocations,
    Redemption,
    Redemptions,
    Verdict,
)
from tallystick.contracts.register.movements import Movements
from tallystick.contracts.register.redemption import redeem_for_payment
from tallystick.contracts.statements import UnitsSent, UnitsSentToMany, UnitsSurrendered


class MovementFunctions(MarketContract):
    """Issue, redemption, transfer, and delivery of what was traded."""

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def issue(
        self,
        ctx: Context,
        security: Identifier,
        to: Identifier,
        quantity: Quantity,
        origin: Origin = NO_ORIGIN,
    ) -> None:
        """Create units in the hands of a holder who meets the security's requirements."""
        _issue(ctx, security, (Allocation(to=to, quantity=quantity, origin=origin),))

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def issue_to_many(self, ctx: Context, security: Identifier, allocations: Allocations) -> None:
        """Create units in the hands of many: all of them or none."""
        _issue(ctx, security, allocations)

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def redeem(
        self,
        ctx: Context,
        security: Identifier,
        holder: Identifier,
        quantity: Quantity,
        evidence_hash: Sha256Hex,
    ) -> None:
        """End units of a holder that has not asked for it; the hash is of what orders it."""
        _redeem(ctx, security, (Redemption(holder=holder, quantity=quantity),), evidence_hash)

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def redeem_from_many(
        self,
        ctx: Context,
        security: Identifier,
        redemptions: Redemptions,
        evidence_hash: Sha256Hex,
    ) -> None:
        """End units of many holders, likewise: all of them or none."""
        _redeem(ctx, security, redemptions, evidence_hash)

    @transaction
    @licence_first()
    def surrender(
        self, ctx: Context, surrendered: UnitsSurrendered, intent: SignedIntent | None = None
    ) -> None:
        """End units as their holder says: by signature, or through a mandated participant."""
        move = Move(
            asset=surrendered.security,
            sender=surrendered.holder,
            receiver=None,
            quantity=surrendered.quantity,
            choice=surrendered.choice,
        )
        authority = authority_for(ctx, surrendered.holder, surrendered, intent)
        Movements(ctx).execute(
            Instruction(
                (move,),
                Basis.REDEMPTION,
                authority,
                document_hash=surrendered.document_hash,
            )
        )

    @transaction
    @licence_first()
    def transfer(self, ctx: Context, sent: UnitsSent, intent: SignedIntent | None = None) -> None:
        """Move units as their holder says: by signature, or through a mandated participant."""
        authority = authority_for(ctx, sent.sender, sent, intent)
        Movements(ctx).execute(
            Instruction(
                (move_of(sent),), Basis.TRANSFER, authority, document_hash=sent.document_hash
            )
        )

    @transaction
    @licence_first()
    def transfer_to_many(
        self, ctx: Context, sent: UnitsSentToMany, intent: SignedIntent | None = None
    ) -> None:
        """Move units of one holder to several as it says: all of it or nothing."""
        moves = tuple(
            Move(
                asset=sent.security,
                sender=sent.sender,
                receiver=each.receiver,
                quantity=each.quantity,
            )
            for each in sent.portions
        )
        authority = authority_for(ctx, sent.sender, sent, intent)
        Movements(ctx).execute(
            Instruction(moves, Basis.TRANSFER, authority, document_hash=sent.document_hash)
        )

    @query
    def can_transfer(self, ctx: Context, sent: UnitsSent, venue: str | None = None) -> Verdict:
        """Return whether a transfer would pass now, and every reason why not.

        Who would submit it, and by whose right, is left aside. With a venue, it is judged as the
        settlement of a trade there, so that the venue's licence counts.
        """
        if venue is None:
            instruction = Instruction((move_of(sent),), Basis.TRANSFER, exercised=())
        else:
            trading = Exercised(organization=venue, powers=(Power.OPERATE_VENUE,))
            instruction = Instruction(
                (move_of(sent),), Basis.SETTLEMENT, exercised=(trading,), venue=venue
            )
        return verdict_on(ctx, instruction)

    @query
    def can_subscribe(
        self, ctx: Context, security: Identifier, holder: Identifier, exemption: str = ""
    ) -> Verdict:
        """Return whether units could be issued to a holder now, how many, and why no more.

        Rules about offerings look at the exemption under which the units would be issued.
        """
        origin = Origin(exemption=exemption or None)
        move = Move(asset=security, sender=None, receiver=holder, quantity=1, origin=origin)
        return verdict_on(ctx, Instruction((move,), Basis.ISSUE, exercised=()))

    # --- the settlement contract calls these, each at most once in a transaction ---

    @transaction
    @only_through(Chaincode.SETTLEMENT)
    def lock(
        self, ctx: Context, moves: tuple[HeldMove, ...], venue: Identifier | None = None
    ) -> None:
        """Hold units for deliveries of what was traded at a venue; the holder stays the holder."""
        moves = in_present_units(ctx.state, moves)
        placements = [move.placement for move in moves]
        Movements(ctx).hold(placements, Instruction(moves, Basis.SETTLEMENT, venue=venue))

    @transaction
    @only_through(Chaincode.SETTLEMENT)
    def release(self, ctx: Context, moves: tuple[HeldMove, ...]) -> None:
        """Give holds up without delivery."""
        Movements(ctx).release([move.place for move in moves])

    @transaction
    @only_through(Chaincode.SETTLEMENT)
    def deliver(
        self, ctx: Context, moves: tuple[Delivery, ...], venue: Identifier | None = None
    ) -> None:
        """Move units as was agreed at a venue: held ones to those for whom they were held."""
        movements = Movements(ctx)
        moves = as_held(ctx.state, movements.book, moves)
        movements.execute(Instruction(moves, Basis.SETTLEMENT, venue=venue))

    @transaction
    @only_through(Chaincode.SETTLEMENT)
    def redeem_for_payment(self, ctx: Context, asked: PaidRedemption) -> tuple[Unredeemed, ...]:
        """End units of holders who are paid for them; return those whose cannot end now, and why.

        Of each holder all that is asked ends, or nothing.
        """
        return redeem_for_payment(ctx, asked)

    @transaction
    @only_through(Chaincode.SETTLEMENT)
    def record_failure(
        self, ctx: Context, moves: tuple[Delivery, ...], venue: Identifier
    ) -> tuple[Finding, ...]:
        """Record what stands against a delivery, if anything does; return it."""
        movements = Movements(ctx)
        moves = as_held(ctx.state, movements.book, moves)
        instruction = Instruction(moves, Basis.SETTLEMENT, venue=venue)
        return tuple(movements.record_if_refused(instruction))


def verdict_on(ctx: Context, instruction: Instruction) -> Verdict:
    """Return what would be decided about an instruction of one move, and what else may be said."""
    movements = Movements(ctx)
    (move,) = instruction.moves
    if move.sender is not None and move.sender == move.receiver:
        return Verdict(
            allowed=False,
            reasons=(RegisterReason.SAME_PARTY.finding(holder=move.sender),),
            available=movements.book.position(Account(move.asset, move.sender)).available,
        )
    decision, asked = movements.decision(instruction), movements.asked(instruction)
    (leg,) = decision.case.legs
    sender = decision.case.sender(leg)
    return Verdict(
        allowed=not decision.findings,
        reasons=tuple(decision.findings),
        available=0 if sender is None else sender.before.available,
        most=most(decision, leg, asked, move.choice),
        unlocks=unlocks(decision, leg, asked, move.choice),
        cures=cures(decision),
    )


def move_of(sent: UnitsSent) -> Move:
    """Return the movement that a holder, or who may draw, asks for."""
    return Move.model_construct(
        asset=sent.security,
        sender=sent.sender,
        receiver=sent.receiver,
        quantity=sent.quantity,
        choice=sent.choice,
    )


def _issue(ctx: Context, security: str, allocations: Allocations) -> None:
    moves = tuple(
        Move(
            asset=security,
            sender=None,
            receiver=each.to,
            quantity=each.quantity,
            origin=each.origin,
        )
        for each in allocations
    )
    Movements(ctx).execute(Instruction(moves, Basis.ISSUE))


def _redeem(ctx: Context, security: str, redemptions: Redemptions, evidence_hash: str) -> None:
    moves = tuple(
        Move(
            asset=security,
            sender=each.holder,
            receiver=None,
            quantity=each.quantity,
            choice=each.choice,
        )
        for each in redemptions
    )
    Movements(ctx).execute(Instruction(moves, Basis.REDEMPTION, document_hash=evidence_hash))
