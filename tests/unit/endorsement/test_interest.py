"""What gateways are told about the policies that a transaction meets (wire.md §4, §12)."""

import pytest
from tests.unit.endorsement.conftest import World, approval

from tallystick.node.endorsement.interest import chaincode_interest
from tallystick.node.ledger.simulator import TouchedNamespace
from tallystick.node.policies.parser import parse_policy
from tallystick.protos.peer.collection_pb2 import (
    CollectionConfig,
    CollectionConfigPackage,
    StaticCollectionConfig,
)
from tallystick.protos.peer.policy_pb2 import ApplicationPolicy
from tallystick.protos.peer.proposal_response_pb2 import ChaincodeCall

POLICY = parse_policy("OR('OneMSP.peer')")
PACKAGE = CollectionConfigPackage(
    config=[
        CollectionConfig(static_collection_config=StaticCollectionConfig(name="plain")),
        CollectionConfig(
            static_collection_config=StaticCollectionConfig(
                name="own", endorsement_policy=ApplicationPolicy(signature_policy=POLICY)
            )
        ),
    ]
)
LIFECYCLE_READ = TouchedNamespace(
    namespace="_lifecycle",
    collection="",
    reads_private_values=False,
    writes=False,
    key_policies=(),
    needs_own_policy=False,
)


def touched(
    namespace: str = "token",
    collection: str = "",
    *,
    key_policies: tuple[bytes, ...] = (),
    **more: bool,
) -> TouchedNamespace:
    """Return a namespace that was only read, with changes."""
    flags = {"reads_private_values": False, "writes": False, "needs_own_policy": False} | more
    return TouchedNamespace(
        namespace=namespace, collection=collection, key_policies=key_policies, **flags
    )


def written(namespace: str = "token", collection: str = "") -> TouchedNamespace:
    return touched(namespace, collection, writes=True, needs_own_policy=True)


def call(name: str = "token", *collections: str, **more: bool) -> ChaincodeCall:
    return ChaincodeCall(name=name, collection_names=collections, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("namespaces", "calls"),
    [
        pytest.param([LIFECYCLE_READ], [call()], id="nothing touched, yet it was called"),
        pytest.param([LIFECYCLE_READ, touched()], [call()], id="only read"),
        pytest.param([LIFECYCLE_READ, written()], [call()], id="written"),
        pytest.param(
            [LIFECYCLE_READ, written("cash"), written()],
            [call("cash"), call()],
            id="a callee",
        ),
        pytest.param(
            [touched("cash"), written()], [call("cash"), call()], id="a callee that only read"
        ),
        pytest.param(
            [touched(writes=True, key_policies=(POLICY.SerializeToString(),))],
            [ChaincodeCall(name="token", key_policies=[POLICY], disregard_namespace_policy=True)],
            id="all keys have policies of their own",
        ),
        pytest.param(
            [
                touched(
                    writes=True,
                    needs_own_policy=True,
                    key_policies=(POLICY.SerializeToString(),),
                )
            ],
            [ChaincodeCall(name="token", key_policies=[POLICY])],
            id="one key has a policy of its own",
        ),
        pytest.param(
            [touched(), written(collection="plain")],
            [call("token", "plain", no_private_reads=True)],
            id="a collection answers to the chaincode's policy",
        ),
        pytest.param(
            [touched(), written(collection="own")],
            [call("token", "own", no_private_reads=True, disregard_namespace_policy=True)],
            id="a collection with a policy of its own",
        ),
        pytest.param(
            [written(), written(collection="_implicit_org_OneMSP")],
            [
                call(),
                call(
                    "token",
                    "_implicit_org_OneMSP",
                    no_private_reads=True,
                    disregard_namespace_policy=True,
                ),
            ],
            id="an organisation's own collection",
        ),
        pytest.param(
            [
                touched(),
                touched(
                    collection="plain", writes=True, key_policies=(POLICY.SerializeToString(),)
                ),
            ],
            [
                ChaincodeCall(
                    name="token",
                    collection_names=["plain"],
                    key_policies=[POLICY],
                    no_private_reads=True,
                    disregard_namespace_policy=True,
                )
            ],
            id="a private key has a policy of its own",
        ),
        pytest.param(
            [touched(), touched(collection="plain", reads_private_values=True)],
            [call(), call("token", "plain")],
            id="private values were read",
        ),
        pytest.param(
            [touched(), touched(collection="plain")], [call()], id="only hashes were read"
        ),
    ],
)
def test_interest(namespaces: list[TouchedNamespace], calls: list[ChaincodeCall]) -> None:
    interest = chaincode_interest("token", namespaces, {"token": PACKAGE}.get)
    assert list(interest.chaincodes) == calls


async def test_an_approval_needs_a_peer_of_the_organisation_alone(world: World) -> None:
    proposal = world.lifecycle("ApproveChaincodeDefinitionForMyOrg", approval())
    response = await world.one.endorser.process(proposal)
    (only,) = response.interest.chaincodes
    assert (only.name, list(only.collection_names)) == ("_lifecycle", ["_implicit_org_OneMSP"])
    assert only.disregard_namespace_policy
