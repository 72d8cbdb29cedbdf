"""Money that is reserved: committed to an order at a venue, or a clearing firm's collateral.

What an investor commits at all venues is held in one balance, so no two of them can count on the
same money, and neither a payment nor a withdrawal can undercut an order. It is held for its keeper,
which alone uses it or gives it back; and from the second on in which it ends it is free. A keeper
may lose its licence, or be no more: then its bank gives the money back, as it is ordered to.
"""

from tallystick.chaincode import Context
from tallystick.contracts import events
from tallystick.contracts.book import Account
from tallystick.contracts.cash.models import (
    MAX_RESERVATIONS,
    Limits,
    OrderedRelease,
    Reservation,
)
from tallystick.contracts.cash.rules import with_reservation
from tallystick.contracts.cash.vault import Vault
from tallystick.contracts.instants import Instant, now
from tallystick.contracts.parties import Authority, Exercised
from tallystick.contracts.powers import Power
from tallystick.contracts.reasons import MoneyReason, RegisterReason, refuse_if_any
from tallystick.contracts.statements import (
    MoneyReserved,
    ReservationRenewed,
    ReservationUse,
)


class Reservations:
    """The reservations of all holders, as one transaction sees and changes them."""

    def __init__(self, ctx: Context, vault: Vault) -> None:
        self._ctx = ctx
        self._vault = vault

    def place(self, said: MoneyReserved, authority: Authority, salt: str) -> None:
        """Reserve money as its holder says; who keeps collateral needs the power to clear.

        A venue is asked for its licence when it uses the money or gives it back: to ask here, in
        public, would tell at which venue the holder has an order.

        Raises:
            Refusal: RESERVATION_ENDLESS, MOMENT_PAST, RESERVATION_EXISTS, RESERVATIONS_TOO_MANY or
                RESERVATION_TOO_LARGE, or what stands against holder, authority or keeper.
        """
        account = Account(said.cash, said.holder)
        self._require_end(said)
        exercised = [Exercised(organization=self._ctx.client.msp_id)]
        if said.use is ReservationUse.COLLATERAL:
            exercised.append(Exercised(organization=said.keeper, powers=(Power.CLEAR,)))
        refuse_if_any(self._vault.lacks([said.holder], authority, exercised))
        self._vault.settle_up(account)
        limits = self._vault.limits(account) or Limits(salt=salt)
        self._require_room(said, limits)
        reservation = Reservation(
            keeper=said.keeper,
            name=said.reservation,
            use=said.use,
            amount=said.amount,
            expires_at=said.expires_at,
        )
        after = with_reservation(limits, reservation)
        self._vault.save_limits(account, after, held=said.amount)
        event = events.MoneyReserved(**said.model_dump(), salt=limits.salt)
        self._vault.entries.tell(said.cash, event, limits.salt)

    def renew(self, renewed: ReservationRenewed) -> None:
        """Let a reservation end later, while it lasts: its keeper counts on it, so never earlier.

        Raises:
            Refusal: MOMENT_PAST, RESERVATION_UNKNOWN or RESERVATION_SHORTENED.
        """
        account = Account(renewed.cash, renewed.holder)
        self._require_future(renewed.expires_at)
        limits, reservation = self._require(account, renewed.keeper, renewed.reservation)
        until = reservation.expires_at
        if until is None or renewed.expires_at < until:
            raise MoneyReason.RESERVATION_SHORTENED.refusal(
                reservation=reservation.name,
                holder=account.holder,
                keeper=reservation.keeper,
                until="until it is given back" if until is None else f"until {until}",
            )
        later = reservation.model_copy(update={"expires_at": renewed.expires_at})
        self._vault.save_limits(account, with_reservation(limits, later))
        event = events.ReservationRenewed(**renewed.model_dump())
        self._vault.entries.tell(renewed.cash, event, limits.salt)

    def release(self, account: Account, name: str) -> None:
        """Give back what the submitter has reserved.

        Raises:
            Refusal: RESERVATION_UNKNOWN.
        """
        _, reservation = self._require(account, self._ctx.client.msp_id, name)
        self._vault.free(account, reservation, reservation.amount, "released")
        self._vault.repay([account])

    def release_by_order(self, account: Account, ordered: OrderedRelease) -> None:
        """Give back what a keeper has reserved, as its bank is ordered to.

        Raises:
            Refusal: RESERVATION_UNKNOWN.
        """
        _, reservation = self._require(account, ordered.keeper, ordered.reservation)
        self._vault.free(account, reservation, reservation.amount, "ordered", ordered.evidence_hash)
        self._vault.repay([account])

    def _require(self, account: Account, keeper: str, name: str) -> tuple[Limits, Reservation]:
        self._vault.settle_up(account)
        limits = self._vault.limits(account)
        reservation = limits.find(keeper, name) if limits else None
        if limits is None or reservation is None:
            raise MoneyReason.RESERVATION_UNKNOWN.refusal(
                keeper=keeper, holder=account.holder, reservation=name
            )
        return limits, reservation

    def _require_end(self, said: MoneyReserved) -> None:
        if said.expires_at is not None:
            self._require_future(said.expires_at)
        elif said.use is ReservationUse.ORDER:
            raise MoneyReason.RESERVATION_ENDLESS.refusal(reservation=said.reservation)

    def _require_future(self, moment: Instant) -> None:
        current = now(self._ctx)
        if moment <= current:
            raise RegisterReason.MOMENT_PAST.refusal(moment=moment, now=current)

    def _require_room(self, said: MoneyReserved, limits: Limits) -> None:
        """Refuse what cannot be reserved, and tell the most that can: nothing of why."""
        if limits.find(said.keeper, said.reservation) is not None:
            raise MoneyReason.RESERVATION_EXISTS.refusal(
                keeper=said.keeper, holder=said.holder, reservation=said.reservation
            )
        if len(limits.reservations) >= MAX_RESERVATIONS:
            raise MoneyReason.RESERVATIONS_TOO_MANY.refusal(
                holder=said.holder, cash=said.cash, limit=MAX_RESERVATIONS
            )
        most = self._vault.book.position(Account(said.cash, said.holder)).available
        if said.amount > most:
            raise MoneyReason.RESERVATION_TOO_LARGE.refusal(
                amount=said.amount, holder=said.holder, reservation=said.reservation, most=most
            )
