"""Who may do what in corporate actions, and arguments that are well formed."""

from contextlib import suppress

from tests.unit.contracts.actions_stage import announce, dividend, page
from tests.unit.contracts.permissions.roles import (
    EVERYBODY,
    LICENSED,
    READERS,
    TRANSFER_AGENT,
    Arguments,
    P,
    Permissions,
)

from tallystick.chaincode import Refusal
from tallystick.contracts.statements import EntitlementClaimed
from tallystick.contracts.testing import Market

ISSUERS = frozenset({P.ISSUER})
CLAIMANTS = TRANSFER_AGENT | {P.CLEARING}

PERMITTED: Permissions = {
    "announce_action": ISSUERS,
    "confirm_action": TRANSFER_AGENT,
    "cancel_action": ISSUERS | TRANSFER_AGENT,
    "execute_split": TRANSFER_AGENT,
    "set_withholding": TRANSFER_AGENT,
    "enter_entitlements": TRANSFER_AGENT,
    "fund_action": LICENSED,
    "pay_entitlements": TRANSFER_AGENT,
    "claim_entitlement": LICENSED,
    "reclaim_action": ISSUERS | TRANSFER_AGENT,
    "raise_market_claim": CLAIMANTS,
    "resolve_market_claim": CLAIMANTS,
    "cast_votes": LICENSED,
    "count_votes": TRANSFER_AGENT,
    "action": EVERYBODY,
    "actions": EVERYBODY,
    "entitlement": EVERYBODY,
    "distribution": READERS | ISSUERS,
    "market_claim": READERS | {P.ATS},
    "due_market_claims": READERS,
    "meeting_result": EVERYBODY,
}


def arguments(market: Market) -> Arguments:
    with suppress(Refusal):  # from the second role on there is the action
        announce(market, dividend(market, "D-1"))
    holders = page(["alice"])
    return {
        "announce_action": [dividend(market, "D-2")],
        "confirm_action": ["D-1"],
        "cancel_action": ["D-1", "an error"],
        "execute_split": ["D-1"],
        "set_withholding": [],
        "enter_entitlements": ["D-1", holders],
        "fund_action": ["D-1"],
        "pay_entitlements": ["D-1", holders],
        "claim_entitlement": [EntitlementClaimed(action="D-1", holder="alice")],
        "reclaim_action": ["D-1"],
        "raise_market_claim": ["D-1", "T-1"],
        "resolve_market_claim": ["D-1", "T-1"],
        "market_claim": ["D-1", "T-1"],
        "due_market_claims": ["D-1"],
        "cast_votes": [],
        "count_votes": ["D-1"],
        "action": ["D-1"],
        "actions": [],
        "entitlement": ["D-1", "alice"],
        "distribution": ["D-1"],
        "meeting_result": ["D-1"],
    }
