"""What an endorser does with private data (wire.md §9.3, §13)."""

from collections.abc import Callable

import pytest
from tests.unit.endorsement.conftest import Peer, World, local, transaction_id_of

from tallystick.node.ledger.simulator import Simulator
from tallystick.node.policies.parser import parse_policy
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import KVRWSet, KVWrite
from tallystick.protos.peer.collection_pb2 import (
    CollectionConfig,
    CollectionConfigPackage,
    CollectionPolicyConfig,
    StaticCollectionConfig,
)
from tallystick.protos.peer.lifecycle import lifecycle_pb2
from tallystick.protos.peer.proposal_response_pb2 import Response
from tallystick.wire.hashing import sha256


async def define_with_collection(world: World, *, required_peer_count: int = 0) -> None:
    static = StaticCollectionConfig(
        name="vault",
        member_orgs_policy=CollectionPolicyConfig(
            signature_policy=parse_policy("OR('OneMSP.member')")
        ),
        required_peer_count=required_peer_count,
        maximum_peer_count=required_peer_count,
    )
    collections = CollectionConfigPackage(
        config=[CollectionConfig(static_collection_config=static)]
    )
    package_id = world.one.packages.save(world.package())
    await world.approve("OneMSP", collections=collections, source=local(package_id))
    await world.approve("TwoMSP", collections=collections)
    args = lifecycle_pb2.CommitChaincodeDefinitionArgs(
        name="token", version="1.0", sequence=1, collections=collections
    )
    await world.submit(world.lifecycle("CommitChaincodeDefinition", args), world.one, world.two)


SECRET_SET = KVRWSet(writes=[KVWrite(key="k", value=b"secret")]).SerializeToString()


def waits(peer: Peer, transaction_id: str) -> bool:
    """Return whether a peer holds the private half of a transaction that wrote "secret"."""
    digest = sha256(SECRET_SET)
    return peer.ledger.transient.get(transaction_id, "token", "vault", digest) == SECRET_SET


def put_private(collection: str = "vault") -> Callable[[Simulator], None]:
    def act(simulator: Simulator) -> None:
        simulator.put_private("token", collection, "k", b"secret")

    return act


async def test_private_values_wait_for_the_commit_and_are_kept_by_who_endorsed(
    world: World,
) -> None:
    await define_with_collection(world)
    world.one.runtime.act = put_private()
    proposal = world.call(b"put")
    response = await world.one.endorser.process(proposal)
    transaction_id = transaction_id_of(proposal)
    assert b"secret" not in response.SerializeToString()
    assert waits(world.one, transaction_id)
    await world.commit(proposal, [response])
    found = world.one.ledger.state.get_private("token", "vault", "k")
    assert found is not None
    assert found.value == b"secret"
    assert world.two.ledger.state.get_private("token", "vault", "k") is None
    assert not waits(world.one, transaction_id)


@pytest.mark.parametrize("status", [400, 500])
async def test_private_values_of_what_is_not_endorsed_are_dropped(
    world: World, status: int
) -> None:
    await define_with_collection(world)
    world.one.runtime.act = put_private()
    world.one.runtime.response = Response(status=status)
    proposal = world.call(b"put")
    await world.one.endorser.process(proposal)
    assert not waits(world.one, transaction_id_of(proposal))


async def test_a_collection_must_be_defined(world: World) -> None:
    await define_with_collection(world)
    world.one.runtime.act = put_private("other")
    response = await world.one.endorser.process(world.call(b"put"))
    assert response.response.status == 500
    assert response.response.message.endswith(
        "collection [other] not defined in the collection config for chaincode [token]"
    )


async def test_copies_on_other_peers_cannot_be_promised(world: World) -> None:
    await define_with_collection(world, required_peer_count=1)
    world.one.runtime.act = put_private()
    proposal = world.call(b"put")
    response = await world.one.endorser.process(proposal)
    assert response.response.status == 500
    assert "requires copies on 1 other peers" in response.response.message
    assert not waits(world.one, transaction_id_of(proposal))
