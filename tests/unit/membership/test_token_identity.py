"""A node whose key is on a token."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from tallystick.client.identity import Identity, SigningError
from tallystick.node.membership.errors import SigningFailedError
from tallystick.node.membership.token_identity import TokenIdentity
from tallystick.protos.msp.identities_pb2 import SerializedIdentity

if TYPE_CHECKING:
    from tests.unit.membership.conftest import Party

    from tallystick.client.cryptoki import TokenKey


class AbsentKey:
    def sign_digest(self, digest: bytes) -> bytes:
        raise SigningError(f"there is no token to sign {len(digest)} bytes; put it back")


def test_a_token_that_does_not_sign_is_a_failure_that_a_node_survives(party: Party) -> None:
    named = SerializedIdentity.FromString(party.member("peer").identity)
    signer = TokenIdentity(Identity(named.mspid, named.id_bytes), cast("TokenKey", AbsentKey()))
    with pytest.raises(SigningFailedError, match=r"the node cannot sign: .* put it back"):
        signer.sign(b"message")
