from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tallystick.node.membership.registry import MspRegistry
from tallystick.node.membership.signature_checker import (
    MAX_IDENTITY_BYTES,
    MAX_SIGNATURE_BYTES,
    SignatureChecker,
)

if TYPE_CHECKING:
    from tests.unit.membership.conftest import Party

    from tallystick.node.membership.identity import Identity
    from tallystick.node.membership.signing_identity import SigningIdentity


@pytest.fixture
def signer(party: Party) -> SigningIdentity:
    return party.member("peer")


@pytest.fixture
def identity(party: Party, signer: SigningIdentity) -> Identity:
    return MspRegistry([party.msp]).identity(signer.identity)


def test_a_signature_is_good_for_its_message_alone(
    identity: Identity, signer: SigningIdentity
) -> None:
    checker = SignatureChecker()
    signature = signer.sign(b"message")
    assert checker.good(identity, b"message", signature)
    assert not checker.good(identity, b"messagf", signature)
    assert not checker.good(identity, b"message", b"")
    assert not checker.good(identity, b"message", signature[:-1])


def test_what_was_remembered_is_good_without_being_verified(identity: Identity) -> None:
    checker = SignatureChecker()
    checker.remember(identity.serialized, b"message", b"not even a signature")
    assert checker.good(identity, b"message", b"not even a signature")


def test_memory_covers_exactly_one_signer_and_message(identity: Identity, party: Party) -> None:
    checker = SignatureChecker()
    other = MspRegistry([party.msp]).identity(party.member("peer").identity)
    checker.remember(identity.serialized, b"message", b"signature")
    assert not checker.good(identity, b"other message", b"signature")
    assert not checker.good(other, b"message", b"signature")


def test_the_oldest_is_forgotten_first(identity: Identity) -> None:
    checker = SignatureChecker(capacity=2)
    for signature in (b"1", b"2", b"2", b"3"):
        checker.remember(identity.serialized, b"message", signature)
    remembered = [checker.good(identity, b"message", one) for one in (b"1", b"2", b"3")]
    assert remembered == [False, True, True]


def test_a_signature_that_is_padded_is_good_and_not_remembered(
    identity: Identity, signer: SigningIdentity
) -> None:
    checker = SignatureChecker()
    padded = signer.sign(b"message").ljust(MAX_SIGNATURE_BYTES + 1, b"\x00")
    assert checker.good(identity, b"message", padded)
    for length, is_remembered in ((MAX_SIGNATURE_BYTES, True), (MAX_SIGNATURE_BYTES + 1, False)):
        checker.remember(identity.serialized, b"message", b"x" * length)
        assert checker.good(identity, b"message", b"x" * length) is is_remembered


def test_a_signature_of_an_identity_that_is_padded_is_not_remembered(identity: Identity) -> None:
    checker = SignatureChecker()
    for size, is_remembered in ((MAX_IDENTITY_BYTES, True), (MAX_IDENTITY_BYTES + 1, False)):
        padded = replace(identity, serialized=identity.serialized.ljust(size, b"\x00"))
        checker.remember(padded.serialized, b"message", b"signature")
        assert checker.good(padded, b"message", b"signature") is is_remembered
