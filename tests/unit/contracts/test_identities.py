"""Identities: who controls them, with which keys, and what becomes of them when keys are lost."""

from datetime import timedelta
from functools import partial
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError
from tests.unit.contracts.acts import refused

from tallystick.chaincode.testing import Outcome
from tallystick.contracts.chaincodes import Chaincode
from tallystick.contracts.identities.models import AccessPage, AccessVerdict, IdentityKey
from tallystick.contracts.identities.rules import judged_signatures
from tallystick.contracts.identity.models import IdentityView
from tallystick.contracts.intents import SignedIntent
from tallystick.contracts.participants import Participant
from tallystick.contracts.parties import Authority, KeySignature, PartiesCheck, PartiesReport, Party
from tallystick.contracts.purposes import Purpose
from tallystick.contracts.statements import (
    AccessGranted,
    AccessWithdrawn,
    Control,
    ControlSet,
    KeyAddition,
    KeyRetirement,
    KeyRevocation,
    KeyRotation,
    MandateGranted,
    Recovery,
    Registration,
    Representation,
    Statement,
    SubAccountOpened,
    UnitsAllowed,
    UnitsSent,
    WalletLinked,
    WalletUnlinked,
)
from tallystick.contracts.testing import EVIDENCE, KYC, KYC_HOUSE, Market, new_wallet
from tallystick.contracts.wallet import Wallet

P = Participant
IDENTITY = Chaincode.IDENTITY
HOUR = timedelta(hours=1)


def submit(
    market: Market,
    function: str,
    statement: Statement,
    intent: SignedIntent,
    who: str = P.BROKER_DEALER,
) -> Outcome:
    return market.submit(who, statement.contract, function, statement, intent)


def add_key(market: Market, identity: str, *purposes: Purpose) -> Wallet:
    wallet = new_wallet(identity)
    addition = KeyAddition(identity=identity, key=wallet.new_key(*purposes))
    submit(market, "add_key", addition, market.sign(identity, addition, wallet))
    return wallet


def sent(quantity: int = 1, sender: str = "alice", receiver: str = "bob") -> UnitsSent:
    return UnitsSent(security="ACME", sender=sender, receiver=receiver, quantity=quantity)


def transfer(market: Market, *cosigners: Wallet, signer: Wallet | None = None) -> Outcome:
    """Transfer a unit from alice to bob, signed by one of her wallets and by further ones."""
    if signer is not None:
        market.wallets["alice"] = signer
    return submit(market, "transfer", sent(), market.sign("alice", sent(), *cosigners))


# --- several keys ---


def under_two_keys(market: Market) -> Wallet:
    """Let alice act with two keys only; return the second one."""
    second = add_key(market, "alice")
    chosen = ControlSet(identity="alice", control=Control(management=2, action=2))
    submit(market, "set_control", chosen, market.sign("alice", chosen))
    return second


def test_two_of_two_keys_must_sign_together(market: Market) -> None:
    """SS-113."""
    second = under_two_keys(market)
    assert refused(transfer, market) == "SIGNATURES_TOO_FEW"
    transfer(market, second)
    assert market.units("bob") == 1


def test_one_key_that_signs_twice_is_one_key(market: Market) -> None:
    under_two_keys(market)
    assert refused(transfer, market, market.wallets["alice"]) == "SIGNATURES_TOO_FEW"


def test_the_rule_in_force_decides_about_its_own_change(market: Market) -> None:
    second = under_two_keys(market)
    back = ControlSet(identity="alice", control=Control())
    alone = market.sign("alice", back)
    assert refused(submit, market, "set_control", back, alone) == "SIGNATURES_TOO_FEW"
    submit(market, "set_control", back, market.sign("alice", back, second))
    transfer(market)


def test_a_new_key_does_not_vouch_for_its_own_entry(market: Market) -> None:
    under_two_keys(market)
    third = new_wallet("alice")
    addition = KeyAddition(identity="alice", key=third.new_key())
    intent = market.sign("alice", addition, third)
    assert refused(submit, market, "add_key", addition, intent) == "SIGNATURES_TOO_FEW"


@pytest.mark.parametrize("name", ["alice@example.org", "alice smith", "", "a" * 65])
def test_an_identity_is_named_by_a_pseudonym(name: str, market: Market) -> None:
    """SS-34: what reads as an address of somebody is no name on the ledger."""
    with pytest.raises(ValidationError):
        market.register(name)


def test_an_identity_begins_under_several_keys(market: Market) -> None:
    keys = [new_wallet("carol") for _ in range(3)]
    market.wallets["carol"] = keys[0]
    registration = Registration(
        identity="carol",
        party="firm",
        keys=tuple(each.new_key() for each in keys),
        control=Control(management=2),
    )
    submit(market, "register_identity", registration, market.sign("carol", registration, *keys[1:]))
    mandate = market.mandate("carol").statement
    few = market.sign("carol", mandate)
    assert refused(submit, market, "grant_mandate", mandate, few) == "SIGNATURES_TOO_FEW"
    submit(market, "grant_mandate", mandate, market.sign("carol", mandate, keys[2]))


def test_an_identity_cannot_begin_out_of_its_own_control(market: Market) -> None:
    wallet = market.wallets["carol"] = new_wallet("carol")
    registration = Registration(
        identity="carol", party="person", keys=(wallet.new_key(),), control=Control(management=2)
    )
    intent = market.sign("carol", registration)
    act = partial(submit, market, "register_identity", registration, intent)
    assert refused(act) == "SIGNATURES_TOO_FEW"


@pytest.mark.parametrize("ended", ["revoke_key", "retire_key"])
def test_no_key_ends_that_control_cannot_do_without(ended: str, market: Market) -> None:
    second = under_two_keys(market)
    kinds: dict[str, type[KeyRevocation | KeyRetirement]] = {
        "revoke_key": KeyRevocation,
        "retire_key": KeyRetirement,
    }
    statement = kinds[ended](identity="alice", key=second.key)
    intent = market.sign("alice", statement, second)
    assert refused(submit, market, ended, statement, intent) == "LAST_MANAGEMENT_KEY"


KEYS = {
    name: IdentityKey(public_key="", purposes=(purpose,))
    for name, purpose in (("m", Purpose.MANAGEMENT), ("a", Purpose.ACTION), ("c", Purpose.CLAIM))
}


@given(
    names=st.lists(st.sampled_from(["m", "a", "c", "?"]), min_size=1, max_size=5),
    purpose=st.sampled_from(Purpose),
    threshold=st.integers(min_value=1, max_value=3),
)
def test_signatures_that_are_no_signatures_never_reach_a_threshold(
    names: list[str], purpose: Purpose, threshold: int
) -> None:
    authority = Authority(
        identity="alice",
        purpose=purpose,
        signatures=tuple(KeySignature(key=name, signature="") for name in names),
    )
    keys = {name: KEYS.get(name) for name in names}
    signed = judged_signatures(authority, keys, threshold)
    assert signed.findings
    assert signed.keys == ()


# --- keys enter and end ---


def test_a_key_serves_one_identity_for_ever(market: Market) -> None:
    """SS-113: neither while it counts nor afterwards does it become another's."""
    wallet = add_key(market, "alice", Purpose.ACTION)
    revocation = KeyRevocation(identity="alice", key=wallet.key)
    submit(market, "revoke_key", revocation, market.sign("alice", revocation))
    for identity in ("alice", "bob"):
        addition = KeyAddition(identity=identity, key=wallet.new_key())
        intent = market.sign(identity, addition, wallet)
        assert refused(submit, market, "add_key", addition, intent) == "KEY_EXISTS"


def test_nobody_enters_the_key_of_another(market: Market) -> None:
    stolen = new_wallet("bob").new_key()
    rotation = KeyRotation(identity="alice", old=market.wallets["alice"].key, new=stolen)
    assert (
        refused(lambda: submit(market, "rotate_key", rotation, market.sign("alice", rotation)))
        == "KEY_NOT_HELD"
    )


def test_a_retired_key_signs_no_more_and_its_claims_stand(market: Market) -> None:
    """SS-29, SS-32."""
    old = market.wallets[KYC_HOUSE]
    successor = add_key(market, KYC_HOUSE)
    retirement = KeyRetirement(identity=KYC_HOUSE, key=old.key)
    submit(market, "retire_key", retirement, market.sign(KYC_HOUSE, retirement))
    market.transfer("alice", "bob", 1)
    claim = market.claim("bob")
    assert (
        refused(submit, market, "add_claim", claim.statement, claim.intent) == "INTENT_KEY_UNKNOWN"
    )
    market.wallets[KYC_HOUSE] = successor
    claim = market.claim("bob")
    submit(market, "add_claim", claim.statement, claim.intent)


def test_the_keys_of_a_wallet_come_and_go_together(market: Market) -> None:
    """SS-113, F104, F120."""
    phone, watch = new_wallet("alice"), new_wallet("alice")
    linked = WalletLinked(
        identity="alice",
        wallet="phone",
        keys=(phone.new_key(Purpose.ACTION), watch.new_key(Purpose.ACTION)),
    )
    submit(market, "link_wallet", linked, market.sign("alice", linked, phone, watch))
    desktop = market.wallets["alice"]
    transfer(market, signer=phone)
    market.wallets["alice"] = desktop
    unlinked = WalletUnlinked(identity="alice", wallet="phone")
    submit(market, "unlink_wallet", unlinked, market.sign("alice", unlinked))
    for device in (phone, watch):
        assert refused(transfer, market, signer=device) == "INTENT_KEY_UNKNOWN"
    transfer(market, signer=desktop)


# --- recovery ---


def recover(market: Market, *, who: str = P.TRANSFER_AGENT) -> Wallet:
    """Replace all keys of alice, as the transfer agent; return the new one."""
    fresh = new_wallet("alice")
    recovery = Recovery(identity="alice", keys=(fresh.new_key(),), evidence_hash=EVIDENCE)
    expires_at = market.after(HOUR)
    intent = fresh.sign(recovery, nonce=f"recovery-{fresh.key[:8]}", expires_at=expires_at)
    submit(market, "recover_identity", recovery, intent, who)
    return fresh


def test_recovery_replaces_every_key_and_moves_nothing(market: Market) -> None:
    """SS-67: holdings, locks, allowances and mandates belong to the identity, not to its keys."""
    second = add_key(market, "alice", Purpose.ACTION)
    allowed = UnitsAllowed(
        security="ACME",
        holder="alice",
        spender=P.CLEARING,
        quantity=5,
        expires_at=market.after(HOUR),
    )
    submit(market, "approve", allowed, market.sign("alice", allowed))
    market.agree(market.terms())
    market.lock()
    lost = market.wallets["alice"]
    fresh = recover(market)
    for device in (lost, second):
        assert refused(transfer, market, signer=device) == "INTENT_KEY_UNKNOWN"
    transfer(market, signer=fresh)
    market.submit(P.CLEARING, Chaincode.TOKEN, "transfer_from", sent(5))
    market.settle()
    assert (market.units("alice"), market.units("bob")) == (1000 - 1 - 5 - 10, 16)


def test_a_key_that_is_lost_recovers_nothing(market: Market) -> None:
    """SS-67: an intent that the old key signed before is dead too."""
    early = market.sign("alice", sent())
    recover(market)
    assert refused(lambda: submit(market, "transfer", sent(), early)) == "INTENT_KEY_UNKNOWN"


def test_only_who_keeps_the_register_recovers(market: Market) -> None:
    """SS-04."""
    assert refused(recover, market, who=P.BROKER_DEALER) == "LICENCE_MISSING"
    assert refused(recover, market, who=P.ISSUER) == "LICENCE_MISSING"


def test_a_recovery_tells_who_answers_for_it_and_by_what_evidence(market: Market) -> None:
    recover(market)
    view = market.evaluate(IDENTITY, "identity", "alice").load(IdentityView)
    assert view.identity.recovered_at is not None
    assert sum(key.revoked_at is None for key in view.keys) == 1


# --- sub-accounts and organisations ---


def open_account(market: Market, account: str = "alice.clients") -> None:
    opened = SubAccountOpened(identity="alice", account=account)
    submit(market, "open_sub_account", opened, market.sign("alice", opened))
    owner = market.wallets["alice"]
    market.wallets[account] = Wallet(account, owner.channel, owner.verifying_key, owner.sign_bytes)


def profile(market: Market, identity: str) -> PartiesReport:
    check = PartiesCheck(parties=(Party(identity=identity, topics=(KYC,)),))
    return market.evaluate(IDENTITY, "check_parties", check).load(PartiesReport)


def test_a_sub_account_holds_apart_by_the_keys_and_claims_of_its_owner(market: Market) -> None:
    """SS-62, SS-75, F50: two lines of the register, one person."""
    open_account(market)
    submit(
        market,
        "transfer",
        own := sent(4, receiver="alice.clients"),
        market.sign("alice", own),
    )
    back = sent(1, "alice.clients", "bob")
    submit(market, "transfer", back, market.sign("alice.clients", back))
    assert (market.units("alice"), market.units("alice.clients")) == (996, 3)
    known = profile(market, "alice.clients").parties[0].profile
    assert known is not None
    assert (known.person, known.kind) == ("alice", "person")
    assert [each.topic for each in known.attested] == [KYC]


def test_a_sub_account_has_no_keys_of_its_own(market: Market) -> None:
    open_account(market)
    wallet = new_wallet("alice.clients")
    addition = KeyAddition(identity="alice.clients", key=wallet.new_key())
    intent = market.sign("alice.clients", addition, wallet)
    assert refused(submit, market, "add_key", addition, intent) == "IDENTITY_IS_SUB_ACCOUNT"


def test_an_organisation_holds_by_an_identity_and_lends_it_its_licences(market: Market) -> None:
    """SS-10, SS-65: what the holder is follows from the live licences of its organisation."""
    statement = Representation(identity="alice", organization=P.BROKER_DEALER)
    submit(market, "represent", statement, market.sign("alice", statement))
    known = profile(market, "alice").parties[0].profile
    assert known is not None
    assert (known.organization, known.licences) == (P.BROKER_DEALER, ("broker-dealer",))
    suspended = (P.BROKER_DEALER, "broker-dealer", "an inquiry")
    market.submit(P.REGULATOR, IDENTITY, "suspend_licence", *suspended)
    known = profile(market, "alice").parties[0].profile
    assert known is not None
    assert known.licences == ()


def test_an_organisation_can_change_the_identity_it_holds_by(market: Market) -> None:
    for identity in ("alice", "bob"):
        statement = Representation(identity=identity, organization=P.BROKER_DEALER)
        submit(market, "represent", statement, market.sign(identity, statement))
        market.submit(P.BROKER_DEALER, IDENTITY, "end_representation")
    known = profile(market, "bob").parties[0].profile
    assert known is not None
    assert known.organization is None


def test_an_identity_is_held_by_one_organisation_at_a_time(market: Market) -> None:
    statement = Representation(identity="alice", organization=P.BROKER_DEALER)
    submit(market, "represent", statement, market.sign("alice", statement))
    second = Representation(identity="alice", organization=P.BANK)
    act = partial(market.submit, P.BANK, IDENTITY, "represent", second)
    assert refused(act, market.sign("alice", second)) == "IDENTITY_REPRESENTS"


# --- access to data off the ledger ---


def granted(market: Market) -> AccessGranted:
    statement = AccessGranted(
        identity="alice",
        grant="g-1",
        service=P.TRANSFER_AGENT,
        grantee=P.ISSUER,
        fields=("name", "address"),
        reason="annual report",
        expires_at=market.after(HOUR),
    )
    submit(market, "grant_access", statement, market.sign("alice", statement))
    return statement


def may(market: Market, *fields: str) -> bool:
    asked: list[JsonValue] = [*fields]
    outcome = market.evaluate(IDENTITY, "may_access", "alice", "g-1", asked)
    return outcome.load(AccessVerdict).allowed


def test_a_grant_covers_its_fields_until_its_last_second(market: Market) -> None:
    """SS-23, SS-34, F118, W9."""
    granted(market)
    assert may(market, "name")
    assert may(market, "address", "name")
    assert not may(market, "name", "birthday")
    market.ledger.advance(HOUR - timedelta(seconds=1))
    assert may(market, "name")
    market.ledger.advance(timedelta(seconds=1))
    assert not may(market, "name")


def test_a_withdrawn_grant_denies_at_once(market: Market) -> None:
    """SS-34."""
    granted(market)
    withdrawn = AccessWithdrawn(identity="alice", grant="g-1")
    submit(market, "revoke_access", withdrawn, market.sign("alice", withdrawn))
    assert not may(market, "name")


def test_each_read_is_in_the_log_and_only_the_service_writes_it(market: Market) -> None:
    """SS-34, F118, W9."""
    granted(market)
    fields: list[JsonValue] = ["name"]

    def record(who: str) -> Outcome:
        return market.submit(who, IDENTITY, "record_access", "alice", "g-1", fields)

    assert refused(record, P.ISSUER) == "PARTICIPANT_NOT_PERMITTED"
    first, second = (record(P.TRANSFER_AGENT) for _ in range(2))
    page = market.evaluate(IDENTITY, "accesses", "alice").load(AccessPage)
    assert {each.transaction_id for each in page.accesses} == {
        first.transaction_id,
        second.transaction_id,
    }
    assert {each.fields for each in page.accesses} == {("name",)}


def test_a_sponsor_gets_no_key_by_onboarding(market: Market) -> None:
    """SS-37, F119: the client's key is the only one, and a mandate can be taken back."""
    market.onboard("carol")
    view = market.evaluate(IDENTITY, "identity", "carol").load(IdentityView)
    assert [key.public_key for key in view.keys] == [market.wallets["carol"].public_key]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_any_two_of_three_keys_suffice_and_no_single_one(size: int, market: Market) -> None:
    """F106: a table of all subsets, so that no order of signatures is favoured."""
    keys = [market.wallets["alice"], add_key(market, "alice"), add_key(market, "alice")]
    chosen = ControlSet(identity="alice", control=Control(action=2))
    submit(market, "set_control", chosen, market.sign("alice", chosen))
    for first, *others in combinations(keys, size):
        if size == 1:
            assert refused(transfer, market, signer=first) == "SIGNATURES_TOO_FEW"
        else:
            transfer(market, *others, signer=first)
    assert market.units("bob") == {1: 0, 2: 3, 3: 1}[size]


def test_a_mandate_for_a_sub_account_is_given_by_its_owner(market: Market) -> None:
    open_account(market)
    mandate = MandateGranted(
        identity="alice.clients", participant=P.BROKER_DEALER, expires_at=market.after(HOUR)
    )
    submit(market, "grant_mandate", mandate, market.sign("alice.clients", mandate))
    submit(market, "transfer", own := sent(2, receiver="alice.clients"), market.sign("alice", own))
    market.transfer("alice.clients", "bob", 2)
    assert market.units("bob") == 2
