"""What the market of the permission matrix has beside trades: keys, custody, offerings, halts."""

from tests.unit.contracts.actions_stage import announce, confirm, split_terms
from tests.unit.contracts.money import make_receipt, receipt_terms
from tests.unit.contracts.offerings.stage import ISIN, pack_of
from tests.unit.contracts.permissions import licensing, offerings, rules
from tests.unit.contracts.permissions.past import SPLIT
from tests.unit.contracts.permissions.roles import P, signed

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.compliance.models import RulesGiven
from tallystick.contracts.custody.models import Custody, CustodyAgreement
from tallystick.contracts.register.models import Amendment, DocumentVersion
from tallystick.contracts.statements import (
    CustodyAgreed,
    KeyAddition,
    Representation,
    WalletLinked,
)
from tallystick.contracts.testing import EVIDENCE, Market, new_wallet

SPARE = "spare"
"""The wallet of a further key of alice."""
HALTED = "BETA"
"""A security that is paused, of which alice has units and is frozen."""


def prepare_holders(market: Market) -> None:
    """Give alice a second key and a second wallet, and bob a custodian."""
    spare, phone = new_wallet("alice"), new_wallet("alice")
    market.wallets[SPARE] = spare
    addition = KeyAddition(identity="alice", key=spare.new_key())
    linked = WalletLinked(identity="alice", wallet="phone", keys=(phone.new_key(),))
    market.onboard("vault")
    market.issue("vault", 10)
    vault = Representation(identity="vault", organization=P.CLEARING)
    for function, arguments in (
        ("add_key", signed(market, "alice", addition, spare)),
        ("link_wallet", signed(market, "alice", linked, phone)),
        ("represent", signed(market, "vault", vault)),
    ):
        market.submit(P.CLEARING, Chaincode.IDENTITY, function, *arguments)
    agreed = CustodyAgreed(custodian=P.CLEARING, client="bob")
    agreement = CustodyAgreement(agreed=agreed, intent=market.sign("bob", agreed))
    keeper = (P.CLEARING, Chaincode.TOKEN)
    market.submit(*keeper, "open_custody", Custody(identity="vault"))
    market.submit(*keeper, "agree_custody", agreement=agreement)


def prepare_issuers(market: Market) -> None:
    """Let bob have an order in an open offering, and let a second security be halted."""
    agent = (P.TRANSFER_AGENT, Chaincode.TOKEN)
    market.submit(P.REGULATOR, Chaincode.TOKEN, "publish_pack", pack_of("small"))
    market.submit(
        *agent, "bind_rules", RulesGiven(security="ACME", unit_price=1, packs=(rules.SMALL,))
    )
    named = Amendment(security="ACME", name="ACME common stock", identifiers=(ISIN,))
    market.submit(*agent, "amend_security", named)
    _offer(market)
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


def _offer(market: Market) -> None:
    """Announce two offerings, accept one of them and place an order in it."""
    for offering in ("O-1", offerings.OPEN):
        terms = offerings.terms(market, offering)
        market.submit(P.ISSUER, Chaincode.SETTLEMENT, "announce_offering", terms)
    market.submit(P.TRANSFER_AGENT, Chaincode.SETTLEMENT, "accept_offering", offerings.OPEN, [ISIN])
    order = offerings.order(market, "a")
    market.submit(
        P.BROKER_DEALER,
        Chaincode.SETTLEMENT,
        "subscribe",
        subscription=order,
        intent=market.sign("bob", order),
    )


def prepare_overseers(market: Market) -> None:
    """Let there be a suspended licence, a waiver, a receipt and an approval."""
    regulator = (P.REGULATOR, Chaincode.IDENTITY)
    market.license(market.licence(licensing.SUSPENDED, "issuer"))
    market.submit(*regulator, "suspend_licence", licensing.SUSPENDED, "issuer", "a test")
    market.submit(*regulator, "grant_waiver", licensing.waiver(market))
    make_receipt(market, receipt_terms("R-2"))
    market.submit(P.BROKER_DEALER, Chaincode.TOKEN, "approve_transfer", rules.approval(market))
    market.submit(P.ATS, Chaincode.TOKEN, "record_refusal", rules.REFUSED)
