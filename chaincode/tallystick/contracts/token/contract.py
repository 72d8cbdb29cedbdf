"""The token contract, as callers see it."""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts import events
from tallystick.contracts.book import Account, LockedMove, Move, Position, holder_of
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.custody.functions import CustodyFunctions
from tallystick.contracts.events import Basis
from tallystick.contracts.instants import now
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.licensed import licensed, only_through
from tallystick.contracts.lots import Origin
from tallystick.contracts.models import Identifier, PageSize, Quantity, ShortText
from tallystick.contracts.parties import Exercised, authority_for, require_authority
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import RegisterReason
from tallystick.contracts.register.allowances import Allowances
from tallystick.contracts.register.models import (
    Allocation,
    Allowance,
    Freeze,
    Holding,
    RegisterPage,
    Security,
    SecurityTerms,
    Verdict,
)
from tallystick.contracts.register.movements import Instruction, Movements
from tallystick.contracts.register.securities import Securities
from tallystick.contracts.statements import (
    AllowanceWithdrawn,
    UnitsAllowed,
    UnitsSent,
)


class TokenContract(CustodyFunctions):
    """Securities and their holders."""

    name = "token"

    # --- securities ---

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

    # --- movements ---

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def issue(self, ctx: Context, security: Identifier, to: Identifier, quantity: Quantity) -> None:
        """Create units in the hands of a holder who meets the security's requirements."""
        move = Move(asset=security, sender=None, receiver=to, quantity=quantity, origin=Origin())
        Movements(ctx).execute(Instruction((move,), Basis.ISSUE))

    @transaction
    @licensed(Power.KEEP_REGISTER)
    def issue_to_many(
        self, ctx: Context, security: Identifier, allocations: tuple[Allocation, ...]
    ) -> None:
        """Create units in the hands of many: all of them or none."""
        moves = [
            Move(
                asset=security,
                sender=None,
                receiver=each.to,
                quantity=each.quantity,
                origin=each.origin,
            )
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

    # --- allowances ---

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

    # --- freezes ---

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

    # --- delivery: the settlement contract calls these, each at most once in a transaction ---

    @transaction
    @only_through(Chaincode.SETTLEMENT)
    def lock(self, ctx: Context, moves: tuple[LockedMove, ...]) -> None:
        """Lock units for deliveries to come; the holder stays the holder."""
        Movements(ctx).lock(moves)

    @transaction
    @only_through(Chaincode.SETTLEMENT)
    def release(self, ctx: Context, moves: tuple[LockedMove, ...]) -> None:
        """Give locks up without delivery."""
        Movements(ctx).release(moves)

    @transaction
    @only_through(Chaincode.SETTLEMENT)
    def deliver(self, ctx: Context, moves: tuple[LockedMove, ...]) -> None:
        """Move locked units to those for whom they were locked."""
        Movements(ctx).execute(Instruction(moves, Basis.SETTLEMENT))

    # --- queries ---

    @query
    def security(self, ctx: Context, security: str) -> Security:
        """Return a security with its terms."""
        return Securities(ctx.state).require(security)

    @query
    def balance_of(self, ctx: Context, security: str, holder: str) -> int:
        """Return how many units somebody holds, locked and frozen ones included."""
        return Movements(ctx).book.position(Account(security, holder)).quantity

    @query
    def holding(self, ctx: Context, security: str, holder: str) -> Holding:
        """Return a holder's line of the register."""
        return _holding(holder, Movements(ctx).book.position(Account(security, holder)))

    @query
    def register(
        self, ctx: Context, security: str, page_size: PageSize = 100, bookmark: str = ""
    ) -> RegisterPage:
        """Return one page of the holders of a security, by id: the cap table."""
        page = ctx.state.partial_page("position", security, page_size=page_size, bookmark=bookmark)
        holdings = tuple(
            _holding(holder_of(key), Position.model_validate_json(value))
            for key, value in page.rows
        )
        return RegisterPage(security=security, holdings=holdings, bookmark=page.bookmark)

    @query
    def supply(self, ctx: Context, security: str) -> int:
        """Return how many units of a security are in being."""
        return Movements(ctx).book.supply(security)

    @query
    def holder_count(self, ctx: Context, security: str) -> int:
        """Return how many hold units of a security."""
        return Movements(ctx).book.holder_count(security)

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
        choice=sent.choice,
    )


def _freeze_units(ctx: Context, account: Account, quantity: int, reason: str) -> None:
    Securities(ctx.state).require(account.asset)
    book = Movements(ctx).book
    book.write(book.frozen(account, quantity))
    ctx.emit(
        events.UnitsFrozen(
            security=account.asset, holder=account.holder, quantity=quantity, reason=reason
        )
    )


def _holding(holder: str, position: Position) -> Holding:
    return Holding(
        holder=holder,
        quantity=position.quantity,
        locked=position.locked,
        frozen=position.frozen,
        available=position.available,
    )
