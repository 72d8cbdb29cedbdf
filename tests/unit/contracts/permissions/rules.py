"""Who may call the token contract's functions about rules, and arguments that are well formed."""

from pydantic import JsonValue
from tests.unit.contracts.permissions.roles import (
    AGENTS,
    ISSUERS,
    REGULATOR,
    TRUSTEES,
    VENUES,
    Arguments,
    P,
    Permissions,
    anybody,
    licensed,
    only,
)
from tests.unit.contracts.permissions.scenery import SMALL

from tallystick.contracts.compliance.models import (
    Binding,
    Pack,
    RulesGiven,
    TransferApproval,
)
from tallystick.contracts.reasons import ComplianceReason
from tallystick.contracts.statements import SecurityAccepted, UnitsSent
from tallystick.contracts.testing import Market

NOTE = "a" * 64
PERSONS: list[JsonValue] = ["alice"]

PERMITTED: Permissions = {
    "publish_pack": only(REGULATOR),
    "bind_rules": only(TRUSTEES | {P.ISSUER}),
    "bind_venue_rules": only(VENUES),
    "record_refusal": only(VENUES, ComplianceReason.NOTHING_TO_RECORD),
    "accept_security": licensed(),
    "approve_transfer": only(TRUSTEES | ISSUERS | AGENTS),
    "withdraw_approval": only(TRUSTEES | ISSUERS | AGENTS, ComplianceReason.APPROVAL_UNKNOWN),
    "acknowledge": only(REGULATOR, ComplianceReason.DECISION_UNKNOWN),
    "query_decision": only(REGULATOR, ComplianceReason.DECISION_UNKNOWN),
    "recount": only(TRUSTEES),
    "accepts": anybody(),
    "can_subscribe": anybody(),
    "pack": anybody(),
    "rules": anybody(),
    "rules_then": anybody(),
    "venue_rules": anybody(),
    "approval": anybody(),
    "decision": anybody(ComplianceReason.DECISION_UNKNOWN),
    "decisions": anybody(),
    "review": anybody(),
    "recompute": anybody(ComplianceReason.DECISION_UNKNOWN),
    "holder_counts": anybody(),
}

QUESTIONS: Arguments = {
    "accepts": ["ACME", "alice"],
    "can_subscribe": ["ACME", "alice"],
    "pack": ["small", 1],
    "rules": ["ACME"],
    "rules_then": ["ACME", 1],
    "venue_rules": ["ACME", P.ATS],
    "approval": ["ACME", "alice", "bob"],
    "decision": ["ACME", "d"],
    "decisions": ["ACME"],
    "review": ["ACME", "d"],
    "recompute": ["ACME", "d"],
    "holder_counts": ["ACME"],
}


def arguments(market: Market) -> Arguments:
    rule = Binding(rule="full-exit-only", parameters={"*": {}})
    day = market.ledger.now.date().isoformat()
    pack = Pack(pack="p", version=1, title="P", jurisdiction="US", dated=day, rules=(rule,))
    sent = UnitsSent(security="ACME", sender="alice", receiver="bob", quantity=1)
    approval = TransferApproval(
        security="ACME",
        sender="alice",
        receiver="bob",
        quantity=1,
        expires_at=f"{day}T23:59:59Z",
        evidence_hash=NOTE,
    )
    accepted = SecurityAccepted(security="ACME", holder="alice", accepts=True)
    return {
        "publish_pack": [pack],
        "bind_rules": [RulesGiven(security="ACME", unit_price=1, packs=(SMALL,))],
        "bind_venue_rules": ["ACME", [rule]],
        "record_refusal": [sent],
        "accept_security": [accepted, market.sign("alice", accepted)],
        "approve_transfer": [approval],
        "withdraw_approval": ["ACME", "alice", "bob"],
        "acknowledge": ["ACME", "d"],
        "query_decision": ["ACME", "d", NOTE],
        "recount": ["ACME", PERSONS],
    }
