"""What custody is, and what it is worth. Pure."""

from collections.abc import Iterator, Sequence

from tallystick.contracts.custody.models import Cover, Custody, Holding, Safeguarded, Valuation
from tallystick.contracts.instants import Instant
from tallystick.contracts.parties import Profile
from tallystick.contracts.reasons import CustodyReason, Finding
from tallystick.contracts.statements import UnitsAllowed, UnitsDistributed


def custody_findings(
    organization: str, custody: Custody, profiles: Sequence[Profile | None]
) -> Iterator[Finding]:
    """Yield why accounts are not ones in which an organisation can safeguard.

    Args:
        organization: Its MSP.
        custody: The accounts.
        profiles: Of all of them, in their order; None for an identity that nobody knows.
    """
    for account, profile in zip(custody.accounts, profiles, strict=True):
        is_own = account == custody.identity
        fits = profile is not None and (
            profile.organization == organization
            and profile.person == custody.identity
            and (profile.identity == profile.person) == is_own
        )
        if not fits:
            yield CustodyReason.NOT_ITS_ACCOUNT.finding(custodian=organization, account=account)


def distribution_findings(
    custodian: str, custody: Custody, distributed: UnitsDistributed, strangers: Sequence[str]
) -> Iterator[Finding]:
    """Yield why units are not distributed: from an account not its own, or to no client of it."""
    if distributed.account not in custody.accounts:
        yield CustodyReason.NOT_ITS_ACCOUNT.finding(
            custodian=custodian, account=distributed.account
        )
    for stranger in strangers:
        yield CustodyReason.NOT_A_CLIENT.finding(custodian=custodian, client=stranger)


def allowance_findings(
    custodian: str, distributed: UnitsDistributed, allowances: Sequence[UnitsAllowed]
) -> Iterator[Finding]:
    """Yield why allowances do not belong to a distribution: each is one receiver's, for it."""
    receivers = {share.client for share in distributed.shares}
    for allowed in allowances:
        if (
            allowed.holder not in receivers
            or allowed.security != distributed.security
            or allowed.spender != custodian
        ):
            yield CustodyReason.ALLOWANCE_NOT_FOR_CUSTODY.finding(
                holder=allowed.holder, custodian=custodian, security=distributed.security
            )


def limit_in_force(cover: Cover | None, moment: Instant) -> int:
    """Return what an insurance pays at a moment, in minor units."""
    if cover is None or not cover.valid_from <= moment < cover.valid_until:
        return 0
    return cover.limit


def safeguarded(
    valuation: Valuation, *, own: int, omnibus: int, drawable: Sequence[int]
) -> Safeguarded:
    """Return what a custodian has of a security.

    Args:
        valuation: The security, and what a unit is worth.
        own: Units that belong to itself.
        omnibus: Units in the accounts for clients together.
        drawable: Units of each client that it may draw.
    """
    distributed = sum(drawable)
    return Safeguarded(
        security=valuation.security,
        own=own,
        omnibus=omnibus,
        distributed=distributed,
        clients=sum(1 for units in drawable if units),
        holding=Holding.of(omnibus, distributed),
        value=(omnibus + distributed) * valuation.price,
    )
