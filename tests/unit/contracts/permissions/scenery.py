"""What the market of the permission matrix has beside trades: keys, desks, halts, lists."""

from tests.unit.contracts.actions_stage import announce, confirm, split_terms
from tests.unit.contracts.offerings.stage import ISIN, pack_of
from tests.unit.contracts.permissions import licensing, offered, rules
from tests.unit.contracts.permissions.past import SPLIT
from tests.unit.contracts.permissions.roles import CLASSES, P, desk, signed

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.claims.screening import SCREENING
from tallystick.contracts.compliance.models import RulesGiven
from tallystick.contracts.register.models import Amendment, DocumentVersion
from tallystick.contracts.statements import (
    KeyAddition,
    ListUpdated,
    Representation,
    WalletLinked,
)
from tallystick.contracts.testing import EVIDENCE, KYC_HOUSE, Market, new_wallet

SPARE = "spare"
"""The wallet of a further key of alice."""
FORMER_HOUSE, BARRED = "former-house", "dora"
"""Who is trusted for lists of the barred no longer, and whom its list bars."""
HALTED = "BETA"
"""A security that is paused, of which alice has units and is frozen."""


def prepare_desks(market: Market) -> None:
    """Let each organisation be represented by an identity; the bank is by its cashier."""
    others = [each for each in CLASSES if each != P.BANK]
    market.onboard(*map(desk, others))
    for each in others:
        said = Representation(identity=desk(each), organization=each)
        arguments = signed(market, desk(each), said)
        market.submit(each, Chaincode.IDENTITY, "represent", *arguments)


def prepare_holders(market: Market) -> None:
    """Give alice a second key and a second wallet."""
    spare, phone = new_wallet("alice"), new_wallet("alice")
    market.wallets[SPARE] = spare
    addition = KeyAddition(identity="alice", key=spare.new_key())
    linked = WalletLinked(identity="alice", wallet="phone", keys=(phone.new_key(),))
    for function, arguments in (
        ("add_key", signed(market, "alice", addition, spare)),
        ("link_wallet", signed(market, "alice", linked, phone)),
    ):
        market.submit(P.CLEARING, Chaincode.IDENTITY, function, *arguments)


def prepare_issuers(market: Market) -> None:
    """Bring offerings to where something is done with them, and let a security be halted."""
    agent = (P.TRANSFER_AGENT, Chaincode.TOKEN)
    market.submit(P.REGULATOR, Chaincode.TOKEN, "publish_pack", pack_of("small"))
    market.submit(
        *agent, "bind_rules", RulesGiven(security="ACME", unit_price=1, packs=(rules.SMALL,))
    )
    named = Amendment(security="ACME", name="ACME common stock", identifiers=(ISIN,))
    market.submit(*agent, "amend_security", named)
    offered.offer(market)
    market.create_security(HALTED)
    market.issue("alice", 10, HALTED)
    version = DocumentVersion(security=HALTED, name="terms", uri="x", document_hash=EVIDENCE)
    market.submit(*agent, "publish_document", version)
    market.submit(*agent, "freeze_units", HALTED, "alice", 1, "a test")
    market.submit(*agent, "freeze", HALTED, "alice", "a test")
    market.submit(*agent, "pause", HALTED, "a test")
    halve = split_terms(action=SPLIT).model_copy(update={"security": HALTED})
    announce(market, halve)
    confirm(market, SPLIT)


def prepare_overseers(market: Market) -> None:
    """Let there be a suspended licence, a waiver, lists of the barred and an approval."""
    regulator = (P.REGULATOR, Chaincode.IDENTITY)
    market.license(market.licence(licensing.SUSPENDED, "issuer"))
    market.submit(*regulator, "suspend_licence", licensing.SUSPENDED, "issuer", "a test")
    market.submit(*regulator, "grant_waiver", licensing.waiver(market))
    _screen(market)
    market.submit(P.BROKER_DEALER, Chaincode.TOKEN, "approve_transfer", rules.approval(market))
    market.submit(P.ATS, Chaincode.TOKEN, "record_refusal", rules.REFUSED)


def listed(issuer: str, *barred: str) -> ListUpdated:
    """Return the first version of somebody's list of the barred."""
    return ListUpdated(issuer=issuer, list_name="ofac", version=1, list_hash=EVIDENCE, added=barred)


def _screen(market: Market) -> None:
    """Trust a house for its lists, and another one no longer, whose list bars somebody still."""
    regulator = (P.REGULATOR, Chaincode.IDENTITY)
    for newcomer in (BARRED, FORMER_HOUSE):
        market.register(newcomer)
    for house in (KYC_HOUSE, FORMER_HOUSE):
        market.submit(*regulator, "trust_issuer", SCREENING, house)
    arguments = signed(market, FORMER_HOUSE, listed(FORMER_HOUSE, BARRED))
    market.submit(P.BROKER_DEALER, Chaincode.IDENTITY, "update_list", *arguments)
    market.submit(*regulator, "distrust_issuer", SCREENING, FORMER_HOUSE)
