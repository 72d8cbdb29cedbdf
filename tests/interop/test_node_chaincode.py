"""Chaincode in Node, on Fabric's packages as they are, run by peers of this project.

§9.1, §9.2, §9.3, §9.4, §18.4, and §19 items 10 and 11, with software of others.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from hashlib import sha256

import pytest
from tests.interop.conftest import HERE, NodeNetwork, deploy, tally

from tallystick.client import Gateway
from tallystick.client.contract import Contract
from tallystick.client.errors import CommitError, EndorseError, GatewayError
from tallystick.node.policies.parser import parse_policy

pytestmark = [pytest.mark.interop, pytest.mark.cluster]

ATS, CLEARING, AGENT = "ATSMSP", "ClearingMSP", "TransferAgentMSP"


@pytest.fixture
async def ats(node_network: NodeNetwork) -> AsyncIterator[Gateway]:
    async with await Gateway.from_profile(node_network.profile(ATS)) as gateway:
        yield gateway


@pytest.fixture
async def agent(node_network: NodeNetwork) -> AsyncIterator[Gateway]:
    async with await Gateway.from_profile(node_network.profile(AGENT)) as gateway:
        yield gateway


@pytest.fixture
def assets(ats: Gateway) -> Contract:
    return ats.network().contract("assets")


@pytest.fixture
def bridge(ats: Gateway) -> Contract:
    return ats.network().contract("bridge")


async def asked(contract: Contract, function: str, *arguments: str) -> object:
    return json.loads(await contract.evaluate(function, *arguments))


async def test_what_is_put_is_got_until_it_is_deleted(assets: Contract) -> None:
    await assets.submit("put", "one", "1")
    assert await assets.evaluate("get", "one") == b"1"
    await assets.submit("remove", "one")
    assert await assets.evaluate("get", "one") == b""


async def test_the_chaincode_learns_who_calls(assets: Contract) -> None:
    """§9.4."""
    found = await asked(assets, "whoAmI")
    assert isinstance(found, dict)
    assert (found["msp"], found["role"], found["channel"]) == (ATS, "trading-desk", "securities")
    assert len(found["transaction"]) == 64


async def test_the_chaincode_describes_itself(assets: Contract) -> None:
    """§9.4."""
    found = await asked(assets, "org.hyperledger.fabric:GetMetadata")
    assert isinstance(found, dict)
    assert "assets" in found["contracts"]


async def test_a_range_is_read_beyond_one_batch(assets: Contract) -> None:
    """§9.3."""
    await assets.submit("putMany", "row-", "250")
    rows = await asked(assets, "range", "row-", "row-~")
    assert rows == [[f"row-{number:04}", str(number)] for number in range(250)]
    assert await asked(assets, "someOfRange", "row-", "row-~", "101") == [
        f"row-{number:04}" for number in range(101)
    ]
    first = await asked(assets, "page", "row-", "row-~", "120", "")
    assert isinstance(first, dict)
    assert (len(first["keys"]), first["bookmark"]) == (120, "row-0120")
    second = await asked(assets, "page", "row-", "row-~", "200", first["bookmark"])
    assert isinstance(second, dict)
    assert (len(second["keys"]), second["bookmark"]) == (130, "")


async def test_a_range_without_a_start_leaves_composite_keys_out(assets: Contract) -> None:
    """§19 item 22."""
    await assets.submit("hold", "ACME", "alice", "10")
    await assets.submit("hold", "ACME", "bob", "20")
    await assets.submit("put", "a-plain-key", "x")
    holders = await asked(assets, "holders", "ACME")
    assert holders == [["ACME", "alice", "10"], ["ACME", "bob", "20"]]
    rows = await asked(assets, "range", "", "b")
    assert isinstance(rows, list)
    assert ["a-plain-key", "x"] in rows
    assert not [row for row in rows if "alice" in row[0]]


async def test_a_key_has_its_history(assets: Contract) -> None:
    """§9.3."""
    for value in ("old", "new"):
        await assets.submit("put", "changing", value)
    await assets.submit("remove", "changing")
    changes = await asked(assets, "history", "changing")
    assert isinstance(changes, list)
    assert [(change["isDelete"], change["value"]) for change in changes] == [
        (True, ""),
        (False, "new"),
        (False, "old"),
    ]


async def test_private_data_is_put_read_hashed_deleted_and_purged(
    assets: Contract, agent: Gateway
) -> None:
    """§9.3."""
    keys = ["deleted", "kept", "purged"]
    for key in keys:
        await assets.submit("tell", key, transient={"secret": b"the price is 42"})
    assert await assets.evaluate("ask", "kept") == b"the price is 42"
    rows = await asked(assets, "askAll")
    assert isinstance(rows, list)
    ours = [row for row in rows if row[0] in keys]  # other tests keep theirs in the collection too
    assert ours == [[key, "the price is 42"] for key in keys]

    outsider = agent.network().contract("assets")
    digest = sha256(b"the price is 42").hexdigest().encode()
    assert await outsider.evaluate("askHash", "kept") == digest
    with pytest.raises(GatewayError, match="does not have read access permission"):
        await outsider.evaluate("ask", "kept")

    await assets.submit("forget", "deleted")
    await assets.submit("purge", "purged")
    for key in ("deleted", "purged"):
        assert await assets.evaluate("ask", key) == b""
        assert await assets.evaluate("askHash", key) == b""


async def test_an_event_reaches_who_listens(assets: Contract, ats: Gateway) -> None:
    await assets.submit("announce", "Announced", "hear, hear")
    async with (
        asyncio.timeout(20),
        ats.network().chaincode_events("assets", start_block=0) as found,
    ):
        async for event in found:
            if event.name == "Announced":
                assert event.payload == b"hear, hear"
                return


async def test_a_key_with_a_policy_of_its_own_takes_that_one(assets: Contract) -> None:
    """§9.3, §12."""
    rule = parse_policy("AND('ATSMSP.peer', 'ClearingMSP.peer', 'TransferAgentMSP.peer')")
    wanted = rule.SerializeToString().hex()
    await assets.submit("put", "guarded", "1")
    await assets.submit("guard", "guarded", wanted)
    assert await assets.evaluate("guardian", "guarded") == wanted.encode()

    proposal = assets.new_proposal("put", "guarded", "2", endorsing_organizations=(ATS, CLEARING))
    commit = await (await proposal.endorse()).submit()
    status = await commit.status()
    with pytest.raises(CommitError, match="ENDORSEMENT_POLICY_FAILURE"):
        status.raise_if_invalid()

    everybody = (ATS, CLEARING, AGENT)
    proposal = assets.new_proposal("put", "guarded", "3", endorsing_organizations=everybody)
    (await (await (await proposal.endorse()).submit()).status()).raise_if_invalid()
    assert await assets.evaluate("get", "guarded") == b"3"


async def test_node_calls_python(assets: Contract, bridge: Contract) -> None:
    """§9.3."""
    answer = json.loads(await assets.submit("call", "bridge", '["keep", "from-node", "hello"]'))
    assert answer == {"status": 200, "payload": "ATSMSP by assets"}
    assert await bridge.evaluate("get", "from-node") == b"hello"
    assert await assets.evaluate("get", "called") == b"bridge"


async def test_python_calls_node(assets: Contract, bridge: Contract) -> None:
    """§9.3."""
    await bridge.submit("put_there", "from-python", "hello")
    assert await bridge.evaluate("get", "from-python") == b"hello"
    assert await assets.evaluate("get", "from-python") == b"hello"
    assert await bridge.evaluate("get_there", "from-python") == b"hello"


async def test_a_refusal_passes_from_node_to_python(bridge: Contract) -> None:
    with pytest.raises(EndorseError, match="not today"):
        await bridge.submit("refuse_there", "not today")


async def test_an_unknown_callee_is_named(assets: Contract) -> None:
    """§9.3."""
    with pytest.raises(EndorseError, match="could not find chaincode with name 'nobody'"):
        await assets.submit("call", "nobody", '["get", "x"]')


async def test_node_asks_python_on_another_channel(
    assets: Contract, node_network: NodeNetwork
) -> None:
    """§9.3."""
    directory = node_network.directory
    tally("channel", "create", "bonds", "--network", str(directory))
    package = directory.parent / "bridge.tar.gz"
    source = ("bridge:Bridge", "--source", str(HERE / "contracts"), "--label", "bridge_2.0")
    tally("chaincode", "package", *source, "--output", str(package))
    deploy(directory, package, "bridge", "--channel", "bonds")
    where = ("--channel", "bonds", "--network", str(directory))
    tally("invoke", "bridge", "keep", "k", "on bonds", *where)

    answer = json.loads(await assets.submit("callOn", "bonds", "bridge", '["get", "k"]'))
    assert answer == {"status": 200, "payload": "on bonds"}
    answer = json.loads(await assets.submit("callOn", "bonds", "bridge", '["keep", "k", "lost"]'))
    assert answer == {"status": 200, "payload": "ATSMSP by assets"}
    assert tally("query", "bridge", "get", "k", *where) == "on bonds"
    with pytest.raises(EndorseError, match="failed to find ledger for channel: nowhere"):
        await assets.submit("callOn", "nowhere", "bridge", '["get", "k"]')


async def test_node_chaincode_that_dials_the_peer_registers_and_is_called(
    ats: Gateway, node_client: str
) -> None:
    """§9, §9.1."""
    contract = ats.network().contract(node_client)
    await contract.submit("put", "one", "1")
    assert await contract.evaluate("get", "one") == b"1"


async def test_an_error_of_the_chaincode_has_status_500(assets: Contract) -> None:
    """§9.2."""
    with pytest.raises(EndorseError) as caught:
        await assets.submit("refuse", "no such asset")
    assert {refusal.status for refusal in caught.value.refusals} == {500}
    assert "no such asset" in str(caught.value)


async def test_a_chaincode_killed_while_it_runs_fails_that_call_alone(
    assets: Contract, bridge: Contract, node_network: NodeNetwork
) -> None:
    """§9.1, §9.2."""
    await assets.submit("put", "survivor", "1")
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(_failure_of(assets, "wait"))
        others = tasks.create_task(bridge.submit("keep", "meanwhile", "x"))
        await others
        await asyncio.to_thread(node_network.server.wait_for_log, "waiting in")
        node_network.server.kill()
    assert "chaincode stream terminated" in waiting.result()
    assert await bridge.evaluate("get", "meanwhile") == b"x"

    await asyncio.to_thread(node_network.server.start)
    async with asyncio.timeout(60):
        await _until_endorsed(assets, "put", "survivor", "2")
    assert await assets.evaluate("get", "survivor") == b"2"
    assert await assets.evaluate("get", "waited") == b""


async def _until_endorsed(contract: Contract, *call: str) -> None:
    """Submit until both endorsers have dialled the chaincode again."""
    while True:
        try:
            await contract.submit(*call)
        except EndorseError as error:
            assert "could not launch chaincode" in str(error)  # noqa: PT017 -- others are faults
        else:
            return


async def _failure_of(contract: Contract, function: str) -> str:
    with pytest.raises(EndorseError) as caught:
        await contract.submit(function)
    return str(caught.value)
