"""Organisations with several peers: what is installed where, and who stands in for whom."""

import asyncio
from collections.abc import AsyncIterator, Callable

import grpc
import pytest
from tests.scenarios.pairs import ATS, CLEARING, pairs_topology

from tallystick.client.errors import EndorseError
from tallystick.node.cluster.topology import Topology
from tallystick.node.gateway.endorsers import Standing
from tallystick.node.testing.local_network import LocalNetwork
from tallystick.protos.tallystick.private_data_pb2 import PrivateSets, SignedRequest

FIRST, SECOND = "peer0.ats.example", "peer1.ats.example"
CLEARING_FIRST, CLEARING_SECOND = "peer0.clearing.example", "peer1.clearing.example"
PATIENCE_S = 15


@pytest.fixture(scope="module")
def topology(tmp_path_factory: pytest.TempPathFactory) -> Topology:
    return pairs_topology(tmp_path_factory.mktemp("topology"))


@pytest.fixture
async def network(topology: Topology) -> AsyncIterator[LocalNetwork]:
    async with LocalNetwork(topology) as network:
        yield network


async def write(network: LocalNetwork, key: str, msp_id: str = ATS) -> None:
    await network.contract(msp_id, "notes").submit("write", key, "text")


def standing_of(network: LocalNetwork, of: str, at: str = FIRST) -> Standing:
    channel = network.running[at].gateway.channels[network.channel_id]
    return next(
        channel.peers.standing(peer) for peer in channel.peers if peer.address.startswith(f"{of}:")
    )


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110 -- there is no event for what a peer knows of another
            await asyncio.sleep(0.02)


def secret_at(network: LocalNetwork, name: str, collection: str) -> bytes | None:
    state = network.running[name].channels[network.channel_id].ledger.state
    found = state.get_private("vault", collection, "k")
    return None if found is None else found.value


async def test_every_peer_of_an_organisation_can_run_what_was_deployed(
    network: LocalNetwork,
) -> None:
    """One approval serves an organisation; the package is installed on each of its peers."""
    await write(network, "k")
    for name, peer in network.running.items():
        definitions = peer.channels[network.channel_id].definitions
        assert definitions.current("notes") is not None, name
    await network.stop_peer(FIRST)
    await network.stop_peer(CLEARING_FIRST)
    await write(network, "l")
    assert await network.contract(ATS, "notes").evaluate("read", "l") == b"text"


async def test_a_peer_that_is_down_is_replaced_by_a_colleague_and_asked_again_when_it_is_back(
    network: LocalNetwork,
) -> None:
    """wire.md §5.2: another peer of the same organisation, then the first one again."""
    await write(network, "before")
    await network.stop_peer(CLEARING_FIRST)
    await write(network, "without")
    # The write may have asked its colleague alone, which was a block ahead; others look, too.
    await until(lambda: standing_of(network, CLEARING_FIRST).is_down)
    await network.start_peer(CLEARING_FIRST)
    await until(lambda: not standing_of(network, CLEARING_FIRST).is_down)
    await network.stop_peer(CLEARING_SECOND)
    await write(network, "with it again")
    assert await network.contract(ATS, "notes").evaluate("read", "with it again") == b"text"


async def test_an_organisation_whose_peers_are_all_down_is_named_with_every_reason(
    network: LocalNetwork,
) -> None:
    """wire.md §5.3: ABORTED, one detail for each peer that was asked."""
    await network.stop_peer(CLEARING_FIRST)
    await network.stop_peer(CLEARING_SECOND)
    with pytest.raises(EndorseError) as raised:
        await write(network, "nobody")
    assert raised.value.code is grpc.StatusCode.ABORTED
    refusals = {each.address.partition(":")[0]: each for each in raised.value.details}
    assert refusals.keys() == {CLEARING_FIRST, CLEARING_SECOND}
    assert all(each.msp_id == CLEARING for each in refusals.values())
    assert all("does not run" in each.message for each in refusals.values())


async def test_no_transaction_fails_while_a_peer_goes_and_comes_back(network: LocalNetwork) -> None:
    """Under load, the colleague takes over in mid-transaction."""
    stopping = asyncio.Event()

    async def load(writer: int) -> int:
        number = 0
        while not stopping.is_set():
            await write(network, f"load/{writer}/{number}")
            number += 1
        return number

    async with asyncio.TaskGroup() as group:
        writers = [group.create_task(load(writer)) for writer in range(4)]
        await asyncio.sleep(0)
        await network.stop_peer(CLEARING_FIRST)
        height = network.running[FIRST].channels[network.channel_id].ledger.height
        await network.running[FIRST].channels[network.channel_id].watch.wait_for(height + 3)
        await network.start_peer(CLEARING_FIRST)
        await until(lambda: not standing_of(network, CLEARING_FIRST).is_down)
        await network.running[FIRST].channels[network.channel_id].watch.wait_for(height + 8)
        stopping.set()
    assert all(writer.result() > 0 for writer in writers)


async def test_peers_learn_how_many_blocks_the_others_have(network: LocalNetwork) -> None:
    """wire.md §5.2: the highest is asked first."""
    await write(network, "k")
    height = network.running[FIRST].channels[network.channel_id].ledger.height
    others = (SECOND, CLEARING_FIRST, CLEARING_SECOND)
    await until(lambda: all(standing_of(network, name).height >= height for name in others))
    assert height > 1


async def test_private_values_reach_both_peers_of_a_member(network: LocalNetwork) -> None:
    """wire.md §13: at endorsement or soon after, for a peer cannot know who will be asked next."""
    vault = network.contract(ATS, "vault")
    await vault.submit("put", "shared", "k", transient={"secret": b"42"})
    await until(lambda: all(secret_at(network, name, "shared") for name in network.running))
    assert {secret_at(network, name, "shared") for name in network.running} == {b"42"}


async def test_a_colleague_answers_for_a_peer_that_lacks_a_private_value(
    network: LocalNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """wire.md §4, §5.3: what a peer has yet to fetch is no failure of the contract."""

    async def nothing(_: SignedRequest) -> PrivateSets:
        return PrivateSets()

    monkeypatch.setattr(network.running[FIRST].privacy.service, "fetch", nothing)
    await network.contract(ATS, "vault").submit("put", "lazy", "k", transient={"secret": b"42"})
    colleague = network.gateway(ATS, peer=SECOND).network(network.channel_id).contract("vault")
    assert await colleague.evaluate("get", "lazy", "k") == b"42"
    assert await colleague.submit("get", "lazy", "k") == b"42"
    assert secret_at(network, SECOND, "lazy") is None
