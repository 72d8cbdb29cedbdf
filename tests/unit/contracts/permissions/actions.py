"""Who may do what in corporate actions, and arguments that are well formed."""

from tests.unit.contracts.actions_stage import dividend, page
from tests.unit.contracts.permissions.roles import (
    BROKER,
    CLEARING,
    ISSUERS,
    READERS,
    TRANSFER_AGENT,
    VENUES,
    Arguments,
    P,
    Permissions,
    anybody,
    licensed,
    only,
)

from tallystick.contracts.reasons import AccessReason, ActionReason, RegisterReason
from tallystick.contracts.statements import EntitlementClaimed
from tallystick.contracts.testing import Market

CLAIMANTS = TRANSFER_AGENT | {P.CLEARING}

PERMITTED: Permissions = {
    "announce_action": only(ISSUERS),
    "confirm_action": only(TRANSFER_AGENT),
    "cancel_action": only(ISSUERS | TRANSFER_AGENT),
    "execute_split": only(TRANSFER_AGENT, ActionReason.ACTION_DIFFERS),
    "set_withholding": only(TRANSFER_AGENT),
    "enter_entitlements": only(TRANSFER_AGENT, ActionReason.ACTION_STATUS),
    "fund_action": licensed(ActionReason.ACTION_STATUS),
    "pay_entitlements": only(TRANSFER_AGENT, ActionReason.ACTION_STATUS),
    "claim_entitlement": licensed(ActionReason.ACTION_STATUS),
    "reclaim_action": only(TRANSFER_AGENT | ISSUERS, ActionReason.ACTION_STATUS),
    "raise_market_claim": only(TRANSFER_AGENT | CLEARING, ActionReason.ACTION_STATUS),
    "resolve_market_claim": only(TRANSFER_AGENT | CLEARING, ActionReason.ACTION_STATUS),
    "cast_votes": licensed(ActionReason.ACTION_DIFFERS),
    "count_votes": only(TRANSFER_AGENT, ActionReason.ACTION_DIFFERS),
    "action": anybody(),
    "actions": anybody(),
    "entitlement": only(
        READERS | BROKER | ISSUERS,
        ActionReason.ENTITLEMENT_UNKNOWN,
        others=AccessReason.MANDATE_MISSING,
    ),
    "distribution": only(ISSUERS | READERS, ActionReason.ENTITLEMENT_UNKNOWN),
    "market_claim": only(VENUES | READERS, ActionReason.MARKET_CLAIM_UNKNOWN),
    "due_market_claims": only(READERS, RegisterReason.RECORD_DATE_UNKNOWN),
    "meeting_result": anybody(),
}


def arguments(market: Market) -> Arguments:
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
