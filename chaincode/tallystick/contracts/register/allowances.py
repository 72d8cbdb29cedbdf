"""Allowances: a holder lets a participant draw units, without a signature trade by trade."""

from collections.abc import Iterator
from typing import NamedTuple

from tallystick.chaincode import Context, composite_key, split_composite_key
from tallystick.contracts import events
from tallystick.contracts.book import timeline_of
from tallystick.contracts.instants import now
from tallystick.contracts.models import MAX_QUANTITY
from tallystick.contracts.reasons import RegisterReason
from tallystick.contracts.register.instructions import Drawn
from tallystick.contracts.register.models import Allowance, AllowanceLine
from tallystick.contracts.statements import (
    ANY_SCOPE,
    AllowanceChange,
    AllowanceScope,
    UnitsAllowed,
)


class Place(NamedTuple):
    """Where an allowance is: whose it is, for whom, and for what."""

    security: str
    holder: str
    spender: str
    scope: AllowanceScope = ANY_SCOPE

    @property
    def key(self) -> str:
        """The key of its row."""
        return composite_key("allowance", *self[:3], self.scope.name)

    @property
    def facts(self) -> dict[str, str]:
        """What refusals say of it."""
        return {"security": self.security, "holder": self.holder, "spender": self.spender}


class Allowances:
    """The allowances of all holders, as one transaction sees them.

    Each holder, spender and scope has one of its own, so that what is allowed for one venue or
    trade is not used up by another.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def find(
        self, security: str, holder: str, spender: str, scope: AllowanceScope = ANY_SCOPE
    ) -> Allowance | None:
        """Return an allowance, or None."""
        place = Place(security, holder, spender, scope)
        row = self._ctx.state.load(place.key, Allowance)
        return None if row is None else row.brought_up(timeline_of(self._ctx.state, security))

    def of_holder(self, security: str, holder: str) -> Iterator[AllowanceLine]:
        """Yield all allowances of a holder, those that have expired included."""
        timeline = timeline_of(self._ctx.state, security)
        for key, value in self._ctx.state.partial("allowance", security, holder):
            _, _, spender, name = split_composite_key(key)[1]
            allowance = Allowance.model_validate_json(value).brought_up(timeline)
            yield AllowanceLine(
                spender=spender,
                scope=_scope_named(name),
                quantity=allowance.quantity,
                expires_at=allowance.expires_at,
            )

    def grant(self, allowed: UnitsAllowed) -> None:
        """Set what a participant may draw, in place of what it might before.

        Raises:
            Refusal: MOMENT_PAST, or ALLOWANCE_DIFFERS when it might not draw what was expected.
        """
        place = Place(allowed.security, allowed.holder, allowed.spender, allowed.scope)
        moment = now(self._ctx)
        if allowed.expires_at <= moment:
            raise RegisterReason.MOMENT_PAST.refusal(moment=allowed.expires_at, now=moment)
        if allowed.expected is not None:
            self._require_expected(place, allowed.expected)
        self._set(place, Allowance(quantity=allowed.quantity, expires_at=allowed.expires_at))

    def change(self, changed: AllowanceChange, quantity: int) -> None:
        """Raise an allowance by ``quantity``, or lower it by a negative one: to none at the least.

        Raises:
            Refusal: ALLOWANCE_MISSING, ALLOWANCE_UNBOUNDED or ALLOWANCE_TOO_LARGE.
        """
        place = Place(changed.security, changed.holder, changed.spender, changed.scope)
        allowance = self._require(place)
        if allowance.quantity is None:
            raise RegisterReason.ALLOWANCE_UNBOUNDED.refusal(**place.facts)
        changed_to = allowance.quantity + quantity
        if changed_to > MAX_QUANTITY:
            raise RegisterReason.ALLOWANCE_TOO_LARGE.refusal(
                **place.facts, quantity=changed_to, limit=MAX_QUANTITY
            )
        self._set_quantity(place, allowance, changed_to)

    def end(
        self, security: str, holder: str, spender: str, scope: AllowanceScope = ANY_SCOPE
    ) -> None:
        """End an allowance; refuse with ALLOWANCE_MISSING when there is none."""
        place = Place(security, holder, spender, scope)
        self._require(place)
        self._set(place, None)

    def drawn(self, place: Place, quantity: int) -> Drawn:
        """Return by what right so much would be drawn now, and what stands against it."""
        allowance = self.find(*place)
        if allowance is None:
            missing = RegisterReason.ALLOWANCE_MISSING.finding(**place.facts)
            return Drawn(0, findings=(missing,))
        findings = []
        if now(self._ctx) >= allowance.expires_at:
            findings.append(
                RegisterReason.ALLOWANCE_EXPIRED.finding(
                    **place.facts, expires_at=allowance.expires_at
                )
            )
        if allowance.quantity is not None and quantity > allowance.quantity:
            findings.append(
                RegisterReason.ALLOWANCE_EXCEEDED.finding(
                    **place.facts, remaining=allowance.quantity, quantity=quantity
                )
            )
        return Drawn(allowance.quantity, allowance.expires_at, tuple(findings))

    def draw(self, place: Place, quantity: int) -> None:
        """Reduce an allowance by what is drawn; one for all that the holder has stays as it is.

        Nothing stands against the draw: ``drawn`` was asked.
        """
        allowance = self._require(place)
        if allowance.quantity is not None:
            self._set_quantity(place, allowance, allowance.quantity - quantity)

    def _require(self, place: Place) -> Allowance:
        allowance = self.find(*place)
        if allowance is None:
            raise RegisterReason.ALLOWANCE_MISSING.refusal(**place.facts)
        return allowance

    def _require_expected(self, place: Place, expected: int) -> None:
        allowance = self.find(*place)
        remaining = 0 if allowance is None else allowance.quantity
        if remaining != expected:
            raise RegisterReason.ALLOWANCE_DIFFERS.refusal(
                **place.facts,
                remaining="all" if remaining is None else remaining,
                expected=expected,
            )

    def _set_quantity(self, place: Place, allowance: Allowance, quantity: int) -> None:
        left = allowance.model_copy(update={"quantity": quantity}) if quantity > 0 else None
        self._set(place, left)

    def _set(self, place: Place, allowance: Allowance | None) -> None:
        if allowance is None:
            self._ctx.state.delete(place.key)
        else:
            as_of = timeline_of(self._ctx.state, place.security).turns
            self._ctx.state.save(place.key, allowance.model_copy(update={"as_of": as_of}))
        self._ctx.emit(
            events.AllowanceSet(
                **place.facts,
                **place.scope.model_dump(),
                quantity=0 if allowance is None else allowance.quantity,
                expires_at=None if allowance is None else allowance.expires_at,
            )
        )


def _scope_named(name: str) -> AllowanceScope:
    venue, trade, tranche = (part or None for part in name.split("/"))
    return AllowanceScope(venue=venue, trade=trade, tranche=tranche)
