"""Scenarios whose last call is refused: identities."""

from tests.unit.contracts.refusals.scenarios import (
    BROKER,
    add_claim,
    add_key,
    reaches,
    revoke_key,
)

from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.identities.models import MAX_KEYS
from tallystick.contracts.identity.models import References
from tallystick.contracts.purposes import Purpose
from tallystick.contracts.reasons import (
    AccessReason,
    IdentityReason,
)
from tallystick.contracts.statements import (
    Control,
    ControlSet,
    KeyAddition,
    NewKey,
    Registration,
    SubAccountOpened,
    UnitsSent,
    WalletUnlinked,
)
from tallystick.contracts.testing import Market, new_wallet


@reaches(IdentityReason.IDENTITY_UNKNOWN)
def _(market: Market) -> None:
    market.deposit("nobody", 1)


@reaches(IdentityReason.IDENTITY_EXISTS)
def _(market: Market) -> None:
    market.register("alice")


@reaches(IdentityReason.KEY_MALFORMED)
def _(market: Market) -> None:
    key = NewKey(public_key="AAAA", purposes=(Purpose.ACTION,))
    addition = KeyAddition(identity="alice", key=key)
    intent = market.sign("alice", addition)
    market.submit(BROKER, Chaincode.IDENTITY, "add_key", addition, intent)


@reaches(IdentityReason.KEY_UNKNOWN)
def _(market: Market) -> None:
    revoke_key(market, "alice", "0" * 64)


@reaches(IdentityReason.KEY_EXISTS)
def _(market: Market) -> None:
    add_key(market, "alice", market.wallets["alice"])


@reaches(IdentityReason.LAST_MANAGEMENT_KEY)
def _(market: Market) -> None:
    revoke_key(market, "alice", market.wallets["alice"].key)


@reaches(IdentityReason.MANAGEMENT_KEY_MISSING)
def _(market: Market) -> None:
    wallet = market.wallets["carol"] = new_wallet("carol")
    keys = (wallet.new_key(Purpose.ACTION),)
    statement = Registration(identity="carol", party="person", keys=keys)
    intent = market.sign("carol", statement)
    market.submit(BROKER, Chaincode.IDENTITY, "register_identity", statement, intent)


@reaches(IdentityReason.REFERENCE_DIFFERS)
def _(market: Market) -> None:
    moved = market.investor("bob").model_copy(update={"record": "vault/9"})
    references = References(investors=(moved,))
    market.submit(BROKER, Chaincode.IDENTITY, "keep_references", references=references)


@reaches(IdentityReason.KEY_NOT_HELD)
def _(market: Market) -> None:
    addition = KeyAddition(identity="alice", key=new_wallet("alice").new_key())
    intent = market.sign("alice", addition)
    market.submit(BROKER, Chaincode.IDENTITY, "add_key", addition, intent)


@reaches(IdentityReason.KEYS_TOO_MANY)
def _(market: Market) -> None:
    for _ in range(MAX_KEYS):
        add_key(market, "alice", new_wallet("alice"), Purpose.ACTION)


@reaches(IdentityReason.CONTROL_OUT_OF_REACH)
def _(market: Market) -> None:
    set_control(market, Control(action=2))


@reaches(AccessReason.SIGNATURES_TOO_FEW)
def _(market: Market) -> None:
    add_key(market, "alice", new_wallet("alice"))
    set_control(market, Control(action=2))
    sent = UnitsSent(security="ACME", sender="alice", receiver="bob", quantity=1)
    market.submit(BROKER, Chaincode.TOKEN, "transfer", sent, market.sign("alice", sent))


@reaches(IdentityReason.WALLET_UNKNOWN)
def _(market: Market) -> None:
    unlinked = WalletUnlinked(identity="alice", wallet="phone")
    intent = market.sign("alice", unlinked)
    market.submit(BROKER, Chaincode.IDENTITY, "unlink_wallet", unlinked, intent)


@reaches(IdentityReason.IDENTITY_IS_SUB_ACCOUNT)
def _(market: Market) -> None:
    opened = SubAccountOpened(identity="alice", account="alice.2")
    intent = market.sign("alice", opened)
    market.submit(BROKER, Chaincode.IDENTITY, "open_sub_account", opened, intent)
    add_claim(market, subject="alice.2")


def set_control(market: Market, control: Control) -> None:
    chosen = ControlSet(identity="alice", control=control)
    intent = market.sign("alice", chosen)
    market.submit(BROKER, Chaincode.IDENTITY, "set_control", chosen, intent)
