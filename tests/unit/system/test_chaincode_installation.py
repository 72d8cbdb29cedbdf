"""Installing packages and asking for them through ``_lifecycle`` (wire.md §8.2, §16)."""

from google.protobuf.message import Message
from tests.scenarios.outcome import Outcome, State
from tests.unit.endorsement.conftest import BAD_SOURCE, World

from tallystick.protos.peer.lifecycle import lifecycle_pb2
from tallystick.protos.peer.proposal_response_pb2 import ProposalResponse


async def ask(world: World, function: str, argument: Message) -> ProposalResponse:
    """Return the first peer's answer to its administrator, who names no channel."""
    return await world.one.endorser.process(world.lifecycle(function, argument, channel=""))


async def install(world: World, package: bytes) -> ProposalResponse:
    args = lifecycle_pb2.InstallChaincodeArgs(chaincode_install_package=package)
    return await ask(world, "InstallChaincode", args)


async def test_an_installed_package_is_named_and_can_be_fetched(world: World) -> None:
    package = world.package()
    response = await install(world, package)
    assert response.response.status == 200
    result = lifecycle_pb2.InstallChaincodeResult.FromString(response.response.payload)
    assert result.label == "token_1"
    assert result.package_id.startswith("token_1:")
    args = lifecycle_pb2.GetInstalledChaincodePackageArgs(package_id=result.package_id)
    fetched = await ask(world, "GetInstalledChaincodePackage", args)
    answer_type = lifecycle_pb2.GetInstalledChaincodePackageResult
    answer = answer_type.FromString(fetched.response.payload)
    assert answer.chaincode_install_package == package


async def test_a_call_without_a_channel_is_answered_and_never_endorsed(world: World) -> None:
    """§4, the result rules."""
    response = await install(world, world.package())
    assert not response.HasField("endorsement")
    assert not response.payload


async def test_a_package_is_installed_that_is_installed_already(
    outcome: Outcome, world: World
) -> None:
    package = world.package()
    await install(world, package)
    (installed,) = world.one.packages.list()
    with outcome.leaves(State("the same packages are installed", world.one.packages.list)):
        response = await install(world, package)
    outcome.saw(f"{response.response.status}: {response.response.message}")
    assert response.response.status == 500
    assert response.response.message == (
        "failed to invoke backing implementation of 'InstallChaincode': chaincode already "
        f"successfully installed (package ID '{installed.package_id}')"
    )


async def test_a_package_whose_contracts_are_not_deterministic_is_refused_with_findings(
    outcome: Outcome,
    world: World,
) -> None:
    with outcome.leaves(State("the same packages are installed", world.one.packages.list)):
        response = await install(world, world.package("token_bad", BAD_SOURCE))
    outcome.saw(f"{response.response.status}: {response.response.message}")
    assert response.response.status == 500
    first, *findings = response.response.message.splitlines()
    assert first.startswith("failed to invoke backing implementation of 'InstallChaincode': ")
    assert any(finding.startswith("market.py:4: ") for finding in findings)
    assert world.one.packages.list() == ()


async def test_junk_is_installed_as_a_package(outcome: Outcome, world: World) -> None:
    with outcome.leaves(State("the same packages are installed", world.one.packages.list)):
        response = await install(world, b"junk")
    outcome.saw(f"{response.response.status}: {response.response.message}")
    assert response.response.status == 500
    assert "the chaincode package is refused" in response.response.message


async def test_packages_tell_which_chaincodes_they_serve(world: World) -> None:
    await world.define()
    unused_id = world.one.packages.save(world.package("unused"))
    (used_id,) = {one.package_id for one in world.one.packages.list()} - {unused_id}
    everything = lifecycle_pb2.QueryInstalledChaincodesResult.FromString(
        (
            await ask(
                world, "QueryInstalledChaincodes", lifecycle_pb2.QueryInstalledChaincodesArgs()
            )
        ).response.payload
    )
    references = {
        one.package_id: {
            channel_id: [(chaincode.name, chaincode.version) for chaincode in used.chaincodes]
            for channel_id, used in one.references.items()
        }
        for one in everything.installed_chaincodes
    }
    assert references == {used_id: {"trades": [("token", "1.0")]}, unused_id: {}}
    args = lifecycle_pb2.QueryInstalledChaincodeArgs(package_id=used_id)
    response = await ask(world, "QueryInstalledChaincode", args)
    result = lifecycle_pb2.QueryInstalledChaincodeResult.FromString(response.response.payload)
    assert (result.package_id, result.label) == (used_id, "token_1")
    assert result.references["trades"].chaincodes[0].name == "token"


async def test_a_package_is_asked_for_that_is_not_installed(outcome: Outcome, world: World) -> None:
    for function, args in (
        (
            "QueryInstalledChaincode",
            lifecycle_pb2.QueryInstalledChaincodeArgs(package_id="token_1:00"),
        ),
        (
            "GetInstalledChaincodePackage",
            lifecycle_pb2.GetInstalledChaincodePackageArgs(package_id="token_1:00"),
        ),
    ):
        with outcome.leaves(State("the same packages are installed", world.one.packages.list)):
            response = (await ask(world, function, args)).response
        outcome.saw(f"{response.status}: {response.message}")
        assert response.status == 404
        assert response.message == "chaincode install package 'token_1:00' not found"


async def test_a_chaincode_is_approved_without_a_channel(outcome: Outcome, world: World) -> None:
    args = lifecycle_pb2.ApproveChaincodeDefinitionForMyOrgArgs(name="token", sequence=1)
    with outcome.leaves(State("the ledger is as it was", lambda: world.one.ledger.height)):
        response = (await ask(world, "ApproveChaincodeDefinitionForMyOrg", args)).response
    outcome.saw(f"{response.status}: {response.message}")
    assert response.status == 500
    assert response.message.endswith("could not get channelconfig for channel ''")
