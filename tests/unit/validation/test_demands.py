"""What a transaction must be endorsed by, as people are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tallystick.node.ledger.rwset import VALIDATION_PARAMETER
from tallystick.node.policies.parser import parse_policy
from tallystick.node.validation.demands import Demand, demands
from tallystick.node.validation.endorsement_policies import EndorsementPolicies
from tallystick.node.validation.structure import ParsedTransaction, parse_transaction
from tallystick.protos.peer.collection_pb2 import (
    CollectionConfig,
    CollectionConfigPackage,
    StaticCollectionConfig,
)
from tallystick.wire.hashing import sha256

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


def write_bound(builder: ReadWriteSetBuilder) -> None:
    builder.add_write("token", "bound", b"1")
    builder.add_metadata_write("token", "also bound", {})


def write_bound_and_free(builder: ReadWriteSetBuilder) -> None:
    builder.add_write("token", "bound", b"1")
    builder.add_write("token", "free", b"1")


def write_bound_secret(builder: ReadWriteSetBuilder) -> None:
    builder.add_private_write("token", "vault", "bound", b"1")


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
            write_bound,
            {"token: bound, also bound": "policy OR('TwoMSP.peer')"},
            id="only keys with a policy of their own",
        ),
        pytest.param(
            write_bound_and_free,
            {"token: bound": "policy OR('TwoMSP.peer')", "token": DEFAULT},
            id="a key with a policy of its own, and one without",
        ),
        pytest.param(
            write_bound_secret,
            {f"token/vault: {sha256(b'bound').hex()}": "policy OR('TwoMSP.peer')"},
            id="a private key with a policy of its own",
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
    by_two = {VALIDATION_PARAMETER: parse_policy("OR('TwoMSP.peer')").SerializeToString()}
    for key in ("bound", "also bound"):
        setting.ledger.put(key, metadata=by_two)
    setting.ledger.put_hash("vault", "bound", by_two)
    parsed = parse_transaction(setting.draft(write).envelope(), setting.channel, setting.checker)
    assert isinstance(parsed, ParsedTransaction)

    found = demands(
        parsed, EndorsementPolicies(setting.channel), setting.definitions, setting.ledger.state
    )

    assert {_named(one): one.policy and one.policy.name for one in found} == expected


def _named(demand: Demand) -> str:
    keys = [key.hex() if isinstance(key, bytes) else key for key in demand.keys]
    return f"{demand.place}: {', '.join(keys)}" if keys else demand.place
