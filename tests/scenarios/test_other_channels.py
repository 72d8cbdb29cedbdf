"""A contract asks a chaincode on another channel: wire.md §9.3."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from tests.scenarios.small_network import THREE_MEMBERS

from tallystick.client.contract import Contract
from tallystick.client.errors import ClientError, EndorseError
from tallystick.node.channel.config_edits import with_acl
from tallystick.node.cluster.topology import parse_topology
from tallystick.node.ledger.rwset import parse_results
from tallystick.node.settings import ChaincodeSettings, PeerSettings
from tallystick.node.testing import local_network
from tallystick.node.testing.local_network import LocalNetwork
from tallystick.protos.common.common_pb2 import Envelope, Payload
from tallystick.protos.peer.lifecycle.lifecycle_pb2 import QueryChaincodeDefinitionsResult
from tallystick.wire.envelope import chaincode_action_of

pytestmark = pytest.mark.slow

CONTRACTS = """
from tallystick.chaincode import Context, Contract, DomainEvent, query, transaction


class Noted(DomainEvent):
    kind = "notes.Noted"
    key: str


class Notes(Contract):
    name = "notes"

    @transaction
    def put(self, ctx: Context, key: str, text: str) -> str:
        ctx.state.put(key, text.encode())
        ctx.emit(Noted(key=key))
        return "put"

    @query
    def get(self, ctx: Context, key: str) -> str:
        return (ctx.state.get(key) or b"").decode()

    @query
    def ask(self, ctx: Context, name: str, key: str) -> str:
        return ctx.invoke(name, "get", key).decode()

    @query
    def ask_back(self, ctx: Context, name: str, back: str) -> str:
        return ctx.invoke(name, "ask", back, "a").decode()


class Reader(Contract):
    name = "reader"

    @transaction
    def copy(self, ctx: Context, name: str, key: str) -> str:
        found = ctx.invoke(name, "get", key)
        ctx.state.put(key, found)
        return found.decode()

    @transaction
    def put_there(self, ctx: Context, name: str, key: str) -> str:
        ctx.state.put("mine", b"1")
        return ctx.invoke(name, "put", key, "from elsewhere").decode()

    @query
    def defined(self, ctx: Context, channel: str) -> str:
        return ctx.invoke("_lifecycle/" + channel, "QueryChaincodeDefinitions", b"").hex()
"""
TOPOLOGY = """
[[channels]]
id = "market"
members = ["OneMSP", "TwoMSP"]
endorsement = "ANY Endorsement"
lifecycle_endorsement = "ANY Endorsement"
chaincodes = [
    {{ name = "reader", entry = "notes:Reader", source = "{0}", endorsement = "{1}" }},
    {{ name = "notes", entry = "notes:Notes", source = "{0}", endorsement = "OR('TwoMSP.peer')" }},
]

[[channels]]
id = "bonds"
members = ["TwoMSP", "ThreeMSP"]
chaincodes = [
    {{ name = "notes", entry = "notes:Notes", source = "{0}", endorsement = "OR('TwoMSP.peer')" }},
]
"""


@pytest.fixture(params=["embedded", "process"])
async def network(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[LocalNetwork]:
    (tmp_path / "notes.py").write_text(CONTRACTS)
    chaincode = ChaincodeSettings(runtime=request.param)
    monkeypatch.setattr(local_network, "PeerSettings", partial(PeerSettings, chaincode=chaincode))
    topology = TOPOLOGY.format(tmp_path, "OR('OneMSP.peer', 'TwoMSP.peer')") + THREE_MEMBERS
    async with LocalNetwork(parse_topology(topology, "the test")) as network:
        await network.contract("TwoMSP", "notes", channel_id="bonds").submit("put", "a", "bond")
        await network.contract("TwoMSP", "notes", channel_id="market").submit("put", "a", "share")
        yield network


def on_market(network: LocalNetwork, name: str, msp_id: str = "TwoMSP") -> Contract:
    return network.contract(msp_id, name, channel_id="market")


async def test_it_gets_the_answer_and_nothing_of_the_call_is_recorded(
    network: LocalNetwork,
) -> None:
    reader = on_market(network, "reader")
    proposal = reader.new_proposal("copy", "notes/bonds", "a", endorsing_organizations=["TwoMSP"])
    transaction = await proposal.endorse()
    assert transaction.result == b"bond"
    status = await (await transaction.submit()).status()
    status.raise_if_invalid()
    ledger = network.peers["TwoMSP"].channels["market"].ledger
    (entry,) = ledger.block(status.block_number).data.data
    payload = Payload.FromString(Envelope.FromString(entry).payload)
    results = parse_results(chaincode_action_of(payload.SerializeToString()).results)
    assert {space.namespace for space in results.namespaces} == {"_lifecycle", "reader"}
    found = {space.namespace: [one.key for one in space.reads] for space in results.namespaces}
    assert found["_lifecycle"] == ["namespaces/fields/reader/Sequence"]


async def test_what_the_callee_writes_and_publishes_is_dropped(network: LocalNetwork) -> None:
    reader = on_market(network, "reader")
    proposal = reader.new_proposal(
        "put_there", "notes/bonds", "b", endorsing_organizations=["TwoMSP"]
    )
    transaction = await proposal.endorse()
    assert transaction.result == b"put"
    status = await (await transaction.submit()).status()
    status.raise_if_invalid()
    bonds = network.contract("TwoMSP", "notes", channel_id="bonds")
    assert await bonds.evaluate("get", "b") == b""
    ledger = network.peers["TwoMSP"].channels["market"].ledger
    (entry,) = ledger.block(status.block_number).data.data
    payload = Payload.FromString(Envelope.FromString(entry).payload)
    assert not chaincode_action_of(payload.SerializeToString()).events


async def test_the_same_chaincode_elsewhere_is_another_one_unless_it_is_at_work(
    network: LocalNetwork,
) -> None:
    notes = on_market(network, "notes")
    assert await notes.evaluate("ask", "notes/bonds", "a") == b"bond"
    with pytest.raises(ClientError, match=r"RECURSIVE_CALL|exists"):
        await notes.evaluate("ask_back", "notes/bonds", "notes/market")


async def test_system_chaincodes_answer_for_the_other_channel(network: LocalNetwork) -> None:
    reader = on_market(network, "reader")
    for channel_id, names in (("bonds", {"notes"}), ("market", {"notes", "reader"})):
        answer = bytes.fromhex((await reader.evaluate("defined", channel_id)).decode())
        found = QueryChaincodeDefinitionsResult.FromString(answer).chaincode_definitions
        assert {definition.name for definition in found} == names


async def test_a_peer_that_is_not_on_the_channel_says_so(network: LocalNetwork) -> None:
    proposal = on_market(network, "reader", "OneMSP").new_proposal(
        "copy", "notes/bonds", "a", endorsing_organizations=["OneMSP"]
    )
    with pytest.raises(EndorseError, match="failed to find ledger for channel: bonds"):
        await proposal.endorse()


async def test_a_client_reaches_only_channels_of_its_own(network: LocalNetwork) -> None:
    proposal = on_market(network, "reader", "OneMSP").new_proposal(
        "copy", "notes/bonds", "a", endorsing_organizations=["TwoMSP"]
    )
    with pytest.raises(EndorseError, match="MSP 'OneMSP' is not known"):
        await proposal.endorse()


async def test_the_other_channel_s_access_list_decides(network: LocalNetwork) -> None:
    """wire.md §8.3."""
    governance = network.governance("TwoMSP", "bonds")
    resource, path = "peer/ChaincodeToChaincode", "/Channel/Application/Admins"
    await governance.change(
        lambda config: with_acl("bonds", config, resource, path),
        [network.user("TwoMSP"), network.user("ThreeMSP")],
    )
    with pytest.raises(ClientError, match="failed evaluating policy on signed data"):
        await on_market(network, "notes").evaluate("ask", "notes/bonds", "a")
