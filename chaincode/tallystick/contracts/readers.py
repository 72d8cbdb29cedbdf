"""Who may read what is confidential, and in which collection it lies.

Collections have fixed members, so there is one for each organisation whose affairs are to be kept
from others of its kind: a venue's trades, a bank's accounts. The clearing firm, the transfer agent
and the regulator belong to all of them. The functions of the contracts serve more callers than
that, an investor's broker for example; so they judge who reads, on the peers of members.
"""

from tallystick.chaincode import Context
from tallystick.contracts.participants import Participant

READERS = frozenset({Participant.CLEARING, Participant.TRANSFER_AGENT, Participant.REGULATOR})

INVESTORS = "investors"
"""The identity contract's collection: references to what is known about investors."""


def trades_of(venue: str) -> str:
    """Return the settlement contract's collection for the trades of a venue."""
    return f"trades_{venue}"


def accounts_of(bank: str) -> str:
    """Return the cash contract's collection for what a bank owes."""
    return f"accounts_{bank}"


def may_read(ctx: Context, owner: str = "") -> bool:
    """Return whether the submitter may read all that concerns ``owner``, an organisation."""
    return ctx.client.msp_id in READERS or ctx.client.msp_id == owner
