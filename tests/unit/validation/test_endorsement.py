"""Which policies a transaction must satisfy, by what it writes. Source: wire.md §12."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tallystick.node.ledger.rwset import VALIDATION_PARAMETER
from tallystick.node.ledger.version import Version
from tallystick.node.policies.parser import parse_policy
from tallystick.protos.peer.collection_pb2 import (
    CollectionConfig,
    CollectionConfigPackage,
    StaticCollectionConfig,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.validation.conftest import Setting

    from tallystick.node.ledger.rwset_builder import ReadWriteSetBuilder

    Write = Callable[[ReadWriteSetBuilder], None]

VALID, FAILED, UNDEFINED = "VALID", "ENDORSEMENT_POLICY_FAILURE", "INVALID_CHAINCODE"
BY_THREE = {VALIDATION_PARAMETER: parse_policy("OR('ThreeMSP.peer')").SerializeToString()}
CC = "token"


def put(key: str, namespace: str = CC) -> Write:
    return lambda builder: builder.add_write(namespace, key, b"1")


def change_metadata(key: str) -> Write:
    return lambda builder: builder.add_metadata_write(CC, key, {"other": b"1"})


def change_policy(key: str) -> Write:
    return lambda builder: builder.add_metadata_write(CC, key, BY_THREE)


def read(key: str, namespace: str = CC, version: Version | None = None) -> Write:
    return lambda builder: builder.add_read(namespace, key, version)


def put_private(collection: str, key: str = "p", namespace: str = CC) -> Write:
    return lambda builder: builder.add_private_write(namespace, collection, key, b"1")


def change_private_policy(collection: str, key: str) -> Write:
    return lambda builder: builder.add_private_metadata_write(CC, collection, key, BY_THREE)


def read_private(collection: str) -> Write:
    return lambda builder: builder.add_private_read(CC, collection, "p", None)


def all_of(*writes: Write) -> Write:
    def build(builder: ReadWriteSetBuilder) -> None:
        for write in writes:
            write(builder)

    return build


def collection(name: str, policy: str = "") -> CollectionConfig:
    config = StaticCollectionConfig(name=name)
    if policy:
        config.endorsement_policy.signature_policy.CopyFrom(parse_policy(policy))
    return CollectionConfig(static_collection_config=config)


@pytest.fixture
def stocked(setting: Setting) -> Setting:
    """Return a setting with a chaincode for two of three, keys and collections.

    Keys and collections called ``three`` are the third organisation's to change.
    """
    setting.ledger.put("three", metadata=BY_THREE)
    setting.ledger.put("plain", metadata={"other": b"1"})
    setting.ledger.put("broken", metadata={VALIDATION_PARAMETER: b"\xff"})
    setting.ledger.put_hash("open", "three", BY_THREE)
    setting.definitions.packages[CC] = CollectionConfigPackage(
        config=[collection("open"), collection("three", "OR('ThreeMSP.peer')")]
    )
    setting.definitions.define("cash", "OR('TwoMSP.peer')")
    setting.definitions.define("nowhere", "/Channel/Application/Missing")
    setting.definitions.policies["empty"] = b""
    setting.definitions.policies["broken"] = b"\xff"
    return setting


WRITES = [
    ("a new key", put("new"), (1, 2), VALID),
    ("a new key", put("new"), (1,), FAILED),
    ("nothing written", read("new"), (1, 2), VALID),
    ("nothing written", read("new"), (1,), FAILED),
    ("nothing touched", all_of(), (1,), FAILED),
    ("other metadata", put("plain"), (1, 2), VALID),
    ("own policy", put("three"), (3,), VALID),
    ("own policy", put("three"), (1, 2), FAILED),
    ("own policy, metadata written", change_metadata("three"), (3,), VALID),
    ("own policy, metadata written", change_metadata("three"), (1, 2), FAILED),
    ("own policy, only read", read("three", version=Version(1, 0)), (1, 2), VALID),
    ("own policy given now", all_of(put("new"), change_policy("new")), (1, 2), VALID),
    ("own policy and not", all_of(put("three"), put("new")), (1, 3), VALID),
    ("own policy and not", all_of(put("three"), put("new")), (1, 2), FAILED),
    ("own policy and not", all_of(put("three"), put("new")), (3,), FAILED),
    ("own policy is unreadable", put("broken"), (1, 2, 3), FAILED),
    ("collection without policy", put_private("open"), (1, 2), VALID),
    ("collection without policy", put_private("open"), (3,), FAILED),
    ("collection with policy", put_private("three"), (3,), VALID),
    ("collection with policy", put_private("three"), (1, 2), FAILED),
    ("collection only read", read_private("three"), (1, 2), VALID),
    ("unknown collection", put_private("unknown"), (1, 2, 3), FAILED),
    ("private key with own policy", put_private("open", "three"), (3,), VALID),
    ("private key with own policy", put_private("open", "three"), (1, 2), FAILED),
    ("private metadata", change_private_policy("open", "three"), (3,), VALID),
    ("private metadata", change_private_policy("three", "p"), (1, 2), FAILED),
    ("implicit collection", put_private("_implicit_org_TwoMSP"), (2,), VALID),
    ("implicit collection", put_private("_implicit_org_TwoMSP"), (1, 3), FAILED),
    ("implicit, unknown MSP", put_private("_implicit_org_NoMSP"), (1, 2, 3), FAILED),
    ("another namespace", put("k", "cash"), (1, 2), VALID),
    ("another namespace", put("k", "cash"), (1, 3), FAILED),
    ("another namespace, invoked fails", put("k", "cash"), (2,), FAILED),
    ("undefined namespace", put("k", "unknown"), (1, 2, 3), UNDEFINED),
    ("undefined namespace, only read", read("k", "unknown"), (1, 2), VALID),
    ("definition without policy", put("k", "empty"), (1, 2, 3), UNDEFINED),
    ("definition with bad policy", put("k", "broken"), (1, 2, 3), FAILED),
    ("policy that is missing", put("k", "nowhere"), (1, 2, 3), FAILED),
    ("definitions", put("k", "_lifecycle"), (1, 2), VALID),
]


@pytest.mark.parametrize(
    ("write", "endorsers", "code"),
    [
        pytest.param(write, endorsers, code, id=f"§12, {name}, by {endorsers}: {code}")
        for name, write, endorsers, code in WRITES
    ],
)
async def test_what_is_written_decides_who_must_endorse(
    stocked: Setting, write: Write, endorsers: tuple[int, ...], code: str
) -> None:
    assert await stocked.code_of(stocked.draft(write, endorsers=endorsers)) == code


@pytest.mark.parametrize(
    ("endorsers", "code"),
    [
        pytest.param((1, 2), FAILED, id="all but the auditor"),
        pytest.param((3,), FAILED, id="the auditor alone"),
        pytest.param((1, 3), FAILED, id="the auditor and one of two"),
        pytest.param((1, 2, 3), VALID, id="several and the auditor"),
    ],
)
@pytest.mark.parametrize(
    "write",
    [
        pytest.param(put("new"), id="a public write"),
        pytest.param(put_private("open"), id="a private write"),
        pytest.param(read("new"), id="no write"),
    ],
)
async def test_nothing_counts_without_several_and_the_auditor_that_a_chaincode_asks_for(
    stocked: Setting, write: Write, endorsers: tuple[int, ...], code: str
) -> None:
    """F167, F171: the third organisation audits."""
    stocked.definitions.define(CC, "AND('OneMSP.peer','TwoMSP.peer','ThreeMSP.peer')")

    assert await stocked.code_of(stocked.draft(write, endorsers=endorsers)) == code


async def test_a_collection_with_a_policy_of_its_own_needs_an_auditor_only_if_that_names_it(
    stocked: Setting,
) -> None:
    """F171: so all of these policies name the auditor, or it does not sign all."""
    stocked.definitions.define(CC, "AND('OneMSP.peer','TwoMSP.peer')")
    draft = stocked.draft(put_private("three"), endorsers=(3,))
    assert await stocked.code_of(draft) == VALID

    stocked.definitions.packages[CC] = CollectionConfigPackage(
        config=[collection("three", "AND('TwoMSP.peer','ThreeMSP.peer')")]
    )
    assert await stocked.code_of(draft) == FAILED


async def test_the_invoked_chaincode_must_be_defined(stocked: Setting) -> None:
    draft = stocked.draft(chaincode="unknown", endorsers=(1, 2, 3))
    assert await stocked.code_of(draft) == UNDEFINED, "§12"


@pytest.mark.parametrize(
    ("endorsers", "code"),
    [
        pytest.param((1, 2), VALID, id="§12, majority"),
        pytest.param((1,), FAILED, id="§12, no majority"),
    ],
)
@pytest.mark.parametrize("older", [False, True], ids=["§16, own policy", "§12, policy is missing"])
async def test_definitions_change_by_majority(
    stocked: Setting, endorsers: tuple[int, ...], code: str, *, older: bool
) -> None:
    if older:
        stocked.channel = stocked.network.older_channel()
    draft = stocked.draft(put("k", "_lifecycle"), endorsers=endorsers, chaincode="_lifecycle")
    assert await stocked.code_of(draft) == code


@pytest.mark.parametrize("older", [False, True])
async def test_without_a_policy_of_the_organisation_any_member_speaks_for_it(
    stocked: Setting, *, older: bool
) -> None:
    if older:
        stocked.channel = stocked.network.older_channel()
    name = "_implicit_org_OneMSP"
    draft = stocked.draft(put_private(name, namespace="cash"), chaincode="cash", endorsers=())
    stocked.definitions.packages["cash"] = CollectionConfigPackage()
    draft.endorsers = [stocked.network.organizations["OneMSP"].client]
    assert await stocked.code_of(draft) == (VALID if older else FAILED), "§12"


async def test_signatures_that_do_not_count_do_not_help(stocked: Setting) -> None:
    draft = stocked.draft(put("new"), endorsers=(1, 1, 1))
    assert await stocked.code_of(draft) == FAILED, "§14.1, repeated"
    draft = stocked.draft(put("new"), endorsers=(1,))
    draft.endorsers.append(stocked.network.outsider.peer)
    assert await stocked.code_of(draft) == FAILED, "§14.1, not of the channel"


async def test_a_failure_names_policy_place_and_signers(stocked: Setting) -> None:
    block = stocked.block(stocked.draft(put("new"), endorsers=(1,)))
    reason = (await stocked.validator.validate(block)).rejections[0].reason
    assert "policy /Channel/Application/Endorsement" in reason
    assert "token/new" in reason
    assert "peer.OneMSP" in reason


def reading(key: str) -> Write:
    """Return a write of a key that was read when it was still absent: stale by now."""
    return all_of(read(key), put(key))


@pytest.mark.parametrize(
    ("first", "endorsers", "second", "codes"),
    [
        pytest.param(
            change_policy("plain"), (1, 2), put("plain"), [VALID, FAILED], id="§19 item 23, write"
        ),
        pytest.param(
            change_policy("plain"),
            (1, 2),
            reading("plain"),
            [VALID, FAILED],
            id="§19 item 23, not a conflict although it is one too",
        ),
        pytest.param(
            change_metadata("plain"),
            (1, 2),
            change_metadata("plain"),
            [VALID, FAILED],
            id="§12, any metadata",
        ),
        pytest.param(
            change_policy("plain"),
            (1,),
            put("plain"),
            [FAILED, VALID],
            id="§12, the earlier one is not endorsed",
        ),
        pytest.param(
            all_of(read("plain"), change_policy("plain")),
            (1, 2),
            put("plain"),
            ["MVCC_READ_CONFLICT", FAILED],
            id="§12, the earlier one fails only afterwards",
        ),
        pytest.param(
            change_policy("plain"), (1, 2), put("new"), [VALID, VALID], id="§12, another key"
        ),
        pytest.param(
            put("plain"), (1, 2), put("plain"), [VALID, VALID], id="§12, no metadata: blind writes"
        ),
        pytest.param(
            change_private_policy("open", "p"),
            (1, 2),
            put_private("open", "p"),
            [VALID, FAILED],
            id="§12, private key",
        ),
        pytest.param(
            change_private_policy("open", "p"),
            (1, 2),
            put("p"),
            [VALID, VALID],
            id="§12, public key of the same name",
        ),
    ],
)
async def test_a_key_whose_policy_an_earlier_transaction_changes_cannot_be_written(
    stocked: Setting, first: Write, endorsers: tuple[int, ...], second: Write, codes: list[str]
) -> None:
    drafts = [stocked.draft(first, endorsers=endorsers), stocked.draft(second)]
    validated = await stocked.validator.validate(stocked.block(*drafts))
    names = [
        validated.rejections[index].name if index in validated.rejections else VALID
        for index in range(2)
    ]
    assert names == codes
