"""How organisations agree on a chaincode through ``_lifecycle`` (wire.md §16)."""

import pytest
from google.protobuf.message import Message
from tests.scenarios.outcome import Outcome, State
from tests.unit.endorsement.conftest import (
    CHANNEL_ID,
    Peer,
    World,
    approval,
    local,
    transaction_id_of,
)

from tallystick.node.ledger.private_data import TransientStore, private_sets
from tallystick.node.ledger.rwset_builder import ReadWriteSetBuilder
from tallystick.node.ledger.version import Version
from tallystick.protos.ledger.rwset.rwset_pb2 import TxReadWriteSet
from tallystick.protos.peer.lifecycle import lifecycle_pb2
from tallystick.protos.peer.policy_pb2 import ApplicationPolicy
from tallystick.protos.peer.proposal_pb2 import ChaincodeAction
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse, ProposalResponsePayload
from tallystick.wire.envelope import ProposalArguments
from tallystick.wire.hashing import sha256

NAMESPACE = "_lifecycle"
SEQUENCE = "namespaces/fields/token/Sequence"
METADATA = "namespaces/metadata/token"

DEFINITION_METADATA = (
    b"\x0a\x13ChaincodeDefinition\x12\x08Sequence\x12\x0fEndorsementInfo"
    b"\x12\x0eValidationInfo\x12\x0bCollections"
)
PARAMETERS_METADATA = (
    b"\x0a\x13ChaincodeParameters\x12\x0fEndorsementInfo\x12\x0eValidationInfo\x12\x0bCollections"
)
PACKAGE_METADATA = b"\x0a\x15ChaincodeLocalPackage\x12\x09PackageID"
DEFAULT_POLICY = ApplicationPolicy(
    channel_config_policy_reference="/Channel/Application/Endorsement"
).SerializeToString()
ENDORSEMENT_INFO = b"\x12\x0b\x0a\x031.0\x1a\x04escc"
VALIDATION_INFO = b"\x12\x2a\x0a\x04vscc\x12\x22" + DEFAULT_POLICY
COLLECTIONS = b"\x12\x00"
APPROVED = {
    "namespaces/metadata/token#1": PARAMETERS_METADATA,
    "namespaces/fields/token#1/EndorsementInfo": ENDORSEMENT_INFO,
    "namespaces/fields/token#1/ValidationInfo": VALIDATION_INFO,
    "namespaces/fields/token#1/Collections": COLLECTIONS,
}

APPROVE = "ApproveChaincodeDefinitionForMyOrg"
FIELDS = ("Collections", "EndorsementInfo", "Sequence", "ValidationInfo")
COMMIT = "CommitChaincodeDefinition"
READINESS = "CheckCommitReadiness"


def results_of(response: ProposalResponse) -> bytes:
    payload = ProposalResponsePayload.FromString(response.payload)
    return ChaincodeAction.FromString(payload.extension).results


def commitment(**changes: object) -> lifecycle_pb2.CommitChaincodeDefinitionArgs:
    fields: dict[str, object] = {"name": "token", "version": "1.0", "sequence": 1} | changes
    return lifecycle_pb2.CommitChaincodeDefinitionArgs(**fields)  # type: ignore[arg-type]


async def refusal(world: World, function: str, argument: Message, msp_id: str = "OneMSP") -> str:
    """Return why a call is refused, without what all refusals have in common."""
    proposal = world.lifecycle(function, argument, msp_id=msp_id)
    response = await world.peers[msp_id].endorser.process(proposal)
    assert response.response.status == 500
    start = f"failed to invoke backing implementation of '{function}': "
    assert response.response.message.startswith(start)
    assert not response.HasField("endorsement")
    return response.response.message.removeprefix(start)


async def answer(world: World, function: str, argument: Message) -> bytes:
    proposal = world.lifecycle(function, argument)
    response = (await world.one.endorser.process(proposal)).response
    assert response.status == 200, response.message
    return response.payload


async def test_the_first_approval_reads_and_writes_exactly_what_fabrics_does(world: World) -> None:
    """§16, 'Observed rwset of an approve'."""
    proposal = world.lifecycle(APPROVE, approval(source=local("token_1:ab")))
    response = await world.one.endorser.process(proposal)
    expected = ReadWriteSetBuilder()
    expected.add_read(NAMESPACE, SEQUENCE, None)
    expected.add_read(NAMESPACE, METADATA, None)
    expected.add_read("lscc", "token", None)
    collection = "_implicit_org_OneMSP"
    for area in ("namespaces", "chaincode-sources"):
        expected.add_private_read(NAMESPACE, collection, f"{area}/metadata/token#1", None)
    values = APPROVED | {
        "chaincode-sources/metadata/token#1": PACKAGE_METADATA,
        "chaincode-sources/fields/token#1/PackageID": b"\x1a\x0atoken_1:ab",
    }
    for key, value in values.items():
        expected.add_private_write(NAMESPACE, collection, key, value)
    public, private = expected.build()
    assert TxReadWriteSet.FromString(results_of(response)) == TxReadWriteSet.FromString(public)
    assert results_of(response) == public
    transient, transaction_id = world.one.ledger.transient, transaction_id_of(proposal)
    for namespace, collection, rwset in private_sets(private):
        assert transient.get(transaction_id, namespace, collection, sha256(rwset)) == rwset


async def test_a_commit_reads_and_writes_exactly_what_fabrics_does(world: World) -> None:
    """§16: public reads, five public writes, four hashed reads for each organisation."""
    await world.approve("OneMSP")
    await world.approve("TwoMSP")
    response = await world.one.endorser.process(world.lifecycle(COMMIT, commitment()))
    expected = ReadWriteSetBuilder()
    expected.add_read(NAMESPACE, SEQUENCE, None)
    expected.add_read(NAMESPACE, METADATA, None)
    expected.add_read("lscc", "token", None)
    versions = {"OneMSP": Version(1, 0), "TwoMSP": Version(2, 0), "ThreeMSP": None}
    for msp_id, version in versions.items():
        for key in APPROVED:
            expected.add_private_read(NAMESPACE, f"_implicit_org_{msp_id}", key, version)
    for key, value in {
        METADATA: DEFINITION_METADATA,
        SEQUENCE: b"\x08\x01",
        "namespaces/fields/token/EndorsementInfo": ENDORSEMENT_INFO,
        "namespaces/fields/token/ValidationInfo": VALIDATION_INFO,
        "namespaces/fields/token/Collections": COLLECTIONS,
    }.items():
        expected.add_write(NAMESPACE, key, value)
    public, private = expected.build()
    assert TxReadWriteSet.FromString(results_of(response)) == TxReadWriteSet.FromString(public)
    assert results_of(response) == public
    assert private == b""


async def test_an_upgrade_reads_the_whole_definition_and_writes_what_changes(world: World) -> None:
    await world.define()
    await world.approve("OneMSP", sequence=2)
    await world.approve("TwoMSP", sequence=2)
    proposal = world.lifecycle(COMMIT, commitment(sequence=2))
    response = await world.two.endorser.process(proposal)
    first = TxReadWriteSet.FromString(results_of(response)).ns_rwset[0]
    expected = ReadWriteSetBuilder()
    for key in (METADATA, *(f"namespaces/fields/token/{field}" for field in FIELDS)):
        expected.add_read(NAMESPACE, key, Version(3, 0))
    expected.add_write(NAMESPACE, SEQUENCE, b"\x08\x02")
    wanted = TxReadWriteSet.FromString(expected.build()[0]).ns_rwset[0]
    assert first.rwset == wanted.rwset


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        pytest.param(
            {"sequence": 0},
            "requested sequence is 0, but first definable sequence number is 1",
            id="sequence 0",
        ),
        pytest.param(
            {"sequence": 2},
            "requested sequence 2 is larger than the next available sequence number 1",
            id="a sequence too far",
        ),
        pytest.param(
            {"name": "no spaces"},
            "invalid chaincode name 'no spaces'. Names can only consist of alphanumerics, '_', "
            "and '-' and can only begin with alphanumerics",
            id="name",
        ),
        pytest.param(
            {"name": "qscc"}, "chaincode name 'qscc' is the name of a system chaincode", id="qscc"
        ),
        pytest.param(
            {"version": "1/0"},
            "invalid chaincode version '1/0'. Versions can only consist of alphanumerics, '_', "
            "'-', '+', and '.'",
            id="version",
        ),
    ],
)
async def test_a_chaincode_is_approved_with_a_bad_name_version_or_sequence(
    outcome: Outcome, world: World, changes: dict[str, object], text: str
) -> None:
    with outcome.leaves(State("the ledger is as it was", lambda: world.one.ledger.height)):
        told = await refusal(world, APPROVE, approval(**changes))
    outcome.saw(told)
    assert told == text


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        pytest.param(
            {"sequence": 1, "source": local("token_1:00")},
            "currently defined sequence 2 is larger than requested sequence 1",
            id="a sequence that is over",
        ),
        pytest.param(
            {"sequence": 4},
            "requested sequence 4 is larger than the next available sequence number 3",
            id="a sequence too far",
        ),
        pytest.param(
            {"sequence": 2},
            "attempted to redefine the current committed sequence (2) for namespace token",
            id="the same once more",
        ),
        pytest.param(
            {"sequence": 2, "version": "2.0"},
            "attempted to redefine the current committed sequence (2) for namespace token with "
            "different parameters: expected Version '1.0' does not match passed Version '2.0'",
            id="other parameters for what is committed",
        ),
        pytest.param(
            {"sequence": 2, "init_required": True},
            "attempted to redefine the current committed sequence (2) for namespace token with "
            "different parameters: expected InitRequired 'false' does not match passed "
            "InitRequired 'true'",
            id="another need to initialise",
        ),
    ],
)
async def test_a_chaincode_is_approved_against_what_is_committed(
    outcome: Outcome, world: World, changes: dict[str, object], text: str
) -> None:
    await world.define()
    await world.define(sequence=2)
    with outcome.leaves(State("the ledger is as it was", lambda: world.one.ledger.height)):
        told = await refusal(world, APPROVE, approval(**changes), "TwoMSP")
    outcome.saw(told)
    assert told == text


async def test_an_approval_may_be_replaced_until_it_is_repeated(world: World) -> None:
    await world.approve("OneMSP")
    text = (
        "attempted to redefine uncommitted sequence (1) for namespace token with unchanged content"
    )
    assert await refusal(world, APPROVE, approval()) == text
    await world.approve("OneMSP", source=local("token_1:00"))
    await world.approve("OneMSP", version="1.1", source=local("token_1:00"))


async def test_an_approval_that_an_organisation_has_lost_is_given_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.define()
    with monkeypatch.context() as patched:
        patched.setattr(TransientStore, "get", lambda *_: None)
        await world.approve("ThreeMSP", source=local("token_1:33"))
    assert package_of(world.three) is None
    await world.approve("ThreeMSP", source=local("token_1:33"))
    assert package_of(world.three) == "token_1:33"


async def test_the_package_of_a_committed_definition_can_be_chosen_later(world: World) -> None:
    await world.define()
    await world.approve("ThreeMSP", source=local("token_1:33"))
    await world.approve("TwoMSP", source=local("token_1:22"))
    assert [package_of(world.two), package_of(world.three)] == ["token_1:22", "token_1:33"]


def package_of(peer: Peer) -> str | None:
    resolved = peer.definitions.current("token")
    assert resolved is not None
    return resolved.package_id


@pytest.mark.parametrize(
    ("approving", "changes", "text"),
    [
        pytest.param(
            ("OneMSP",),
            {"sequence": 2},
            "requested sequence is 2, but new definition must be sequence 1",
            id="a sequence too far",
        ),
        pytest.param(
            ("TwoMSP",),
            {},
            "chaincode definition not agreed to by this org (OneMSP)",
            id="the own organisation did not approve",
        ),
        pytest.param(
            ("OneMSP",),
            {"version": "1.1"},
            "chaincode definition not agreed to by this org (OneMSP)",
            id="the own organisation approved something else",
        ),
    ],
)
async def test_a_commit_is_refused(
    world: World, approving: tuple[str, ...], changes: dict[str, object], text: str
) -> None:
    for organization in approving:
        await world.approve(organization)
    assert await refusal(world, COMMIT, commitment(**changes)) == text


async def test_readiness_tells_who_agrees_and_why_others_do_not(world: World) -> None:
    await world.approve("OneMSP")
    await world.approve("TwoMSP", version="1.1", init_required=True)
    args = lifecycle_pb2.CheckCommitReadinessArgs(name="token", version="1.0", sequence=1)
    result = lifecycle_pb2.CheckCommitReadinessResult.FromString(
        await answer(world, READINESS, args)
    )
    assert result.approvals == {"OneMSP": True, "TwoMSP": False, "ThreeMSP": False}
    assert {msp_id: list(one.items) for msp_id, one in result.mismatches.items()} == {
        "TwoMSP": ["EndorsementInfo (Check the Version, InitRequired, EndorsementPlugin)"],
        "ThreeMSP": ["ChaincodeParameters (Check the Sequence, ChaincodeName)"],
    }


async def test_a_committed_definition_is_shown_with_its_approvals(world: World) -> None:
    await world.define(init_required=True)
    args = lifecycle_pb2.QueryChaincodeDefinitionArgs(name="token")
    result = lifecycle_pb2.QueryChaincodeDefinitionResult.FromString(
        await answer(world, "QueryChaincodeDefinition", args)
    )
    assert (result.sequence, result.version, result.init_required) == (1, "1.0", True)
    assert (result.endorsement_plugin, result.validation_plugin) == ("escc", "vscc")
    assert result.validation_parameter == DEFAULT_POLICY
    assert result.approvals == {"OneMSP": True, "TwoMSP": True, "ThreeMSP": False}


async def test_all_committed_definitions_are_listed_by_name(world: World) -> None:
    for name in ("token", "cash"):
        await world.approve("OneMSP", name=name)
        await world.approve("TwoMSP", name=name)
        proposal = world.lifecycle(COMMIT, commitment(name=name))
        await world.submit(proposal, world.one, world.two)
    args = lifecycle_pb2.QueryChaincodeDefinitionsArgs()
    result = lifecycle_pb2.QueryChaincodeDefinitionsResult.FromString(
        await answer(world, "QueryChaincodeDefinitions", args)
    )
    found = [(one.name, one.sequence, one.version) for one in result.chaincode_definitions]
    assert found == [("cash", 1, "1.0"), ("token", 1, "1.0")]


async def test_a_name_that_is_not_defined_answers_404(world: World) -> None:
    args = lifecycle_pb2.QueryChaincodeDefinitionArgs(name="nothing")
    proposal = world.lifecycle("QueryChaincodeDefinition", args)
    response = await world.one.endorser.process(proposal)
    assert response.response.status == 404
    assert response.response.message == "namespace nothing is not defined"
    assert not response.payload


async def test_the_latest_approval_is_shown_unless_a_sequence_is_asked_for(world: World) -> None:
    await world.define()
    await world.approve("OneMSP", sequence=2, version="2.0")
    (installed,) = world.one.packages.list()
    query = "QueryApprovedChaincodeDefinition"
    result_type = lifecycle_pb2.QueryApprovedChaincodeDefinitionResult
    args = lifecycle_pb2.QueryApprovedChaincodeDefinitionArgs(name="token")
    latest = result_type.FromString(await answer(world, query, args))
    assert (latest.sequence, latest.version) == (2, "2.0")
    assert latest.source.HasField("unavailable")
    args.sequence = 1
    first = result_type.FromString(await answer(world, query, args))
    assert (first.sequence, first.version) == (1, "1.0")
    assert first.source.local_package.package_id == installed.package_id
    args.sequence = 7
    assert await refusal(world, query, args) == (
        "could not fetch approved chaincode definition (name: 'token', sequence: '7') on channel "
        "'trades'"
    )


async def test_all_approvals_of_the_organisation_are_listed(world: World) -> None:
    await world.define()
    await world.approve("OneMSP", sequence=2)
    await world.approve("TwoMSP", name="cash")
    args = lifecycle_pb2.QueryApprovedChaincodeDefinitionsArgs()
    result = lifecycle_pb2.QueryApprovedChaincodeDefinitionsResult.FromString(
        await answer(world, "QueryApprovedChaincodeDefinitions", args)
    )
    found = [(one.name, one.sequence) for one in result.approved_chaincode_definitions]
    assert found == [("token", 1), ("token", 2)]


@pytest.mark.parametrize("function", [APPROVE, COMMIT, READINESS, "QueryChaincodeDefinition"])
async def test_an_argument_that_cannot_be_read_is_refused(world: World, function: str) -> None:
    proposal = world.proposal(
        _raw_call(function.encode(), b"\xff"), world.keys.organizations["OneMSP"].admin
    )
    response = (await world.one.endorser.process(proposal)).response
    assert response.status == 500
    assert response.message.startswith(f"failed to invoke backing implementation of '{function}': ")


@pytest.mark.parametrize(
    ("args", "text"),
    [
        pytest.param((), "lifecycle scc must be invoked with arguments", id="none"),
        pytest.param(
            (b"InstallChaincode",),
            "lifecycle scc operations require exactly two arguments but received 1",
            id="one",
        ),
    ],
)
async def test_a_call_has_two_arguments(world: World, args: tuple[bytes, ...], text: str) -> None:
    response = await world.one.endorser.process(world.proposal(_raw_call(*args)))
    assert (response.response.status, response.response.message) == (500, text)


def _raw_call(*args: bytes) -> ProposalArguments:
    return ProposalArguments(CHANNEL_ID, "_lifecycle", args)
