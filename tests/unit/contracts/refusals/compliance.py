"""Scenarios whose last call is refused: rules, packs, approvals, decisions."""

from datetime import timedelta
from hashlib import sha256

from pydantic import JsonValue
from tests.unit.contracts.compliance.stage import attest, bind, issue, read_pack, rule
from tests.unit.contracts.refusals.scenarios import (
    ATS,
    BROKER,
    REGULATOR,
    TRANSFER_AGENT,
    reaches,
    sent,
)

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.compliance.models import (
    Binding,
    PackReference,
    RulesGiven,
    TransferApproval,
)
from tallystick.contracts.compliance.reported import VolumeReport
from tallystick.contracts.lots import LotLock, Origin
from tallystick.contracts.participants import Participant
from tallystick.contracts.reasons import ComplianceReason
from tallystick.contracts.testing import Market

TOKEN = Chaincode.TOKEN
ISSUER = Participant.ISSUER
EVIDENCE = sha256(b"a deed").hexdigest()
REG_CF = "us-reg-cf-2026-01-01"
VERSION_7 = PackReference(pack="us-reg-cf", version=7)


def approval(market: Market, quantity: int = 1, *waives: str) -> TransferApproval:
    return TransferApproval(
        security="ACME",
        sender="alice",
        receiver="bob",
        quantity=quantity,
        expires_at=market.after(timedelta(days=1)),
        waives=waives,
        evidence_hash=EVIDENCE,
    )


def in_offering(market: Market, quantity: int, exemption: str) -> TransferApproval:
    """Return the approval of a sale by alice to bob that is part of an offering."""
    return approval(market, quantity).model_copy(update={"exemption": exemption})


def refused_under(market: Market, name: str, **parameters: JsonValue) -> None:
    """Let a transfer be refused by a rule."""
    bind(market, rule(name, **parameters))
    market.transfer("alice", "bob", 10)


def traded_under(market: Market, name: str, **parameters: JsonValue) -> None:
    """Let a trade at the ATS be refused by a rule."""
    bind(market, rule(name, **parameters))
    market.agree(market.terms())
    market.lock()


@reaches(ComplianceReason.RULES_MISSING)
def _(market: Market) -> None:
    market.create_security("BARE", ())
    market.issue("alice", 5, "BARE")
    market.submit(BROKER, TOKEN, "transfer", sent(security="BARE"))


@reaches(ComplianceReason.SENDER_NOT_ELIGIBLE)
def _(market: Market) -> None:
    refused_under(market, "sender-claims", all=[{"topic": "accreditation"}])


@reaches(ComplianceReason.RECEIVER_NOT_ELIGIBLE)
def _(market: Market) -> None:
    refused_under(market, "receiver-claims", all=[{"topic": "accreditation"}])


@reaches(ComplianceReason.RECEIVER_NOT_WILLING)
def _(market: Market) -> None:
    refused_under(market, "receiver-accepts")


@reaches(ComplianceReason.RESIDENCE_UNKNOWN)
def _(market: Market) -> None:
    refused_under(market, "residence")


@reaches(ComplianceReason.RESIDENCE_BARRED)
def _(market: Market) -> None:
    attest(market, "alice", "residence", "US")
    attest(market, "bob", "residence", "DE")
    refused_under(market, "residence", barred=["DE"])


@reaches(ComplianceReason.PRODUCT_UNSUITABLE)
def _(market: Market) -> None:
    refused_under(market, "suitability", risk_class=5)


@reaches(ComplianceReason.SECONDARY_EXCEEDED)
def _(market: Market) -> None:
    limit = rule("secondary-limit", exemption="reg-a", window="P1Y", amount=9)
    bind(market, limit, unit_price=1)
    market.submit(TRANSFER_AGENT, TOKEN, "approve_transfer", in_offering(market, 10, "reg-a"))
    market.transfer("alice", "bob", 10)


@reaches(ComplianceReason.WEEK_NOT_OVER)
def _(market: Market) -> None:
    this_week = VolumeReport(security="ACME", week="2023-12-31", quantity=1)
    market.submit(ATS, TOKEN, "report_volume", this_week)


@reaches(ComplianceReason.PRODUCT_NOT_CLASSED)
def _(market: Market) -> None:
    refused_under(market, "suitability")


@reaches(ComplianceReason.CONFIRMATION_STALE)
def _(market: Market) -> None:
    market.ledger.advance(timedelta(hours=1))
    refused_under(market, "fresh-confirmation", topics=["kyc"], window="PT60S")


@reaches(ComplianceReason.DISCLOSURE_OVERDUE)
def _(market: Market) -> None:
    refused_under(market, "disclosure", document="annual-report")


@reaches(ComplianceReason.VENUE_REQUIRED)
def _(market: Market) -> None:
    refused_under(market, "venue-only")


@reaches(ComplianceReason.VENUE_NOT_ADMITTED)
def _(market: Market) -> None:
    traded_under(market, "venue-only", venues=["OtherMSP"])


@reaches(ComplianceReason.VENUE_NOT_LICENSED)
def _(market: Market) -> None:
    attest(market, "bob", "residence", "US")
    abroad = market.licence(ATS, "ats").model_copy(update={"jurisdiction": "DE"})
    market.license(abroad)
    market.submit(REGULATOR, Chaincode.IDENTITY, "suspend_licence", ATS, "ats", "unpaid")
    traded_under(market, "venue-licence", countries=["US"])


@reaches(ComplianceReason.APPROVAL_MISSING)
def _(market: Market) -> None:
    refused_under(market, "approved-transfer", approvers=[ISSUER])


@reaches(ComplianceReason.LOT_LOCKED)
def _(market: Market) -> None:
    locks = (LotLock(holder_class="*", until=market.after(timedelta(days=1))),)
    market.submit(TRANSFER_AGENT, TOKEN, "issue", "ACME", "bob", 5, Origin(locks=locks))
    market.transfer("alice", "bob", 1)
    moved = sent(6).model_copy(update={"sender": "bob", "receiver": "alice"})
    market.submit(BROKER, TOKEN, "transfer", moved)


@reaches(ComplianceReason.RESALE_RESTRICTED)
def _(market: Market) -> None:
    refused_under(market, "resale", lines=[{"period": "P1Y"}])


@reaches(ComplianceReason.HOLDING_ABOVE_LIMIT)
def _(market: Market) -> None:
    refused_under(market, "maximum-holding", units=9)


@reaches(ComplianceReason.HOLDING_BELOW_MINIMUM)
def _(market: Market) -> None:
    refused_under(market, "minimum-holding", units=11)


@reaches(ComplianceReason.FULL_EXIT_ONLY)
def _(market: Market) -> None:
    refused_under(market, "full-exit-only")


@reaches(ComplianceReason.HOLDERS_TOO_MANY)
def _(market: Market) -> None:
    refused_under(market, "holder-limit", most=1)


@reaches(ComplianceReason.VOLUME_EXCEEDED)
def _(market: Market) -> None:
    refused_under(market, "volume-window", window="P30D", units=9)


@reaches(ComplianceReason.RAISE_EXCEEDED)
def _(market: Market) -> None:
    bind(market, rule("raising-cap", exemption="x", amount=9, window="P1Y"), unit_price=1)
    issue(market, "alice", 10, "x")


@reaches(ComplianceReason.PURCHASERS_TOO_MANY)
def _(market: Market) -> None:
    bind(market, rule("purchaser-limit", exemption="x", most=1, window="P1Y"), unit_price=1)
    issue(market, "alice", 1, "x")
    issue(market, "bob", 1, "x")


@reaches(ComplianceReason.INVESTMENT_EXCEEDED)
def _(market: Market) -> None:
    bind(market, packs=[REG_CF], unit_price=100_000_000)
    issue(market, "bob", 1, "reg-cf")


@reaches(ComplianceReason.RULE_UNKNOWN)
def _(market: Market) -> None:
    bind(market, rule("invented"))


@reaches(ComplianceReason.RULE_PARAMETERS_WRONG)
def _(market: Market) -> None:
    bind(market, rule("maximum-holding", units=0))


@reaches(ComplianceReason.PROVISION_MISSING)
def _(market: Market) -> None:
    pack = read_pack(REG_CF)
    bare = pack.rules[0].model_copy(update={"provisions": {}})
    market.submit(REGULATOR, TOKEN, "publish_pack", pack.model_copy(update={"rules": (bare,)}))


@reaches(ComplianceReason.PACK_UNKNOWN)
def _(market: Market) -> None:
    given = RulesGiven(security="ACME", packs=(VERSION_7,))
    market.submit(TRANSFER_AGENT, TOKEN, "bind_rules", given)


@reaches(ComplianceReason.PACK_EXISTS)
def _(market: Market) -> None:
    for _ in range(2):
        market.submit(REGULATOR, TOKEN, "publish_pack", read_pack(REG_CF))


@reaches(ComplianceReason.RULES_TOO_LARGE)
def _(market: Market) -> None:
    countries: list[JsonValue] = [f"LAND-{number}" for number in range(300)]
    bind(market, *[rule("residence", allowed=countries, barred=countries)] * 16)


@reaches(ComplianceReason.LAW_MUST_STAY)
def _(market: Market) -> None:
    bind(market, packs=[REG_CF])
    market.submit(ISSUER, TOKEN, "bind_rules", RulesGiven(security="ACME"))


@reaches(ComplianceReason.NOT_THE_ISSUER)
def _(market: Market) -> None:
    market.license(market.licence("OtherMSP", "issuer"))
    market.submit("OtherMSP", TOKEN, "bind_rules", RulesGiven(security="ACME"))


@reaches(ComplianceReason.RULES_TOO_MANY)
def _(market: Market) -> None:
    pack = read_pack(REG_CF)
    market.submit(REGULATOR, TOKEN, "publish_pack", pack)
    own: tuple[Binding, ...] = (rule("full-exit-only"),) * 32
    reference = PackReference(pack=pack.pack, version=pack.version)
    given = RulesGiven(security="ACME", rules=own, packs=(reference,))
    market.submit(TRANSFER_AGENT, TOKEN, "bind_rules", given)


@reaches(ComplianceReason.APPROVAL_UNKNOWN)
def _(market: Market) -> None:
    market.submit(TRANSFER_AGENT, TOKEN, "withdraw_approval", "ACME", "alice", "bob")


@reaches(ComplianceReason.APPROVAL_DIFFERS)
def _(market: Market) -> None:
    market.submit(ISSUER, TOKEN, "approve_transfer", approval(market, 1))
    market.submit(TRANSFER_AGENT, TOKEN, "approve_transfer", approval(market, 2))


@reaches(ComplianceReason.WAIVER_NOT_PERMITTED)
def _(market: Market) -> None:
    market.submit(ISSUER, TOKEN, "approve_transfer", approval(market, 1, "venue-only"))


@reaches(ComplianceReason.EXEMPTION_UNKNOWN)
def _(market: Market) -> None:
    market.submit(TRANSFER_AGENT, TOKEN, "approve_transfer", in_offering(market, 1, "reg-a"))


@reaches(ComplianceReason.NOTHING_TO_RECORD)
def _(market: Market) -> None:
    market.submit(ATS, TOKEN, "record_refusal", sent())


@reaches(ComplianceReason.DECISION_UNKNOWN)
def _(market: Market) -> None:
    market.submit(REGULATOR, TOKEN, "acknowledge", "ACME", "none")


@reaches(ComplianceReason.DECISION_REVIEWED)
def _(market: Market) -> None:
    moved = market.transfer("alice", "bob", 1).transaction_id
    for _ in range(2):
        market.submit(REGULATOR, TOKEN, "acknowledge", "ACME", moved)
