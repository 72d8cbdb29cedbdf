"""The committed definitions of a channel, as a peer of one organisation sees them (wire.md §16)."""

import pytest
from tests.unit.endorsement.conftest import World, local

from tallystick.node.ledger.rwset import parse_results
from tallystick.node.policies.parser import parse_policy
from tallystick.node.runtime.lifecycle_state import LifecycleStateError
from tallystick.protos.peer.collection_pb2 import (
    CollectionConfig,
    CollectionConfigPackage,
    CollectionPolicyConfig,
    StaticCollectionConfig,
)
from tallystick.protos.peer.lifecycle import lifecycle_pb2
from tallystick.protos.peer.policy_pb2 import ApplicationPolicy

DEFAULT_POLICY = ApplicationPolicy(
    channel_config_policy_reference="/Channel/Application/Endorsement"
).SerializeToString()


async def test_an_unknown_chaincode_has_no_definition(world: World) -> None:
    definitions = world.one.definitions
    assert definitions.definition("token") is None
    assert definitions.validation_policy("token") is None
    assert definitions.collections("token") is None
    assert definitions.names() == ()


async def test_resolving_records_the_read_of_the_sequence_and_no_more(world: World) -> None:
    """§10, the hidden reads."""
    await world.define()
    for name, version in (("token", (3, 0)), ("unknown", None)):
        simulator = world.one.ledger.simulator("tx")
        resolved = world.one.definitions.resolve(simulator, name)
        assert (resolved is None) == (version is None)
        (namespace,) = parse_results(simulator.done().public).namespaces
        assert namespace.namespace == "_lifecycle"
        (read,) = namespace.reads
        assert read.key == f"namespaces/fields/{name}/Sequence"
        assert read.HasField("version") == (version is not None)
        if version is not None:
            assert (read.version.block_num, read.version.tx_num) == version


async def test_a_definition_is_resolved_with_the_package_of_the_own_organisation(
    world: World,
) -> None:
    await world.define()
    (installed,) = world.one.packages.list()
    resolved = world.one.definitions.current("token")
    assert resolved is not None
    assert resolved.package_id == installed.package_id
    assert (resolved.sequence, resolved.version, resolved.init_required) == (1, "1.0", False)
    assert resolved.endorsement_plugin == "escc"
    assert resolved.validation_parameter == DEFAULT_POLICY
    assert resolved.collections is None
    assert world.one.definitions.names() == ("token",)


@pytest.mark.parametrize(
    "organization",
    [
        pytest.param("TwoMSP", id="approved without a package"),
        pytest.param("ThreeMSP", id="did not approve"),
    ],
)
async def test_without_an_approved_package_there_is_nothing_to_run(
    world: World, organization: str
) -> None:
    await world.define()
    resolved = world.peers[organization].definitions.current("token")
    assert resolved is not None
    assert resolved.package_id is None


async def test_approving_something_else_than_was_committed_does_not_count(world: World) -> None:
    await world.approve("ThreeMSP", version="9", source=local("token_1:00"))
    await world.define()
    resolved = world.three.definitions.current("token")
    assert resolved is not None
    assert resolved.package_id is None


async def test_an_approval_after_the_commit_brings_the_package(world: World) -> None:
    await world.define()
    definitions = world.two.definitions
    before = definitions.generation
    assert definitions.current("token") is not None
    await world.approve("TwoMSP", source=local("token_1:00"))
    resolved = definitions.current("token")
    assert resolved is not None
    assert resolved.package_id == "token_1:00"
    assert definitions.generation == before + 1


async def test_blocks_that_leave_the_lifecycle_alone_change_no_generation(world: World) -> None:
    await world.define()
    before = world.one.definitions.generation
    resolved = world.one.definitions.current("token")
    await world.submit(world.call(b"put"), world.one)
    assert world.one.definitions.generation == before
    assert world.one.definitions.current("token") is resolved, "it is read once"


async def test_a_new_definition_replaces_the_old_one(world: World) -> None:
    await world.define()
    assert world.one.definitions.current("token") is not None
    await world.define(sequence=2, init_required=True)
    resolved = world.one.definitions.current("token")
    assert resolved is not None
    assert (resolved.sequence, resolved.init_required) == (2, True)


async def test_a_validation_plugin_that_is_not_here_stops_instead_of_guessing(
    world: World,
) -> None:
    """§12: verdicts other than those of ``vscc`` are not known here."""
    for organization in ("OneMSP", "TwoMSP"):
        await world.approve(organization, validation_plugin="special")
    args = lifecycle_pb2.CommitChaincodeDefinitionArgs(
        name="token", version="1.0", sequence=1, validation_plugin="special"
    )
    await world.submit(world.lifecycle("CommitChaincodeDefinition", args), world.one, world.two)
    with pytest.raises(LifecycleStateError, match="validation plugin 'special'"):
        world.three.definitions.validation_policy("token")


async def test_collections_come_from_the_definition(world: World) -> None:
    collections = CollectionConfigPackage(
        config=[
            CollectionConfig(
                static_collection_config=StaticCollectionConfig(
                    name="vault", member_orgs_policy=_members("OneMSP"), maximum_peer_count=1
                )
            )
        ]
    )
    for organization in ("OneMSP", "TwoMSP"):
        await world.approve(organization, collections=collections)
    args = lifecycle_pb2.CommitChaincodeDefinitionArgs(
        name="token", version="1.0", sequence=1, collections=collections
    )
    await world.submit(world.lifecycle("CommitChaincodeDefinition", args), world.one, world.two)
    assert world.three.definitions.collections("token") == collections


def _members(*msp_ids: str) -> CollectionPolicyConfig:
    rule = ", ".join(f"'{msp_id}.member'" for msp_id in msp_ids)
    return CollectionPolicyConfig(signature_policy=parse_policy(f"OR({rule})"))
