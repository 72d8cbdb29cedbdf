"""Who may call the functions of the settlement contract, and arguments that are well formed."""

from contextlib import suppress

from tests.unit.contracts.permissions.roles import EVERYBODY, LICENSED, Arguments, P, Permissions

from tallystick.chaincode import Refusal
from tallystick.contracts.testing import Market

PERMITTED: Permissions = {
    "propose_trade": frozenset({P.ATS}),
    "consent": LICENSED,
    "lock_legs": frozenset({P.CLEARING}),
    "settle": frozenset({P.CLEARING}),
    "withdraw": LICENSED,
    "cancel": frozenset({P.ATS, P.CLEARING}),
    "expire": LICENSED,
    "trade": EVERYBODY,
    "trades": EVERYBODY,
}


def arguments(market: Market) -> Arguments:
    with suppress(Refusal):  # from the second role on there is the trade
        market.propose(market.terms())
    return {
        "propose_trade": [],
        "consent": ["T-1", "buyer"],
        "lock_legs": ["T-1"],
        "settle": ["T-1"],
        "withdraw": ["T-1", "buyer", "second thoughts"],
        "cancel": ["T-1", "an error"],
        "expire": ["T-1"],
        "trade": ["T-1"],
        "trades": [],
    }
