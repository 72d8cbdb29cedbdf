"""What a transaction must be endorsed by, as people are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tallystick.node.policies.parser import parse_policy
from tallystick.node.validation.demands import demands
from tallystick.node.validation.endorsement_policies import EndorsementPolicies
from tallystick.node.validation.structure import ParsedTransaction, parse_transaction
from tallystick.protos.peer.collection_pb2 import (
    CollectionConfig,
    CollectionConfigPackage,
    StaticCollectionConfig,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.validation.conftest import Setting

    from tallystick.node.ledger.rwset_builder import ReadWriteSetBuilder

DEFAULT = "policy /Channel/Application/Endorsement"


def write_public(builder: ReadWriteSetBuilder) -> None:
    builder.add_write("token", "key", b"1")


def write_own_collection(builder: ReadWriteSetBuilder) -> None:
    builder.add_private_write("token", "vault", "key", b"1")


def write_open_collection(builder: ReadWriteSetBuilder) -> None:
    builder.add_private_write("token", "open", "key", b"1")


def write_elsewhere(builder: ReadWriteSetBuilder) -> None:
    builder.add_write("cash", "key", b"1")
    builder.add_write("ghost", "key", b"1")


def approve(builder: ReadWriteSetBuilder) -> None:
    builder.add_private_write("_lifecycle", "_implicit_org_OneMSP", "key", b"1")


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        pytest.param(lambda _: None, {"token": DEFAULT}, id="nothing written"),
        pytest.param(write_public, {"token": DEFAULT}, id="public keys"),
        pytest.param(
            write_own_collection,
            {"token/vault": "policy OR('ThreeMSP.peer')"},
            id="only a collection with a policy of its own",
        ),
        pytest.param(
            write_open_collection, {"token/open": DEFAULT}, id="a collection without a policy"
        ),
        pytest.param(
            write_elsewhere,
            {"token": DEFAULT, "cash": "policy OR('TwoMSP.peer')", "ghost": None},
            id="other chaincodes",
        ),
        pytest.param(
            approve,
            {
                "token": DEFAULT,
                "_lifecycle/_implicit_org_OneMSP": (
                    "policy /Channel/Application/OneMSP/Endorsement"
                ),
            },
            id="an approval",
        ),
    ],
)
def test_each_place_written_to_has_its_demand(
    setting: Setting,
    write: Callable[[ReadWriteSetBuilder], None],
    expected: dict[str, str | None],
) -> None:
    """§12."""
    vault = StaticCollectionConfig(name="vault")
    vault.endorsement_policy.signature_policy.CopyFrom(parse_policy("OR('ThreeMSP.peer')"))
    setting.definitions.packages["token"] = CollectionConfigPackage(
        config=[
            CollectionConfig(static_collection_config=vault),
            CollectionConfig(static_collection_config=StaticCollectionConfig(name="open")),
        ]
    )
    setting.definitions.define("cash", "OR('TwoMSP.peer')")
    parsed = parse_transaction(setting.draft(write).envelope(), setting.channel, setting.checker)
    assert isinstance(parsed, ParsedTransaction)

    found = demands(
        parsed, EndorsementPolicies(setting.channel), setting.definitions, setting.ledger.state
    )

    assert {one.place: one.policy and one.policy.name for one in found} == expected
