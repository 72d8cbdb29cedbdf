"""What limits say of a balance: reservations that end, credit that is drawn and repaid. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tallystick.contracts.book import Account
from tallystick.contracts.cash.models import Limits, Reservation
from tallystick.contracts.instants import Instant
from tallystick.contracts.reasons import Finding, MoneyReason


def expired(limits: Limits, moment: Instant) -> tuple[Reservation, ...]:
    """Return the reservations that are over."""
    return tuple(each for each in limits.reservations if each.is_over(moment))


def lasting(limits: Limits, moment: Instant) -> tuple[Reservation, ...]:
    """Return the reservations that are not over."""
    return tuple(each for each in limits.reservations if not each.is_over(moment))


def with_reservation(limits: Limits, reservation: Reservation) -> Limits:
    """Return limits with one reservation more, or in place of its former state."""
    others = _others(limits, reservation)
    return limits.model_copy(update={"reservations": (*others, reservation)})


def reduced(limits: Limits, reservation: Reservation, amount: int) -> Limits:
    """Return limits with so much less in a reservation; with nothing left, without it."""
    left = reservation.amount - amount
    if left:
        return with_reservation(limits, reservation.model_copy(update={"amount": left}))
    return limits.model_copy(update={"reservations": _others(limits, reservation)})


@dataclass(frozen=True, slots=True)
class Loan:
    """What a holder borrows of the bank by an act, or repays.

    Attributes:
        limits: As they are afterwards.
        amount: What is lent; less than nothing for what is repaid; 0 when nothing changes.
        missing: What cannot be lent, since the cap does not go so far.
    """

    account: Account
    limits: Limits
    amount: int = 0
    missing: int = 0

    def findings(self) -> Iterator[Finding]:
        """Yield DEBIT_CAP_EXCEEDED when the cap does not go so far."""
        if self.missing:
            yield MoneyReason.DEBIT_CAP_EXCEEDED.finding(
                holder=self.account.holder,
                cash=self.account.asset,
                missing=self.missing,
                cap=self.limits.cap,
            )


def lent(
    account: Account, limits: Limits, available: int, moment: Instant, *, may_draw: bool
) -> Loan:
    """Return what a holder must borrow, or repays, for its balance to come out right.

    Args:
        account: The holder's.
        limits: Of the holder, as they are.
        available: What would be available without a loan; less than nothing when it falls short.
        moment: The time of the transaction.
        may_draw: Whether this act may be paid on credit.
    """
    if available >= 0:
        amount = -min(available, limits.drawn)
    elif may_draw and limits.is_live(moment):
        unused = limits.unused(moment)
        if -available > unused:
            return Loan(account, limits, missing=-available - unused)
        amount = -available
    else:
        return Loan(account, limits)
    return Loan(account, limits.model_copy(update={"drawn": limits.drawn + amount}), amount)


def _others(limits: Limits, reservation: Reservation) -> Sequence[Reservation]:
    place = (reservation.keeper, reservation.name)
    return tuple(each for each in limits.reservations if (each.keeper, each.name) != place)
