"""Who may call the functions of the identity contract, and arguments that are well formed."""

from tests.unit.contracts.permissions import accounts, licensing
from tests.unit.contracts.permissions.roles import (
    EVERYBODY,
    LICENSED,
    REGULATOR,
    TRANSFER_AGENT,
    TRUSTEES,
    Arguments,
    P,
    Permissions,
)

from tallystick.contracts.claims.models import OverdueQuestion, TopicTerms
from tallystick.contracts.parties import PartiesCheck
from tallystick.contracts.statements import (
    ClaimWithdrawn,
    Control,
    ControlSet,
    KeyAddition,
    KeyRetirement,
    KeyRevocation,
    KeyRotation,
    ListUpdated,
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
    "open_sub_account": LICENSED,
    "retire_key": LICENSED,
    "set_control": LICENSED,
    "link_wallet": LICENSED,
    "unlink_wallet": LICENSED,
    "recover_identity": TRANSFER_AGENT,
    "set_topic": TRUSTEES,
    "add_claims": LICENSED,
    "claims": EVERYBODY,
    "topic": EVERYBODY,
    "overdue": EVERYBODY,
    "update_list": LICENSED,
    "lift_bar": REGULATOR,
    "barred_list": EVERYBODY,
    "register_identity": LICENSED,
    "add_key": LICENSED,
    "rotate_key": LICENSED,
    "revoke_key": LICENSED,
    "onboard": LICENSED,
    "trust_issuer": TRUSTEES,
    "distrust_issuer": TRUSTEES,
    "add_claim": LICENSED,
    "revoke_claim": LICENSED,
    "keep_references": LICENSED,
    "grant_mandate": LICENSED,
    "revoke_mandate": LICENSED,
    "check_parties": EVERYBODY,
    "verify": EVERYBODY,
    "identity": EVERYBODY,
    "references": EVERYBODY,
    "issuers": EVERYBODY,
}


def arguments(market: Market) -> Arguments:
    registration = market.registration("carol")
    claim = market.claim("bob")
    mandate = market.mandate("alice")
    signature = market.sign("alice", claim.statement)
    old, new = market.wallets["alice"].key, new_wallet("alice").new_key()
    revoked = ClaimWithdrawn(subject="bob", topic=KYC, issuer=KYC_HOUSE)
    ended = MandateWithdrawn(identity="alice", participant=P.BROKER_DEALER)
    recovery = Recovery(identity="alice", keys=(new,), evidence_hash=EVIDENCE)
    listed = ListUpdated(issuer=KYC_HOUSE, list_name="ofac", version=1, list_hash=EVIDENCE)
    question = OverdueQuestion(topic=KYC, before=signature.expires_at)
    return {
        **licensing.arguments(market),
        **accounts.arguments(market),
        "open_sub_account": [SubAccountOpened(identity="alice", account="a.2"), signature],
        "retire_key": [KeyRetirement(identity="alice", key=old), signature],
        "set_control": [ControlSet(identity="alice", control=Control()), signature],
        "link_wallet": [WalletLinked(identity="alice", wallet="w", keys=(new,)), signature],
        "unlink_wallet": [WalletUnlinked(identity="alice", wallet="w"), signature],
        "recover_identity": [recovery, signature],
        "set_topic": [TopicTerms(topic="residence")],
        "add_claims": [[claim]],
        "claims": ["alice"],
        "topic": [KYC],
        "overdue": [question],
        "update_list": [listed, signature],
        "lift_bar": ["bob", KYC_HOUSE, "ofac"],
        "barred_list": [KYC_HOUSE, "ofac"],
        "register_identity": [registration.statement, registration.intent],
        "add_key": [KeyAddition(identity="alice", key=new), signature],
        "rotate_key": [KeyRotation(identity="alice", old=old, new=new), signature],
        "revoke_key": [KeyRevocation(identity="alice", key=old), signature],
        "onboard": [[]],
        "trust_issuer": [KYC, KYC_HOUSE],
        "distrust_issuer": [KYC, KYC_HOUSE],
        "add_claim": [claim.statement, claim.intent],
        "revoke_claim": [revoked, signature],
        "keep_references": [],
        "references": ["alice"],
        "grant_mandate": [mandate.statement, mandate.intent],
        "revoke_mandate": [ended, market.sign("alice", ended)],
        "check_parties": [PartiesCheck(parties=())],
        "verify": ["alice", []],
        "identity": ["alice"],
        "issuers": [KYC],
    }
