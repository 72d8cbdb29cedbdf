"""What an endorser does with private data (wire.md §9.3, §13)."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from tests.unit.endorsement.conftest import (
    CHANNEL_ID,
    GOOD_SOURCE,
    Peer,
    World,
    local,
    transaction_id_of,
)

from tallystick.node.ledger.private_data import TransientLimits
from tallystick.node.ledger.simulator import Simulator
from tallystick.node.policies.parser import parse_policy
from tallystick.node.privacy.node import MemberPeer, PrivateDataRefusedError
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import KVRWSet, KVWrite
from tallystick.protos.peer.collection_pb2 import (
    CollectionConfig,
    CollectionConfigPackage,
    CollectionPolicyConfig,
    StaticCollectionConfig,
)
from tallystick.protos.peer.lifecycle import lifecycle_pb2
from tallystick.protos.peer.proposal_response_pb2 import Response
from tallystick.protos.tallystick.private_data_pb2 import (
    Acknowledgement,
    PrivateSets,
    SignedRequest,
)
from tallystick.wire.envelope import ProposalArguments
from tallystick.wire.hashing import sha256


async def define_with_collection(
    world: World, source: str = GOOD_SOURCE, **changes: object
) -> None:
    """Define ``token`` with a collection of the first two organisations, with changes."""
    members = parse_policy("OR('OneMSP.member', 'TwoMSP.member')")
    fields: dict[str, object] = {
        "name": "vault",
        "member_orgs_policy": CollectionPolicyConfig(signature_policy=members),
    }
    static = StaticCollectionConfig(**(fields | changes))  # type: ignore[arg-type]
    collections = CollectionConfigPackage(
        config=[CollectionConfig(static_collection_config=static)]
    )
    package_id = world.one.packages.save(world.package(source=source))
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


async def test_nothing_is_endorsed_whose_private_values_have_no_room(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await define_with_collection(world)
    world.one.runtime.act = put_private()
    monkeypatch.setattr(world.one.ledger.transient, "_limits", TransientLimits(max_bytes=1))
    proposal = world.call(b"put")
    response = await world.one.endorser.process(proposal)
    assert response.response.status == 500
    assert (
        "`transient_max_bytes` under [private_data] is 1; wait until" in response.response.message
    )
    assert not response.HasField("endorsement")
    assert not waits(world.one, transaction_id_of(proposal))


async def refusal(world: World, act: Callable[[Simulator], object], msp_id: str = "OneMSP") -> str:
    """Return why a client of an organisation may not do something."""
    world.one.runtime.act = act
    arguments = ProposalArguments(CHANNEL_ID, "token", (b"do",))
    client = world.keys.organizations[msp_id].client
    response = await world.one.endorser.process(world.proposal(arguments, client))
    return response.response.message if response.response.status == 500 else ""


async def test_a_collection_must_be_defined(world: World) -> None:
    """§9.3, the common refusals."""
    await define_with_collection(world)
    problem = await refusal(world, put_private("other"))
    assert problem.endswith(f"collection {CHANNEL_ID}/token/other could not be found")
    problem = await refusal(world, lambda each: each.get_private_hash("token", "other", "k"))
    assert problem.endswith(
        "collection [other] not defined in the collection config for chaincode [token]"
    )


async def test_a_chaincode_without_collections_has_no_private_data(world: World) -> None:
    """§9.3, the common refusals."""
    await world.define()
    problem = await refusal(world, lambda each: each.get_private_hash("token", "vault", "k"))
    assert problem.endswith(
        "collection config not defined for chaincode [token], pass the collection configuration "
        "upon chaincode definition/instantiation"
    )


READS: Mapping[str, Callable[[Simulator], object]] = {
    "value": lambda each: each.get_private("token", "vault", "k"),
    "range": lambda each: each.range_private("token", "vault", "", ""),
    "metadata": lambda each: each.get_private_metadata("token", "vault", "k"),
}
WRITES: Mapping[str, Callable[[Simulator], None]] = {
    "put": put_private(),
    "delete": lambda each: each.delete_private("token", "vault", "k"),
    "purge": lambda each: each.purge_private("token", "vault", "k"),
    "metadata": lambda each: each.put_private_metadata("token", "vault", "k", {}),
}


@pytest.mark.parametrize("act", READS.values(), ids=READS)
async def test_only_members_read_where_the_collection_says_so(
    world: World, act: Callable[[Simulator], object]
) -> None:
    """§9.3: member_only_read."""
    await define_with_collection(world, member_only_read=True)
    assert not await refusal(world, act, "TwoMSP")
    assert (await refusal(world, act, "ThreeMSP")).endswith(
        "tx creator does not have read access permission on privatedata in chaincodeName:token "
        "collectionName: vault"
    )
    assert not await refusal(world, WRITES["put"], "ThreeMSP")


@pytest.mark.parametrize("act", WRITES.values(), ids=WRITES)
async def test_only_members_write_where_the_collection_says_so(
    world: World, act: Callable[[Simulator], object]
) -> None:
    """§9.3: member_only_write."""
    await define_with_collection(world, member_only_write=True)
    assert not await refusal(world, act, "TwoMSP")
    assert (await refusal(world, act, "ThreeMSP")).endswith(
        "tx creator does not have write access permission on privatedata in chaincodeName:token "
        "collectionName: vault"
    )


async def test_private_values_are_purged_where_the_channel_asks_for_that_level(
    world: World,
) -> None:
    """§9.3, §15.1: application capability V2_5."""
    await define_with_collection(world)
    assert not await refusal(world, WRITES["purge"])
    config = world.one.channel.config
    older = replace(config.capabilities, application="V2_0")
    world.one.channel.config = replace(config, capabilities=older)
    assert (await refusal(world, WRITES["purge"])).endswith(
        "purge private data is not enabled, channel application capability of V2_5 or later is "
        "required"
    )
    assert not await refusal(world, WRITES["delete"])


async def test_anybody_reads_hashes(world: World) -> None:
    """§9.3: GET_PRIVATE_DATA_HASH works for non-members."""
    await define_with_collection(world, member_only_read=True)

    def act(simulator: Simulator) -> None:
        simulator.get_private_hash("token", "vault", "k")

    assert not await refusal(world, act, "ThreeMSP")


async def test_an_initialisation_has_no_private_data(world: World) -> None:
    """§9.3, the common refusals."""
    await world.define(init_required=True)
    world.one.runtime.act = put_private()
    response = await world.one.endorser.process(world.call(b"init", is_init=True))
    assert response.response.message.endswith(
        "private data APIs are not allowed in chaincode Init()"
    )


async def test_a_peer_that_is_no_member_keeps_nothing_of_what_it_endorses(world: World) -> None:
    """§13: plaintext is for members."""
    others = CollectionPolicyConfig(signature_policy=parse_policy("OR('TwoMSP.member')"))
    await define_with_collection(world, member_orgs_policy=others, maximum_peer_count=1)
    world.one.runtime.act = put_private()
    proposal = world.call(b"put")
    response = await world.one.endorser.process(proposal)
    assert response.response.status == 200
    assert not waits(world.one, transaction_id_of(proposal))
    assert waits(world.two, transaction_id_of(proposal))


async def test_other_members_keep_copies_up_to_the_maximum(world: World) -> None:
    """§13: maximum_peer_count; organisations that are no members get none."""
    await define_with_collection(world, maximum_peer_count=5)
    world.one.runtime.act = put_private()
    proposal = world.call(b"put")
    response = await world.one.endorser.process(proposal)
    assert waits(world.two, transaction_id_of(proposal))
    assert not waits(world.three, transaction_id_of(proposal))
    await world.commit(proposal, [response])
    found = world.two.ledger.state.get_private("token", "vault", "k")
    assert found is not None
    assert found.value == b"secret"


async def test_too_few_known_members_fail_the_endorsement(world: World) -> None:
    """§13: required_peer_count."""
    await define_with_collection(world, required_peer_count=2, maximum_peer_count=2)
    world.one.runtime.act = put_private()
    proposal = world.call(b"put")
    response = await world.one.endorser.process(proposal)
    transaction_id = transaction_id_of(proposal)
    assert response.response.status == 500
    assert not response.HasField("endorsement")
    assert response.response.message == (
        f"error in simulation: failed to distribute private collection, txID {transaction_id}, "
        f"channel {CHANNEL_ID}: could not build private data dissemination plan for chaincode "
        "token and collection vault: required to disseminate to at least 2 peers, but know of "
        "only 1 eligible peers"
    )


class Unwilling:
    """A connection to a peer that takes nothing."""

    async def push(self, request: SignedRequest) -> Acknowledgement:  # noqa: ARG002
        raise PrivateDataRefusedError("the disk is full")

    async def fetch(self, request: SignedRequest) -> PrivateSets:  # noqa: ARG002
        return PrivateSets()


class Liar(Unwilling):
    """Says that it keeps what it is handed, in the name of a peer that is no member."""

    def __init__(self, other: Peer) -> None:
        self.other = other

    async def push(self, request: SignedRequest) -> Acknowledgement:
        return Acknowledgement(
            peer=self.other.signer.identity, signature=self.other.signer.sign(request.request)
        )


@pytest.mark.parametrize("lies", [False, True])
async def test_too_few_acknowledgements_fail_the_endorsement(world: World, *, lies: bool) -> None:
    """§13: required_peer_count counts members that say, signed, that they keep a copy."""
    connection = Liar(world.three) if lies else Unwilling()
    world.one.others[:] = [MemberPeer("TwoMSP", "two", connection)]
    await define_with_collection(world, required_peer_count=1, maximum_peer_count=1)
    world.one.runtime.act = put_private()
    response = await world.one.endorser.process(world.call(b"put"))
    assert response.response.status == 500
    assert "Failed disseminating 1 out of 1 private dissemination plans" in (
        response.response.message
    )


async def test_copies_that_are_not_required_may_fail(world: World) -> None:
    """§13."""
    world.one.others[:] = [MemberPeer("TwoMSP", "two", Unwilling())]
    await define_with_collection(world, maximum_peer_count=1)
    world.one.runtime.act = put_private()
    response = await world.one.endorser.process(world.call(b"put"))
    assert response.response.status == 200
