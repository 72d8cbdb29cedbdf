"""Who may do what in corporate actions, and arguments that are well formed."""

from tests.unit.contracts.actions_stage import dividend, page
from tests.unit.contracts.permissions.past import (
    CLAIMED,
    DUE,
    ENTERED,
    FUNDED,
    LAPSED,
    LATE,
    MATURED,
    SOLD,
    SPLIT,
    VOTED,
)
from tests.unit.contracts.permissions.roles import (
    BROKER,
    CLEARING,
    ISSUERS,
    READERS,
    TRANSFER_AGENT,
    VENUES,
    Arguments,
    Permissions,
    among_licensed,
    anybody,
    by_mandate,
    licensed,
    only,
)

from tallystick.contracts.reasons import AccessReason
from tallystick.contracts.statements import DistributionFunded, EntitlementClaimed
from tallystick.contracts.testing import Market

CLAIMANTS = TRANSFER_AGENT | CLEARING

PERMITTED: Permissions = {
    "announce_action": only(ISSUERS),
    "confirm_action": only(TRANSFER_AGENT),
    "cancel_action": only(ISSUERS | TRANSFER_AGENT),
    "execute_split": only(TRANSFER_AGENT),
    "set_withholding": only(TRANSFER_AGENT),
    "enter_entitlements": only(TRANSFER_AGENT),
    "fund_action": licensed(),
    "pay_entitlements": only(TRANSFER_AGENT),
    "claim_entitlement": by_mandate(),
    "reclaim_action": only(TRANSFER_AGENT | ISSUERS),
    "raise_market_claim": only(CLAIMANTS),
    "resolve_market_claim": only(CLAIMANTS),
    "cast_votes": by_mandate(),
    "count_votes": only(TRANSFER_AGENT),
    "action": anybody(),
    "actions": anybody(),
    "entitlement": among_licensed(READERS | BROKER | ISSUERS, AccessReason.MANDATE_MISSING),
    "distribution": only(READERS | ISSUERS),
    "market_claim": only(VENUES | READERS),
    "due_market_claims": only(READERS),
    "meeting_result": anybody(),
}


def arguments(market: Market) -> Arguments:
    holders = page(["alice"])
    funded = DistributionFunded(action=ENTERED, payer="acme", cash="USD", amount=5000)
    return {
        "announce_action": [dividend(market, "D-9")],
        "confirm_action": ["D-1"],
        "cancel_action": ["D-1", "an error"],
        "execute_split": [SPLIT],
        "set_withholding": [],
        "enter_entitlements": [DUE, holders],
        "fund_action": [ENTERED, market.sign("acme", funded)],
        "pay_entitlements": [MATURED, holders],
        "claim_entitlement": [EntitlementClaimed(action=FUNDED, holder="alice")],
        "reclaim_action": [LAPSED],
        "raise_market_claim": [ENTERED, LATE],
        "resolve_market_claim": [CLAIMED, SOLD],
        "market_claim": [CLAIMED, SOLD],
        "due_market_claims": [FUNDED],
        "cast_votes": [],
        "count_votes": [VOTED],
        "action": ["D-1"],
        "actions": [],
        "entitlement": [FUNDED, "alice"],
        "distribution": [FUNDED],
        "meeting_result": [VOTED],
    }
