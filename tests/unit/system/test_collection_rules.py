"""What definitions of private data collections may say (wire.md §16, the rules)."""

import pytest
from tests.unit.endorsement.conftest import Keys

from tallystick.node.channel.config import ChannelConfig
from tallystick.node.policies.parser import parse_policy
from tallystick.node.system.collections import check_collections, check_upgrade
from tallystick.node.system.definitions import LifecycleRuleError
from tallystick.protos.common.policies_pb2 import SignaturePolicy, SignaturePolicyEnvelope
from tallystick.protos.msp.msp_principal_pb2 import MSPPrincipal, OrganizationUnit
from tallystick.protos.peer.collection_pb2 import (
    CollectionConfig,
    CollectionConfigPackage,
    CollectionPolicyConfig,
    StaticCollectionConfig,
)


def collection(
    name: str = "vault", policy: str | SignaturePolicyEnvelope = "OR('OneMSP.member')", **more: int
) -> StaticCollectionConfig:
    envelope = parse_policy(policy) if isinstance(policy, str) else policy
    return StaticCollectionConfig(
        name=name,
        member_orgs_policy=CollectionPolicyConfig(signature_policy=envelope),
        **more,  # type: ignore[arg-type]
    )


def package(*collections: StaticCollectionConfig) -> CollectionConfigPackage:
    return CollectionConfigPackage(
        config=[CollectionConfig(static_collection_config=one) for one in collections]
    )


def principal_policy(principal: MSPPrincipal) -> SignaturePolicyEnvelope:
    return SignaturePolicyEnvelope(rule=SignaturePolicy(signed_by=0), identities=[principal])


def unit_of(msp_id: str) -> SignaturePolicyEnvelope:
    unit = OrganizationUnit(msp_identifier=msp_id, organizational_unit_identifier="desk")
    return principal_policy(
        MSPPrincipal(
            principal_classification=MSPPrincipal.ORGANIZATION_UNIT,
            principal=unit.SerializeToString(),
        )
    )


def identity(serialized: bytes) -> SignaturePolicyEnvelope:
    return principal_policy(
        MSPPrincipal(principal_classification=MSPPrincipal.IDENTITY, principal=serialized)
    )


@pytest.mark.parametrize(
    "proposed",
    [
        pytest.param(package(), id="no collections"),
        pytest.param(package(collection(), collection("other")), id="two collections"),
        pytest.param(
            package(collection(policy="OR('OneMSP.peer', OR('TwoMSP.member', 'ThreeMSP.admin'))")),
            id="alternatives in alternatives",
        ),
        pytest.param(package(collection(policy=unit_of("TwoMSP"))), id="a unit"),
        pytest.param(
            package(collection(maximum_peer_count=2, required_peer_count=2)), id="equal counts"
        ),
    ],
)
def test_sound_collections_pass(keys: Keys, proposed: CollectionConfigPackage) -> None:
    check_collections(proposed, ChannelConfig.from_block(keys.genesis).msps)


BROKEN = [
    pytest.param(
        package(collection("_vault")),
        "invalid collection name '_vault'. Names can only consist of alphanumerics, '_', and '-' "
        "and cannot begin with '_'",
        id="name",
    ),
    pytest.param(
        package(collection(), collection()),
        "collection-name: vault -- found duplicate in collection configuration",
        id="twice",
    ),
    pytest.param(
        package(collection(maximum_peer_count=1, required_peer_count=2)),
        "collection-name: vault -- maximum peer count (1) cannot be less than the required peer "
        "count (2)",
        id="maximum below required",
    ),
    pytest.param(
        package(collection(required_peer_count=-1)),
        "collection-name: vault -- requiredPeerCount (-1) cannot be less than zero",
        id="negative",
    ),
    pytest.param(
        package(StaticCollectionConfig(name="vault")),
        "collection member policy is not set for collection 'vault'",
        id="no members",
    ),
    pytest.param(
        package(StaticCollectionConfig(name="vault", member_orgs_policy=CollectionPolicyConfig())),
        "collection member org policy is empty for collection 'vault'",
        id="empty members",
    ),
    pytest.param(
        package(collection(policy="AND('OneMSP.member', 'TwoMSP.member')")),
        "collection-name: vault -- error in member org policy: signature policy is not an OR "
        "concatenation, NOutOf 2",
        id="and",
    ),
    pytest.param(
        package(collection(policy="OR('OneMSP.peer', AND('OneMSP.peer', 'TwoMSP.peer'))")),
        "collection-name: vault -- error in member org policy: signature policy is not an OR "
        "concatenation, NOutOf 2",
        id="and inside or",
    ),
    pytest.param(
        package(collection(policy="OR('OtherMSP.member')")),
        "collection-name: vault -- collection member 'OtherMSP' is not part of the channel",
        id="stranger",
    ),
    pytest.param(
        package(collection(policy=unit_of("OtherMSP"))),
        "collection-name: vault -- collection member 'OtherMSP' is not part of the channel",
        id="unit of a stranger",
    ),
    pytest.param(
        package(
            collection(
                policy=principal_policy(
                    MSPPrincipal(principal_classification=MSPPrincipal.ANONYMITY)
                )
            )
        ),
        "collection-name: vault -- principal type ANONYMITY is not supported",
        id="kind of principal",
    ),
    pytest.param(
        package(
            collection(
                policy=principal_policy(
                    MSPPrincipal(principal_classification=MSPPrincipal.Classification.ValueType(9))
                )
            )
        ),
        "collection-name: vault -- principal type 9 is not supported",
        id="a kind of principal that does not exist",
    ),
    pytest.param(
        package(collection(policy=identity(b"nobody"))),
        "collection-name: vault -- contains an identity that is not part of the channel",
        id="identity of a stranger",
    ),
    pytest.param(
        CollectionConfigPackage(config=[CollectionConfig()]),
        "collection configuration is empty",
        id="nothing in it",
    ),
]


@pytest.mark.parametrize(("proposed", "text"), BROKEN)
def test_broken_collections_are_refused(
    keys: Keys, proposed: CollectionConfigPackage, text: str
) -> None:
    with pytest.raises(LifecycleRuleError) as caught:
        check_collections(proposed, ChannelConfig.from_block(keys.genesis).msps)
    assert str(caught.value) == text


def test_a_policy_that_contradicts_itself_is_refused(keys: Keys) -> None:
    envelope = SignaturePolicyEnvelope(rule=SignaturePolicy(signed_by=3))
    with pytest.raises(LifecycleRuleError, match=r"^invalid member org policy for collection"):
        check_collections(
            package(collection(policy=envelope)), ChannelConfig.from_block(keys.genesis).msps
        )


def test_a_member_may_be_one_identity(keys: Keys) -> None:
    member = keys.organizations["TwoMSP"].peer.identity
    proposed = package(collection(policy=identity(member)))
    check_collections(proposed, ChannelConfig.from_block(keys.genesis).msps)


@pytest.mark.parametrize(
    ("proposed", "text"),
    [
        pytest.param(
            package(),
            "the proposed collection config does not contain previously defined collections",
            id="all dropped",
        ),
        pytest.param(
            package(collection("other")),
            "existing collection [vault] missing in the proposed collection configuration",
            id="one dropped",
        ),
        pytest.param(
            package(collection(block_to_live=7)),
            "the BlockToLive in an existing collection [vault] modified. Existing value [0]",
            id="another life time",
        ),
    ],
)
def test_an_upgrade_keeps_what_holds_data(proposed: CollectionConfigPackage, text: str) -> None:
    with pytest.raises(LifecycleRuleError) as caught:
        check_upgrade(proposed, package(collection()))
    assert str(caught.value) == text


def test_an_upgrade_may_add_collections_and_change_members() -> None:
    committed = package(collection())
    check_upgrade(package(collection(policy="OR('TwoMSP.member')"), collection("b")), committed)
    check_upgrade(package(), package())
