"""Reservations and credit, as callers of the cash contract see them.

Who commits how much at which venue, and who may owe how much, comes as transient data.
"""

from tallystick.chaincode import Context, query, transaction
from tallystick.contracts import events
from tallystick.contracts.book import Account
from tallystick.contracts.cash.balances import Balances
from tallystick.contracts.cash.functions.guards import banks_vault
from tallystick.contracts.cash.models import (
    CreditGrant,
    Limits,
    OrderedRelease,
    Reservation,
    ReservationAnswer,
    ReservationPlace,
    SignedRenewal,
    SignedReservation,
)
from tallystick.contracts.cash.reservations import Reservations
from tallystick.contracts.cash.rules import lasting
from tallystick.contracts.cash.vault import Vault
from tallystick.contracts.confidential import secret_argument
from tallystick.contracts.instants import now
from tallystick.contracts.licensed import MarketContract, licence_first, licensed
from tallystick.contracts.parties import (
    Party,
    authority_for,
    check_parties,
    mandate_findings,
    require_authority,
)
from tallystick.contracts.powers import Power
from tallystick.contracts.readers import may_read
from tallystick.contracts.reasons import refuse_if_any


class LimitFunctions(MarketContract):
    """What is reserved of a balance, and how far it may go below nothing."""

    @transaction
    @licence_first()
    def reserve(self, ctx: Context) -> None:
        """Reserve money for an order or as collateral, as its holder signed or has others say.

        It comes as transient data, under ``reservation``.
        """
        asked = secret_argument(ctx, "reservation", SignedReservation)
        said = asked.statement
        vault = Vault(ctx, asked.salt)
        nonces = vault.entries.rows_of(said.cash)
        authority = authority_for(ctx, said.holder, said, asked.intent, nonces)
        Reservations(ctx, vault).place(said, authority, asked.salt)

    @transaction
    @licence_first()
    def renew_reservation(self, ctx: Context) -> None:
        """Let a reservation last longer, as its holder says while it lasts.

        It comes as transient data, under ``renewal``.
        """
        asked = secret_argument(ctx, "renewal", SignedRenewal)
        renewed = asked.statement
        vault = Vault(ctx)
        nonces = vault.entries.rows_of(renewed.cash)
        require_authority(ctx, renewed.holder, renewed, asked.intent, nonces)
        Reservations(ctx, vault).renew(renewed)

    @transaction
    @licensed(Power.OPERATE_VENUE, Power.CLEAR)
    def release_reservation(self, ctx: Context) -> None:
        """Give back what the submitter has reserved.

        Which one comes as transient data, under ``place``.
        """
        place = secret_argument(ctx, "place", ReservationPlace)
        account = Account(place.cash, place.holder)
        Reservations(ctx, Vault(ctx)).release(account, place.reservation)

    @transaction
    @licence_first()
    def release_reservation_by_order(self, ctx: Context) -> None:
        """Give a reservation back as the submitting bank is ordered to, whatever its keeper says.

        For its keeper may have no licence any more. Which one comes as transient data, under
        ``release``.
        """
        ordered = secret_argument(ctx, "release", OrderedRelease)
        account = Account(ordered.cash, ordered.holder)
        vault = banks_vault(ctx, ordered.cash)
        Reservations(ctx, vault).release_by_order(account, ordered)

    @transaction
    @licence_first()
    def grant_credit(self, ctx: Context) -> None:
        """Let somebody owe the submitting bank up to a cap, in place of what it could before.

        It comes as transient data, under ``credit``.
        """
        grant = secret_argument(ctx, "credit", CreditGrant)
        vault = banks_vault(ctx, grant.cash, grant.salt)
        account = Account(grant.cash, grant.holder)
        refuse_if_any(vault.lacks([grant.holder]))
        limits = vault.limits(account) or Limits(salt=grant.salt)
        granted = {"cap": grant.cap, "valid_until": grant.valid_until}
        vault.save_limits(account, limits.model_copy(update=granted))
        event = events.CreditGranted(
            cash=grant.cash, holder=grant.holder, **granted, salt=limits.salt
        )
        vault.entries.tell(grant.cash, event)

    @query
    def reservations(self, ctx: Context, cash: str, holder: str) -> tuple[Reservation, ...]:
        """Return what is reserved: its own to a keeper, all to readers and the holder's agents."""
        vault = Vault(ctx)
        limits = vault.limits(Account(cash, holder))
        if limits is None:
            return ()
        found = lasting(limits, now(ctx))
        if may_read(ctx, vault.entries.cash(cash).bank) or not mandate_findings(ctx, holder):
            return found
        return tuple(each for each in found if each.keeper == ctx.client.msp_id)

    @query
    @licence_first()
    def may_reserve(self, ctx: Context, cash: str, holder: str, amount: int) -> ReservationAnswer:
        """Return whether so much may be reserved now, and the most that may.

        For the holder's agents, and for venues at which the holder has a linked account.
        """
        if mandate_findings(ctx, holder):
            asked = Party(identity=holder, account_at=ctx.client.msp_id)
            report = check_parties(ctx, [asked])
            refuse_if_any([*report.licences, *report.parties[0].findings])
        most = Balances(ctx, Vault(ctx)).account(Account(cash, holder)).available
        return ReservationAnswer(allowed=0 < amount <= most, most=most)
