"""Signatures that administrators gave to copies of one update: wire.md §8.1."""

import pytest
from tests.unit.conftest import CHANNEL_ID, NOW_NS, ChannelMaterial

from tallystick.node.channel.config_signing import (
    unsigned_update,
    update_in,
    with_signature,
    with_signatures_of,
)
from tallystick.node.channel.errors import ChannelConfigError
from tallystick.protos.common.common_pb2 import Envelope
from tallystick.protos.common.configtx_pb2 import ConfigUpdate
from tallystick.wire.signing import Signer

UPDATE = unsigned_update(ConfigUpdate(channel_id=CHANNEL_ID, isolated_data={"a": b"1"}))
OTHER = unsigned_update(ConfigUpdate(channel_id=CHANNEL_ID, isolated_data={"a": b"2"}))


def signed(update: Envelope, signer: Signer) -> Envelope:
    return with_signature(update, signer, new_nonce=lambda: bytes(24), now_ns=NOW_NS)


def test_signatures_of_copies_come_together_each_once(channel_material: ChannelMaterial) -> None:
    first = signed(UPDATE, channel_material.administrator)
    second = signed(UPDATE, channel_material.client)
    both = signed(first, channel_material.client)
    collected = with_signatures_of(UPDATE, [first, second, both])
    content, parts = update_in(collected), [update_in(each) for each in (first, second, both)]
    assert content.config_update == parts[0].config_update
    assert list(content.signatures[:2]) == [parts[0].signatures[0], parts[1].signatures[0]]
    assert list(content.signatures[2:]) == [
        each for each in parts[2].signatures if each not in content.signatures[:2]
    ]
    assert not collected.signature, "nobody sends it yet"
    assert with_signatures_of(collected, [first, second]) == collected


def test_another_update_has_no_signatures_for_this_one(channel_material: ChannelMaterial) -> None:
    other = signed(OTHER, channel_material.administrator)
    with pytest.raises(ChannelConfigError, match="signatures of another update cannot be added"):
        with_signatures_of(UPDATE, [other])
