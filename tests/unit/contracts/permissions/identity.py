"""Who may call the functions of the identity contract, and arguments that are well formed."""

from tests.unit.contracts.permissions import accounts, licensing
from tests.unit.contracts.permissions.roles import (
    BROKER,
    READERS,
    REGULATOR,
    TRANSFER_AGENT,
    TRUSTEES,
    Arguments,
    P,
    Permissions,
    among_licensed,
    anybody,
    licensed,
    only,
    signed,
)
from tests.unit.contracts.permissions.scenery import BARRED, FORMER_HOUSE, SPARE, listed

from tallystick.contracts.claims.models import OverdueQuestion, TopicTerms
from tallystick.contracts.identity.models import Onboarding
from tallystick.contracts.parties import PartiesCheck
from tallystick.contracts.reasons import AccessReason
from tallystick.contracts.statements import (
    ClaimWithdrawn,
    Control,
    ControlSet,
    KeyAddition,
    KeyRetirement,
    KeyRevocation,
    KeyRotation,
    MandateWithdrawn,
    Recovery,
    SubAccountOpened,
    WalletLinked,
    WalletUnlinked,
)
from tallystick.contracts.testing import EVIDENCE, KYC, KYC_HOUSE, Market, new_wallet

PERMITTED: Permissions = {
    **licensing.PERMITTED,
    **accounts.PERMITTED,
    "open_sub_account": licensed(),
    "retire_key": licensed(),
    "set_control": licensed(),
    "link_wallet": licensed(),
    "unlink_wallet": licensed(),
    "recover_identity": only(TRANSFER_AGENT),
    "set_topic": only(TRUSTEES),
    "add_claims": licensed(),
    "claims": anybody(),
    "topic": anybody(),
    "overdue": anybody(),
    "update_list": licensed(),
    "lift_bar": only(REGULATOR),
    "barred_list": anybody(),
    "register_identity": licensed(),
    "add_key": licensed(),
    "rotate_key": licensed(),
    "revoke_key": licensed(),
    "onboard": licensed(),
    "trust_issuer": only(TRUSTEES),
    "distrust_issuer": only(TRUSTEES),
    "add_claim": licensed(),
    "revoke_claim": licensed(),
    "keep_references": licensed(),
    "grant_mandate": licensed(),
    "revoke_mandate": licensed(),
    "check_parties": anybody(),
    "verify": anybody(),
    "identity": anybody(),
    "references": among_licensed(READERS | BROKER, AccessReason.MANDATE_MISSING),
    "issuers": anybody(),
}


def arguments(market: Market) -> Arguments:
    registration = market.registration("carol")
    claim = market.claim("bob")
    mandate = market.mandate("alice")
    old, wallet = market.wallets["alice"].key, new_wallet("alice")
    new, spare = wallet.new_key(), market.wallets[SPARE].key
    revoked = ClaimWithdrawn(subject="bob", topic=KYC, issuer=KYC_HOUSE)
    ended = MandateWithdrawn(identity="alice", participant=P.BROKER_DEALER)
    recovery = Recovery(identity="alice", keys=(new,), evidence_hash=EVIDENCE)
    recovered = wallet.sign(recovery, nonce="a", expires_at=claim.intent.expires_at)
    newcomer = Onboarding(registration=market.registration("dave"), claims=(), mandates=())
    question = OverdueQuestion(topic=KYC, before=claim.intent.expires_at)
    return {
        **licensing.arguments(market),
        **accounts.arguments(market),
        "open_sub_account": signed(
            market, "alice", SubAccountOpened(identity="alice", account="a.2")
        ),
        "retire_key": signed(market, "alice", KeyRetirement(identity="alice", key=spare)),
        "set_control": signed(
            market, "alice", ControlSet(identity="alice", control=Control(claim=2))
        ),
        "link_wallet": signed(
            market, "alice", WalletLinked(identity="alice", wallet="w", keys=(new,)), wallet
        ),
        "unlink_wallet": signed(market, "alice", WalletUnlinked(identity="alice", wallet="phone")),
        "recover_identity": [recovery, recovered],
        "set_topic": [TopicTerms(topic="residence")],
        "add_claims": [[claim]],
        "claims": ["alice"],
        "topic": [KYC],
        "overdue": [question],
        "update_list": signed(market, KYC_HOUSE, listed(KYC_HOUSE)),
        "lift_bar": [BARRED, FORMER_HOUSE, "ofac"],
        "barred_list": [KYC_HOUSE, "ofac"],
        "register_identity": [registration.statement, registration.intent],
        "add_key": signed(market, "alice", KeyAddition(identity="alice", key=new), wallet),
        "rotate_key": signed(
            market, "alice", KeyRotation(identity="alice", old=old, new=new), wallet
        ),
        "revoke_key": signed(market, "alice", KeyRevocation(identity="alice", key=spare)),
        "onboard": [[newcomer]],
        "trust_issuer": ["residence", KYC_HOUSE],
        "distrust_issuer": [KYC, KYC_HOUSE],
        "add_claim": [claim.statement, claim.intent],
        "revoke_claim": signed(market, KYC_HOUSE, revoked),
        "keep_references": [],
        "references": ["alice"],
        "grant_mandate": [mandate.statement, mandate.intent],
        "revoke_mandate": signed(market, "alice", ended),
        "check_parties": [PartiesCheck(parties=())],
        "verify": ["alice", []],
        "identity": ["alice"],
        "issuers": [KYC],
    }
