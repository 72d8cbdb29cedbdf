"""Who may call the functions of netting, and arguments that are well formed."""

from tests.unit.contracts.netting.cleared import cleared_of, listed
from tests.unit.contracts.permissions.roles import (
    CLEARING,
    READERS,
    Arguments,
    P,
    Permissions,
    anybody,
    licensed,
    only,
)

from tallystick.contracts.netting.models import DefaultNotice
from tallystick.contracts.reasons import NettingReason
from tallystick.contracts.testing import Market

PERMITTED: Permissions = {
    "open_cycle": only(CLEARING),
    "accept_trades": only(CLEARING),
    "settle_cycle": only(CLEARING, NettingReason.CYCLE_NOT_DUE),
    "cancel_cycle": only(CLEARING | {P.REGULATOR}),
    "end_batch": licensed(NettingReason.CYCLE_STATUS),
    "declare_default": only(CLEARING),
    "lift_default": only(CLEARING, NettingReason.NOT_IN_DEFAULT),
    "cycle": anybody(),
    "preview_cycle": only(READERS | {P.ATS}),
    "cycles": anybody(),
}


def arguments(market: Market) -> Arguments:
    cleared = cleared_of(market)
    return {
        "open_cycle": [cleared.cycle_terms()],
        "accept_trades": ["C-9", listed(["T-5"])],
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
