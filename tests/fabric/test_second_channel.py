"""A channel begun by Fabric's ``configtxgen``, on our nodes: wire.md §7.4, §15.3."""

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fabric.conftest import Site

CHANNEL: Final = "bonds"
MEMBERS: Final = ("ATSMSP", "ClearingMSP")
IMPLICIT: Final = {
    name: {"Type": "ImplicitMeta", "Rule": f"{rule} {name}"}
    for name, rule in (("Readers", "ANY"), ("Writers", "ANY"), ("Admins", "MAJORITY"))
}


def organization(site: "Site", msp_id: str) -> dict[str, object]:
    rules = {"Readers": "member", "Writers": "member", "Admins": "admin", "Endorsement": "peer"}
    return {
        "Name": msp_id,
        "ID": msp_id,
        "MSPDir": str(site.network.material / msp_id / "msp"),
        "Policies": {
            name: {"Type": "Signature", "Rule": f"OR('{msp_id}.{role}')"}
            for name, role in rules.items()
        },
    }


def profile(site: "Site") -> dict[str, object]:
    orderer = site.orderer
    certificate = str(site.network.node_material(orderer) / "tls" / "server.crt")
    majority = {"Type": "ImplicitMeta", "Rule": "MAJORITY Endorsement"}
    return {
        "Policies": IMPLICIT,
        "Capabilities": {"V2_0": True},
        "Orderer": {
            "OrdererType": "etcdraft",
            "BatchTimeout": "200ms",
            "BatchSize": {
                "MaxMessageCount": 10,
                "AbsoluteMaxBytes": "10 MB",
                "PreferredMaxBytes": "2 MB",
            },
            "EtcdRaft": {
                "Consenters": [
                    {
                        "Host": orderer.host,
                        "Port": orderer.topology.port,
                        "ClientTLSCert": certificate,
                        "ServerTLSCert": certificate,
                    }
                ]
            },
            "Organizations": [
                organization(site, orderer.member.msp_id) | {"OrdererEndpoints": [orderer.address]}
            ],
            "Policies": IMPLICIT
            | {"BlockValidation": {"Type": "ImplicitMeta", "Rule": "ANY Writers"}},
            "Capabilities": {"V2_0": True},
        },
        "Application": {
            "Organizations": [organization(site, msp_id) for msp_id in MEMBERS],
            "Policies": IMPLICIT | {"Endorsement": majority, "LifecycleEndorsement": majority},
            "Capabilities": {"V2_0": True},
        },
    }


def test_a_channel_that_configtxgen_begins_is_joined_used_and_left(
    site: "Site", tmp_path: "Path"
) -> None:
    (tmp_path / "configtx.yaml").write_text(json.dumps({"Profiles": {"Bonds": profile(site)}}))
    site.fabric.run(
        *("configtxgen", "-configPath", tmp_path, "-profile", "Bonds", "-channelID", CHANNEL),
        *("-outputBlock", "bonds.block"),
    ).succeeded()
    joined = site.osnadmin("channel", "join", "-c", CHANNEL, "-b", "bonds.block").succeeded().out
    assert "Status: 201" in joined
    for msp_id in MEMBERS:
        site.peer("channel", "join", "-b", "bonds.block", msp_id=msp_id).succeeded()
        assert CHANNEL in site.peer("channel", "list", msp_id=msp_id).out

    approve = ("lifecycle", "chaincode", "approveformyorg", "-C", CHANNEL, "-n", "notes")
    definition = ("-v", "1.0", "--sequence", "1", "--waitForEvent")
    approved = site.peer(*approve, *definition, *site.to_orderer).succeeded().everything
    assert "committed with status (VALID)" in approved

    assert "Status: 204" in site.osnadmin("channel", "remove", "-c", CHANNEL).out
    assert "Status: 404" in site.osnadmin("channel", "list", "-c", CHANNEL).out
