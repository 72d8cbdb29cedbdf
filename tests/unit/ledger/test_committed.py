from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tallystick.node.ledger.committed import (
    find_modification,
    is_config_block,
    is_endorser_transaction,
    transaction_id_of_entry,
)
from tallystick.protos.common.common_pb2 import Block, BlockData, Envelope

if TYPE_CHECKING:
    from tests.unit.ledger.conftest import Chain

UNREADABLE = [
    pytest.param(b"\xff", id="no envelope"),
    pytest.param(Envelope(payload=b"\xff").SerializeToString(), id="no payload"),
    pytest.param(b"", id="empty"),
]


@pytest.mark.parametrize("entry", UNREADABLE)
def test_an_unreadable_entry_has_no_id_and_no_type(entry: bytes) -> None:
    assert transaction_id_of_entry(entry) == ""
    assert not is_endorser_transaction(entry)
    assert not is_config_block(Block(data=BlockData(data=[entry])))


def test_a_transaction_has_the_id_in_its_header(chain: Chain) -> None:
    entry = chain.transaction("t1").entry(7)
    assert transaction_id_of_entry(entry) == "t1"
    assert is_endorser_transaction(entry)


@pytest.mark.parametrize(
    ("namespace", "key"),
    [
        pytest.param("other", "k", id="another namespace"),
        pytest.param("basic", "kk", id="another key"),
    ],
)
def test_a_transaction_did_not_modify_what_it_did_not_write(
    chain: Chain, namespace: str, key: str
) -> None:
    entry = chain.transaction("t1", {"k": b"v"}).entry(7)
    assert find_modification(entry, namespace, key) is None


def test_a_modification_carries_the_headers_id_and_time(chain: Chain) -> None:
    """§13, History."""
    modification = find_modification(chain.transaction("t1", {"k": b"v"}).entry(7), "basic", "k")
    assert modification is not None
    assert (modification.tx_id, modification.value) == ("t1", b"v")
    assert (modification.timestamp.seconds, modification.is_delete) == (7, False)
