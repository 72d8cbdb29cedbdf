"""Private data on a network of three peers, two of which share secrets (wire.md §6, §9.3, §13)."""

from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest

from tallystick.client.errors import ClientError, EndorseError
from tallystick.node.cluster.topology import ChaincodeTopology, Topology, default_topology
from tallystick.node.testing import LocalNetwork
from tallystick.node.transport.ports import LOCAL_CALLER
from tallystick.protos.ledger.rwset.kvrwset.kv_rwset_pb2 import KVRWSet
from tallystick.protos.orderer.ab_pb2 import SeekPosition, SeekSpecified
from tallystick.protos.peer.events_pb2 import BlockAndPrivateData, DeliverResponse
from tallystick.wire.envelope import build_deliver_seek

ATS, CLEARING, AGENT = "ATSMSP", "ClearingMSP", "TransferAgentMSP"
SECRET = b"the price is 42"
HERE = Path(__file__).parent / "private_contract"


@pytest.fixture(scope="session")
def tally_topology() -> Topology:
    vault = ChaincodeTopology(
        name="vault",
        entry="vault:Vault",
        source=HERE,
        endorsement="OR('ATSMSP.peer', 'ClearingMSP.peer', 'TransferAgentMSP.peer')",
        collections=HERE / "collections.json",
    )
    return default_topology().model_copy(update={"chaincodes": (vault,)})


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


async def events(network: LocalNetwork, msp_id: str) -> AsyncIterator[BlockAndPrivateData]:
    """Yield the blocks of the channel from the peer of ATS, as a client of ``msp_id``."""
    signer = network.administrator(msp_id).signer
    last = SeekPosition(specified=SeekSpecified(number=height(network) - 1))
    request = build_deliver_seek(
        network.channel_id, last, last, signer=signer, timestamp_ns=network.clock()
    )

    async def requests() -> AsyncIterator[bytes]:
        yield request.SerializeToString()

    deliver = network.peers[ATS].deliver.deliver_with_private_data
    async for response in deliver(requests(), LOCAL_CALLER):
        parsed = DeliverResponse.FromString(response)
        if parsed.HasField("block_and_private_data"):
            yield parsed.block_and_private_data


@pytest.mark.parametrize(("msp_id", "sees"), [(CLEARING, True), (AGENT, False)])
async def test_private_values_reach_members_only_with_their_block(
    tally_network: LocalNetwork, msp_id: str, *, sees: bool
) -> None:
    """§6, BlockAndPrivateData."""
    await put(tally_network, "shared")
    (event,) = [each async for each in events(tally_network, msp_id)]
    assert event.block.header.number == height(tally_network) - 1
    assert bool(event.private_data_map) == sees
    assert (SECRET in event.SerializeToString()) == sees
