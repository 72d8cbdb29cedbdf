from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tallystick.node.membership.errors import (
    InvalidIdentityError,
    MalformedIdentityError,
    UnknownMspError,
)
from tallystick.node.membership.registry import MspRegistry
from tallystick.wire.identities import serialize_identity

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.membership.conftest import Party


def test_an_identity_is_parsed_once(party: Party) -> None:
    registry = MspRegistry([party.msp])
    serialized = party.member("peer").identity
    first = registry.identity(serialized)
    assert registry.identity(bytes(bytearray(serialized))) is first
    assert registry.endorser(serialized) is first
    assert first.serialized == serialized


def test_every_msp_of_the_channel_is_asked_for_its_own(
    party: Party, new_party: Callable[[str], Party]
) -> None:
    other = new_party("OtherMSP")
    registry = MspRegistry([party.msp, other.msp])
    assert registry.msp_ids == ("ClearingMSP", "OtherMSP")
    for one in (party, other):
        assert registry.identity(one.member("client").identity).msp_id == one.msp_id


def test_an_msp_that_is_not_on_the_channel_is_unknown(
    party: Party, new_party: Callable[[str], Party]
) -> None:
    registry = MspRegistry([party.msp])
    with pytest.raises(UnknownMspError) as caught:
        registry.identity(new_party("OtherMSP").member("client").identity)
    assert caught.value.msp_id == "OtherMSP"
    assert caught.value.known == ("ClearingMSP",)
    assert registry.get("OtherMSP") is None


def test_an_invalid_identity_stays_invalid(party: Party) -> None:
    registry = MspRegistry([party.msp])
    serialized = party.member("peer", "client").identity
    for _ in range(2):
        with pytest.raises(InvalidIdentityError, match="exactly one of the OUs"):
            registry.identity(serialized)


def test_trailing_bytes_are_refused_of_creators_but_not_of_endorsers(party: Party) -> None:
    """§14.5: trailing data is refused for envelope creators."""
    registry = MspRegistry([party.msp])
    pem = party.member("peer").certificate_pem
    padded = serialize_identity(party.msp_id, pem + b"\n")
    with pytest.raises(MalformedIdentityError, match="1 bytes follow the PEM block"):
        registry.identity(padded)
    plain = registry.identity(serialize_identity(party.msp_id, pem))
    assert registry.endorser(padded).fingerprint == plain.fingerprint


def test_bytes_that_are_no_identity_are_malformed(party: Party) -> None:
    with pytest.raises(MalformedIdentityError):
        MspRegistry([party.msp]).identity(b"\xff\xff")
