"""Private data on a network of three peers, two of which share secrets (wire.md §6, §9.3, §13)."""

from hashlib import sha256
from pathlib import Path

import pytest

from tallystick.client.errors import ClientError, EndorseError
from tallystick.node.cluster.administrator import Definition
from tallystick.node.cluster.collections import load_collections
from tallystick.node.cluster.topology import ChaincodeTopology, Topology, default_topology
from tallystick.node.policies.parser import parse_policy
from tallystick.node.testing import LocalNetwork
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import KVRWSet
from tallystick.protos.peer.events_pb2 import BlockAndPrivateData

ATS, CLEARING, AGENT = "ATSMSP", "ClearingMSP", "TransferAgentMSP"
SECRET = b"the price is 42"
HERE = Path(__file__).parent / "private_contract"
VAULT = ChaincodeTopology(
    name="vault",
    entry="vault:Vault",
    source=HERE,
    endorsement="OR('ATSMSP.peer', 'ClearingMSP.peer', 'TransferAgentMSP.peer')",
    collections=HERE / "collections.json",
)


@pytest.fixture(scope="session")
def tally_topology() -> Topology:
    return default_topology().model_copy(update={"chaincodes": (VAULT,)})


async def put(network: LocalNetwork, collection: str, key: str = "k", by: str = ATS) -> None:
    contract = network.contract(by, "vault")
    await contract.submit("put", collection, key, transient={"secret": SECRET})


def held(network: LocalNetwork, msp_id: str, collection: str, key: str = "k") -> bytes | None:
    state = network.peers[msp_id].channels[network.channel_id].ledger.state
    found = state.get_private("vault", collection, key)
    return None if found is None else found.value


def hashed(network: LocalNetwork, msp_id: str, collection: str, key: str = "k") -> bytes | None:
    state = network.peers[msp_id].channels[network.channel_id].ledger.state
    found = state.get_hash("vault", collection, sha256(key.encode()).digest())
    return None if found is None else found.value


def height(network: LocalNetwork) -> int:
    return network.peers[ATS].channels[network.channel_id].ledger.height


async def catch_up(network: LocalNetwork, msp_id: str) -> None:
    peer = network.peers[msp_id]
    await peer.privacy.reconciler(peer.channels[network.channel_id]).reconcile()


async def test_members_hold_the_value_and_everybody_the_hash(tally_network: LocalNetwork) -> None:
    """§13: one member endorses, the other gets its copy before the endorsement."""
    await put(tally_network, "shared")
    digest = sha256(SECRET).digest()
    assert held(tally_network, ATS, "shared") == SECRET
    assert held(tally_network, CLEARING, "shared") == SECRET
    assert held(tally_network, AGENT, "shared") is None
    assert {hashed(tally_network, each, "shared") for each in (ATS, CLEARING, AGENT)} == {digest}
    for msp_id in (ATS, CLEARING, AGENT):
        contract = tally_network.contract(msp_id, "vault")
        assert await contract.evaluate("digest", "shared", "k") == digest.hex().encode()
    assert await tally_network.contract(CLEARING, "vault").evaluate("get", "shared", "k") == SECRET


async def test_who_is_no_member_can_neither_read_nor_list(tally_network: LocalNetwork) -> None:
    """§9.3: member_only_read."""
    await put(tally_network, "shared")
    stranger = tally_network.contract(AGENT, "vault")
    for call in (("get", "shared", "k"), ("keys", "shared")):
        with pytest.raises(ClientError, match="does not have read access permission"):
            await stranger.evaluate(*call)
    member = tally_network.contract(CLEARING, "vault")
    assert await member.evaluate("keys", "shared") == b'["k"]'


async def test_blocks_never_hold_a_secret(tally_network: LocalNetwork) -> None:
    await put(tally_network, "shared")
    ledger = tally_network.peers[AGENT].channels[tally_network.channel_id].ledger
    for number in range(ledger.height):
        assert SECRET not in ledger.read_bytes(number)


async def test_a_member_that_got_no_copy_fetches_it(tally_network: LocalNetwork) -> None:
    """§13: what is missing is reconciled."""
    await put(tally_network, "lazy")
    await catch_up(tally_network, CLEARING)
    await catch_up(tally_network, AGENT)
    assert held(tally_network, CLEARING, "lazy") == SECRET
    assert held(tally_network, AGENT, "lazy") is None
    assert await tally_network.contract(CLEARING, "vault").evaluate("get", "lazy", "k") == SECRET


async def test_a_value_is_gone_with_block_b_plus_t_plus_1(tally_network: LocalNetwork) -> None:
    """§13, Expiry: on every peer, at the same block, hash and value."""
    await put(tally_network, "brief")
    born = height(tally_network) - 1
    contract = tally_network.contract(CLEARING, "vault")
    while height(tally_network) - 1 < born + 2:
        assert held(tally_network, CLEARING, "brief") == SECRET
        await contract.submit("note", f"block {height(tally_network)}")
    assert held(tally_network, ATS, "brief") == SECRET
    await contract.submit("note", "the last one")
    assert height(tally_network) - 1 == born + 2 + 1
    for msp_id in (ATS, CLEARING, AGENT):
        assert held(tally_network, msp_id, "brief") is None
        assert hashed(tally_network, msp_id, "brief") is None
    assert await contract.evaluate("get", "brief", "k") == b""


async def test_a_purge_leaves_nothing_on_any_peer(tally_network: LocalNetwork) -> None:
    """§13, Purge."""
    await put(tally_network, "shared")
    await put(tally_network, "shared", "other")
    await tally_network.contract(CLEARING, "vault").submit("purge", "shared", "k")
    for msp_id in (ATS, CLEARING):
        assert held(tally_network, msp_id, "shared") is None
        assert held(tally_network, msp_id, "shared", "other") == SECRET
        ledger = tally_network.peers[msp_id].channels[tally_network.channel_id].ledger
        keys = [
            write.key
            for number in range(ledger.height)
            for set_id, rwset in ledger.private_sets.of_block(number)
            if set_id.namespace == "vault"
            for write in KVRWSet.FromString(rwset).writes
            if write.value
        ]
        assert keys == ["other"]


async def test_too_few_members_to_keep_copies_fail_the_endorsement(
    tally_network: LocalNetwork,
) -> None:
    """§13: required_peer_count."""
    before = height(tally_network)
    with pytest.raises(EndorseError) as failure:
        await put(tally_network, "lonely")
    assert "required to disseminate to at least 1 peers, but know of only 0 eligible peers" in (
        str(failure.value) + "".join(detail.message for detail in failure.value.details)
    )
    assert height(tally_network) == before


async def block_seen(
    network: LocalNetwork, msp_id: str, number: int | None = None
) -> BlockAndPrivateData:
    """Return one block, the last by default, from the peer of ATS, as a client of ``msp_id``."""
    wanted = height(network) - 1 if number is None else number
    client = network.gateway(msp_id, peer=ATS).network(network.channel_id)
    async with client.block_and_private_data_events(start_block=wanted) as blocks:
        return await anext(blocks)


@pytest.mark.parametrize(("msp_id", "sees"), [(CLEARING, True), (AGENT, False)])
async def test_private_values_reach_members_only_with_their_block(
    tally_network: LocalNetwork, msp_id: str, *, sees: bool
) -> None:
    """§6, BlockAndPrivateData."""
    await put(tally_network, "shared")
    event = await block_seen(tally_network, msp_id)
    assert event.block.header.number == height(tally_network) - 1
    assert bool(event.private_data_map) == sees
    assert (SECRET in event.SerializeToString()) == sees


async def redefine(network: LocalNetwork, members: str, sequence: int) -> None:
    """Have all organisations agree on other members of the collection "shared"."""
    collections = load_collections(HERE / "collections.json")
    for each in collections.config:
        if each.static_collection_config.name == "shared":
            policy = each.static_collection_config.member_orgs_policy
            policy.signature_policy.CopyFrom(parse_policy(members))
            each.static_collection_config.required_peer_count = 0
    definition = Definition("vault", "1.0", sequence, VAULT.endorsement, collections)
    administrators = [network.administrator(each) for each in (ATS, CLEARING, AGENT)]
    landed = []
    for administrator in administrators:
        (package_id,) = await administrator.installed()
        landed.append(await administrator.approve(network.channel_id, definition, package_id))
    landed.append(
        await administrators[0].commit(network.channel_id, definition, [ATS, CLEARING, AGENT])
    )
    for administrator in administrators:
        await administrator.wait_for(network.channel_id, max(each for each in landed if each))


async def test_who_becomes_a_member_gets_what_there_was_before(
    tally_network: LocalNetwork,
) -> None:
    """§13: eligible by the definition in force, so old values are reconciled."""
    await put(tally_network, "shared")
    born = height(tally_network) - 1
    await catch_up(tally_network, AGENT)
    assert held(tally_network, AGENT, "shared") is None
    agent = tally_network.contract(AGENT, "vault")
    with pytest.raises(ClientError, match="does not have read access permission"):
        await agent.evaluate("get", "shared", "k")
    everybody = "OR('ATSMSP.member', 'ClearingMSP.member', 'TransferAgentMSP.member')"
    await redefine(tally_network, everybody, 2)
    await catch_up(tally_network, AGENT)
    assert held(tally_network, AGENT, "shared") == SECRET
    assert await agent.evaluate("get", "shared", "k") == SECRET
    event = await block_seen(tally_network, AGENT, born)
    assert event.private_data_map, "old blocks open to the new member too"


async def test_who_is_no_member_any_more_gets_nothing_new(tally_network: LocalNetwork) -> None:
    """§13: what a former member has it keeps; nobody can take that back."""
    await put(tally_network, "shared", "old")
    await redefine(tally_network, "OR('ATSMSP.member')", 2)
    await put(tally_network, "shared", "new")
    await catch_up(tally_network, CLEARING)
    assert held(tally_network, CLEARING, "shared", "old") == SECRET
    assert held(tally_network, CLEARING, "shared", "new") is None
    assert hashed(tally_network, CLEARING, "shared", "new") == sha256(SECRET).digest()
    with pytest.raises(ClientError, match="does not have read access permission"):
        await tally_network.contract(CLEARING, "vault").evaluate("get", "shared", "old")
    event = await block_seen(tally_network, CLEARING)
    assert not event.private_data_map


async def test_a_peer_that_lacks_the_value_says_so(tally_network: LocalNetwork) -> None:
    """§10: neither absent nor an old value, in Fabric's words."""
    await put(tally_network, "lazy")
    version = height(tally_network) - 1
    agent = tally_network.contract(AGENT, "vault")
    with pytest.raises(ClientError) as failure:
        await agent.new_proposal("get", "lazy", "k", endorsing_organizations=[AGENT]).evaluate()
    assert (
        "private data matching public hash version is not available. Public hash version = "
        f"{{BlockNum: {version}, TxNum: 0}}, Private data version = <nil>"
    ) in str(failure.value)
    assert (
        await agent.new_proposal("get", "lazy", "k", endorsing_organizations=[ATS]).evaluate()
        == SECRET
    )


async def test_a_member_answers_for_a_peer_that_lacks_the_value(
    tally_network: LocalNetwork,
) -> None:
    """§5.2, §5.3: that a value is not here is no answer, so the gateway asks elsewhere."""
    await put(tally_network, "lazy")
    agent = tally_network.contract(AGENT, "vault")
    assert await agent.evaluate("get", "lazy", "k") == SECRET
    assert await agent.submit("get", "lazy", "k") == SECRET
    assert held(tally_network, AGENT, "lazy") is None


async def test_a_purge_reaches_what_a_member_has_yet_to_fetch(tally_network: LocalNetwork) -> None:
    """§13, Purge, before and after late reconciliation."""
    await put(tally_network, "lazy", "purged")
    await put(tally_network, "lazy", "kept")
    await tally_network.contract(ATS, "vault").submit("purge", "lazy", "purged")
    await catch_up(tally_network, CLEARING)
    assert held(tally_network, CLEARING, "lazy", "purged") is None
    assert held(tally_network, CLEARING, "lazy", "kept") == SECRET
    assert missing(tally_network, CLEARING) == []


async def test_what_has_expired_is_not_fetched(tally_network: LocalNetwork) -> None:
    """§13, Expiry: nothing stays on record as missing, and nothing comes back."""
    await put(tally_network, "brief", by=ATS)
    ats, clearing = (tally_network.peers[each] for each in (ATS, CLEARING))
    assert held(tally_network, CLEARING, "brief") == SECRET
    assert ("vault", "brief") in missing(tally_network, AGENT), "a non-member records it too"
    for number in range(3):
        await tally_network.contract(ATS, "vault").submit("note", str(number))
    assert missing(tally_network, AGENT) == []
    for peer in (ats, clearing):
        sets = peer.channels[tally_network.channel_id].ledger.private_sets
        assert not [
            set_id
            for number in range(height(tally_network))
            for set_id, _ in sets.of_block(number)
            if set_id.collection == "brief"
        ]


def missing(network: LocalNetwork, msp_id: str) -> list[tuple[str, str]]:
    sets = network.peers[msp_id].channels[network.channel_id].ledger.private_sets
    return [place for place in sets.missing_places() if place[0] == "vault"]
