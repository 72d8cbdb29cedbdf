"""Who may call the functions of netting, and arguments that are well formed."""

from contextlib import suppress

from tests.unit.contracts.netting.cleared import cleared_of, listed
from tests.unit.contracts.permissions.roles import (
    EVERYBODY,
    LICENSED,
    READERS,
    Arguments,
    P,
    Permissions,
)

from tallystick.chaincode import Refusal
from tallystick.contracts.netting.models import DefaultNotice
from tallystick.contracts.testing import Market

CLEARERS = frozenset({P.CLEARING})

PERMITTED: Permissions = {
    "open_cycle": CLEARERS,
    "accept_trades": CLEARERS,
    "settle_cycle": CLEARERS,
    "cancel_cycle": CLEARERS | {P.REGULATOR},
    "end_batch": LICENSED,
    "declare_default": CLEARERS,
    "lift_default": CLEARERS,
    "cycle": EVERYBODY,
    "preview_cycle": READERS | {P.ATS},
    "cycles": EVERYBODY,
}


def arguments(market: Market) -> Arguments:
    cleared = cleared_of(market)
    with suppress(Refusal):  # from the second role on there is the cycle
        cleared.open_cycle(cleared.cycle_terms("C-9"))
    return {
        "open_cycle": [cleared.cycle_terms()],
        "accept_trades": ["C-9", listed(["T-9"])],
        "settle_cycle": ["C-9"],
        "cancel_cycle": ["C-9", "an error"],
        "end_batch": ["C-9", "0"],
        "declare_default": [],
        "lift_default": [],
        "cycle": ["C-9"],
        "preview_cycle": ["C-9"],
        "cycles": [],
    }


def secrets(market: Market) -> dict[str, DefaultNotice]:
    return {"default": cleared_of(market).notice("bob")}
