"""Who may read what is confidential, and in which collection it lies.

Collections have fixed members, so there is one for each organisation whose affairs are to be kept
from others of its kind: a venue's trades, an intermediary's orders, a bank's accounts, a
custodian's clients, what an issuer's holders get. Those who clear, keep the register or oversee
belong to all of them. The functions of the contracts serve more callers than that, an investor's
broker for example; so they judge who reads, on the peers of members.
"""

from collections.abc import Sequence

from tallystick.chaincode import Context
from tallystick.contracts.parties import Exercised, check_parties
from tallystick.contracts.powers import READING
from tallystick.contracts.reasons import Finding

INVESTORS = "investors"
"""The identity contract's collection: references to what is known about investors."""

COMMITMENTS = "commitments"
"""The settlement contract's collection: what holders have committed, at all venues; no venue's."""


def clients_of(custodian: str) -> str:
    """Return the token contract's collection for the clients of a custodian."""
    return f"clients_{custodian}"


def trades_of(venue: str) -> str:
    """Return the settlement contract's collection for the trades of a venue."""
    return f"trades_{venue}"


def subscriptions_of(intermediary: str) -> str:
    """Return the settlement contract's collection for orders that run through an intermediary."""
    return f"subscriptions_{intermediary}"


def accounts_of(bank: str) -> str:
    """Return the cash contract's collection for what a bank owes."""
    return f"accounts_{bank}"


def actions_of(issuer: str) -> str:
    """Return the settlement contract's collection for the corporate actions of an issuer."""
    return f"actions_{issuer}"


def reading_findings(ctx: Context, owner: str = "") -> Sequence[Finding]:
    """Return why the submitter may not read all that concerns ``owner``, an organisation."""
    if ctx.client.msp_id == owner:
        return ()
    wanted = Exercised(organization=ctx.client.msp_id, powers=READING)
    return check_parties(ctx, exercised=(wanted,)).licences


def may_read(ctx: Context, owner: str = "") -> bool:
    """Return whether the submitter may read all that concerns ``owner``, an organisation."""
    return not reading_findings(ctx, owner)
