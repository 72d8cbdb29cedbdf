"""Who may call the token contract's functions about rules, and arguments that are well formed."""

from pydantic import JsonValue
from tests.unit.contracts.permissions.roles import (
    EVERYBODY,
    LICENSED,
    REGULATOR,
    TRUSTEES,
    Arguments,
    P,
    Permissions,
)

from tallystick.contracts.compliance.models import (
    Binding,
    Pack,
    RulesGiven,
    TransferApproval,
)
from tallystick.contracts.statements import SecurityAccepted, UnitsSent
from tallystick.contracts.testing import Market

VENUES = frozenset({P.ATS})
NOTE = "a" * 64
PERSONS: list[JsonValue] = ["alice"]

PERMITTED: Permissions = {
    "publish_pack": REGULATOR,
    "bind_rules": TRUSTEES | {P.ISSUER},
    "bind_venue_rules": VENUES,
    "record_refusal": VENUES,
    "accept_security": LICENSED,
    "approve_transfer": TRUSTEES | {P.ISSUER, P.BROKER_DEALER},
    "withdraw_approval": TRUSTEES | {P.ISSUER, P.BROKER_DEALER},
    "acknowledge": REGULATOR,
    "query_decision": REGULATOR,
    "recount": TRUSTEES,
    "accepts": EVERYBODY,
    "can_subscribe": EVERYBODY,
    "pack": EVERYBODY,
    "rules": EVERYBODY,
    "rules_then": EVERYBODY,
    "venue_rules": EVERYBODY,
    "approval": EVERYBODY,
    "decision": EVERYBODY,
    "decisions": EVERYBODY,
    "review": EVERYBODY,
    "recompute": EVERYBODY,
    "holder_counts": EVERYBODY,
}

QUESTIONS: Arguments = {
    "accepts": ["ACME", "alice"],
    "can_subscribe": ["ACME", "alice"],
    "pack": ["p", 1],
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
        "bind_rules": [RulesGiven(security="ACME")],
        "bind_venue_rules": ["ACME", [rule]],
        "record_refusal": [sent],
        "accept_security": [accepted, market.sign("alice", accepted)],
        "approve_transfer": [approval],
        "withdraw_approval": ["ACME", "alice", "bob"],
        "acknowledge": ["ACME", "d"],
        "query_decision": ["ACME", "d", NOTE],
        "recount": ["ACME", PERSONS],
    }
