"""Allowances: a holder lets a participant draw units, without a signature trade by trade."""

from tallystick.chaincode import Context, composite_key
from tallystick.contracts import events
from tallystick.contracts.instants import now
from tallystick.contracts.reasons import RegisterReason
from tallystick.contracts.register.models import Allowance
from tallystick.contracts.statements import UnitsAllowed


class Allowances:
    """The allowances of all holders, as one transaction sees them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def find(self, security: str, holder: str, spender: str) -> Allowance | None:
        """Return an allowance, or None."""
        key = composite_key("allowance", security, holder, spender)
        return self._ctx.state.load(key, Allowance)

    def grant(self, allowed: UnitsAllowed) -> None:
        """Set what a participant may draw, in place of what it might before."""
        allowance = Allowance(quantity=allowed.quantity, expires_at=allowed.expires_at)
        self._set(allowed.security, allowed.holder, allowed.spender, allowance)

    def end(self, security: str, holder: str, spender: str) -> None:
        """End an allowance; refuse with ALLOWANCE_MISSING when there is none."""
        self._require(security, holder, spender)
        self._set(security, holder, spender, None)

    def draw(self, security: str, holder: str, spender: str, quantity: int) -> None:
        """Reduce an allowance by what is drawn.

        Raises:
            Refusal: ALLOWANCE_MISSING, ALLOWANCE_EXPIRED or ALLOWANCE_EXCEEDED.
        """
        allowance = self._require(security, holder, spender)
        facts = {"security": security, "holder": holder, "spender": spender}
        if now(self._ctx) >= allowance.expires_at:
            raise RegisterReason.ALLOWANCE_EXPIRED.refusal(**facts, expires_at=allowance.expires_at)
        remaining = allowance.quantity - quantity
        if remaining < 0:
            raise RegisterReason.ALLOWANCE_EXCEEDED.refusal(
                **facts, remaining=allowance.quantity, quantity=quantity
            )
        left = allowance.model_copy(update={"quantity": remaining}) if remaining else None
        self._set(security, holder, spender, left)

    def _require(self, security: str, holder: str, spender: str) -> Allowance:
        allowance = self.find(security, holder, spender)
        if allowance is None:
            raise RegisterReason.ALLOWANCE_MISSING.refusal(
                security=security, holder=holder, spender=spender
            )
        return allowance

    def _set(self, security: str, holder: str, spender: str, allowance: Allowance | None) -> None:
        key = composite_key("allowance", security, holder, spender)
        if allowance is None:
            self._ctx.state.delete(key)
        else:
            self._ctx.state.save(key, allowance)
        self._ctx.emit(
            events.AllowanceSet(
                security=security,
                holder=holder,
                spender=spender,
                quantity=allowance.quantity if allowance else 0,
                expires_at=allowance.expires_at if allowance else None,
            )
        )
