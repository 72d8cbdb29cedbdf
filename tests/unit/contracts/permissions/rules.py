"""Who may call the token contract's functions about rules, and arguments that are well formed."""

from datetime import timedelta

from pydantic import JsonValue
from tests.unit.contracts.permissions.roles import (
    AGENTS,
    BROKER,
    ISSUERS,
    REGULATOR,
    SAFEKEEPERS,
    TRANSFER_AGENT,
    TRUSTEES,
    VENUES,
    Arguments,
    P,
    Permissions,
    anybody,
    licensed,
    only,
)

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.compliance.models import (
    Binding,
    Pack,
    PackReference,
    RulesGiven,
    TransferApproval,
)
from tallystick.contracts.compliance.records import DecisionPage
from tallystick.contracts.compliance.reported import VolumeReport
from tallystick.contracts.statements import SecurityAccepted, UnitsSent
from tallystick.contracts.testing import KYC_HOUSE, Market

NOTE = "a" * 64
SMALL = PackReference(pack="small", version=1)
"""The law that is bound to ACME."""
PERSONS: list[JsonValue] = ["alice"]

PERMITTED: Permissions = {
    "publish_pack": only(REGULATOR),
    "bind_rules": only(TRUSTEES | {P.ISSUER}),
    "bind_venue_rules": only(VENUES),
    "record_refusal": only(VENUES),
    "record_refused_draw": only(SAFEKEEPERS),
    "accept_security": licensed(),
    "approve_transfer": only(TRUSTEES | ISSUERS | AGENTS),
    "withdraw_approval": only(TRANSFER_AGENT | BROKER),
    "acknowledge": only(REGULATOR),
    "query_decision": only(REGULATOR),
    "recount": only(TRUSTEES),
    "report_volume": only(VENUES),
    "accepts": anybody(),
    "volumes": anybody(),
    "can_subscribe": anybody(),
    "pack": anybody(),
    "rules": anybody(),
    "rules_then": anybody(),
    "venue_rules": anybody(),
    "approval": anybody(),
    "decision": anybody(),
    "decisions": anybody(),
    "review": anybody(),
    "recompute": anybody(),
    "holder_counts": anybody(),
}

QUESTIONS: Arguments = {
    "accepts": ["ACME", "alice"],
    "volumes": ["ACME", P.ATS],
    "can_subscribe": ["ACME", "alice"],
    "pack": ["small", 1],
    "rules": ["ACME"],
    "rules_then": ["ACME", 1],
    "venue_rules": ["ACME", P.ATS],
    "approval": ["ACME", "alice", "bob"],
    "decisions": ["ACME"],
    "holder_counts": ["ACME"],
}


REFUSED = UnitsSent(security="ACME", sender="alice", receiver=KYC_HOUSE, quantity=1)
"""What nobody may send, or draw: units for somebody of whom no claim tells who it is."""


def approval(market: Market) -> TransferApproval:
    """Return an approval for an hour."""
    return TransferApproval(
        security="ACME",
        sender="alice",
        receiver="bob",
        quantity=1,
        expires_at=market.after(timedelta(hours=1)),
        evidence_hash=NOTE,
    )


def arguments(market: Market) -> Arguments:
    page = market.evaluate(Chaincode.TOKEN, "decisions", "ACME").load(DecisionPage)
    decision = page.decisions[0].decision
    rule = Binding(rule="full-exit-only", parameters={"*": {}})
    day = market.ledger.now.date().isoformat()
    pack = Pack(pack="p", version=1, title="P", jurisdiction="US", dated=day, rules=(rule,))
    accepted = SecurityAccepted(security="ACME", holder="alice", accepts=True)
    return {
        "publish_pack": [pack],
        "bind_rules": [RulesGiven(security="ACME", unit_price=1, packs=(SMALL,))],
        "bind_venue_rules": ["ACME", [rule]],
        **{each: [REFUSED] for each in ("record_refusal", "record_refused_draw")},
        "report_volume": [VolumeReport(security="ACME", week="2023-12-24", quantity=1)],
        "accept_security": [accepted, market.sign("alice", accepted)],
        "approve_transfer": [approval(market)],
        "withdraw_approval": ["ACME", "alice", "bob"],
        **{each: ["ACME", decision] for each in ("acknowledge", "decision", "review", "recompute")},
        "query_decision": ["ACME", decision, NOTE],
        "recount": ["ACME", PERSONS],
    }
