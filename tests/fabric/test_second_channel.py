"""A channel begun by Fabric's ``configtxgen``, on our nodes: wire.md §7.4, §15.3."""

import json
from typing import TYPE_CHECKING, Final

from tests.fabric.configtx import Section, organization, profile

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fabric.conftest import Site

CHANNEL: Final = "bonds"
MEMBERS: Final = ("ATSMSP", "ClearingMSP")


def profile_of(site: "Site") -> Section:
    orderer = site.orderer
    certificate = str(site.network.node_material(orderer) / "tls" / "server.crt")
    place = {"Host": orderer.host, "Port": orderer.topology.port}
    consenter = place | {"ClientTLSCert": certificate, "ServerTLSCert": certificate}
    return profile(
        {"OrdererType": "etcdraft", "EtcdRaft": {"Consenters": [consenter]}},
        organization(orderer.member.msp_id, msp(site, orderer.member.msp_id), [orderer.address]),
        [organization(msp_id, msp(site, msp_id)) for msp_id in MEMBERS],
    )


def msp(site: "Site", msp_id: str) -> "Path":
    return site.network.material / msp_id / "msp"


def test_a_channel_that_configtxgen_begins_is_joined_used_and_left(
    site: "Site", tmp_path: "Path"
) -> None:
    (tmp_path / "configtx.yaml").write_text(json.dumps({"Profiles": {"Bonds": profile_of(site)}}))
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
