"""Rules of single keys, of collections and of several chaincodes, on a network (wire.md §12, §14).

Any one of three peers may endorse what has no other rule. Where a test names the endorsing
organisations, the gateway asks those and nobody else; where it does not, the gateway has to find
out by itself who is needed.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import JsonValue

from tallystick.client.errors import CommitError
from tallystick.node.channel.acl import APPLICATION_PATH
from tallystick.node.cluster.topology import ChaincodeTopology, Topology, default_topology
from tallystick.node.ledger.rwset import VALIDATION_PARAMETER, decode_metadata
from tallystick.node.membership.signature_checker import SignatureChecker
from tallystick.node.testing import LocalNetwork
from tallystick.node.validation.structure import ParsedTransaction, parse_transaction
from tallystick.protos.common.policies_pb2 import SignaturePolicyEnvelope
from tallystick.protos.msp.identities_pb2 import SerializedIdentity
from tallystick.protos.peer.transaction_pb2 import ENDORSEMENT_POLICY_FAILURE
from tallystick.wire.policies import parse_policy

ATS, CLEARING, AGENT = "ATSMSP", "ClearingMSP", "TransferAgentMSP"
ANYBODY = "OR('ATSMSP.peer', 'ClearingMSP.peer', 'TransferAgentMSP.peer')"
HERE = Path(__file__).parent / "policy_contract"
SECRET = {"secret": b"the price is 42"}


def deeds(name: str, rule: str) -> ChaincodeTopology:
    return ChaincodeTopology(
        name=name,
        entry="deeds:Deeds",
        source=HERE,
        endorsement=rule,
        collections=HERE / "collections.json",
    )


@pytest.fixture(scope="session")
def tally_topology() -> Topology:
    chaincodes = (
        deeds("deeds", ANYBODY),
        deeds("strict", "AND('ClearingMSP.peer', 'TransferAgentMSP.peer')"),
    )
    return default_topology().model_copy(update={"chaincodes": chaincodes})


async def submit(
    network: LocalNetwork,
    function: str,
    *arguments: JsonValue,
    by: Sequence[str] = (),
    secret: bool = False,
) -> None:
    """Have ATS submit a call, endorsed ``by`` organisations or else by those that are needed."""
    await network.contract(ATS, "deeds").submit(
        function,
        *arguments,
        endorsing_organizations=by,
        transient=SECRET if secret else None,
    )


async def refused(
    network: LocalNetwork, function: str, *arguments: JsonValue, by: Sequence[str]
) -> None:
    """Assert that a call that ``by`` endorse is committed as badly endorsed."""
    with pytest.raises(CommitError) as failure:
        await submit(network, function, *arguments, by=by)
    assert failure.value.code == ENDORSEMENT_POLICY_FAILURE


def value(network: LocalNetwork, key: str, chaincode: str = "deeds") -> bytes | None:
    found = network.peers[AGENT].channels[network.channel_id].ledger.state.get(chaincode, key)
    return None if found is None else found.value


def endorsers(network: LocalNetwork) -> set[str]:
    """Return the organisations that endorsed the last transaction on the ledger."""
    channel = network.peers[ATS].channels[network.channel_id]
    entry = channel.ledger.block(channel.ledger.height - 1).data.data[-1]
    parsed = parse_transaction(entry, channel.config, SignatureChecker())
    assert isinstance(parsed, ParsedTransaction)
    return {SerializedIdentity.FromString(each.identity).mspid for each in parsed.endorsements()}


async def test_a_key_cannot_be_written_without_those_whom_its_rule_names(
    tally_network: LocalNetwork,
) -> None:
    """§12: a rule of the key's own takes the place of the chaincode's."""
    await submit(tally_network, "bind_to", "k", [CLEARING])
    await refused(tally_network, "put", "k", "new", by=[ATS])
    await refused(tally_network, "put", "k", "new", by=[ATS, AGENT])
    await refused(tally_network, "delete", "k", by=[ATS])
    assert value(tally_network, "k") == b"bound"
    await submit(tally_network, "put", "k", "new", by=[CLEARING])
    assert value(tally_network, "k") == b"new"
    await submit(tally_network, "put", "other", "free", by=[ATS])


async def test_the_gateway_finds_those_whom_the_rules_of_the_keys_name(
    tally_network: LocalNetwork,
) -> None:
    """§4, §5.2: the first answer says which rules were met; the rest follows from them."""
    await submit(tally_network, "bind_to", "of-clearing", [CLEARING])
    await submit(tally_network, "bind_to", "of-agent", [AGENT])
    await submit(tally_network, "put", "of-clearing", "new")
    assert endorsers(tally_network) == {CLEARING}
    await submit(tally_network, "put_all", ["of-clearing", "of-agent"])
    assert endorsers(tally_network) == {CLEARING, AGENT}
    await submit(tally_network, "put_all", ["of-clearing", "of-agent", "free"])
    assert endorsers(tally_network) >= {CLEARING, AGENT}
    assert value(tally_network, "free") == b"all"


async def test_a_rule_is_changed_by_those_whom_the_old_one_names(
    tally_network: LocalNetwork,
) -> None:
    """§12: metadata is written under the rule in force."""
    await submit(tally_network, "bind_to", "k", [CLEARING])
    await refused(tally_network, "bind", "k", "OR('ATSMSP.peer')", by=[ATS])
    await submit(tally_network, "bind", "k", "AND('ATSMSP.peer', OR('TransferAgentMSP.peer'))")
    assert endorsers(tally_network) == {CLEARING}
    await refused(tally_network, "put", "k", "new", by=[CLEARING])
    await submit(tally_network, "put", "k", "new")
    assert endorsers(tally_network) == {ATS, AGENT}


async def test_a_rule_goes_when_it_is_cleared_or_its_key_deleted(
    tally_network: LocalNetwork,
) -> None:
    """§12: then the chaincode's rule counts again."""
    contract = tally_network.contract(ATS, "deeds")
    for ending in ("free", "delete"):
        await submit(tally_network, "bind_to", ending, [CLEARING])
        assert await contract.evaluate("rule_of", ending) == b"OR('ClearingMSP.peer')"
        await refused(tally_network, ending, ending, by=[AGENT])
        await submit(tally_network, ending, ending)
        assert endorsers(tally_network) == {CLEARING}
        assert await contract.evaluate("rule_of", ending) == b""
        await submit(tally_network, "put", ending, "again", by=[AGENT])
        assert value(tally_network, ending) == b"again"


async def test_a_key_whose_rule_changes_cannot_be_written_in_the_same_block(
    tally_network: LocalNetwork,
) -> None:
    """§19 item 23: code 10, for nobody knew which rule was to be satisfied."""
    await submit(tally_network, "put", "k", "old")
    contract = tally_network.contract(ATS, "deeds")
    change = await contract.new_proposal("bind", "k", "OR('ClearingMSP.peer')").endorse()
    write = await contract.new_proposal("put", "k", "new").endorse()
    commits = await asyncio.gather(*(each.submit() for each in (change, write)))
    first, second = await asyncio.gather(*(each.status() for each in commits))
    assert first.block_number == second.block_number
    assert (first.code, second.code) == (0, ENDORSEMENT_POLICY_FAILURE)
    assert value(tally_network, "k") == b"old"


async def test_a_rule_is_kept_as_fabrics_libraries_write_it(tally_network: LocalNetwork) -> None:
    """§14.3: the metadata of a key holds a bare SignaturePolicyEnvelope."""
    await submit(tally_network, "bind_to", "k", [CLEARING, ATS, CLEARING])
    state = tally_network.peers[ATS].channels[tally_network.channel_id].ledger.state
    found = state.get("deeds", "k")
    assert found is not None
    stored = decode_metadata(found.metadata)[VALIDATION_PARAMETER]
    expected = parse_policy("AND('ATSMSP.peer', 'ClearingMSP.peer')")
    assert SignaturePolicyEnvelope.FromString(stored) == expected


async def test_a_secret_has_a_rule_of_its_own_too(tally_network: LocalNetwork) -> None:
    """§12: a private key is known by its hash, and so is its rule."""
    await submit(tally_network, "hide", "plain", "s", secret=True)
    await submit(tally_network, "bind_hidden", "plain", "s", [CLEARING])
    for msp_id in (ATS, CLEARING):
        answer = await tally_network.contract(msp_id, "deeds").evaluate(
            "rule_of_hidden", "plain", "s"
        )
        assert answer == b"OR('ClearingMSP.peer')"
    await refused(tally_network, "bind_hidden", "plain", "s", [ATS], by=[ATS])
    await submit(tally_network, "hide", "plain", "s", secret=True)
    assert endorsers(tally_network) == {CLEARING}


async def test_a_collection_has_a_rule_in_place_of_the_chaincodes(
    tally_network: LocalNetwork,
) -> None:
    """§12: both parties must endorse what is written to it, and no more than the two."""
    contract = tally_network.contract(ATS, "deeds")
    with pytest.raises(CommitError) as failure:
        await contract.submit(
            "hide", "guarded", "s", transient=SECRET, endorsing_organizations=[ATS]
        )
    assert failure.value.code == ENDORSEMENT_POLICY_FAILURE
    await submit(tally_network, "hide", "guarded", "s", secret=True)
    assert endorsers(tally_network) == {ATS, CLEARING}
    await submit(tally_network, "hide", "plain", "s", secret=True)
    assert endorsers(tally_network) == {ATS}


async def test_an_organisation_endorses_what_its_own_collection_keeps(
    tally_network: LocalNetwork,
) -> None:
    """§12: one peer of that organisation, and nobody else, whatever the chaincode's rule."""
    assert f"{APPLICATION_PATH}/{AGENT}/Endorsement" in (
        tally_network.peers[ATS].channels[tally_network.channel_id].config.policies.paths
    )
    agent = tally_network.contract(AGENT, "deeds")
    await agent.submit("keep_for", AGENT, "s", transient=SECRET)
    assert endorsers(tally_network) == {AGENT}
    with pytest.raises(CommitError) as failure:
        await agent.submit(
            "keep_for", AGENT, "s", transient=SECRET, endorsing_organizations=[CLEARING]
        )
    assert failure.value.code == ENDORSEMENT_POLICY_FAILURE
    for msp_id, held in ((AGENT, True), (ATS, False), (CLEARING, False)):
        state = tally_network.peers[msp_id].channels[tally_network.channel_id].ledger.state
        found = state.get_private("deeds", f"_implicit_org_{AGENT}", "s")
        assert (found is not None) == held


async def test_a_secret_for_another_organisation_reaches_it_through_ones_own_gateway(
    tally_network: LocalNetwork,
) -> None:
    """§5.2: transient data goes to the own peer, then to members of the collection only."""
    await submit(tally_network, "keep_for", AGENT, "s", secret=True)
    assert endorsers(tally_network) == {AGENT}


async def test_every_chaincode_that_is_written_to_has_its_say(tally_network: LocalNetwork) -> None:
    """§12: the rule of each namespace; the gateway asks the union."""
    await refused(tally_network, "put_here_and_in", "strict", "k", by=[ATS])
    await refused(tally_network, "put_here_and_in", "strict", "k", by=[ATS, CLEARING])
    await submit(tally_network, "put_here_and_in", "strict", "k")
    assert endorsers(tally_network) >= {CLEARING, AGENT}
    assert value(tally_network, "k") == b"here"
    assert value(tally_network, "k", "strict") == b"there"


async def test_rules_of_keys_and_of_other_chaincodes_add_up(tally_network: LocalNetwork) -> None:
    """§12: a bound key here, another chaincode's rule there."""
    await submit(tally_network, "bind_to", "k", [ATS])
    await submit(tally_network, "put_here_and_in", "strict", "k")
    assert endorsers(tally_network) == {ATS, CLEARING, AGENT}
    await refused(tally_network, "put_here_and_in", "strict", "k", by=[CLEARING, AGENT])
