"""A chaincode's whole life, led by Fabric's ``peer``: wire.md §8.1, §8.2, §16."""

import json
from typing import TYPE_CHECKING, Final

from tallystick.node.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fabric.conftest import Site

NAME: Final = "notes"
SOURCE: Final = """
from tallystick.chaincode import Context, Contract, query, transaction


class Notes(Contract):
    name = "notes"

    @transaction
    def begin(self, ctx: Context) -> None:
        ctx.state.put("begun", b"1")

    @transaction
    def put(self, ctx: Context, key: str, text: str) -> None:
        ctx.state.put(key, text.encode())

    @query
    def get(self, ctx: Context, key: str) -> str:
        return (ctx.state.get(key) or b"").decode()
"""
COLLECTIONS: Final = [
    {
        "name": "both",
        "policy": "OR('ATSMSP.member','ClearingMSP.member')",
        "requiredPeerCount": 0,
        "maxPeerCount": 1,
        "blockToLive": 0,
        "memberOnlyRead": True,
        "memberOnlyWrite": True,
        "endorsementPolicy": {"signaturePolicy": "OR('ATSMSP.peer')"},
    }
]
MEMBERS: Final = ("ATSMSP", "ClearingMSP")
RULE: Final = "AND('ATSMSP.peer','ClearingMSP.peer')"
LIFECYCLE: Final = ("lifecycle", "chaincode")


class Steps:
    """What administrators type, for one chaincode."""

    def __init__(self, site: "Site", directory: "Path") -> None:
        self.site = site
        source = directory / "src"
        source.mkdir()
        (source / "notes.py").write_text(SOURCE)
        self.package = directory / "notes.tar.gz"
        what = ("notes:Notes", "--source", str(source), "--label", "notes_1")
        assert main(["chaincode", "package", *what, "--output", str(self.package)]) == 0
        self.collections = directory / "collections.json"
        self.collections.write_text(json.dumps(COLLECTIONS))
        words = (*LIFECYCLE, "calculatepackageid", self.package)
        self.package_id = site.peer(*words).succeeded().out.strip()

    def definition(self, version: str = "1.0", sequence: int = 1) -> tuple["str | Path", ...]:
        return (
            *("-C", self.site.channel_id, "-n", NAME, "-v", version, "--sequence", str(sequence)),
            *("--init-required", "--signature-policy", RULE),
            *("--collections-config", self.collections),
        )

    def approve(self, msp_id: str, *definition: "str | Path") -> None:
        words = (*LIFECYCLE, "approveformyorg", *definition, "--package-id", self.package_id)
        self.site.peer(*words, *self.site.to_orderer, "--waitForEvent", msp_id=msp_id).succeeded()

    def invoke(self, *words: str) -> str:
        targets = (*self.site.to_orderer, *self.site.to_peers(*MEMBERS))
        call = ("chaincode", "invoke", "-C", self.site.channel_id, "-n", NAME, "--waitForEvent")
        return self.site.peer(*call, *targets, *words, user="client").everything


def test_a_chaincode_is_installed_agreed_on_called_and_upgraded(
    site: "Site", tmp_path: "Path"
) -> None:
    steps = Steps(site, tmp_path)
    check_installation(steps)
    check_agreement(steps)
    check_calls(steps)
    check_choice_of_another_package(steps)
    check_upgrade(steps)


def check_installation(steps: Steps) -> None:
    for msp_id in MEMBERS:
        steps.site.peer(*LIFECYCLE, "install", steps.package, msp_id=msp_id).succeeded()
    steps.site.peer(*LIFECYCLE, "install", steps.package).failed(
        f"chaincode already successfully installed (package ID '{steps.package_id}')"
    )
    installed = steps.site.peer(*LIFECYCLE, "queryinstalled", "-O", "json").succeeded().out
    assert steps.package_id in [
        entry["package_id"] for entry in json.loads(installed)["installed_chaincodes"]
    ]
    get = (*LIFECYCLE, "getinstalledpackage", "--output-directory", ".", "--package-id")
    steps.site.peer(*get, steps.package_id).succeeded()
    copy = steps.site.fabric.workplace / f"{steps.package_id}.tar.gz"
    assert copy.read_bytes() == steps.package.read_bytes()
    steps.site.peer(*get, "nope:1").failed("status: 404", "'nope:1' not found")
    steps.site.peer(*LIFECYCLE, "install", steps.package, user="client").failed(
        "Failed to authorize invocation due to failed ACL check"
    )


def check_agreement(steps: Steps) -> None:
    definition = steps.definition()
    steps.approve("ATSMSP", *definition)
    steps.approve("ClearingMSP", *definition[:4], "-v", "1.1", *definition[6:8])
    readiness = (*LIFECYCLE, "checkcommitreadiness", *definition, "--inspect", "-O", "json")
    shown = json.loads(steps.site.peer(*readiness).succeeded().out)
    assert shown["approvals"]["ATSMSP"]
    assert not shown["approvals"]["ClearingMSP"]
    assert shown["mismatches"]["ClearingMSP"]["items"] == [
        "EndorsementInfo (Check the Version, InitRequired, EndorsementPlugin)",
        "ValidationInfo (Check the ValidationParameter, ValidationPlugin)",
        "Collections (Check the Collections)",
    ]
    targets = (*steps.site.to_orderer, *steps.site.to_peers(*MEMBERS))
    commit = (*LIFECYCLE, "commit", *definition, *targets)
    steps.site.peer(*commit).failed("chaincode definition not agreed to by this org (ClearingMSP)")
    committed = (*LIFECYCLE, "querycommitted", "-C", steps.site.channel_id, "-n", NAME)
    steps.site.peer(*committed).failed("status: 404 - namespace notes is not defined")

    steps.approve("ClearingMSP", *definition)
    assert "mismatches" not in json.loads(steps.site.peer(*readiness).out) or (
        "ClearingMSP" not in json.loads(steps.site.peer(*readiness).out)["mismatches"]
    )
    steps.site.peer(*commit, "--waitForEvent").succeeded()
    steps.site.peer(*commit).failed("new definition must be sequence 2")
    shown = json.loads(steps.site.peer(*committed, "-O", "json").succeeded().out)
    assert (shown["sequence"], shown["version"], shown["init_required"]) == (1, "1.0", True)
    assert shown["approvals"]["ClearingMSP"]


def check_calls(steps: Steps) -> None:
    assert "has not been initialized" in steps.invoke("-c", '{"Args":["put","a","1"]}')
    begin = ("--isInit", "-c", '{"Args":["begin"]}')
    assert steps.invoke(*begin).count("committed with status (VALID)") == len(MEMBERS)
    assert "is already initialized" in steps.invoke(*begin)
    put = ("-c", '{"Args":["put","a","1"]}', "--transient", '{"secret":"eA=="}')
    assert "Chaincode invoke successful. result: status:200" in steps.invoke(*put)
    query = ("chaincode", "query", "-C", steps.site.channel_id, "-n", NAME)
    assert steps.site.peer(*query, "-c", '{"Args":["get","a"]}', user="client").out == "1\n"
    alone = ("chaincode", "invoke", *query[2:], *steps.site.to_orderer, "--waitForEvent")
    steps.site.peer(*alone, "-c", '{"Args":["put","a","2"]}').failed("ENDORSEMENT_POLICY_FAILURE")


def check_choice_of_another_package(steps: Steps) -> None:
    approve = (*LIFECYCLE, "approveformyorg", *steps.definition(), *steps.site.to_orderer)
    steps.site.peer(*approve, "--package-id", steps.package_id).failed(
        "attempted to redefine the current committed sequence (1) for namespace notes"
    )
    steps.site.peer(*approve, "--package-id", "other:1").succeeded()
    approved = (*LIFECYCLE, "queryapproved", "-C", steps.site.channel_id, "-n", NAME)
    assert "package-id: other:1" in steps.site.peer(*approved).succeeded().out
    steps.site.peer(*approve, "--package-id", steps.package_id).succeeded()


def check_upgrade(steps: Steps) -> None:
    second = ("-C", steps.site.channel_id, "-n", NAME, "-v", "2.0", "--sequence", "2")
    definition = (
        *(*second, "--channel-config-policy", "/Channel/Application/Endorsement"),
        *("--collections-config", steps.collections),
    )
    for msp_id in MEMBERS:
        steps.approve(msp_id, *definition)
    targets = (*steps.site.to_orderer, *steps.site.to_peers(*MEMBERS))
    steps.site.peer(*LIFECYCLE, "commit", *definition, *targets).succeeded()
    put = ("-c", '{"Args":["put","a","3"]}')
    assert "Chaincode invoke successful. result: status:200" in steps.invoke(*put)
